# SPDX-License-Identifier: BSD-3-Clause
"""One curve: what a config did at one size, over the load that was offered."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from labkit.results.columns import fell_short, lost_here
from labkit.results.statistics import mean_interval

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

LIMIT_PERCENT = 0.5  # loss at which CSIT puts the partial drop rate
NO_CONFIG, NO_MIX = "(no config)", ""

Size = tuple[float, str]  # the mean in bytes, and the mix's name


def named(table: "pd.DataFrame") -> "pd.DataFrame":
    """Trials with a config and a mix each: those of lk.trial have no config."""
    return table.assign(config=table["config"].fillna(NO_CONFIG), mix=table["mix"].fillna(NO_MIX))


def rows_of(table: "pd.DataFrame", config: object, size: Size) -> "pd.DataFrame":
    """The trials of one config and size."""
    mean, mix = size
    chosen = (table["config"] == config) & (table["size_bytes"] == mean) & (table["mix"] == mix)
    return table[chosen]


@dataclass(frozen=True, eq=False)
class Curve:
    """One config at one size: means over repeats with their intervals, by offered load.

    Attributes
    ----------
    x, y, low, high: arrays, a number a load; NaN where there is no interval
    limited: whether the generator or the measuring port fell short there
    limit: as of dut_limit
    label, color, marker, style: how it is drawn; is_under: beneath others, its points hollow
    """

    x: "np.ndarray[Any, Any]"
    y: "np.ndarray[Any, Any]"
    low: "np.ndarray[Any, Any]"
    high: "np.ndarray[Any, Any]"
    limited: "np.ndarray[Any, Any]"
    limit: float | None
    label: str
    color: str
    marker: str
    style: Mapping[str, Any]
    is_under: bool

    @classmethod
    def of(
        cls,
        rows: "pd.DataFrame",
        quantity: str,
        scale: float,
        look: tuple[str, str, str, Mapping[str, Any]],
        *,
        is_under: bool = False,
    ) -> "Curve":
        """From the trials of one config and size.

        scale: what the quantity is multiplied with; look: label, colour, marker and style
        """
        points, short = [], []
        for _, repeats in rows.dropna(subset=[quantity]).groupby("target_pps"):
            values = repeats[quantity].to_numpy() * scale
            begin, end = mean_interval(values) or (np.nan, np.nan)
            # No rate or time is negative, and no loss above 100 %: the interval ends there.
            end = min(end, 100.0) if quantity == "drop_percent" else end
            points.append((repeats["tx_pps"].mean(), values.mean(), max(begin, 0.0), end))
            short.append(bool((fell_short(repeats) | lost_here(repeats)).any()))
        x, y, low, high = np.array(points).T if points else np.empty((4, 0))
        order = np.argsort(x)  # a generator that falls short may put a higher target below
        x, y, low, high = x[order], y[order], low[order], high[order]
        limited = np.array(short, dtype=bool)[order]
        return cls(x, y, low, high, limited, dut_limit(rows), *look, is_under=is_under)

    def draw(self, axes: "Axes") -> None:
        """Draws it; a curve without a point leaves no entry in the legend."""
        if not self.x.size:
            return
        axes.plot(
            self.x, self.y, color=self.color, label=self.label, marker=self.marker, ms=5,
            mfc="white" if self.is_under else self.color, **self.style,
        )  # fmt: skip
        if np.isfinite(self.low).any():
            reach = [self.y - self.low, self.high - self.y]
            axes.errorbar(self.x, self.y, reach, fmt="none", ecolor=self.color, capsize=3)
        axes.plot(
            self.x[self.limited], self.y[self.limited], lw=0, marker=self.marker, ms=7,
            mfc="white", mec=self.color, zorder=4,
        )  # fmt: skip


def dut_limit(rows: "pd.DataFrame", percent: float = LIMIT_PERCENT) -> float | None:
    """The highest load (frames/s) of one config and size carried with a loss of at most `percent`.

    None when even the lowest lost more, or when the highest load measured lost less: then the limit
    is not known. Nor is it where the measuring port, and not the DUT, lost what was too much.
    """
    kept = rows.dropna(subset=["drop_percent"])
    loads = kept[~lost_here(kept)].groupby("target_pps")
    loss = loads["drop_percent"].mean().set_axis(loads["tx_pps"].mean()).sort_index()
    beyond = loss[loss > percent]
    carried = loss[: beyond.index[0]][:-1] if len(beyond) else loss[:0]
    return float(carried.index[-1]) if len(carried) else None
