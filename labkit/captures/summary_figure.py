# SPDX-License-Identifier: BSD-3-Clause
"""Rate over time as a picture."""

from matplotlib.figure import Figure

from labkit.figure.picture import Picture, number_axis, plain_axes
from labkit.figure.theme import PALETTE
from labkit.tables.table import Table

PREFIXES = (("G", 1e9), ("M", 1e6), ("k", 1e3), ("", 1))


def rate_figure(rate: Table) -> Figure:
    """Frames and bits a second by seconds since the first frame; see Summary.rate."""
    figure = Picture(figsize=(10, 2.8), layout="constrained")
    axes = figure.subplots(1, 2)
    shown = (("frames", "pps", 1.0), ("bytes", "bit/s", 8.0))
    for one, (column, unit, factor), color in zip(axes, shown, PALETTE, strict=False):
        plain_axes(one)
        values = rate[column] * factor / rate["over (s)"]
        prefix, size = next((p, s) for p, s in PREFIXES if values.max() >= s or s == 1)
        one.step(rate["seconds"], values / size, where="post", color=color, lw=1.4)
        one.set(xlabel="time since the first frame (s)", ylabel=f"{prefix}{unit}")
        one.set_ylim(bottom=0)
        number_axis(one.yaxis)
    return figure
