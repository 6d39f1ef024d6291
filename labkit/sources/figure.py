# SPDX-License-Identifier: BSD-3-Clause
"""The course of counters over time as a picture."""

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure

from labkit.figure import GREYS, PALETTE, Picture, load_axis, plain_axes

if TYPE_CHECKING:
    from labkit.sources.samples import Samples

MOST_LINES = 14  # twice the palette, the second time dashed
CHOSEN = 6
LONG = 2 * 3600  # seconds from which on hours are shown
FAULT_COLOR = "#cf222e"
# A rate's unit on the axis
SYMBOLS = {"packets": "packets/s", "bytes": "B/s", "cycles": "cycles/s", "": "1/s"}
LEVELS = {"bytes": "B", "": "value"}


def time_figure(samples: "Samples", names: list[str]) -> Figure:
    """One line a name, one pair of axes a unit, all over the same time."""
    from labkit.sources.base import SourceError

    if len(samples) < 2:
        raise SourceError(
            f"{samples.label}: {len(samples)} samples make no picture; record for longer"
        )
    if len(names) > MOST_LINES:
        raise SourceError(
            f"{len(names)} counters are more than {MOST_LINES} lines that can be told apart; name "
            f"fewer (the first are {', '.join(names[:4])})"
        )
    table = samples.rates
    faults = _fault_times(samples)
    start = samples.samples[0]
    unit_of_time, scale = ("hours", 3.6e12) if samples.seconds > LONG else ("seconds", 1e9)
    times = np.array([s.monotonic_ns - start.monotonic_ns for s in samples.samples[1:]]) / scale
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault(_axis_unit(samples, name), []).append(name)
    figure = Picture(figsize=(10, 1.2 + 2.4 * len(groups)), layout="constrained")
    rows = figure.subplots(len(groups), 1, sharex=True, squeeze=False)[:, 0]
    for axes, (unit, members) in zip(rows, groups.items(), strict=True):
        for number, name in enumerate(members):
            color = PALETTE[number % len(PALETTE)]
            dashes = "--" if number >= len(PALETTE) else "-"
            values = table[name].to_numpy()
            # A point between two gaps makes no line.
            dot = "." if len(times) < 60 else ""
            axes.plot(times, values, dashes + dot, color=color, label=name, lw=1.5)
            _mark_faults(axes, faults.get(name, np.empty(0)) / scale, number, name)
        axes.set_ylabel(unit)
        axes.set_ylim(bottom=0)
        load_axis(axes.yaxis)
        plain_axes(axes)
        _shade_gaps(axes, times, samples.hz * scale / 1e9)
        axes.legend(frameon=False, fontsize=8, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    when = np.datetime64(start.time_ns, "ns").astype("datetime64[s]").item()
    rows[-1].set_xlabel(f"{unit_of_time} since {when:%Y-%m-%d %H:%M:%S} UTC")
    missing = f", {samples.gaps} missing" if samples.gaps else ""
    figure.suptitle(f"{samples.label}: {len(samples)} samples{missing}", fontsize=11)
    return figure


def most_moving(samples: "Samples") -> list[str]:
    """The packet counters with the highest rates; without any, the first counters."""
    highest = samples.rates.max()
    packets = [name for name in samples.names if samples.units.get(name) == "packets"]
    moving = highest[packets][highest[packets] > 0].sort_values(ascending=False)
    return [str(name) for name in moving.index[:CHOSEN]] or list(samples.names[:CHOSEN])


def _axis_unit(samples: "Samples", name: str) -> str:
    schema = next(s.schema for s in samples.samples if name in s.schema.index)
    unit = schema.units.get(name, "")
    if schema.kinds.get(name, "counter") == "counter":
        return SYMBOLS.get(unit, f"{unit}/s")
    return LEVELS.get(unit, unit)


def _fault_times(samples: "Samples") -> dict[str, Any]:
    """Of each name's faults, in ns since the first sample."""
    start = samples.samples[0].monotonic_ns
    found: dict[str, list[int]] = {}
    for sample, change in samples.each_rate():
        for name in change.faults:
            found.setdefault(name, []).append(sample.monotonic_ns - start)
    return {name: np.array(times) for name, times in found.items()}


def _mark_faults(axes: Any, times: Any, number: int, name: str) -> None:
    """Crosses along the bottom, a row for each line."""
    if not times.size:
        return
    height = 0.03 + 0.05 * number
    axes.plot(
        times,
        [height] * len(times),
        "x",
        color=FAULT_COLOR,
        transform=axes.get_xaxis_transform(),
        ms=5,
        label=f"fault of {name}",
    )


def _shade_gaps(axes: Any, times: Any, ticks: float) -> None:
    """Where samples are missing; `ticks` there should be in a unit of time."""
    times = np.concatenate([[0.0], times])
    for i in np.flatnonzero(np.diff(times) * ticks > 2.5):
        axes.axvspan(times[i], times[i + 1], color=GREYS[1], alpha=0.2, lw=0)
