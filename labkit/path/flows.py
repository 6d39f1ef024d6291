# SPDX-License-Identifier: BSD-3-Clause
"""Where frames went in a path: along its edges, and into drop nodes from the node that refused."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from labkit.path.graph import Edge, Graph

Number = TypeVar("Number", int, float)

UNHANDLED = "drop_unhandled"


@dataclass(frozen=True)
class Flows(Generic[Number]):
    """Frames, or frames a second.

    All of it is counted where frames leave a node, so that what a node was given is the sum of its
    edges, however many frames flow while it is read.

    Attributes
    ----------
    edges: frames by edge
    drops: frames by the node that refused them and the drop node
    nodes: what each node was given; of a source, what it brought
    """

    edges: Mapping[Edge, Number]
    drops: Mapping[str, Mapping[str, Number]]
    nodes: Mapping[str, Number]


def flows_of(path: Graph, outputs: Mapping[str, Mapping[str, Number]]) -> Flows[Number]:
    """From frames by node and by output or drop node; of nodes that are not there nothing is known.

    An output without an edge leads to drop_unhandled.
    """
    edges: dict[Edge, Number] = {}
    drops: dict[str, dict[str, Number]] = {}
    nodes: dict[str, Number] = {}
    to = {(edge.source, edge.output): edge for edge in path.edges}
    for node in path.nodes:
        if node.name not in outputs:
            continue
        left = outputs[node.name]
        edges |= {e: left.get(e.output, 0) for e in path.edges if e.source == node.name}
        refused: dict[str, Number] = {}
        for output, frames in left.items():
            if (node.name, output) not in to:
                name = output if output.startswith("drop_") else UNHANDLED
                refused[name] = refused.get(name, 0) + frames
        if refused:
            drops[node.name] = refused
        if node.declared.role == "source":
            nodes[node.name] = sum(left.values())
    for node in path.nodes:
        arriving = [edge for edge in path.edges if edge.target == node.name]
        if arriving and all(edge in edges for edge in arriving):
            nodes[node.name] = sum(edges[edge] for edge in arriving)
    return Flows(edges, drops, nodes)
