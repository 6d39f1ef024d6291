# SPDX-License-Identifier: BSD-3-Clause
"""Frames by queue and worker as a picture."""

from typing import TYPE_CHECKING

from labkit.figure.picture import Picture, load_axis, plain_axes
from labkit.figure.theme import PALETTE

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure


def spread_figure(table: "pd.DataFrame", title: str) -> "Figure":
    """A bar for each queue of Rss.spread, in a colour for each worker."""
    figure = Picture(figsize=(6.4, 2.6), layout="constrained")
    axes = figure.subplots()
    for number, (lcore, part) in enumerate(table.groupby("lcore", dropna=True)):
        axes.bar(
            part["queue"].astype(str),
            part["frames"].astype(float),
            color=PALETTE[number % len(PALETTE)],
            label=f"lcore {lcore}",
        )
    axes.set_xticks(range(len(table)), table["queue"].astype(str))
    axes.set(title=title, xlabel="queue", ylabel="frames")
    load_axis(axes.yaxis)
    plain_axes(axes, "y")
    axes.set_axisbelow(True)  # bars are read from their tops
    if table["lcore"].notna().any():
        axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return figure
