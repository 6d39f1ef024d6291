# SPDX-License-Identifier: BSD-3-Clause
"""The static picture of a live view."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import matplotlib.dates as mdates

from labkit.figure import FAINT, PALETTE, Picture, load_axis, plain_axes

STYLES = ("-", "--", ":", "-.")
MOST_IN_LEGEND = 16


def picture(
    title: str, times: Any, values: Any, lines: Sequence[dict[str, str]], marks: Sequence[Any]
) -> Picture:
    """One plot for each unit, one line a counter.

    times: seconds since the epoch; values: points × lines, in the unit of each line, NaN for gaps.
    """
    units = list(dict.fromkeys(line["unit"] for line in lines))
    figure = Picture(figsize=(10, 1.2 + 2.4 * max(len(units), 1)), layout="constrained")
    figure.suptitle(title, fontsize=11)
    moments = [datetime.fromtimestamp(x).astimezone() for x in times]
    if not lines:
        return figure
    rows = figure.subplots(len(units), 1, sharex=True, squeeze=False)[:, 0]
    for axes, unit in zip(rows, units, strict=True):
        shown = [i for i, line in enumerate(lines) if line["unit"] == unit]
        for place, i in enumerate(shown):
            color = PALETTE[place % len(PALETTE)]
            style = STYLES[place // len(PALETTE) % len(STYLES)]
            label = lines[i]["name"] if place < MOST_IN_LEGEND else None
            axes.plot(moments, values[:, i], style, color=color, lw=1.5, label=label)
        for x, text in marks:
            moment = datetime.fromtimestamp(x).astimezone()
            axes.axvline(moment, color=FAINT, lw=0.9, ls=":")
            axes.annotate(text, (moment, 1), xycoords=("data", "axes fraction"), fontsize=8)
        axes.set_ylabel(unit)
        axes.set_ylim(0, max(axes.get_ylim()[1], 1))
        load_axis(axes.yaxis)
        plain_axes(axes)
        axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False, fontsize=8)
    rows[-1].xaxis.set_major_formatter(mdates.DateFormatter("%H:%M:%S"))  # type: ignore[no-untyped-call]
    rows[-1].set_xlabel("time of day")
    return figure
