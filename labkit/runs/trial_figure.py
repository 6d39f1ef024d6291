# SPDX-License-Identifier: BSD-3-Clause
"""A trial as a picture: its course, and latency by percentile."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from labkit.figure.picture import Picture, load_axis, plain_axes
from labkit.figure.theme import ALARM, FAINT, PALETTE
from labkit.results.latency_figure import draw_latency

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BLUE, RED, GREEN = PALETTE[:3]


def trial_figure(
    title: str,
    row: Mapping[str, Any],
    series: "pd.DataFrame",
    latency: "pd.DataFrame | None",
    floor_ns: float | None,
) -> "Figure":
    """Sent, received and lost by interval; beside it latency by percentile, where measured.

    row, series: of a Trial; latency: the table of its histogram; floor_ns: what the lab itself
    takes
    """
    figure = Picture(figsize=(10, 3.8), layout="constrained")
    if latency is None:
        _draw_series(figure.subplots(), row, series)
    else:
        left, right = figure.subplots(1, 2)
        _draw_series(left, row, series)
        draw_latency(right, {"": latency}, floor_ns)
    if row["generator_limited"]:
        title += " (limited by the generator)"
    if row["balanced"]:
        figure.suptitle(title, fontsize=11)
    else:
        figure.suptitle(f"NOT BALANCED: {title}", fontsize=11, color=ALARM)
    return figure


def _draw_series(axes: "Axes", row: Mapping[str, Any], series: "pd.DataFrame") -> None:
    edges = series["t_seconds"]  # the last row begins with the end
    within = series.iloc[:-1]

    def draw(pps: "pd.Series[float]", **look: Any) -> None:
        axes.stairs(pps, edges, baseline=None, lw=1.6, **look)

    draw(within["tx_pps"], color=BLUE, label="sent")
    draw(within["rx_pps"], color=GREEN, ls="--", label="received")
    if row["target_pps"] is not None:
        axes.axhline(row["target_pps"], color=FAINT, lw=1, ls=":", label="intended")
    lost = within["lost"].astype(float) * (within["tx_pps"] / within["sent"]).fillna(0)
    if lost.gt(0).any():
        draw(lost, color=RED, ls="-.", label="lost")
    axes.set(xlabel="time (s)", ylabel="frames/s", ylim=(0, None))
    load_axis(axes.yaxis)
    plain_axes(axes)
    axes.legend(frameon=False, loc="best")
