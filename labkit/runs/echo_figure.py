# SPDX-License-Identifier: BSD-3-Clause
"""Round trips as a picture."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from labkit.figure.picture import MARKERS, Picture, number_axis, plain_axes
from labkit.figure.theme import PALETTE
from labkit.text import MISSING


def round_trip_figure(round_trips_ns: Mapping[int, "np.ndarray[Any, Any]"], title: str) -> Figure:
    """Round trips in ns by payload size: cumulative distribution left, course of the run right."""
    figure = Picture(figsize=(10, 3.8), layout="constrained")
    left, right = figure.subplots(1, 2)
    for number, (size, trips) in enumerate(round_trips_ns.items()):
        color, marker = PALETTE[number % len(PALETTE)], MARKERS[number % len(MARKERS)]
        label = f"{size:,} B"
        if not trips.size:
            left.plot([], [], color=color, label=f"{label}: {MISSING} (no answer)")
            continue
        values = np.sort(trips) / 1e3
        shares = np.arange(1, values.size + 1) / values.size * 100
        every = max(1, values.size // 10)
        left.step(
            values,
            shares,
            where="post",
            color=color,
            label=label,
            lw=1.6,
            marker=marker,
            markevery=every,
            ms=4,
        )
        right.plot(trips / 1e3, color=color, lw=0, marker=marker, ms=2.5, label=label, alpha=0.8)
    for axes in (left, right):
        plain_axes(axes)
    left.set(xlabel="round-trip time (µs)", ylabel="answers within (%)", ylim=(0, 101))
    right.set(xlabel="datagram (in the order of sending)", ylabel="round-trip time (µs)")
    number_axis(right.xaxis)
    if any(trips.size for trips in round_trips_ns.values()):
        left.set_xscale("log")
        right.set_yscale("log")
        for axis in (left.xaxis, right.yaxis):
            number_axis(axis)
    left.legend(title="UDP payload", frameon=False)
    figure.suptitle(title, fontsize=11)
    return figure
