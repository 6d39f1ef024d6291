# SPDX-License-Identifier: BSD-3-Clause
"""Latency by percentile, of the histograms that results hold."""

from typing import TYPE_CHECKING, Any

import numpy as np

from labkit.figure.picture import number_axis
from labkit.units import plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_PERCENTILE = 99.9999
TICKS = np.array([0.0, 50, 90, 99, 99.9, 99.99, 99.999])


def draw_percentiles(axes: "Axes", histograms: list[str], **look: Any) -> None:
    """One line: histograms as HdrHistogram's texts, added up, in µs."""
    ranks, values = _ranks(histograms)
    axes.plot(_nines(ranks), values / 1e3, lw=1.6, ms=4, markevery=0.1, **look)


def percentile_axes(axes: "Axes") -> None:
    """Ticks and scales of such lines."""
    axes.set_xticks(_nines(TICKS), [plain(tick, 12) for tick in TICKS], rotation=45)
    axes.set(xlabel="percentile (%)", yscale="log")
    number_axis(axes.yaxis)


def _nines(percent: "np.ndarray[Any, Any]") -> "np.ndarray[Any, Any]":
    """Percentiles on the axis on which every further nine is one step."""
    return -np.log10(1 - np.asarray(percent) / 100)


def _ranks(histograms: list[str]) -> tuple["np.ndarray[Any, Any]", "np.ndarray[Any, Any]"]:
    """Percentiles and values (ns) of HdrHistogram texts, added up."""
    from hdrh.histogram import HdrHistogram

    total = HdrHistogram.decode(histograms[0])
    for text in histograms[1:]:
        total.add(HdrHistogram.decode(text))
    last = min(MOST_PERCENTILE, 100 * (1 - 1 / max(2, total.get_total_count())))
    ranks = 100 * (1 - np.logspace(0, np.log10(1 - last / 100), 60))
    return ranks, np.array([total.get_value_at_percentile(rank) for rank in ranks], dtype=float)
