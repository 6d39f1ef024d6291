# SPDX-License-Identifier: BSD-3-Clause
"""Pictures of a trial. They see tables and histograms only."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from matplotlib.ticker import FuncFormatter

from labkit.figure import PALETTE, Picture
from labkit.results.text import size_name

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from labkit.results.latency import LatencyHistogram
    from labkit.runs.trial import Trial


BLUE, RED, GREEN = PALETTE[:3]
GRID: dict[str, Any] = {"which": "major", "color": "#d0d7de", "lw": 0.6}
RATE_UNITS = ((1e6, "Mpps"), (1e3, "kpps"), (1.0, "pps"))
MICROSECOND = 1e3  # ns


def trial_figure(trial: "Trial") -> "Figure":
    """Sent, received and lost by interval; beside it latency by percentile, where measured."""
    figure = Picture(figsize=(10, 3.8), layout="constrained")
    if trial.latency is None:
        _draw_series(figure.subplots(), trial)
    else:
        left, right = figure.subplots(1, 2)
        _draw_series(left, trial)
        _draw_latency(right, {"": trial.latency}, trial.floor_ns)
    size = size_name(trial.row["size_bytes"], trial.row["mix"])
    title = f"frames of {size}, {trial.port} to {trial.received_on}"
    if trial.row["generator_limited"]:
        title += " (limited by the generator)"
    figure.suptitle(
        title if trial.is_balanced else f"NOT BALANCED: {title}",
        fontsize=11,
        color="black" if trial.is_balanced else "#b3261e",
    )
    return figure


def _draw_series(axes: "Axes", trial: "Trial") -> None:
    edges = trial.series["t_seconds"]  # the last row begins with the end
    series = trial.series.iloc[:-1]
    highest = max(trial.row["tx_pps"], trial.row["rx_pps"])
    factor, unit = next((f, u) for f, u in RATE_UNITS if highest >= f or f == 1)

    def draw(pps: "pd.Series[float]", **look: Any) -> None:
        axes.stairs(pps / factor, edges, baseline=None, lw=1.6, **look)

    draw(series["tx_pps"], color=BLUE, label="sent")
    draw(series["rx_pps"], color=GREEN, ls="--", label="received")
    if trial.row["target_pps"] is not None:
        target = trial.row["target_pps"] / factor
        axes.axhline(target, color="#59636e", lw=1, ls=":", label="intended")
    lost = series["lost"].astype(float) * (series["tx_pps"] / series["sent"]).fillna(0)
    if lost.gt(0).any():
        draw(lost, color=RED, ls="-.", label="lost")
    axes.set(xlabel="time (s)", ylabel=f"frames ({unit})", ylim=(0, None))
    _finish(axes)
    axes.legend(frameon=False, loc="best")


def _draw_latency(
    axes: "Axes", histograms: "Mapping[str, LatencyHistogram]", floor_ns: float | None
) -> None:
    """HdrHistogram's plot: every decade of 1 / (1 - percentile) takes the same room."""
    decades = 1
    for number, (label, histogram) in enumerate(histograms.items()):
        table = histogram.table
        rest = 1 - table["share"].shift(fill_value=0.0)  # frames that took this long or longer
        decades = max(decades, len(str(histogram.count)) - 1)
        axes.step(
            1 / rest,
            table["latency_ns"] / MICROSECOND,
            where="post",
            lw=1.6,
            color=PALETTE[number % len(PALETTE)],
            label=label or None,
        )
    if floor_ns is not None:
        axes.axhline(
            floor_ns / MICROSECOND, color="#59636e", ls="--", lw=1, label="the lab's floor"
        )
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlim(1, 10**decades)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: _percentile_label(x)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{y:,g}"))
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_minor_formatter(FuncFormatter(lambda *_: ""))
    axes.set(xlabel="percentile of frames", ylabel="latency (µs)")
    _finish(axes)
    if floor_ns is not None or any(histograms):
        axes.legend(frameon=False)


def _percentile_label(x: float) -> str:
    return f"{100 - 100 / x:.6g} %" if x > 0 else ""


def _finish(axes: "Axes") -> None:
    axes.grid(True, **GRID)
    axes.spines[["top", "right"]].set_visible(False)
