# SPDX-License-Identifier: BSD-3-Clause
"""The course of counters over time as a picture."""

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from labkit.figure.picture import Picture, line_style, load_axis, plain_axes
from labkit.figure.theme import GREYS
from labkit.sources.base import SourceError
from labkit.sources.course import Course

MOST_LINES = 14  # twice the palette, the second time dashed
LONG = 2 * 3600  # seconds from which on hours are shown
FAULT_COLOR = "#cf222e"


def time_figure(course: Course) -> Figure:
    """One line a counter, one pair of axes a unit, all over the same time."""
    names = list(course.units)
    if len(names) > MOST_LINES:
        raise SourceError(
            f"{len(names)} counters are more than {MOST_LINES} lines that can be told apart; name "
            f"fewer (the first are {', '.join(names[:4])})"
        )
    is_long = course.rates.index[-1] > LONG
    unit_of_time, scale = ("hours", 3600) if is_long else ("seconds", 1)
    times = course.rates.index.to_numpy() / scale
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault(course.units[name], []).append(name)
    figure = Picture(figsize=(10, 1.2 + 2.4 * len(groups)), layout="constrained")
    rows = figure.subplots(len(groups), 1, sharex=True, squeeze=False)[:, 0]
    for axes, (unit, members) in zip(rows, groups.items(), strict=True):
        for number, name in enumerate(members):
            # A point between two gaps makes no line.
            dot = "." if len(times) < 60 else ""
            values = course.rates[name].to_numpy()
            axes.plot(times, values, marker=dot, label=name, lw=1.5, **line_style(number))
            _mark_faults(axes, np.array(course.faults.get(name, ())) / scale, number, name)
        axes.set_ylabel(unit)
        axes.set_ylim(bottom=0)
        load_axis(axes.yaxis)
        plain_axes(axes)
        for begin, end in course.gaps:
            axes.axvspan(begin / scale, end / scale, color=GREYS[1], alpha=0.2, lw=0)
        axes.legend(frameon=False, fontsize=8, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    when = np.datetime64(course.start_ns, "ns").astype("datetime64[s]").item()
    rows[-1].set_xlabel(f"{unit_of_time} since {when:%Y-%m-%d %H:%M:%S} UTC")
    figure.suptitle(course.title, fontsize=11)
    return figure


def _mark_faults(axes: Any, times: Any, number: int, name: str) -> None:
    """Crosses along the bottom, a row for each line."""
    if not times.size:
        return
    height = 0.03 + 0.05 * number
    axes.plot(
        times,
        [height] * len(times),
        "x",
        color=FAULT_COLOR,
        transform=axes.get_xaxis_transform(),
        ms=5,
        label=f"fault of {name}",
    )
