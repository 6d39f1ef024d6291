# SPDX-License-Identifier: BSD-3-Clause
"""Curves of results: drop, received load and latency over offered load, one panel a size."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from labkit.errors import LabError
from labkit.figure.picture import MARKERS, Picture, load_axis, number_axis, plain_axes
from labkit.figure.theme import FAINT, GREYS, INK, PALETTE
from labkit.results.columns import HasTrials, check_results
from labkit.results.curve import LIMIT_PERCENT, Curve, Size, named, rows_of
from labkit.results.percentiles import draw_percentiles, percentile_axes
from labkit.results.text import size_name
from labkit.units import si_load

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DASHES = ((4, 2), (1, 1.5), (5, 1.5, 1, 1.5), (8, 3))
PANEL_INCHES = (3.3, 3.1)
NO_TARGET = "no trial has a target_pps; curves are drawn over loads that were asked"

Panels = Mapping[Size, "Axes"]


@dataclass(frozen=True, eq=False)
class Curves:
    """Pictures of a table of results.

    Error bars are 95 % confidence intervals of the mean over repeats; a point without one was
    measured once. A hollow point: generator or port fell short of the target, or the measuring port
    lost frames itself. `over` is drawn beneath in grey, dashed.
    """

    table: "pd.DataFrame"
    title: str = ""
    floor_ns: Mapping[str, float] = field(default_factory=dict)  # the lab's own, by quantity

    def __post_init__(self) -> None:
        object.__setattr__(self, "table", named(self.table))

    def __call__(self, over: HasTrials | None = None) -> "Figure":
        """The picture of drop()."""
        return self.drop(over)

    def __repr__(self) -> str:
        return (
            f"<Curves of {len(self.table)} trials: drop(), pps(), latency('p99'), each with over= "
            "other results, and percentiles()>"
        )

    def drop(self, over: HasTrials | None = None) -> "Figure":
        """Frames lost (%) versus offered load.

        A triangle on the axis marks a DUT's limit: the highest load it carried with a loss of at
        most 0.5 %, where a higher one lost more.
        """
        figure, panels = self._panels("lost frames (%)", over)
        for size, axes in panels.items():
            for curve in self._curves(size, "drop_percent", over):
                curve.draw(axes)
                if curve.limit and not curve.is_under:
                    axes.plot(
                        [curve.limit], [0], marker="^", ms=10, color=curve.color, clip_on=False,
                        transform=axes.get_xaxis_transform(), zorder=5,
                    )  # fmt: skip
            axes.set_yscale("symlog", linthresh=0.1, linscale=0.5)
            axes.set(ylim=(0, 130), yticks=[0, 0.1, 1, 10, 100])
            number_axis(axes.yaxis)
        return self._finished(figure, panels, f"▲ highest load with ≤ {LIMIT_PERCENT} % lost")

    def pps(self, over: HasTrials | None = None) -> "Figure":
        """Received versus offered load; on the thin line nothing is lost."""
        figure, panels = self._panels("received (frames/s)", over)
        for size, axes in panels.items():
            for curve in self._curves(size, "rx_pps", over):
                curve.draw(axes)
                if curve.limit and not curve.is_under:
                    axes.axhline(np.nanmax(curve.y), color=curve.color, lw=0.8, ls=":")
            axes.set_yscale("log")
            ends = axes.get_xlim()
            axes.plot(ends, ends, color=INK, lw=0.7, zorder=0)
            axes.set_xlim(*ends)
            load_axis(axes.yaxis)
        return self._finished(figure, panels, "dotted: the most a DUT returned beyond its limit")

    def latency(self, quantity: str = "p50", over: HasTrials | None = None) -> "Figure":
        """Latency versus offered load: min, avg, p50, p90, p99, p999 or max.

        The dashed line is what the lab itself takes (lk.calibrate). Where `over` has not measured
        the quantity its average stands in, and the legend says so.
        """
        column = f"latency_{quantity}_ns"
        if column not in self.table:
            raise LabError(
                f"latency has no {quantity!r}; choose min, avg, p50, p90, p99, p999 or max"
            )
        figure, panels = self._panels(f"latency, {quantity} (µs)", over)
        for size, axes in panels.items():
            for curve in self._curves(size, column, over, instead="latency_avg_ns", scale=1e-3):
                curve.draw(axes)
            self._draw_floor(axes, quantity)
            axes.set_yscale("log")
            number_axis(axes.yaxis)
        return self._finished(figure, panels)

    def percentiles(self, target_pps: float | None = None) -> "Figure":
        """Latency by percentile at one target load (None: the lowest that was measured).

        From the histograms of the trials, repeats added up; trials without one are left out.
        """
        measured = self.table.dropna(subset=["latency_histogram"])
        if measured.empty:
            raise LabError("no trial has a latency histogram; measure with latency=True")
        loads = sorted(measured["target_pps"].dropna().unique())
        if not loads:
            raise LabError(NO_TARGET)
        load = loads[0] if target_pps is None else target_pps
        if load not in loads:
            there = ", ".join(f"{value:,.0f}" for value in loads)
            raise LabError(f"no trial has target_pps {load:,.0f}; there are {there}")
        chosen = measured[measured["target_pps"] == load]
        figure, panels = _figure(chosen)
        for size, axes in panels.items():
            for number, config in enumerate(dict.fromkeys(self.table["config"])):
                at = rows_of(chosen, config, size)
                if len(at):
                    color, marker = PALETTE[number % 7], MARKERS[number % 7]
                    texts = list(at["latency_histogram"])
                    draw_percentiles(axes, texts, color=color, label=config, marker=marker)
            self._draw_floor(axes, "p50")
            percentile_axes(axes)
        next(iter(panels.values())).set_ylabel("latency (µs)")
        return self._finished(figure, panels, f"{si_load(load)} frames/s offered")

    def _draw_floor(self, axes: "Axes", quantity: str) -> None:
        if quantity in self.floor_ns:
            height = self.floor_ns[quantity] / 1e3
            axes.axhline(height, color=FAINT, ls="--", lw=1, label="the lab itself")

    def _panels(self, ylabel: str, over: HasTrials | None) -> tuple["Picture", Panels]:
        if self.table.empty:
            raise LabError("there are no trials to draw")
        if over is not None:
            check_results("over", over)
        figure, panels = _figure(self.table)
        tables = [self.table, *([over.table] if over else [])]
        targets = sorted({t for table in tables for t in table["target_pps"].dropna()})
        if not targets:
            raise LabError(NO_TARGET)
        sent = [table["tx_pps"][table["tx_pps"] > 0].min() for table in tables]  # NaN: none
        lowest = np.nanmin([targets[0], *sent])
        for axes in panels.values():
            axes.set_xscale("log")
            axes.set_xlim(lowest / 1.25, targets[-1] * 1.25)
            few = targets if len(targets) <= 6 else targets[:: len(targets) // 5]
            axes.set_xticks(few, [si_load(target) for target in few])
            axes.xaxis.set_minor_locator(_no_ticks())
            axes.set_xlabel("offered load (frames/s)")
        next(iter(panels.values())).set_ylabel(ylabel)
        return figure, panels

    def _curves(
        self,
        size: Size,
        quantity: str,
        over: HasTrials | None,
        instead: str | None = None,
        scale: float = 1.0,
    ) -> Iterator["Curve"]:
        if over:
            under = named(over.table)
            for number, config in enumerate(dict.fromkeys(under["config"])):
                rows = rows_of(under, config, size)
                substitute = bool(instead) and rows[quantity].isna().all()
                column = instead if substitute and instead else quantity
                label = f"{config} (avg)" if column != quantity else str(config)
                style = {"dashes": DASHES[number % 4], "lw": 1.2, "zorder": 1}
                look = (label, GREYS[number % 4], MARKERS[number % 7], style)
                yield Curve.of(rows, column, scale, look, is_under=True)
        for number, config in enumerate(dict.fromkeys(self.table["config"])):
            look = (str(config), PALETTE[number % 7], MARKERS[number % 7], {"lw": 1.8, "zorder": 3})
            yield Curve.of(rows_of(self.table, config, size), quantity, scale, look)

    def _finished(self, figure: "Picture", panels: Panels, note: str = "") -> "Figure":
        entries: dict[str, Any] = {}
        for axes in panels.values():
            entries.update(zip(*reversed(axes.get_legend_handles_labels()), strict=True))
        figure.legend(
            entries.values(), entries.keys(), loc="outside lower center", ncols=4, frameon=False
        )
        lines = ["   ".join(filter(None, (self.title, note)))]
        if any(axes.containers for axes in panels.values()):
            lines.append("bars: 95 % confidence intervals of the mean over repeats")
        figure.suptitle("\n".join(filter(None, lines)), fontsize=10)
        return figure


def _figure(table: "pd.DataFrame") -> tuple["Picture", Panels]:
    """A panel for every size and mix of sizes that the trials have."""
    means, mixes = table["size_bytes"], table["mix"]
    sizes: list[Size] = sorted(set(zip(means, mixes, strict=True)))
    width, height = PANEL_INCHES
    figure = Picture(figsize=(max(2, len(sizes)) * width, height + 0.9), layout="constrained")
    panels = figure.subplots(1, len(sizes), sharey=True, squeeze=False)[0]
    for size, axes in zip(sizes, panels, strict=True):
        axes.set_title(size_name(*size), fontsize=10)
        plain_axes(axes)
    return figure, dict(zip(sizes, panels, strict=True))


def _no_ticks() -> Any:
    from matplotlib.ticker import NullLocator

    return NullLocator()
