# SPDX-License-Identifier: BSD-3-Clause
"""Dropped frames as red labels beside the node that refused them, one for each reason."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from labkit.figure.theme import INK
from labkit.path.layout import Size
from labkit.path.svg import Tint, arrowhead, curve, group, number, rect, text, text_width
from labkit.units import si

TINT = Tint("#a82418", "#fcecea")
SIZE, HEIGHT, STEP = 11.0, 22.0, 27.0
MOST = 12  # labels of one node; what is left shares the last
ARROW = 26.0


@dataclass(frozen=True)
class Chip:
    """What a label says.

    Attributes
    ----------
    label, tooltip: its text, and what it means
    key: "node/drop node", by which a page finds it; "" for what is left
    """

    label: str
    tooltip: str
    key: str = ""

    @property
    def width(self) -> float:
        """Room it takes."""
        return text_width(self.label, SIZE, bold=True) + 16


@dataclass(frozen=True)
class Refusals:
    """A node with the labels of what it refused."""

    node: str
    chips: tuple[Chip, ...]

    @property
    def width(self) -> float:
        """Room that the node's name, an arrow and the widest label take beside each other."""
        return self.indent + max(chip.width for chip in self.chips)

    @property
    def indent(self) -> float:
        """Where its labels begin."""
        return text_width(self.node, SIZE, bold=True) + ARROW + 10


def chips_of(node: str, drops: Mapping[str, int]) -> tuple[Chip, ...]:
    """Labels of what a node refused, most frames first."""
    some = sorted(((name, n) for name, n in drops.items() if n), key=lambda item: -item[1])
    shown, rest = (some, []) if len(some) <= MOST else (some[: MOST - 1], some[MOST - 1 :])
    chips = [
        Chip(f"{name}  {si(n)}", _told(node, name, f"{n:,} frames dropped"), f"{node}/{name}")
        for name, n in shown
    ]
    if rest:
        lines = "\n".join(f"{name}: {n:,} frames dropped" for name, n in rest)
        total = si(sum(n for _, n in rest))
        chips.append(Chip(f"{len(rest)} other reasons  {total}", f"{node} refused\n{lines}"))
    return tuple(chips)


def live_chips(node: str, names: Iterable[str], room: str) -> tuple[Chip, ...]:
    """Labels that a page writes into; room: the widest that it writes after a name."""
    return tuple(Chip(f"{name}  {room}", _told(node, name), f"{node}/{name}") for name in names)


def refusals_of(drops: Mapping[str, Mapping[str, int]]) -> tuple[Refusals, ...]:
    """Of drops by node, those that there are."""
    found = ((node, chips_of(node, refused)) for node, refused in drops.items())
    return tuple(Refusals(node, chips) for node, chips in found if chips)


def stack_size(chips: Sequence[Chip]) -> Size:
    """Room that labels take below each other."""
    return Size(max(chip.width for chip in chips), STEP * len(chips) - (STEP - HEIGHT))


def draw_stack(chips: Sequence[Chip], x: float, y: float) -> list[str]:
    """Labels below each other."""
    return [_chip(chip, x, y + STEP * i) for i, chip in enumerate(chips)]


def draw_refusals(
    refusals: Sequence[Refusals], x: float, y: float, width: float
) -> tuple[list[str], float]:
    """Each node's name with an arrow to its labels, which stand in rows no wider than `width`, and
    the height of it all."""
    parts: list[str] = []
    top = y
    for refused in refusals:
        start, left = x + refused.indent, x + refused.indent
        parts.append(text(x, top + 15, refused.node, size=SIZE, color=INK, bold=True))
        tip, middle = start - 3, top + HEIGHT / 2
        way = f"M{number(tip - ARROW)},{number(middle)} H{number(tip - 6)}"
        edge = (
            curve(way, color=TINT.edge, width=2),
            arrowhead(tip, middle, "right", color=TINT.edge),
        )
        parts.append(group(edge, f"{refused.node} refused"))
        for chip in refused.chips:
            if left > start and left + chip.width > x + width:
                left, top = start, top + STEP
            parts.append(_chip(chip, left, top))
            left += chip.width + 8
        top += STEP
    return parts, top - y - (STEP - HEIGHT) if refusals else 0.0


def _chip(chip: Chip, x: float, y: float) -> str:
    box = rect(x, y, chip.width, HEIGHT, tint=TINT, radius=HEIGHT / 2, stroke=1)
    words = text(x + 8, y + 15, chip.label, size=SIZE, color=TINT.edge, bold=True, mark="lk-drop")
    return group((box, words), chip.tooltip, **({"drop": chip.key} if chip.key else {}))


def _told(node: str, name: str, frames: str = "") -> str:
    """Frames, the node, what the verdict of the drop node means, and its source."""
    from labkit.packet.codec import VERDICT_BY_NAME

    verdict = VERDICT_BY_NAME.get(name.removeprefix("drop_"))
    reason = f"{verdict.sentence} {verdict.source}".strip() if verdict else ""
    count = f"{name}: {frames} by {node}" if frames else f"{name} of {node}"
    return f"{count}\n{reason}".rstrip()
