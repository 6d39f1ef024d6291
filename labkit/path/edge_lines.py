# SPDX-License-Identifier: BSD-3-Clause
"""The edges of a path's drawing: their labels and their ways between boxes."""

from collections.abc import Mapping

from labkit.figure.theme import BUSY, FAINT, LINE
from labkit.path.drop_labels import TINT
from labkit.path.graph import Edge, Graph
from labkit.path.layout import Layout, Place, Turn
from labkit.path.svg import arrowhead, curve, group, number, text, text_width
from labkit.units import si

LABEL = 10.5
DROPS = "drops"  # the output, in a drawing, by which refused frames leave a node
HOLDS = "holds"  # and from a node that holds frames to the one that lets go of them


def edge_label(path: Graph, edge: Edge, frames: Mapping[Edge, int]) -> str:
    """The output, unless it is the only one and called next, and the frames, where known."""
    outputs = path.node(edge.source).outputs
    parts = [] if edge.output in (DROPS, HOLDS) or outputs == ("next",) else [edge.output]
    if edge in frames:
        parts.append(si(frames[edge]))
    return "  ".join(parts)


def stub_of(path: Graph, name: str, labels: Mapping[Edge, str]) -> float:
    """Length of the straight beginning of a node's edges, which carries the label."""
    widths = [text_width(labels[e], LABEL) for e in path.edges if e.source == name and labels[e]]
    return max(widths) + 12 if widths else 0


def _place_at_end(path: Graph, edge: Edge, labels: Mapping[Edge, str]) -> int | None:
    """Where several edges begin in one point, each has its label at its end: which of those to the
    same box it is. None: its label stands where it begins."""
    apart = ("other", DROPS, HOLDS)
    beside = [
        e for e in path.edges if e.source == edge.source and labels[e] and e.output not in apart
    ]
    if edge not in beside or len(beside) == 1:
        return None
    return [e for e in beside if e.target == edge.target].index(edge)


def draw_edge(
    path: Graph, edge: Edge, layout: Layout, labels: Mapping[Edge, str], frames: int | None
) -> str:
    """An edge with its label; frames that went along it, where they are known."""
    label, stub = labels[edge], stub_of(path, edge.source, labels)
    route = layout.routes[edge]
    start, end = route[0], route[-1]
    color, width = (BUSY, 2.0) if frames else (LINE, 1.5)
    tooltip = f"{edge.source}[{edge.output}] >> {edge.target}"
    if edge.output == DROPS:
        color, tooltip = TINT.edge, f"{edge.source} refused"
    if edge.output == HOLDS:
        tooltip = f"{edge.target} lets go of what {edge.source} holds"
    if frames is not None:
        tooltip += f"\n{frames:,} frames"
    if start.column == end.column:
        parts = _fall(start, end, layout, label, color, width)
    else:
        place = _place_at_end(path, edge, labels)
        parts = _run(edge, layout, label, stub, color, width, place)
    number_of = str(path.edges.index(edge))
    return group(parts, tooltip, edge=number_of, output=edge_label(path, edge, {}))


def _fall(
    start: Place, end: Place, layout: Layout, label: str, color: str, width: float
) -> list[str]:
    """An edge to a box further down in the same column."""
    bottom = start.y + start.height
    is_next = not any(
        p.column == start.column and bottom < p.middle < end.y for p in layout.places.values()
    )
    if is_next:
        x = start.x + start.width / 2
        way = f"M{number(x)},{number(bottom)} V{number(end.y - 7)}"
        head = arrowhead(x, end.y - 1, "down", color=color)
        words = text(x + 8, (bottom + end.y) / 2 + 3, label, size=LABEL, color=FAINT, mark="rate")
    else:
        x, out = start.x, start.x - 22
        way = (
            f"M{number(x)},{number(start.middle)} C{number(out)},{number(start.middle)} "
            f"{number(out)},{number(end.middle)} {number(x - 7)},{number(end.middle)}"
        )
        head = arrowhead(x - 1, end.middle, "right", color=color)
        words = text(start.x + 8, bottom + 14, label, size=LABEL, color=FAINT, mark="rate")
    return [curve(way, color=color, width=width), head, words]


def _run(
    edge: Edge,
    layout: Layout,
    label: str,
    stub: float,
    color: str,
    width: float,
    place: int | None,
) -> list[str]:
    """An edge to another column, through the points where it passes the columns between.

    place: of the label among others at the edge's end; None: it stands where the edge begins
    """
    route = layout.routes[edge]
    start, end = route[0], route[-1]
    x, y = start.right, start.middle
    is_low = edge.output == "other"
    if is_low:
        y = start.y + start.height - 9
    elif edge.output == DROPS:
        # Beside `next`, and beside an `other` that leaves on this side too
        others = (
            r for e, r in layout.routes.items() if (e.source, e.output) == (edge.source, "other")
        )
        is_low = all(route[-1].column == start.column for route in others)
        y = start.y + (start.height - 9 if is_low else 9)
    words = text(
        x + 6 if place is None else end.x - stub,
        y + (14 if is_low else -6) if place is None else end.middle - 6 - 12 * place,
        label,
        size=LABEL,
        color=FAINT,
        mark="rate",
    )
    way = f"M{number(x)},{number(y)}"
    if stub and place is None:
        x += stub
        way += f" H{number(x)}"
    at = start
    for to in route[1:]:
        tip = to.x - (7 if to is end else 0) - (stub if to is end and place is not None else 0)
        if to.band == at.band and len(route) == 2 and abs(to.middle - y) < 4:
            way += f" H{number(tip)}"  # a slope of a pixel or two would look like a mistake
        elif to.band == at.band:
            half = (x + tip) / 2
            way += (
                f" C{number(half)},{number(y)} {number(half)},{number(to.middle)} "
                f"{number(tip)},{number(to.middle)}"
            )
            y = to.middle
        else:
            way += _carriage_return(layout.turns[edge, to.band], tip, to.middle)
            y = to.middle
        if to is not end:
            way += f" H{number(to.right)}"
        elif place is not None:
            way += f" H{number(to.x - 7)}"
        x, at = to.right, to
    head = arrowhead(end.x - 1, y, "right", color=color)
    return [curve(way, color=color, width=width), head, words]


def _carriage_return(turn: Turn, tip: float, y: float) -> str:
    """From the end of a band to the beginning of the one below, between the two."""
    r = 8
    return (
        f" H{number(turn.right - r)} q{r},0 {r},{r} V{number(turn.lane - r)} q0,{r} -{r},{r}"
        f" H{number(turn.left + r)} q-{r},0 -{r},{r} V{number(y - r)} q0,{r} {r},{r}"
        f" H{number(tip)}"
    )
