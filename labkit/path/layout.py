# SPDX-License-Identifier: BSD-3-Clause
"""Where the nodes of a path go: columns from left to right, alternatives stacked in one column."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from graphlib import TopologicalSorter
from itertools import pairwise

from labkit.path.graph import Edge, Graph

ROW_GAP = 34.0  # between boxes of one column
VIA_HEIGHT = 18.0  # room for an edge that passes a column
BAND_GAP = 46.0  # between the rows of columns of a long path
LANE = 9.0  # between edges that lead from one band to the next


@dataclass(frozen=True)
class Size:
    """Width and height of a box."""

    width: float
    height: float


@dataclass(frozen=True)
class Place:
    """A placed box, or the point (`height` 0) where an edge passes a column."""

    x: float
    y: float
    width: float
    height: float
    column: int
    band: int

    @property
    def middle(self) -> float:
        """Height at which edges to the right leave and those from the left arrive."""
        return self.y + self.height / 2

    @property
    def right(self) -> float:
        """The right side."""
        return self.x + self.width


@dataclass(frozen=True)
class Turn:
    """The way of an edge from one band to the next: x on the right, y between, x on the left."""

    right: float
    lane: float
    left: float


@dataclass(frozen=True)
class Layout:
    """Where everything goes.

    Attributes
    ----------
    places: of the nodes, by name
    routes: the places each edge passes, its ends included
    turns: ways of the edges into a band, by edge and number of the band
    width, height: of everything
    """

    places: Mapping[str, Place]
    routes: Mapping[Edge, tuple[Place, ...]]
    turns: Mapping[tuple[Edge, int], Turn]
    width: float
    height: float


def columns_of(path: Graph) -> dict[str, int]:
    """Column of each node: longest path, where `other` leads down and not to the right."""
    incoming: dict[str, list[Edge]] = {node.name: [] for node in path.nodes}
    for edge in path.edges:
        incoming[edge.target].append(edge)
    order = TopologicalSorter({n: {e.source for e in edges} for n, edges in incoming.items()})
    columns: dict[str, int] = {}
    for name in order.static_order():
        columns[name] = max(
            (columns[e.source] + (e.output != "other") for e in incoming[name]), default=0
        )
    return columns


def place(
    path: Graph, sizes: Mapping[str, Size], gaps: Mapping[str, float], width: float
) -> Layout:
    """Places every node.

    sizes of the boxes by node; gaps: room wanted at the right of each node; width at which a path
    goes on in another row of columns (a band).
    """
    columns = columns_of(path)
    stacks, hops = _stacks(path, columns)
    count = max(columns.values()) + 1
    heights = {name: size.height for name, size in sizes.items()}
    tops = _tops(stacks, hops, heights, count)
    members: list[list[str]] = [[] for _ in range(count)]
    for name, column in columns.items():
        members[column].append(name)
    widths = [max(sizes[name].width for name in names) for names in members]
    rooms = [max(gaps[name] for name in names) for names in members]
    bands = _bands(widths, rooms, width)

    crossings = [
        [e for e in path.edges if columns[e.source] < first <= columns[e.target]]
        for first, _ in bands[1:]
    ]
    most_returns = max(map(len, crossings), default=0)
    left = 22 + LANE * most_returns if crossings else 0.0
    places: dict[str, Place] = {}
    rights, highest = [], []
    top = 0.0
    for band, ends in enumerate(bands):
        inside = range(*ends)
        names = [name for column in inside for stack in stacks[column] for name in stack]
        raised = top - min(tops[name] for name in names)
        x = left
        for column in inside:
            for name in (name for stack in stacks[column] for name in stack):
                y, height = raised + tops[name], heights.get(name, VIA_HEIGHT)
                if name not in sizes:
                    y, height = y + height / 2, 0
                places[name] = Place(x, y, widths[column], height, column, band)
            x += widths[column] + rooms[column]
        rights.append(x - rooms[inside.stop - 1])
        highest.append(top)
        top = max(places[n].y + places[n].height for n in names) + BAND_GAP + LANE * most_returns

    routes = {
        edge: tuple(places[name] for name in (edge.source, *via, edge.target))
        for edge, via in hops.items()
    }
    turns: dict[tuple[Edge, int], Turn] = {}
    for band, (crossing, (first, _)) in enumerate(zip(crossings, bands[1:], strict=True), start=1):
        leaving = {e: routes[e][first - 1 - columns[e.source]].middle for e in crossing}
        nearest = Turn(rights[band - 1] + rooms[first - 1] - 10, highest[band] - 22, left - 14)
        turns |= {(e, band): turn for e, turn in _turns(leaving, nearest).items()}
    extent = max([*rights, *(turn.right for turn in turns.values())])
    height = top - BAND_GAP - LANE * most_returns
    return Layout(places, routes, turns, extent, height)


def _turns(leaving: Mapping[Edge, float], nearest: Turn) -> dict[Edge, Turn]:
    """Ways of the edges into a band, side by side.

    leaving: the height at which each leaves the band before; nearest: to what is drawn already
    """
    # The lowest comes first and lies inside on the right, on top, outside on the left.
    order = sorted(leaving, key=lambda edge: -leaving[edge])
    turns = {}
    for rank, edge in enumerate(order):
        outer = LANE * (len(order) - 1 - rank)
        turns[edge] = Turn(nearest.right + LANE * rank, nearest.lane - outer, nearest.left - outer)
    return turns


def _stacks(
    path: Graph, columns: Mapping[str, int]
) -> tuple[list[list[list[str]]], dict[Edge, list[str]]]:
    """Stacks of each column, top to bottom, and the names of the points each edge passes."""
    below = {e.source: e.target for e in path.edges if columns[e.source] == columns[e.target]}
    above = set(below.values())
    stacks: list[list[list[str]]] = [[] for _ in range(max(columns.values()) + 1)]
    placed: set[str] = set()
    for node in path.nodes:
        if node.name in above:
            continue
        stack: list[str] = []
        at: str | None = node.name
        while at is not None and at not in placed:
            stack.append(at)
            placed.add(at)
            at = below.get(at)
        if at is None:
            stacks[columns[node.name]].append(stack)
            continue
        # It falls through to a node that is in another stack already: go above that node.
        host = next(s for s in stacks[columns[node.name]] if at in s)
        host[host.index(at) : host.index(at)] = stack
    hops: dict[Edge, list[str]] = {}
    for number, edge in enumerate(path.edges):
        hops[edge] = []
        for column in range(columns[edge.source] + 1, columns[edge.target]):
            name = f" {number} {column}"  # no node has a blank in its name
            hops[edge].append(name)
            stacks[column].append([name])
    return stacks, hops


def _tops(
    stacks: list[list[list[str]]],
    hops: Mapping[Edge, Sequence[str]],
    heights: Mapping[str, float],
    count: int,
) -> dict[str, float]:
    """Top of each box: stacks are drawn to the height of what leads to them, then of what follows.

    Sorts the stacks of every column in place.
    """
    before: dict[str, list[str]] = {}
    after: dict[str, list[str]] = {}
    column_of = {n: c for c, column in enumerate(stacks) for stack in column for n in stack}
    for edge, via in hops.items():
        chain = (edge.source, *via, edge.target)
        for a, b in pairwise(chain):
            if column_of[a] != column_of[b]:
                after.setdefault(a, []).append(b)
                before.setdefault(b, []).append(a)

    tops: dict[str, float] = {}

    def height(name: str) -> float:
        return heights.get(name, VIA_HEIGHT)

    def wanted(stack: list[str], neighbours: Mapping[str, list[str]]) -> float | None:
        offset, wishes = 0.0, []
        for name in stack:
            for other in neighbours.get(name, ()):
                middle = tops[other] + height(other) / 2
                wishes.append(middle - height(name) / 2 - offset)
            offset += height(name) + ROW_GAP
        return sum(wishes) / len(wishes) if wishes else None

    def settle(column: int, neighbours: Mapping[str, list[str]]) -> None:
        wishes = []
        for stack in stacks[column]:
            wish = wanted(stack, neighbours)
            wishes.append(tops.get(stack[0], 0.0) if wish is None else wish)
        order = sorted(range(len(wishes)), key=wishes.__getitem__)
        stacks[column][:] = [stacks[column][i] for i in order]
        extents = [sum(height(n) + ROW_GAP for n in stack) for stack in stacks[column]]
        for stack, top in zip(
            stacks[column], apart([wishes[i] for i in order], extents), strict=True
        ):
            at = top
            for name in stack:
                tops[name] = at
                at += height(name) + ROW_GAP

    for column in range(count):
        settle(column, before)
    for column in reversed(range(count - 1)):
        settle(column, after)
    for column in range(1, count):
        settle(column, before)
    settle(0, after)
    return tops


def apart(wishes: Sequence[float], extents: Sequence[float]) -> list[float]:
    """Tops nearest to the wishes (least squares) at which items of these extents do not overlap.

    Pool-adjacent-violators on the wishes less the extents of all items above.
    """
    pools: list[tuple[float, int]] = []
    above, starts = 0.0, []
    for wish, extent in zip(wishes, extents, strict=True):
        starts.append(above)
        mean, size = wish - above, 1
        while pools and pools[-1][0] > mean:
            last, weight = pools.pop()
            mean, size = (mean * size + last * weight) / (size + weight), size + weight
        pools.append((mean, size))
        above += extent
    means = [mean for mean, size in pools for _ in range(size)]
    return [mean + start for mean, start in zip(means, starts, strict=True)]


def _bands(widths: Sequence[float], rooms: Sequence[float], most: float) -> list[tuple[int, int]]:
    """First and last-but-one columns of each band: as few bands as fit, of like widths."""
    fewest = _split(widths, rooms, most)
    limit = (sum(widths) + sum(rooms[:-1])) / len(fewest)
    while len(bands := _split(widths, rooms, limit)) > len(fewest):
        limit *= 1.05
    return bands


def _split(widths: Sequence[float], rooms: Sequence[float], most: float) -> list[tuple[int, int]]:
    bands, first, used = [], 0, widths[0]
    for column in range(1, len(widths)):
        used += rooms[column - 1] + widths[column]
        if used > most:
            bands.append((first, column))
            first, used = column, widths[column]
    return [*bands, (first, len(widths))]
