# SPDX-License-Identifier: BSD-3-Clause
"""What a pair did and when, as a table and as a picture."""

from collections.abc import Sequence
from typing import Any

import pandas as pd
from matplotlib.axes import Axes

from labkit.figure.picture import Picture, number_axis, plain_axes
from labkit.figure.theme import ALARM, GREYS, INK, PALETTE
from labkit.pairs.switching import Step, Switch
from labkit.tables.table import Table

COLUMNS = ["switch", "step", "port", "since_s", "monotonic_ns", "said"]
MOST_SHOWN = 6  # switches in a picture: the last ones
MILLI = 0.5  # seconds, below which a picture counts in ms
SPANS: tuple[tuple[Step, Step, str, str], ...] = (
    ("last frame", "first frame", "no frame is sent", ALARM),
    ("decided", "switched", "paths are switched", PALETTE[1]),
    ("switched", "put back", "the old main is restarted", GREYS[1]),
)
MARKS: dict[Step, str] = {
    "fault begun": "x",
    "last frame": "<",
    "detected": "o",
    "decided": "",
    "switched": "s",
    "first frame": ">",
    "restarted": "",
    "put back": "D",
}


class Timeline(Table):
    """One row a step of a switch, in the order of time: switch, step, port, since_s (seconds since
    the first step of that switch), monotonic_ns, said; the index is the time (UTC).

    In a cell it is a picture, too: `figure`.
    """

    @property
    def _constructor(self) -> Any:  # what is cut out of it is a table without a picture
        return Table

    @property
    def figure(self) -> Picture | None:
        """The last switches as a picture; None before the first one."""
        switches = self.attrs["switches"]
        return picture(switches[-MOST_SHOWN:]) if switches else None

    def _repr_html_(self) -> str:
        shown = self.figure
        drawn = shown._repr_html_() or "" if shown is not None else ""
        return f"{drawn}{super()._repr_html_()}"


def timeline(switches: Sequence[Switch], wall_offset: int) -> Timeline:
    """wall_offset: what leads from CLOCK_MONOTONIC to the time of day, in ns."""
    rows, times = [], []
    for switch in switches:
        steps = list(switch.steps())
        for step, when, port in steps:
            said = str(switch.alarm or "asked for") if step == "detected" else ""
            rows.append((switch.number, step, port, (when - steps[0][1]) / 1e9, when, said))
            times.append(pd.Timestamp(when + wall_offset, unit="ns", tz="UTC"))
    table = Timeline(rows, columns=COLUMNS, index=pd.DatetimeIndex(times, name="time"))
    table.attrs["switches"] = _Kept(switches)
    return table


class _Kept(tuple[Switch, ...]):
    """Switches in `attrs`, which pandas copies deeply."""

    def __deepcopy__(self, _: Any) -> "_Kept":
        return self


def picture(switches: Sequence[Switch]) -> Picture:
    """A row a switch, over the time since its first step."""
    begins = {switch.number: min(switch.times.values()) for switch in switches}
    ends = [(max(s.times.values()) - begins[s.number]) / 1e9 for s in switches]
    scale, unit = (1e6, "ms") if max(ends) < MILLI else (1e9, "s")
    figure = Picture(figsize=(10, 1.6 + 0.55 * len(switches)), layout="constrained")
    axes = figure.subplots()
    plain_axes(axes, "x")
    for row, switch in enumerate(switches):
        _draw(axes, row, switch, begins[switch.number], scale)
    axes.set_yticks(range(len(switches)), [_name(switch) for switch in switches], fontsize=9)
    axes.set_ylim(len(switches) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    number_axis(axes.xaxis)
    axes.set_xlabel(f"{unit} since the first step")
    axes.margins(x=0.03)
    handles, labels = axes.get_legend_handles_labels()
    told = dict(zip(labels, handles, strict=True))
    axes.legend(
        told.values(), told.keys(), frameon=False, fontsize=8, loc="upper left",
        bbox_to_anchor=(1.0, 1.0),
    )  # fmt: skip
    figure.suptitle("Main to backup: what was done, and when", fontsize=11)
    return figure


def _draw(axes: Axes, row: int, switch: Switch, begin: int, scale: float) -> None:
    def at(step: Step) -> float:
        return (switch.times[step] - begin) / scale

    for offset, (first, last, label, color) in enumerate(SPANS):
        if first in switch.times and last in switch.times:
            height = row + 0.16 * (offset - 1)
            axes.plot([at(first), at(last)], [height, height], color=color, lw=4, label=label,
                      solid_capstyle="butt")  # fmt: skip
    for step, marker in MARKS.items():
        if marker and step in switch.times:
            axes.plot([at(step)], [row], marker, color=INK, ms=5, label=step, clip_on=False)


def _name(switch: Switch) -> str:
    signal = switch.alarm.signal if switch.alarm else "asked for"
    return f"{switch.number}. {switch.old} → {switch.new}: {signal}"
