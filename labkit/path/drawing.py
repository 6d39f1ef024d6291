# SPDX-License-Identifier: BSD-3-Clause
"""A path as a picture: its nodes from left to right, with counters where they are given."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from labkit.figure.large import scale
from labkit.figure.theme import FAINT, GRID, GROUND, INK, LINE
from labkit.path.counters import PathReading
from labkit.path.drop_labels import TINT as DROP
from labkit.path.drop_labels import Chip, chips_of, draw_stack, live_chips, stack_size
from labkit.path.edge_lines import DROPS, HOLDS, draw_edge, edge_label, stub_of
from labkit.path.flows import flows_of
from labkit.path.graph import Edge, Graph, NamedNode
from labkit.path.layout import place
from labkit.path.node_boxes import TITLE, Face, box, face_of
from labkit.path.svg import (
    BLUE,
    GREEN,
    ORANGE,
    RED,
    card,
    number,
    picture_parts,
    text,
    text_width,
)
from labkit.text import shortened

MARGIN = 18.0
TITLE_HEIGHT = 30.0
WIDEST = 860.0  # a longer path goes on in another row
GAP = 40.0  # between columns, labels excepted
# Room for what a page writes into a live drawing, and its names for colours
WIDEST_RATE = "888 Mpps"
WIDEST_COUNTS = "888 Mpps · 88,888 cycles"
TINTS = {"blue": BLUE, "green": GREEN, "orange": ORANGE, "refuse": RED, "red": DROP}
STYLE = re.compile("<style>.*?</style>")
VARIABLES = {
    GROUND: "ground",
    INK: "ink",
    FAINT: "faint",
    LINE: "wire",
    GRID: "ground",
    **{
        color: name + suffix
        for name, tint in TINTS.items()
        for color, suffix in ((tint.edge, ""), (tint.fill, "-fill"))
    },
}


@dataclass(frozen=True)
class Sheet:
    """What is drawn of a path.

    Attributes
    ----------
    graph: the path, and a node for what each node refused, with an edge that leads to it; then
        edges from nodes that hold frames to those that let go of them
    chips: the labels there, by the node that refused
    """

    graph: Graph
    chips: Mapping[str, Sequence[Chip]]

    @classmethod
    def of(cls, path: Graph, chips: Mapping[str, Sequence[Chip]]) -> "Sheet":
        """chips: by the node that refused."""
        ends = tuple(NamedNode(_end(name), DROPS, {}) for name in chips)
        edges = tuple(Edge(name, DROPS, _end(name)) for name in chips)
        all_edges = (*path.edges, *edges, *_holds(path))
        return cls(Graph((*path.nodes, *ends), all_edges, path.name), chips)


def path_picture(
    path: Graph, counters: PathReading | None = None, told: str = ""
) -> dict[str, str]:
    """The path as a notebook shows it, by MIME type.

    counters: as for path_svg; told: what to say of counters that are not of now
    """
    return picture_parts(path_svg(path, counters), f"path {path!r}", told)


def path_svg(path: Graph, counters: PathReading | None = None) -> str:
    """The path as SVG.

    counters: frames and cycles by node and frames by output and drop node, such as
    RunningPath.counters; they are written on nodes and edges, and drops in red, with an edge
    from the node that refused.
    """
    flows = flows_of(path, {} if counters is None else counters.outputs)
    faces = {node.name: face_of(node, counters, flows.nodes.get(node.name)) for node in path.nodes}
    labels = {node: chips_of(node, drops) for node, drops in flows.drops.items()}
    sheet = Sheet.of(path, {node: chips for node, chips in labels.items() if chips})
    frames = dict(flows.edges)
    frames |= {
        e: sum(flows.drops[e.source].values()) for e in sheet.graph.edges if e.output == DROPS
    }
    words = {edge: edge_label(path, edge, frames) for edge in sheet.graph.edges}
    return _drawing(path, sheet, faces, words, frames)


def live_path_svg(path: Graph, refused: Mapping[str, Sequence[str]] | None = None) -> str:
    """The path as SVG for a page that writes rates into it.

    refused: drop nodes by the node that refused, of which there is something to show

    There is room for rates: elements of class "counts" in groups with data-node, of class "rate" in
    groups with data-edge (its number: first those of path.edges, then one for each node in
    `refused`) and data-output, of class "lk-drop" in groups with data-drop ("node/drop node").
    Colours are CSS variables.
    """
    faces = {}
    for node in path.nodes:
        face = face_of(node, None, None)
        counts = WIDEST_RATE if node.declared.role == "source" else WIDEST_COUNTS
        faces[node.name] = replace(face, counts=counts)
    sheet = Sheet.of(
        path,
        {node: live_chips(node, names, WIDEST_RATE) for node, names in (refused or {}).items()},
    )
    labels = {
        e: "" if e.output == HOLDS else f"{edge_label(path, e, {})}  {WIDEST_RATE}".strip()
        for e in sheet.graph.edges
    }
    svg = STYLE.sub("", _drawing(path, sheet, faces, labels, {}))  # the page's own
    for color, variable in VARIABLES.items():
        svg = svg.replace(f'"{color}"', f'"var(--lk-{variable})"')
    return svg


def _holds(path: Graph) -> list[Edge]:
    """By the states that nodes name, of those that hold frames; of two that an edge joins the edge
    says enough, and wires may lead in a ring, of which there is no picture from left to right."""
    with_state = [node for node in path.nodes if node.state]
    joined = {(edge.source, edge.target) for edge in path.edges}
    owners = {node.state: node.name for node in with_state if "held" in node.declared.counters}
    return [
        Edge(owners[node.state], HOLDS, node.name)
        for node in with_state
        if node.state in owners
        and node.name != owners[node.state]
        and not node.declared.has_number
        and (node.name, owners[node.state]) not in joined
    ]


def _end(node: str) -> str:
    """The name of the node that stands for what another one refused; no node of a path has it."""
    return f"{node} {DROPS}"


def _drawing(
    path: Graph,
    sheet: Sheet,
    faces: Mapping[str, Face],
    labels: Mapping[Edge, str],
    frames: Mapping[Edge, int],
) -> str:
    sizes = {name: face.size for name, face in faces.items()}
    sizes |= {_end(name): stack_size(chips) for name, chips in sheet.chips.items()}
    gaps = {name: GAP + stub_of(sheet.graph, name, labels) for name in sizes}
    layout = place(sheet.graph, sizes, gaps, WIDEST / scale())

    boxes = [box(node, faces[node.name], layout.places[node.name]) for node in path.nodes]
    for name, chips in sheet.chips.items():
        at = layout.places[_end(name)]
        boxes += draw_stack(chips, at.x, at.y)
    drawn = [
        draw_edge(sheet.graph, edge, layout, labels, frames.get(edge))
        for edge in sorted(sheet.graph.edges, key=lambda e: bool(frames.get(e)))  # busy ones on top
    ]
    heading = shortened(path.name, 60)
    width = max(layout.width, text_width(heading, TITLE, bold=True))
    title = text(0, 13, heading, size=TITLE, bold=True, color=INK)
    inner = f'<g transform="translate(0,{number(TITLE_HEIGHT)})">{"".join((*drawn, *boxes))}</g>'
    moved = f'<g transform="translate({number(MARGIN)},{number(MARGIN)})">{title}{inner}</g>'
    return card(
        width + 2 * MARGIN,
        TITLE_HEIGHT + layout.height + 2 * MARGIN,
        f"path {path.name}: {path!r}",
        (moved,),
    )
