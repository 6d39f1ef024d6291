# SPDX-License-Identifier: BSD-3-Clause
"""Pictures of a search and of a comparison. They see tables only."""

from typing import TYPE_CHECKING, Any

import numpy as np

from labkit.curves import GREYS, plain_axes, si
from labkit.plot import PALETTE, Picture
from labkit.readable import size_name

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
                reach = f" to {si(upper)}" if np.isfinite(upper) else " or more"
                label = f"{goal}: {si(lower)}{reach} frames/s"
                axes.axhline(lower, color=color, lw=1.2, label=label)
            if np.isfinite(lower) and np.isfinite(upper):
                axes.axhspan(lower, upper, color=color, alpha=0.25, lw=0)
        axes.set_xlabel("trial (in the order of measuring)")
        axes.yaxis.set_major_formatter(lambda value, _: si(value))
        plain_axes(axes)
    whole.set(ylabel="intended load (frames/s)", title="every trial")
    if trials["target_pps"].max() > 10 * trials["target_pps"].min():
        whole.set(yscale="log")  # within a decade a logarithmic axis has no number
    whole.yaxis.set_major_formatter(lambda value, _: si(value))
    whole.yaxis.set_minor_formatter(lambda value, _: "")
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


def difference_figure(table: "pd.DataFrame", note: str) -> "Figure":
    """Differences of a comparison in percent of a, one panel a quantity; grey: within noise."""
    quantities = list(dict.fromkeys(table["quantity"]))
    names = table.apply(_load_name, axis=1)
    loads = list(dict.fromkeys(names))
    size = (3.2 * len(quantities) + 2, 0.28 * len(loads) + 1.5)
    figure = Picture(figsize=size, layout="constrained")
    panels = figure.subplots(1, len(quantities), sharey=True, squeeze=False)[0]
    for axes, quantity in zip(panels, quantities, strict=True):
        chosen = table["quantity"] == quantity
        part = table[chosen].reset_index(drop=True)
        rows = [loads.index(name) for name in names[chosen]]
        # A share of nothing has no percentage: drops are compared in percentage points.
        unit = 1.0 if quantity == "drop_percent" else part["a"].where(part["a"] != 0) / 100
        middle, low, high = (part[name] / unit for name in ("difference", "low", "high"))
        for n, (row, verdict) in enumerate(zip(rows, part["verdict"], strict=True)):
            color = PALETTE[1] if verdict == "differs" else GREYS[0]
            if np.isnan(middle[n]):
                axes.annotate("a is 0: no percentage", (0, row), color=color, fontsize=8)
                continue
            axes.plot([low[n], high[n]], [row, row], color=color, lw=2)
            marker = "o" if verdict == "differs" else "s"
            fill = "white" if verdict == "unknown" else color
            axes.plot(middle[n], row, marker=marker, color=color, mfc=fill, ms=5)
        axes.axvline(0, color="#24292f", lw=0.8)
        points = " points" if quantity == "drop_percent" else " of a"
        axes.set(xlabel=f"{quantity}: b - a (%{points})", ylim=(len(loads) - 0.5, -0.5))
        plain_axes(axes)
    panels[0].set_yticks(range(len(loads)), loads)
    figure.suptitle(note, fontsize=10)
    return figure


def _load_name(row: "pd.Series[Any]") -> str:
    size = size_name(row["size_bytes"], row["mix"])
    rate = "no target" if np.isnan(row["target_pps"]) else si(row["target_pps"])
    return f"{row['config'] or 'no config'}  {size}  {rate}"
