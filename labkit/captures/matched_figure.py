# SPDX-License-Identifier: BSD-3-Clause
"""Delay between two capture points as a picture."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from labkit.figure.picture import Picture, number_axis, plain_axes
from labkit.figure.theme import PALETTE
from labkit.tables.table import Table

MOST_POINTS = 20_000
FAR_APART = 100  # of delays that a linear axis does not show
NS, US = 1e9, 1e3


def delay_figure(table: Table, labels: Sequence[str]) -> Figure:
    """Delays by time at the first point, and marks where frames were lost; see Matched.table."""
    times = table["time_ns"].to_numpy(np.float64, na_value=np.nan)
    start = np.nanmin(times) if np.isfinite(times).any() else 0.0
    delays = table["delay_ns"].to_numpy(np.float64, na_value=np.nan)
    lost = table["second"].isna().to_numpy()
    every = max(1, len(table) // MOST_POINTS)
    figure = Picture(figsize=(10, 3.4), layout="constrained")
    axes = figure.subplots()
    plain_axes(axes)
    seconds = (times - start) / NS
    axes.plot(  # as dots of a picture: thousands of them would be a large drawing
        seconds[::every],
        delays[::every] / US,
        ".",
        color=PALETTE[0],
        ms=2.5,
        label="seen at both",
        rasterized=True,
    )
    if lost.any():
        base = np.full(int(lost.sum()), np.nanmin(delays) / US if np.isfinite(delays).any() else 0)
        axes.plot(seconds[lost], base, "x", color=PALETTE[1], ms=5, label="lost")
    axes.set(
        xlabel=f"time at {labels[0]} since the first frame (s)",
        ylabel=f"delay to {labels[1]} (µs)",
    )
    there = delays[np.isfinite(delays)]
    if there.size and there.min() > 0 and there.max() > FAR_APART * there.min():
        axes.set_yscale("log")
    number_axis(axes.yaxis)
    axes.legend(frameon=False)
    return figure
