# SPDX-License-Identifier: BSD-3-Clause
"""The differences between two sets of results as a picture."""

from typing import TYPE_CHECKING, Any

import numpy as np

from labkit.figure.picture import Picture, number_axis, plain_axes
from labkit.figure.theme import GREYS, INK, PALETTE
from labkit.results.text import load_names
from labkit.text import MISSING
from labkit.units import si_load

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure


LOAD = ("config", "size_bytes", "mix", "target_pps")


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
        axes.axvline(0, color=INK, lw=0.8)
        points = " points" if quantity == "drop_percent" else " of a"
        axes.set(xlabel=f"{quantity}: b - a (%{points})", ylim=(len(loads) - 0.5, -0.5))
        number_axis(axes.xaxis)
        plain_axes(axes)
    panels[0].set_yticks(range(len(loads)), loads)
    figure.suptitle(note, fontsize=10)
    return figure


def _load_name(row: "pd.Series[Any]") -> str:
    config, size, pps = load_names(*(row[name] for name in LOAD))
    return f"{config}  {size}  {MISSING if pps is None else si_load(pps)}"
