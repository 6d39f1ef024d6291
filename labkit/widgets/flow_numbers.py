# SPDX-License-Identifier: BSD-3-Clause
"""What a panel of live traffic tells of each flow: numbers of the last second, and shortfalls."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from labkit.lab.flows.counts import AT, STATES, Reading, growth
from labkit.lab.flows.flow import Flow
from labkit.lab.flows.stillness import ENDED
from labkit.lab.port import Port
from labkit.results.columns import SHORTFALL
from labkit.sources.traffic import Rows, Traffic
from labkit.units import plain

LEAST_SECONDS = 0.4  # a shorter time tells of no shortfall: a busy machine pauses a generator
COLUMNS = (
    *("state", "sent_pps", "received_pps", "lost_pps", "sent", "received", "lost"),
    *("latency_avg_ns", "latency_max_ns"),
)


@dataclass(frozen=True, eq=False)
class FlowNumbers:
    """Of all flows at one time.

    Attributes
    ----------
    seconds: over which rates are means
    values: flows × COLUMNS, NaN for what is not known
    short: by flow, why its rate is not reached; "" where it is
    """

    seconds: float
    values: npt.NDArray[np.float64]
    short: list[str]

    @classmethod
    def of(cls, source: Traffic) -> "FlowNumbers | None":
        """From a source that was read at least twice."""
        window = source.window()
        if window is None:
            return None
        before, old, after, new, flows = window
        return cls.between(before, old, after, new, flows, source.lab.engine.commands.waiting)

    @classmethod
    def between(
        cls,
        before: Reading,
        old: Rows,
        after: Reading,
        new: Rows,
        flows: Sequence[Flow],
        waiting: Callable[[], Mapping[str, int]],
    ) -> "FlowNumbers":
        """From two readings and the rows of the flows that both have.

        waiting: tells of frames in cables, by the port at their end
        """
        seconds = max(after.time_ns - before.time_ns, 1) / 1e9
        signed = np.array([flow.stream.signature for flow in flows], dtype=bool)

        def now(name: str) -> Any:
            return new[:, AT[name]].astype(np.float64)

        def grown(name: str) -> Any:
            return growth(old, new, name).astype(np.float64)

        arrived = np.where(signed, 1.0, np.nan)
        over = np.isin(new[:, AT["state"]], [STATES.index(state) for state in ENDED])
        count = grown("latency_count")
        timed = np.where(now("latency_count") > 0, 1.0, np.nan)
        with np.errstate(divide="ignore", invalid="ignore"):
            mean = np.where(count > 0, grown("latency_sum_ns") / count, np.nan)
        values = np.column_stack(
            [
                now("state"),
                grown("sent") / seconds,
                arrived * grown("received") / seconds,
                arrived * np.maximum(grown("passed_over"), 0) / seconds,
                now("sent"),
                arrived * now("received"),
                arrived * np.where(over, now("sent") - now("received"), now("passed_over")),
                mean,
                timed * now("latency_max_ns"),
            ]
        )
        refused = {
            run: (count - before.refusals.get(run, 0)) for run, count in after.refusals.items()
        }
        missing = grown("unsent") + np.maximum(grown("behind"), 0)
        due = grown("sent") + grown("unsent") + grown("behind")
        runs = new[:, AT["state"]] == STATES.index("started")
        suspects = np.flatnonzero(runs & ((missing > SHORTFALL * due) | (due <= 0)))
        short = [""] * len(flows)
        if seconds >= LEAST_SECONDS:
            told = [i for i in suspects.tolist() if _has_target(flows[i])]
            full = waiting() if told else {}
            for i in told:
                port = flows[i].on
                is_full = full.get(port.declaration.peer or "", 0) > _room(port) // 2
                refusals = refused.get(flows[i].run, 0)
                takes = not is_full and (refusals == 0 or refusals < missing[i] / 2)
                if due[i] > 0:
                    share = plain(100 * missing[i] / due[i], 2)
                    short[i] = _sentence(f"{share} % of what was due was not sent", port, takes)
                elif not takes and new[i, AT["total_sent"]]:
                    short[i] = _sentence("nothing was sent", port, takes)
        return cls(seconds, values, short)


def _has_target(flow: Flow) -> bool:
    return flow.rate is not None or flow.schedule.gap is not None


def _room(port: Port) -> int:
    """Frames that a queue of a cable takes."""
    return int(port.declaration.device.arguments.get("ring_size", 1024))


def _sentence(what: str, port: Port, takes: bool) -> str:
    why = (
        f"the generator was held up: the worker of port {port.name} had no time to make it"
        if takes
        else f"port {port.name} took no more; is its link up, and its other end read fast enough?"
    )
    return f"generator_limited: {what}; {why}"
