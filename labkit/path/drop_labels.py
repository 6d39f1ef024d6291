# SPDX-License-Identifier: BSD-3-Clause
"""Dropped frames as red labels: one for each drop node that has any."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from labkit.path.svg import Tint, group, rect, text, text_width
from labkit.units import si

TINT = Tint("#a82418", "#fcecea")
SIZE, HEIGHT, STEP = 11.0, 22.0, 28.0


@dataclass(frozen=True)
class Chip:
    """What a label says."""

    label: str
    tooltip: str

    @property
    def width(self) -> float:
        """Room it takes."""
        return text_width(self.label, SIZE, bold=True) + 16


def drop_chips(drops: Mapping[str, int]) -> list[Chip]:
    """Labels of the drop nodes that have frames, most frames first."""
    some = sorted(((name, n) for name, n in drops.items() if n), key=lambda item: -item[1])
    return [
        Chip(f"{name}  {si(n)}", f"{name}: {n:,} frames dropped\n{_reason(name)}".rstrip())
        for name, n in some
    ]


def draw_chips(chips: Sequence[Chip], x: float, y: float, width: float) -> tuple[list[str], float]:
    """The labels in rows no wider than `width`, and the height they take."""
    parts, left, top = [], x, y
    for chip in chips:
        if left > x and left + chip.width > x + width:
            left, top = x, top + STEP
        box = rect(left, top, chip.width, HEIGHT, tint=TINT, radius=HEIGHT / 2, stroke=1)
        middle = left + chip.width / 2
        words = text(
            middle, top + 15, chip.label, size=SIZE, color=TINT.edge, bold=True, anchor="middle"
        )
        parts.append(group((box, words), chip.tooltip))
        left += chip.width + 8
    return parts, top - y + HEIGHT if parts else 0.0


def _reason(name: str) -> str:
    """What the verdict of a drop node means, and its source."""
    from labkit.packet.codec import VERDICT_BY_NAME

    verdict = VERDICT_BY_NAME.get(name.removeprefix("drop_"))
    return f"{verdict.sentence} {verdict.source}".strip() if verdict else ""
