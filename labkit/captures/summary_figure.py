# SPDX-License-Identifier: BSD-3-Clause
"""Rate over time as a picture."""

from matplotlib.figure import Figure

from labkit.figure.picture import Picture, number_axis, plain_axes
from labkit.figure.theme import PALETTE
from labkit.tables.table import Table


def rate_figure(rate: Table) -> Figure:
    """Frames and bits a second by seconds since the first frame; see Summary.rate."""
    figure = Picture(figsize=(10, 2.8), layout="constrained")
    axes = figure.subplots(1, 2)
    over = rate["over (s)"]
    shown = (("frames", "frames a second", 1.0), ("bytes", "bit/s", 8.0))
    for one, (column, label, factor), color in zip(axes, shown, PALETTE, strict=False):
        plain_axes(one)
        one.step(rate["seconds"], rate[column] * factor / over, where="post", color=color, lw=1.4)
        one.set(xlabel="time since the first frame (s)", ylabel=label)
        one.set_ylim(bottom=0)
        number_axis(one.yaxis)
    return figure
