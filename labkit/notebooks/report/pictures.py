# SPDX-License-Identifier: BSD-3-Clause
"""Pictures of results: differences between two runs, and the trend over many. All are SVG."""

import io
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from labkit.figure.picture import MARKERS, Picture, number_axis, plain_axes
from labkit.figure.theme import FAINT, GREYS, INK, PALETTE

if TYPE_CHECKING:
    import pandas as pd

VERDICT_COLORS = {"worse": PALETTE[1], "better": PALETTE[2], "same": FAINT}


def difference_figure(table: "pd.DataFrame") -> Figure | None:
    """Each result's difference in percent with its 95 % interval; None when there is nothing.

    table: of a comparison
    """
    rows: list[Any] = list(table.dropna(subset="change_percent").itertuples())
    if not rows:
        return None
    figure = Picture(figsize=(8.5, 1.1 + 0.34 * len(rows)), layout="constrained")
    axes = figure.subplots()
    for place, row in enumerate(reversed(rows)):
        _draw(axes, place, row)
    labels = [f"{row.notebook}: {row.name}" for row in reversed(rows)]
    axes.set_yticks(range(len(rows)), labels)
    axes.set_ylim(-0.6, len(rows) - 0.4)
    axes.axvline(0, color=INK, lw=0.8)
    axes.set_xlabel("difference (%), with its 95 % interval")
    number_axis(axes.xaxis)
    plain_axes(axes, "x")
    axes.tick_params(axis="y", length=0)
    return figure


def trend_figure(
    name: str, unit: str, points: Sequence[tuple[str, Sequence[float]]], better: str | None
) -> Figure:
    """A result over runs: its mean, and the range of its repeats.

    points: (label of the run, its values), the oldest first
    """
    figure = Picture(figsize=(5.2, 2.3), layout="constrained")
    axes = figure.subplots()
    means = [sum(values) / len(values) for _, values in points]
    below = [mean - min(values) for mean, (_, values) in zip(means, points, strict=True)]
    above = [max(values) - mean for mean, (_, values) in zip(means, points, strict=True)]
    axes.errorbar(
        range(len(points)),
        means,
        [below, above],
        marker=MARKERS[0],
        ms=4,
        lw=1.4,
        color=PALETTE[0],
        ecolor=GREYS[1],
        elinewidth=1,
        capsize=2,
    )
    step = max(1, -(-len(points) // 6))
    axes.set_xticks(range(0, len(points), step), [label for label, _ in points[::step]])
    axes.tick_params(labelsize=7)
    axes.set_title(name + (f" ({better} is better)" if better else ""), fontsize=9, loc="left")
    axes.set_ylabel(unit or "value", fontsize=8)
    axes.margins(x=0.06, y=0.25)
    values = [value for _, of_run in points for value in of_run]
    if min(values) >= 0:  # room below them would say that less than nothing were possible
        axes.set_ylim(bottom=max(0.0, axes.get_ylim()[0]))
    number_axis(axes.yaxis)
    plain_axes(axes, "y")
    return figure


def svg(figure: Figure) -> str:
    """The figure as SVG, the same bytes for the same figure."""
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None})
    return buffer.getvalue()


def _draw(axes: Axes, place: int, row: Any) -> None:
    color = VERDICT_COLORS.get(row.verdict, PALETTE[3])
    if not math.isnan(row.low_percent):
        axes.plot([row.low_percent, row.high_percent], [place, place], color=color, lw=2.2)
    axes.plot([row.change_percent], [place], MARKERS[0], color=color, ms=6)
