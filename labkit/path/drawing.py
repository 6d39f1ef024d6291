# SPDX-License-Identifier: BSD-3-Clause
"""A path as a picture: its nodes from left to right, with counters where they are given."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from labkit.path.counters import PathReading
from labkit.path.drop_labels import Chip, draw_chips, drop_chips
from labkit.path.edge_frames import edge_frames
from labkit.path.edge_lines import draw_edge, edge_label, stub_of
from labkit.path.graph import Edge, Graph
from labkit.path.layout import place
from labkit.path.node_boxes import TITLE, Face, box, face_of
from labkit.path.svg import (
    BLUE,
    CARD_EDGE,
    FAINT,
    GREEN,
    INK,
    LINE,
    ORANGE,
    RED,
    card,
    number,
    shortened,
    text,
    text_width,
)

MARGIN = 18.0
TITLE_HEIGHT = 30.0
WIDEST = 1080.0  # a longer path goes on in another row
GAP = 40.0  # between columns, labels excepted
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


def path_svg(path: Graph, counters: PathReading | None = None) -> str:
    """The path as SVG.

    counters: frames and cycles by node and frames by drop node, such as RunningPath.counters; they
    are written on nodes and edges, and drops below in red.
    """
    faces = {node.name: face_of(node, counters) for node in path.nodes}
    frames = edge_frames(path, counters) if counters is not None else {}
    labels = {edge: edge_label(path, edge, frames) for edge in path.edges}
    return _drawing(path, faces, labels, frames, drop_chips(counters.drops) if counters else [])


def live_path_svg(path: Graph) -> str:
    """The path as SVG for a page that writes rates into it.

    There is room for them: elements of class "counts" in groups with data-node, of class "rate" in
    groups with data-edge (its number in path.edges) and data-output. Colours are CSS variables.
    """
    faces = {}
    for node in path.nodes:
        face = face_of(node, None)
        counts = WIDEST_RATE if node.declared.role == "source" else WIDEST_COUNTS
        faces[node.name] = replace(face, counts=counts)
    labels = {edge: f"{edge_label(path, edge, {})}  {WIDEST_RATE}".strip() for edge in path.edges}
    svg = _drawing(path, faces, labels, {}, [])
    for color, variable in VARIABLES.items():
        svg = svg.replace(f'"{color}"', f'"var(--lk-{variable})"')
    return svg


def _drawing(
    path: Graph,
    faces: Mapping[str, Face],
    labels: Mapping[Edge, str],
    frames: Mapping[Edge, int],
    chips: Sequence[Chip],
) -> str:
    gaps = {name: GAP + stub_of(path, name, labels) for name in faces}
    sizes = {name: face.size for name, face in faces.items()}
    layout = place(path, sizes, gaps, WIDEST)

    boxes = [box(node, faces[node.name], layout.places[node.name]) for node in path.nodes]
    drawn = [
        draw_edge(path, edge, layout, labels, frames.get(edge))
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
