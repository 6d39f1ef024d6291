# SPDX-License-Identifier: BSD-3-Clause
"""The rule that nodes which ask for connections stand behind one that keeps account of them."""

from labkit.errors import PathError
from labkit.path.graph import Graph, NamedNode


def connections_are_known(path: Graph) -> None:
    """Raises PathError for a node that asks for the connections of its frames, and that some of
    them come to without having passed a conntrack."""
    unknown = _reached_without(path)
    owners = {n.state: n for n in path.nodes if n.state is not None and n.declared.back}
    for n in path.nodes:
        owner = owners.get(n.state, n) if n.state is not None else n
        if n.name in unknown and owner.declared.asks_connections(owner.params):
            raise PathError(
                f"path {path.name!r}, node {n.name}: {owner.kind} asks what a frame is to its "
                f"connection, and frames of {unknown[n.name]} come to it past every conntrack; put "
                f"ct = lk.conntrack() in front, in every chain: ... >> ct >> {owner.kind}(...)"
            )


def _reached_without(path: Graph) -> dict[str, str]:
    """Nodes that frames come to which no conntrack has seen, and a source of such frames."""
    found: dict[str, str] = {}
    todo: list[tuple[NamedNode, str]] = [
        (n, n.name) for n in path.nodes if n.declared.role == "source"
    ]
    while todo:
        n, source = todo.pop()
        if n.name in found:
            continue
        found[n.name] = source
        if not n.declared.tells_connections:
            behind = [edge.target for edge in path.edges if edge.source == n.name]
            todo += [(path.node(name), source) for name in behind]
    return found
