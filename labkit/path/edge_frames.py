# SPDX-License-Identifier: BSD-3-Clause
"""How many frames went along each edge, as far as counters of nodes and drops tell."""

from labkit.path.counters import REFUSED_BY_TX, PathReading
from labkit.path.graph import Edge, Graph


def edge_frames(path: Graph, reading: PathReading, tolerance: float = 0.0) -> dict[Edge, int]:
    """Frames by edge; an edge of which the counters do not tell is left out.

    Drops are counted by reason and not by node, so what a node passed on is known only while every
    drop is explained by a node that drops all it gets (refuse) or by a full or narrow tx queue.
    tolerance: share of the explained drops that may be missing, since counters that were read while
    frames flowed do not balance.
    """
    frames = {name: counters.objects for name, counters in reading.nodes.items()}
    explained = sum(frames.get(node.name, 0) for node in path.nodes if node.declared.drops_all)
    explained += sum(reading.drops.get(name, 0) for name in REFUSED_BY_TX)
    is_conserved = abs(sum(reading.drops.values()) - explained) <= tolerance * explained

    balances: list[tuple[int, list[Edge]]] = []
    for node in path.nodes:
        if node.name not in frames:
            continue
        arriving = [edge for edge in path.edges if edge.target == node.name]
        leaving = [edge for edge in path.edges if edge.source == node.name]
        balances.append((frames[node.name], arriving))
        if is_conserved and node.declared.outputs and node.declared.balances:
            balances.append((frames[node.name], leaving))

    known: dict[Edge, int] = {}
    while True:
        found = len(known)
        for total, edges in balances:
            unknown = [edge for edge in edges if edge not in known]
            if len(unknown) == 1:
                rest = total - sum(known[edge] for edge in edges if edge in known)
                known[unknown[0]] = max(rest, 0)  # counters are read while frames flow
        if len(known) == found:
            return known
