# SPDX-License-Identifier: BSD-3-Clause
"""A path as a picture: its nodes from left to right, with counters where they are given."""

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from labkit.path.drop_labels import Chip, draw_chips, drop_chips
from labkit.path.edge_frames import NodeReading, PathReading, edge_frames
from labkit.path.graph import Edge, NamedNode
from labkit.path.kinds import KINDS, Value, outputs_of
from labkit.path.layout import Layout, Place, Size, Turn, place
from labkit.path.path import Path
from labkit.path.svg import (
    BLUE,
    CARD_EDGE,
    FAINT,
    GREEN,
    INK,
    LINE,
    ORANGE,
    RED,
    Tint,
    arrowhead,
    card,
    curve,
    frames_text,
    group,
    number,
    rect,
    shortened,
    text,
    text_width,
)
from labkit.units import si

__all__ = ["NodeReading", "PathReading", "live_path_svg", "path_svg"]

MARGIN = 18.0
TITLE_HEIGHT = 30.0
WIDEST = 1080.0  # a longer path goes on in another row
GAP = 40.0  # between columns, labels excepted
PADDING = 13.0
TITLE, DETAIL, LABEL = 12.5, 11.0, 10.5
LINE_HEIGHT = 15.0
MOST_LETTERS = 30  # of a detail line
BUSY = "#3d4752"  # an edge that carried frames
# Room for what a page writes into a live drawing, and its names for colours
WIDEST_RATE = "888 Mpps"
WIDEST_COUNTS = "888 Mpps · 88,888 cycles"
VARIABLES = {
    "#ffffff": "ground",
    INK: "ink",
    FAINT: "faint",
    LINE: "wire",
    CARD_EDGE: "ground",
    **{
        color: name + suffix
        for name, tint in {"blue": BLUE, "green": GREEN, "orange": ORANGE, "refuse": RED}.items()
        for color, suffix in ((tint.edge, ""), (tint.fill, "-fill"))
    },
}


@dataclass(frozen=True)
class _Face:
    """What a node's box says."""

    title: str
    details: tuple[str, ...]
    counts: str | None
    tooltip: str

    @property
    def size(self) -> Size:
        rows = [text_width(self.title, TITLE, bold=True)]
        rows += [text_width(line, DETAIL) for line in self.details]
        if self.counts is not None:
            rows.append(text_width(self.counts, DETAIL, bold=True))
        height = 28 + LINE_HEIGHT * len(self.details) + (20 if self.counts is not None else 0)
        return Size(max(92, max(rows) + 2 * PADDING), max(height, 34))


def path_svg(path: Path, counters: PathReading | None = None) -> str:
    """The path as SVG.

    counters: frames and cycles by node and frames by drop node, such as RunningPath.counters; they
    are written on nodes and edges, and drops below in red.
    """
    faces = {node.name: _face(node, counters) for node in path.nodes}
    frames = edge_frames(path, counters) if counters is not None else {}
    labels = {edge: _edge_label(path, edge, frames) for edge in path.edges}
    return _drawing(path, faces, labels, frames, drop_chips(counters.drops) if counters else [])


def live_path_svg(path: Path) -> str:
    """The path as SVG for a page that writes rates into it.

    There is room for them: elements of class "counts" in groups with data-node, of class "rate" in
    groups with data-edge (its number in path.edges) and data-output. Colours are CSS variables.
    """
    faces = {}
    for node in path.nodes:
        face = _face(node, None)
        counts = WIDEST_RATE if KINDS[node.kind].role == "source" else WIDEST_COUNTS
        faces[node.name] = replace(face, counts=counts)
    labels = {edge: f"{_edge_label(path, edge, {})}  {WIDEST_RATE}".strip() for edge in path.edges}
    svg = _drawing(path, faces, labels, {}, [])
    for color, variable in VARIABLES.items():
        svg = svg.replace(f'"{color}"', f'"var(--lk-{variable})"')
    return svg


def _drawing(
    path: Path,
    faces: Mapping[str, "_Face"],
    labels: Mapping[Edge, str],
    frames: Mapping[Edge, int],
    chips: Sequence[Chip],
) -> str:
    gaps = {name: GAP + _stub(path, name, labels) for name in faces}
    sizes = {name: face.size for name, face in faces.items()}
    layout = place(path, sizes, gaps, WIDEST)

    boxes = [_box(node, faces[node.name], layout.places[node.name]) for node in path.nodes]
    drawn = [
        _edge(path, edge, layout, labels, frames.get(edge))
        for edge in sorted(path.edges, key=lambda e: bool(frames.get(e)))  # busy ones on top
    ]
    heading = shortened(path.name, 60)
    width = max(
        layout.width,
        text_width(heading, TITLE, bold=True),
        *(chip.width for chip in chips),
        *([300] if chips else []),
    )
    below = TITLE_HEIGHT + layout.height + 22
    red, depth = draw_chips(chips, 0, below, width)
    height = below + depth if chips else TITLE_HEIGHT + layout.height
    title = text(0, 13, heading, size=TITLE, bold=True, color=INK)
    inner = f'<g transform="translate(0,{number(TITLE_HEIGHT)})">{"".join((*drawn, *boxes))}</g>'
    moved = f'<g transform="translate({number(MARGIN)},{number(MARGIN)})">{title}{inner}'
    return card(
        width + 2 * MARGIN,
        height + 2 * MARGIN,
        f"path {path.name}: {path!r}",
        (moved, *red, "</g>"),
    )


def _tint(kind: str) -> Tint:
    if kind in ("refuse", "sink"):
        return RED
    return {"source": BLUE, "process": GREEN, "end": ORANGE}[KINDS[kind].role]


def _face(node: NamedNode, counters: PathReading | None) -> _Face:
    reading = None if counters is None else counters.nodes.get(node.name)
    kind = KINDS[node.kind]
    known = "; ".join(f"{key}: {_plain(value)}" for key, value in node.params.items())
    reference = f" ({kind.reference})" if kind.reference else ""
    tooltip = f"{node.name}: {kind.sentence}{reference}"
    if known:
        tooltip += f"\n{known}"
    counts = None
    if reading is not None:
        counts = frames_text(reading.objects)
        tooltip += f"\n{reading.objects:,} frames in {reading.calls:,} calls"
        # A source's cycles are mostly those of polls that brought nothing.
        if reading.objects and kind.role != "source":
            each = reading.cycles / reading.objects
            counts = f"{si(reading.objects)} · {each:,.0f} cycles each"
            tooltip += f", {each:,.1f} cycles a frame"
    details = tuple(shortened(line, MOST_LETTERS) for line in _details(node))
    return _Face(node.name, details, counts, tooltip)


def _plain(value: Value) -> str:
    if isinstance(value, list):
        return ", ".join(value)
    return "not given" if value is None else str(value)


def _details(node: NamedNode) -> list[str]:
    """Lines below the title: what the name does not say already."""
    kind, params = node.kind, node.params
    port = params.get("port")
    lines = []
    first = []
    if not node.name.startswith(kind):
        first.append(kind)
    if port is not None and node.name.partition(":")[2].partition(".")[0] != port:
        first.append(f"port {port}")
    if params.get("queue"):
        first.append(f"queue {params['queue']}")
    if kind == "inject":
        first.append("from Python")
    if kind == "collect":
        first.append("to Python")
    if first:
        lines.append(", ".join(first))
    if params.get("udp_port"):
        lines.append(f"UDP port {params['udp_port']}")
    if "addresses" in params:
        lines.append(_addresses(node))
    if isinstance(tunnel := params.get("tunnel"), Mapping):
        lines += _tunnel(tunnel)
    if "file" in params:
        lines.append(str(params["file"]).rsplit("/", 1)[-1])
    if params.get("snaplen"):
        lines.append(f"first {params['snaplen']} B of each")
    if "run" in params:
        lines.append(f"run {params['run']}")
    if kind == "reflect":
        lines.append("MAC, IP, ports swapped")
    return lines


def _addresses(node: NamedNode) -> str:
    """The addresses the kind looks at, those that fit on a line."""
    addresses = node.params["addresses"]
    assert isinstance(addresses, list)
    only = {"arp_responder": 4, "nd_responder": 6}.get(node.kind)
    shown = [a for a in addresses if only in (None, ipaddress.ip_interface(a).version)]
    if not shown:
        return f"no IPv{only} address"
    line = shown[0]
    for number_left, address in enumerate(shown[1:], start=1):
        if len(f"{line}, {address}") > MOST_LETTERS - 4:
            return f"{shortened(line, MOST_LETTERS - 5)} + {len(shown) - number_left}"
        line = f"{line}, {address}"
    return line


def _tunnel(tunnel: Mapping[str, Any]) -> list[str]:
    """Protocol and network; the two ends."""
    protocol = str(tunnel["protocol"]).upper()
    if "vni" in tunnel:
        vni = tunnel["vni"]
        protocol += ", any VNI" if vni is None else f", VNI {vni}"
    ends = [str(tunnel[end]) for end in ("local", "remote") if tunnel[end]]
    return [protocol, shortened(" to ".join(ends), MOST_LETTERS)] if ends else [protocol]


def _edge_label(path: Path, edge: Edge, frames: Mapping[Edge, int]) -> str:
    """The output, unless it is the only one and called next, and the frames, where known."""
    (kind,) = (node.kind for node in path.nodes if node.name == edge.source)
    parts = [] if outputs_of(kind) == ("next",) else [edge.output]
    if edge in frames:
        parts.append(si(frames[edge]))
    return "  ".join(parts)


def _stub(path: Path, name: str, labels: Mapping[Edge, str]) -> float:
    """Length of the straight beginning of a node's edges, which carries the label."""
    widths = [text_width(labels[e], LABEL) for e in path.edges if e.source == name and labels[e]]
    return max(widths) + 12 if widths else 0


def _box(node: NamedNode, face: _Face, at: Place) -> str:
    tint = _tint(node.kind)
    parts = [rect(at.x, at.y, at.width, at.height, tint=tint)]
    x, y = at.x + PADDING, at.y + 19
    if not face.details and face.counts is None:
        y = at.middle + TITLE * 0.35
    parts.append(text(x, y, face.title, size=TITLE, bold=True))
    for line in face.details:
        y += LINE_HEIGHT
        parts.append(text(x, y, line, size=DETAIL, color=FAINT))
    if face.counts is not None:
        rule = f"M{number(at.x)},{number(y + 8)} H{number(at.right)}"
        parts.append(curve(rule, color=tint.edge, width=0.6))
        color = FAINT if face.counts == "0 frames" else INK
        y = at.y + at.height - 7
        parts.append(text(x, y, face.counts, size=DETAIL, color=color, mark="counts"))
    return group(parts, face.tooltip, node=node.name)


def _edge(
    path: Path, edge: Edge, layout: Layout, labels: Mapping[Edge, str], frames: int | None
) -> str:
    label, stub = labels[edge], _stub(path, edge.source, labels)
    route = layout.routes[edge]
    start, end = route[0], route[-1]
    color, width = (BUSY, 2.0) if frames else (LINE, 1.5)
    tooltip = f"{edge.source}[{edge.output}] >> {edge.target}"
    if frames is not None:
        tooltip += f"\n{frames:,} frames"
    if start.column == end.column:
        parts = _fall(start, end, layout, label, color, width)
    else:
        parts = _run(edge, layout, label, stub, color, width)
    number_of = str(path.edges.index(edge))
    return group(parts, tooltip, edge=number_of, output=_edge_label(path, edge, {}))


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
) -> list[str]:
    """An edge to another column, through the points where it passes the columns between."""
    route = layout.routes[edge]
    start, end = route[0], route[-1]
    x, y = start.right, start.middle
    if edge.output == "other":
        y = start.y + start.height - 9
    words = text(
        x + 6,
        y + (14 if edge.output == "other" else -6),
        label,
        size=LABEL,
        color=FAINT,
        mark="rate",
    )
    way = f"M{number(x)},{number(y)}"
    x += stub
    if stub:
        way += f" H{number(x)}"
    at = start
    for to in route[1:]:
        tip = to.x - (7 if to is end else 0)
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
