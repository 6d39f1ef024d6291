# SPDX-License-Identifier: BSD-3-Clause
"""How many frames went along each edge, as far as counters of nodes and drops tell."""

from collections.abc import Mapping
from typing import Protocol

from labkit.path.graph import Edge
from labkit.path.kinds import outputs_of
from labkit.path.path import Path


class NodeReading(Protocol):
    """Counters of a node: process calls, frames, TSC cycles."""

    @property
    def calls(self) -> int: ...  # noqa: D102
    @property
    def objects(self) -> int: ...  # noqa: D102
    @property
    def cycles(self) -> int: ...  # noqa: D102


class PathReading(Protocol):
    """Counters of a path: by node name, and frames by drop node."""

    @property
    def nodes(self) -> Mapping[str, NodeReading]: ...  # noqa: D102
    @property
    def drops(self) -> Mapping[str, int]: ...  # noqa: D102


def edge_frames(path: Path, reading: PathReading, tolerance: float = 0.0) -> dict[Edge, int]:
    """Frames by edge; an edge of which the counters do not tell is left out.

    Drops are counted by reason and not by node, so what a node passed on is known only while every
    drop is explained by a node that drops all it gets (refuse) or by a full or narrow tx queue.
    tolerance: share of the explained drops that may be missing, since counters that were read while
    frames flowed do not balance.
    """
    frames = {name: counters.objects for name, counters in reading.nodes.items()}
    explained = sum(frames.get(node.name, 0) for node in path.nodes if node.kind == "refuse")
    explained += sum(n for name, n in reading.drops.items() if name.startswith("drop_tx_"))
    is_conserved = abs(sum(reading.drops.values()) - explained) <= tolerance * explained

    balances: list[tuple[int, list[Edge]]] = []
    for node in path.nodes:
        if node.name not in frames:
            continue
        arriving = [edge for edge in path.edges if edge.target == node.name]
        leaving = [edge for edge in path.edges if edge.source == node.name]
        balances.append((frames[node.name], arriving))
        if is_conserved and outputs_of(node.kind):
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
