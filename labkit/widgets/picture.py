# SPDX-License-Identifier: BSD-3-Clause
"""The static picture of a live view."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from labkit.figure.picture import Picture, clock_axis, line_style, load_axis, plain_axes
from labkit.figure.theme import FAINT

MOST_IN_LEGEND = 16
LIKENESS = 0.02  # of the axis: points no further apart hide each other
HIDDEN = 0.8  # of the points: lines of which so many do take turns
MARGIN = timedelta(seconds=1)
TURN = 5.0  # dash of lines that take turns, in line widths


def picture(
    title: str, times: Any, values: Any, lines: Sequence[dict[str, str]], marks: Sequence[Any]
) -> Picture:
    """One plot for each unit, one line a counter. Lines that hide each other take turns in dashes.

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
        turns = turns_of(values[:, shown])
        for place, i in enumerate(shown):
            style = line_style(place)
            turn, among = turns[place]
            if among > 1:
                style["ls"] = (TURN * turn, (TURN, TURN * (among - 1)))
                del style["dashes"]
            label = lines[i]["name"] if place < MOST_IN_LEGEND else None
            axes.plot(moments, values[:, i], lw=1.5, label=label, **style)
        for x, text in marks:
            moment = datetime.fromtimestamp(x).astimezone()
            axes.axvline(moment, color=FAINT, lw=0.9, ls=":")
            axes.annotate(text, (moment, 1), xycoords=("data", "axes fraction"), fontsize=8)
        axes.set_ylabel(unit)
        axes.set_ylim(0, max(axes.get_ylim()[1], 1))
        load_axis(axes.yaxis)
        plain_axes(axes)
        legend = axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False, fontsize=8)
        for sample, (_, among) in zip(legend.get_lines(), turns, strict=False):
            if among > 1:  # in so short a piece another line's turn may be all there is
                sample.set_linestyle("-")
    if not moments:
        rows[-1].set_xticks([])
        return figure
    if len(moments) == 1:  # around which matplotlib would show years
        rows[-1].set_xlim(moments[0] - MARGIN, moments[0] + MARGIN)
    clock_axis(rows[-1].xaxis, moments[-1].tzinfo)
    return figure


def turns_of(values: Any) -> list[tuple[int, int]]:
    """Of every column, its number among those that are equal to the eye, and how many they are."""
    known = values[~np.isnan(values)]
    near = LIKENESS * max(float(known.max(initial=0)), 1e-9)
    groups: list[list[int]] = []
    for i in range(values.shape[1]):
        alike = (g for g in groups if _are_alike(values[:, g[0]], values[:, i], near))
        group = next(alike, None)
        if group is None:
            groups.append([i])
        else:
            group.append(i)
    return [
        (group.index(i), len(group))
        for i in range(values.shape[1])
        for group in groups
        if i in group
    ]


def _are_alike(a: Any, b: Any, near: float) -> bool:
    both = ~np.isnan(a) & ~np.isnan(b)
    return bool(both.any() and (np.abs(a[both] - b[both]) <= near).mean() >= HIDDEN)
