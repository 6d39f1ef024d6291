# SPDX-License-Identifier: BSD-3-Clause
"""The course of a search as a picture."""

from typing import TYPE_CHECKING

import numpy as np

from labkit.figure.picture import Picture, load_axis, plain_axes
from labkit.figure.theme import GREYS, PALETTE
from labkit.units import si_load

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure


BAND_COLORS = (0, 3, 4, 5, 6)  # of the palette: those that no trial has


def search_figure(trials: "pd.DataFrame", goals: "pd.DataFrame", title: str) -> "Figure":
    """Trials of a search in their order by load, whole and close to the bounds that were found.

    A band is what lies between the bounds of a goal.
    """
    figure = Picture(figsize=(10, 3.8), layout="constrained")
    whole, close = figure.subplots(1, 2)
    order, loss = np.arange(1, len(trials) + 1), trials["drop_percent"].to_numpy()
    short = trials["generator_limited"].fillna(False).to_numpy(dtype=bool)
    load = trials["target_pps"].to_numpy()
    for axes in (whole, close):
        for chosen, marker, color, label in (
            (~short & (loss == 0), "o", PALETTE[2], "no loss"),
            (~short & (loss > 0), "X", PALETTE[1], "loss"),
            (short, "s", GREYS[0], "generator limited"),
        ):
            if chosen.any():
                axes.scatter(order[chosen], load[chosen], marker=marker, color=color, label=label)
        for number, (goal, lower, upper) in enumerate(
            goals[["goal", "lower_pps", "upper_pps"]].to_numpy()
        ):
            color = PALETTE[BAND_COLORS[number % len(BAND_COLORS)]]
            if np.isfinite(lower):
                reach = f" to {si_load(upper)}" if np.isfinite(upper) else " or more"
                label = f"{goal}: {si_load(lower)}{reach} frames/s"
                axes.axhline(lower, color=color, lw=1.2, label=label)
            if np.isfinite(lower) and np.isfinite(upper):
                axes.axhspan(lower, upper, color=color, alpha=0.25, lw=0)
        axes.set_xlabel("trial (in the order of measuring)")
        load_axis(axes.yaxis)
        plain_axes(axes)
    whole.set(ylabel="intended load (frames/s)", title="every trial")
    if trials["target_pps"].max() > 10 * trials["target_pps"].min():
        whole.set(yscale="log")  # within a decade a logarithmic axis has no number
    load_axis(whole.yaxis)  # again: a scale brings its own
    bounds = goals[["lower_pps", "upper_pps"]].to_numpy()
    bounds = bounds[np.isfinite(bounds)]
    if bounds.size:
        margin = max(np.ptp(bounds), 0.01 * bounds.max())
        close.set(ylim=(bounds.min() - margin, bounds.max() + margin))
    close.set(title="near the bounds")
    handles, labels = whole.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4, frameon=False)
    figure.suptitle(title, fontsize=10)
    return figure
