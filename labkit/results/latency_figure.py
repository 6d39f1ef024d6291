# SPDX-License-Identifier: BSD-3-Clause
"""Latency by percentile as a picture."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from labkit.figure import Picture
from labkit.runs.trial_figure import _draw_latency

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from labkit.results.latency import LatencyHistogram


def latency_figure(
    histograms: "Mapping[str, LatencyHistogram]", floor_ns: float | None = None
) -> "Figure":
    """Latency by percentile, one line a histogram; floor_ns: what the lab itself takes."""
    figure = Picture(figsize=(6.4, 3.8), layout="constrained")
    _draw_latency(figure.subplots(), histograms, floor_ns)
    return figure
