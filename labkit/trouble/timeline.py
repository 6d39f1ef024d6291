# SPDX-License-Identifier: BSD-3-Clause
"""When what was seen, as a picture: a row a sign of each finding, over one axis a clock."""

from collections.abc import Sequence
from datetime import UTC, datetime

from matplotlib.axes import Axes
from matplotlib.dates import date2num
from matplotlib.figure import Figure

from labkit.figure.picture import Picture, clock_axis, number_axis, plain_axes
from labkit.figure.theme import ALARM, PALETTE
from labkit.trouble.evidence import Clock
from labkit.trouble.finding import Finding, Seen

COLORS = {"certain": ALARM, "likely": PALETTE[1], "possible": PALETTE[5]}
MOST_ROWS = 30
LONGEST_NAME = 44
ALONE_SECONDS = 60.0  # that are shown around a single moment

Row = tuple[Finding, Seen]


def timeline(findings: Sequence[Finding]) -> Figure | None:
    """None where no time is known of anything."""
    rows = [(f, seen) for f in findings for seen in f.evidence if seen.moment.clock]
    clocks: list[Clock] = [
        clock for clock in ("wall", "boot") if any(seen.moment.clock == clock for _, seen in rows)
    ]
    if not clocks:
        return None
    of_clock = {
        clock: [row for row in rows if row[1].moment.clock == clock][:MOST_ROWS] for clock in clocks
    }
    heights = [len(of_clock[clock]) + 1.5 for clock in clocks]
    figure = Picture(
        figsize=(10, 0.4 + 0.3 * sum(heights) + 0.5 * len(clocks)), layout="constrained"
    )
    axes = figure.subplots(len(clocks), 1, squeeze=False, height_ratios=heights)[:, 0]
    for place, clock in zip(axes, clocks, strict=True):
        _draw(place, clock, of_clock[clock])
    figure.suptitle("What was seen, and when", fontsize=11)
    return figure


def _draw(axes: Axes, clock: Clock, rows: Sequence[Row]) -> None:
    plain_axes(axes, "x")
    moments: set[float] = set()
    for at, (finding, seen) in enumerate(rows):
        ends = [_at(clock, moment.seconds) for moment in (seen.moment, seen.last) if moment.clock]
        moments.update(ends)
        color = COLORS[finding.level]
        axes.plot(ends, [at] * len(ends), color=color, lw=2, marker="o", ms=5, clip_on=False)
    axes.set_yticks(range(len(rows)), [_name(*row) for row in rows], fontsize=8)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    if clock == "wall":
        clock_axis(axes.xaxis, UTC)
        first = min(seen.moment.seconds for _, seen in rows)
        axes.set_xlabel(f"time, UTC; the first on {datetime.fromtimestamp(first, UTC):%Y-%m-%d}")
    else:
        number_axis(axes.xaxis)
        axes.set_xlabel("seconds since the machine began")
    axes.margins(x=0.05)
    if len(moments) == 1:  # a span of its own, or matplotlib shows years around it
        (only,) = moments
        half = ALONE_SECONDS / 2 / (1 if clock == "boot" else 86_400)
        axes.set_xlim(only - half, only + half)


def _at(clock: Clock, seconds: float) -> float:
    if clock == "boot":
        return seconds
    return float(date2num(datetime.fromtimestamp(seconds, UTC)))  # type: ignore[no-untyped-call]


def _name(finding: Finding, seen: Seen) -> str:
    of = f" {finding.device}" if finding.device else ""
    times = f" ×{seen.count:,}" if seen.count > 1 else ""
    name = f"{finding.id}{of}: {seen.sign}{times}"
    return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}…"
