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
MOST_LEGEND = 6  # lines that a legend names in one column


def trial_figure(
    title: str,
    row: Mapping[str, Any],
    series: "Mapping[str, pd.DataFrame]",
    latencies: "Mapping[str, pd.DataFrame]",
    floor_ns: float | None,
) -> "Figure":
    """Sent, received and lost by interval; beside it latency by percentile, where measured.

    row: of a Trial; series: of each direction; latencies: the tables of its histograms; floor_ns:
    what the lab itself takes
    """
    figure = Picture(figsize=(10, 3.8), layout="constrained")
    if latencies:
        left, right = figure.subplots(1, 2)
        named = latencies if len(series) > 1 else dict.fromkeys([""], *latencies.values())
        draw_latency(right, named, floor_ns)
    else:
        left = figure.subplots()
    _draw_all(left, row, series)
    if row["generator_limited"]:
        title += " (limited by the generator)"
    if row["balanced"]:
        figure.suptitle(title, fontsize=11)
    else:
        figure.suptitle(f"NOT BALANCED: {title}", fontsize=11, color=ALARM)
    return figure


def _draw_all(axes: "Axes", row: Mapping[str, Any], series: "Mapping[str, pd.DataFrame]") -> None:
    if len(series) == 1:
        (one,) = series.values()
        _draw_series(axes, one, (BLUE, GREEN, RED))
    else:
        for number, (name, one) in enumerate(series.items()):
            color = PALETTE[number % len(PALETTE)]
            _draw_series(axes, one, (color, color, color), f"{name}: ")
    if row["target_pps"] is not None and len(series) == 1:
        axes.axhline(row["target_pps"], color=FAINT, lw=1, ls=":", label="intended")
    axes.set(xlabel="time (s)", ylabel="frames/s", ylim=(0, None))
    load_axis(axes.yaxis)
    plain_axes(axes)
    columns = 1 if len(axes.get_legend_handles_labels()[1]) <= MOST_LEGEND else 2
    axes.legend(frameon=False, loc="best", ncols=columns)


def _draw_series(
    axes: "Axes", series: "pd.DataFrame", colors: tuple[str, str, str], prefix: str = ""
) -> None:
    """A direction; colors: of what was sent, received and lost."""
    edges = series["t_seconds"]  # the last row begins with the end
    within = series.iloc[:-1]
    sent, received, lost = colors

    def draw(pps: "pd.Series[float]", label: str, **look: Any) -> None:
        axes.stairs(pps, edges, baseline=None, lw=1.6, label=prefix + label, **look)

    draw(within["tx_pps"], "sent", color=sent)
    draw(within["rx_pps"], "received", color=received, ls="--")
    pps = within["lost"].astype(float) * (within["tx_pps"] / within["sent"]).fillna(0)
    if pps.gt(0).any():
        draw(pps, "lost", color=lost, ls="-.")
