# SPDX-License-Identifier: BSD-3-Clause
"""Where the boxes of a lab's picture stand: ports in one column, paths in the other."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from labkit.path.drop_labels import Refusals, draw_refusals
from labkit.path.layout import apart
from labkit.path.path import Path
from labkit.path.svg import text_width

GAP = 18.0  # between boxes of a column
PADDING = 13.0
TITLE, DETAIL = 12.5, 11.0
LINE_HEIGHT = 15.5


@dataclass(frozen=True)
class Box:
    """Lines of text with their size."""

    title: str
    lines: tuple[str, ...]
    refusals: tuple[Refusals, ...] = ()

    @property
    def width(self) -> float:
        """What its longest line needs."""
        rooms = [text_width(self.title, TITLE, bold=True) + 60]
        rooms += [text_width(line, DETAIL) for line in self.lines]
        rooms += [refused.width for refused in self.refusals]
        return max(rooms) + 2 * PADDING

    def height(self, width: float) -> float:
        """With its drops in lines of that width."""
        _, red = draw_refusals(self.refusals, 0, 0, width - 2 * PADDING)
        return 31 + LINE_HEIGHT * len(self.lines) + (red + 8 if red else 0)


@dataclass(frozen=True)
class Placed:
    """A box where it is drawn."""

    box: Box
    x: float
    y: float
    width: float
    height: float

    @property
    def middle(self) -> float:
        """Half of its height."""
        return self.y + self.height / 2


def settled(
    ports: Sequence[str],
    paths: Sequence[Path],
    heights: Sequence[float],
    depths: Sequence[float],
) -> tuple[list[float], list[float]]:
    """The upper edges of both columns: ports make room for the paths beside them, then paths settle
    at the height of their ports."""
    index = {port: i for i, port in enumerate(ports)}
    tops = _column(heights)
    levels: list[float] = []
    for _ in range(3):
        wishes = [
            mean(tops[index[p]] + heights[index[p]] / 2 for p in path.ports if p in index)
            - depth / 2
            for path, depth in zip(paths, depths, strict=True)
        ]
        levels = apart(wishes, [depth + GAP for depth in depths])
        middles = [level + depth / 2 for level, depth in zip(levels, depths, strict=True)]
        wishes = [
            mean(
                (m for m, path in zip(middles, paths, strict=True) if port in path.ports),
                tops[i] + heights[i] / 2,
            )
            - heights[i] / 2
            for i, port in enumerate(ports)
        ]
        tops = apart(wishes, [height + GAP for height in heights])
    highest = min([*tops, *levels], default=0)
    return [top - highest for top in tops], [level - highest for level in levels]


def mean(values: Iterable[float], fallback: float = 0.0) -> float:
    """Their mean; the fallback when there are none."""
    listed = list(values)
    return sum(listed) / len(listed) if listed else fallback


def _column(heights: Sequence[float]) -> list[float]:
    tops, y = [], 0.0
    for height in heights:
        tops.append(y)
        y += height + GAP
    return tops
