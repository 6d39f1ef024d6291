# SPDX-License-Identifier: BSD-3-Clause
"""Fail-overs rehearsed: the main port is made to fail again and again, each time measured."""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from labkit.errors import LabError
from labkit.figure.picture import Picture, number_axis, plain_axes
from labkit.figure.theme import FAINT, PALETTE
from labkit.lab.exclusive import Pause, measure
from labkit.lab.flows.flow import Flow
from labkit.lab.port import Port
from labkit.pairs.guard import Guard
from labkit.pairs.numbers import FlowNumbers, still_numbers
from labkit.pairs.switching import Switch
from labkit.progress import progress_bar
from labkit.tables.table import Table
from labkit.text import shown

if TYPE_CHECKING:
    from labkit.lab.lab import Lab

TIMES = ("detection_s", "switch_s", "gap_s")
PERCENTILES = (0, 50, 90, 99, 100)
COLUMNS = (
    *("main", "signal", *TIMES),
    *("lost_frames", "gap_frames", "refused_frames", "duplicated_frames", "is_whole"),
)


class Rehearsal(Table):
    """One row a repetition (`repetition`, from 1).

    main, signal: the port that was made to fail, and by what that was seen
    detection_s, switch_s, gap_s: from the begin of the fault until it was seen; from the decision
        until every path was switched; from the last frame of the old main to the first of the new
    lost_frames: what live flows have sent and not received, counted while they were paused
    gap_frames: numbers that frames bear and that were passed over
    refused_frames: that the old main's tx nodes dropped by name
    duplicated_frames: that came twice
    is_whole: lost_frames is gap_frames, and nothing came twice. Missing without live traffic
    """

    @property
    def _constructor(self) -> Any:  # what is cut out of it is a plain table
        return Table

    @property
    def percentiles(self) -> Table:
        """Of detection_s, switch_s, gap_s and gap_frames: the least, the half, ... the most."""
        values = self[[*TIMES, "gap_frames"]].astype(float)
        rows = {f"p{p}": values.quantile(p / 100) for p in PERCENTILES}
        return Table(pd.DataFrame(rows).T)

    @property
    def figure(self) -> Picture:
        """Shares of repetitions over time: how many were detected, switched, over by then."""
        figure = Picture(figsize=(10, 3.6), layout="constrained")
        axes = figure.subplots()
        plain_axes(axes)
        for number, name in enumerate(TIMES):
            values = np.sort(self[name].dropna().to_numpy(dtype=float)) * 1e3
            if len(values):
                share = np.arange(1, len(values) + 1) / len(values) * 100
                axes.step(
                    np.append(values[0], values), np.append(0, share), where="post", lw=1.8,
                    color=PALETTE[number], label=name.removesuffix("_s"),
                )  # fmt: skip
                if len(values) < 40:
                    axes.plot(values, share, ".", color=PALETTE[number], ms=5)
        axes.axhline(50, color=FAINT, lw=0.6, ls=":")
        axes.set_xlabel("ms")
        axes.set_ylabel("share of repetitions, %")
        axes.set_xlim(left=0)
        axes.set_ylim(0, 103)
        number_axis(axes.xaxis)
        axes.legend(frameon=False, fontsize=9, loc="lower right")
        figure.suptitle(f"{len(self)} fail-overs rehearsed", fontsize=11)
        return figure

    def _repr_html_(self) -> str:
        drawn = self.figure._repr_html_() or "" if len(self) else ""
        return f"{drawn}{self.percentiles._repr_html_()}{super()._repr_html_()}"


def rehearse(
    guard: Guard,
    fault: Callable[[Port], AbstractContextManager[Any]],
    times: int,
    timeout: float,
) -> Rehearsal:
    """See Failover.rehearse()."""
    guard.board.check()

    def work(pause: Pause) -> list[tuple[Any, ...]]:
        rows = []
        guard.is_rehearsal = True
        try:
            with progress_bar(total=times, desc="fail-overs") as bar:
                for _ in range(times):
                    rows.append(_one(guard, fault, timeout, pause))
                    bar.update()
        finally:
            guard.restoring.end_fault()
            guard.is_rehearsal = False
        return rows

    # On a thread of its own: an interrupt is to leave neither a fault nor a flow that is paused.
    rows = measure(guard.lab.engine, "a rehearsal", work, beside_traffic=True)
    index = pd.RangeIndex(1, len(rows) + 1, name="repetition")
    return Rehearsal(Table(rows, columns=list(COLUMNS), index=index).convert_dtypes())


def _one(
    guard: Guard,
    fault: Callable[[Port], AbstractContextManager[Any]],
    timeout: float,
    pause: Pause,
) -> tuple[Any, ...]:
    board = guard.board
    board.wait(lambda: guard.is_ready and board.state == "watching", timeout, "a backup", pause)
    with _paused(guard.lab):
        before = still_numbers(guard.lab)
    begin = time.monotonic_ns()
    told = f"a frame from port {guard.main.name} (a flow whose frames a path takes to it runs?)"
    board.wait(lambda: guard.has_sent_since(begin), timeout, told, pause)
    failing = guard.main.port
    made = fault(failing)
    if not hasattr(made, "__exit__"):
        raise LabError(f"fault gave {shown(made)}; it returns a context manager")
    number = len(guard.switches) + 1
    begun = guard.restoring.begin_fault(made)

    def of_it() -> list[Switch]:
        return [s for s in guard.switches[number - 1 :] if s.times.get("fault begun") == begun]

    # A switch that was under way already undoes the fault, as it restarts the port.
    board.wait(lambda: len(guard.switches) >= number, timeout, f"switch {number}", pause)
    if not of_it():
        guard.restoring.end_fault()
        return _one(guard, fault, timeout, pause)
    (switch,) = of_it()
    board.wait(lambda: switch.is_over, timeout, f"the end of switch {number}", pause)
    with _paused(guard.lab):
        after = still_numbers(guard.lab)
    return _row(switch, failing, before, after)


def _row(
    switch: Switch, port: Port, before: FlowNumbers | None, after: FlowNumbers | None
) -> tuple[Any, ...]:
    lost = gap = duplicated = is_whole = None
    if before is not None and after is not None:
        grown = after.since(before)
        lost, gap, duplicated = grown.sent - grown.received, grown.passed_over, grown.duplicated
        is_whole = lost == gap and duplicated == 0
    signal = switch.alarm.signal if switch.alarm else None
    return (
        *(port.name, signal, switch.detection_s, switch.switch_s, switch.gap_s),
        *(lost, gap, switch.refused_frames, duplicated, is_whole),
    )


@contextmanager
def _paused(lab: "Lab") -> Iterator[None]:
    """Flows that run send nothing meanwhile."""
    live = lab.live
    flows: Iterable[Flow] = () if live is None or live.is_closed else live.flows.values()
    running = [flow.name for flow in flows if flow.state == "started"]
    if live is None or not running:
        yield
        return
    try:
        live.pause(*running)
        yield
    finally:
        live.resume(*running)
