# SPDX-License-Identifier: BSD-3-Clause
"""The rule that nodes which ask for connections stand behind one that keeps account of them."""

from collections.abc import Iterable, Sequence

from labkit.errors import PathError
from labkit.path.graph import Graph
from labkit.path.kinds import NodeKind
from labkit.path.reach import reached_past


def connections_are_known(path: Graph) -> None:
    """Raises PathError for a node that asks for the connections of its frames, and that some of
    them come to without having passed a conntrack."""
    places = {n.name: place for place, n in enumerate(path.nodes)}
    joins = [(places[edge.source], places[edge.target]) for edge in path.edges]
    unknown = without_connections([n.declared for n in path.nodes], joins)
    owners = {n.state: n for n in path.nodes if n.state is not None and n.declared.back}
    for place, n in enumerate(path.nodes):
        owner = owners.get(n.state, n) if n.state is not None else n
        if place in unknown and owner.declared.asks_connections(owner.params):
            source = path.nodes[unknown[place]].name
            raise PathError(
                f"path {path.name!r}, node {n.name}: {owner.kind} asks what a frame is to its "
                f"connection, and frames of {source} come to it past every conntrack; put "
                f"ct = lk.conntrack() in front, in every chain: ... >> ct >> {owner.kind}(...)"
            )


def without_connections(
    kinds: Sequence[NodeKind], joins: Iterable[tuple[int, int]]
) -> dict[int, int]:
    """Places of nodes that frames come to which no conntrack has seen, and a source of such."""
    return reached_past(
        [place for place, kind in enumerate(kinds) if kind.tells_connections],
        [place for place, kind in enumerate(kinds) if kind.role == "source"],
        joins,
    )
