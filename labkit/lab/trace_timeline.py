# SPDX-License-Identifier: BSD-3-Clause
"""The way of one traced frame as a time line: a bar a node, below each other, over an axis."""

from collections.abc import Sequence
from html import escape

from labkit.lab.trace_spans import Span
from labkit.text import MISSING, Html, shortened
from labkit.units import plain

WIDTH, NAMES, NUMBERS = 760, 230, 96  # of the picture, its names, and the numbers right of the bars
ROW, BAR, AXIS, HEAD = 22, 12, 34, 4
LONGEST_NAME = 34  # letters
TICKS = (1, 2, 5)
NS = (("s", 10**9), ("ms", 10**6), ("µs", 10**3), ("ns", 1))
COLORS = ("#0072b2", "#c44600", "#007a5a", "#8a5a9e", "#7a6200")  # of workers, in turn
DROPPED = "#c5362b"


def timeline(spans: Sequence[Span], first_row: int = 0) -> Html:
    """SVG of the spans of one frame; "" of none.

    first_row: number of the first span in its list; each bar tells its own in data-row
    """
    if not spans:
        return Html("")
    start = spans[0].begin_ns
    total = max(1, *(span.begin_ns - start + (span.length_ns or 0) for span in spans))
    unit, size = next(((u, s) for u, s in NS if total >= s), ("ns", 1))
    scale = (WIDTH - NAMES - NUMBERS) / total
    workers = list(dict.fromkeys(span.worker for span in spans))
    height = HEAD + ROW * len(spans) + AXIS
    parts = [_axis(total, unit, size, scale, height)]
    for row, span in enumerate(spans):
        color = COLORS[workers.index(span.worker) % len(COLORS)]
        parts.append(_bar(row, first_row + row, span, start, scale, color))
    title = f"frame {spans[0].step.packet}: {len(spans)} nodes in {_told(total)}"
    return Html(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" '
        f'style="width:100%;max-width:{WIDTH}px;height:auto;display:block" fill="currentColor" '
        f'font-family="system-ui,sans-serif" font-size="12" aria-label="{escape(title)}">'
        f"<title>{escape(title)}</title>{''.join(parts)}</svg>"
    )


def _bar(row: int, number: int, span: Span, start: int, scale: float, color: str) -> str:
    x = NAMES + (span.begin_ns - start) * scale
    y = HEAD + row * ROW
    step, middle = span.step, y + ROW / 2 + 4
    lane = f" (lane {step.lane})" if step.lane else ""
    name = escape(shortened(f"{step.path or MISSING}/{step.node}{lane}", LONGEST_NAME))
    told = "end" if span.length_ns is None else _told(span.length_ns)
    if step.node.startswith("drop_"):
        color, told = DROPPED, "dropped"
    where = escape(f"{step.node} ({span.worker}), +{_told(span.begin_ns - start)}: {told}")
    width = max(2.0, (span.length_ns or 0) * scale)
    shape = f'<rect x="{x:.1f}" y="{y + (ROW - BAR) / 2}" width="{width:.1f}" height="{BAR}" rx="2"'
    if span.length_ns is None:  # a moment, whose end nobody saw
        shape = f'<circle cx="{x:.1f}" cy="{y + ROW / 2}" r="5"'
        width = 6
    return (
        f'<g data-row="{number}"><title>{where}</title>'
        f'<rect class="lk-row" x="0" y="{y}" width="{WIDTH}" height="{ROW}" fill="transparent"/>'
        f'<text x="{NAMES - 8}" y="{middle}" text-anchor="end">{name}</text>'
        f'{shape} fill="{color}"/>'
        f'<text x="{x + width + 6:.1f}" y="{middle}">{told}</text></g>'
    )


def _axis(total: int, unit: str, size: int, scale: float, height: int) -> str:
    bottom = height - AXIS + 4
    every = _step(total)
    parts = []
    for at in range(0, total + 1, every):
        x = NAMES + at * scale
        number = plain(at / size)
        parts.append(
            f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{HEAD}" y2="{bottom}" stroke="currentColor" '
            f'opacity="0.18"/><text x="{x:.1f}" y="{bottom + 13}" text-anchor="middle" '
            f'opacity="0.8">{number}</text>'
        )
    middle = NAMES + total * scale / 2
    parts.append(
        f'<text x="{middle:.1f}" y="{bottom + 28}" text-anchor="middle" opacity="0.8">'
        f"time since it entered the first node ({unit})</text>"
    )
    return "".join(parts)


def _step(total: int) -> int:
    """Nanoseconds from tick to tick: four to ten of them."""
    power = 1
    while True:
        for one in TICKS:
            if total / (one * power) <= 8:
                return one * power
        power *= 10


def _told(ns: int) -> str:
    unit, size = next(((u, s) for u, s in NS if ns >= s), ("ns", 1))
    return f"{plain(ns / size, 3)} {unit}"
