# SPDX-License-Identifier: BSD-3-Clause
"""Latency by percentile as a picture."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from labkit.figure.picture import Picture, line_style, number_axis, plain_axes
from labkit.figure.theme import FAINT
from labkit.units import plain

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MICROSECOND = 1e3  # ns

Tables = Mapping[str, "pd.DataFrame"]  # by label: those of LatencyHistogram.table


def latency_figure(tables: Tables, floor_ns: float | None = None) -> "Figure":
    """Latency by percentile, one line a table; floor_ns: what the lab itself takes."""
    figure = Picture(figsize=(6.4, 3.8), layout="constrained")
    draw_latency(figure.subplots(), tables, floor_ns)
    return figure


def draw_latency(axes: "Axes", tables: Tables, floor_ns: float | None) -> None:
    """HdrHistogram's plot: every decade of 1 / (1 - percentile) takes the same room."""
    decades = 1
    for number, (label, table) in enumerate(tables.items()):
        rest = 1 - table["share"].shift(fill_value=0.0)  # frames that took this long or longer
        decades = max(decades, len(str(int(table["frames"].sum()))) - 1)
        axes.step(
            1 / rest,
            table["latency_ns"] / MICROSECOND,
            where="post",
            lw=1.6,
            label=label or None,
            **line_style(number),
        )
    if floor_ns is not None:
        axes.axhline(floor_ns / MICROSECOND, color=FAINT, ls="--", lw=1, label="the lab's floor")
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlim(1, 10**decades)
    for axis in (axes.xaxis, axes.yaxis):
        number_axis(axis)
    axes.xaxis.set_major_formatter(lambda x, _: f"{plain(100 - 100 / x, 12)} %" if x > 0 else "")
    axes.set(xlabel="percentile of frames", ylabel="latency (µs)")
    plain_axes(axes)
    if floor_ns is not None or any(tables):
        axes.legend(frameon=False)
