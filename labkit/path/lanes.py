# SPDX-License-Identifier: BSD-3-Clause
"""Lanes: copies of a path that share its work by the queues of its ports.

Lane k of n has every node of the path, of which each counts for itself. An rx that names no queue
reads there the queues k, k + n, k + 2n ... of its port, so that none is left out, and a tx that
names none sends on queue k, or k modulo the queues of its port, as a generate does. An rx that
names a queue, and what brings frames in from elsewhere (inject, probe_send), is in lane 0 alone.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from labkit.errors import PathError
from labkit.path.graph import Graph
from labkit.path.kinds import NodeKind
from labkit.path.values import Params

Lanes = int | Literal["all"]


@dataclass(frozen=True)
class Queues:
    """How many queues a port has."""

    rx: int
    tx: int


@dataclass(frozen=True)
class LaneNode:
    """A node of a lane: which of the path's nodes it is, and its queue."""

    place: int
    queue: int


def lane_count(path: Graph, rx_queues: Mapping[str, int], wanted: Lanes = "all") -> int:
    """In how many lanes a path runs. "all": as many as the most queues that an rx of it reads; a
    measurement's path in one, unless it says in how many.

    rx_queues: by port. Raises PathError for more lanes than queues, some of which would have
    nothing to do.
    """
    read = {n.port: rx_queues[n.port] for n in path.nodes if n.port is not None and n.reads_all}
    most = max(read.values(), default=1)
    # Two would let twice as much pass, and each know half.
    alone = [n.name for n in path.nodes if n.declared.counters or (n.own and n.own.has_state)]
    if alone and wanted in ("all", 1):
        return 1
    if alone:
        raise PathError(
            f"path {path.name!r}: lanes is {wanted}; node {alone[0]} keeps account of all frames, "
            "so the path runs in 1, which reads all queues"
        )
    if wanted == "all":
        return 1 if path.has_run else most
    if wanted <= most:
        return wanted
    raise PathError(f"path {path.name!r}: lanes is {wanted}; {_why_no_more(path, read, most)}")


def _why_no_more(path: Graph, read: Mapping[str, int], most: int) -> str:
    if not read:
        return "no rx of it reads all queues of a port, so it runs in 1; write rx(port)"
    ports = ", ".join(f"{port} has {n}" for port, n in read.items())
    return (
        f"the range is 1 to {most}, the queues that it receives from ({ports}); open the port with "
        "queues="
    )


def lay_out(
    nodes: Sequence[tuple[NodeKind, Params]],
    edges: Iterable[tuple[int, int]],
    queues: Mapping[str, Queues],
    lanes: int,
) -> list[list[LaneNode]]:
    """The nodes of each lane: of each rx one for every queue that it reads there, and of others
    those that frames can come to.

    nodes: kind and parameters; edges: from which node to which; queues: by port
    """
    targets: dict[int, list[int]] = {}
    for source, target in edges:
        targets.setdefault(source, []).append(target)
    return [_lane(nodes, targets, queues, lane, lanes) for lane in range(lanes)]


def _lane(
    nodes: Sequence[tuple[NodeKind, Params]],
    targets: Mapping[int, Sequence[int]],
    queues: Mapping[str, Queues],
    lane: int,
    lanes: int,
) -> list[LaneNode]:
    found: list[LaneNode] = []
    for place, (kind, params) in enumerate(nodes):
        if kind.role != "source":
            continue
        if kind.receives and params["queue"] is None:
            read = range(lane, queues[str(params["port"])].rx, lanes)
            found += [LaneNode(place, queue) for queue in read]
        elif lane == 0 or not kind.brings_frames_in or params.get("queue", 0) is None:
            found.append(LaneNode(place, _queue(params, queues, lane)))
    for place in _reached((node.place for node in found), targets):
        found.append(LaneNode(place, _queue(nodes[place][1], queues, lane)))
    return found


def _queue(params: Params, queues: Mapping[str, Queues], lane: int) -> int:
    """On which a node sends, or its lane's."""
    queue = params.get("queue", 0)
    return lane % queues[str(params["port"])].tx if queue is None else int(str(queue))


def _reached(sources: Iterable[int], targets: Mapping[int, Sequence[int]]) -> list[int]:
    """Nodes that frames of these sources can come to, in the order of the path."""
    reached: set[int] = set()
    todo = list(sources)
    while todo:
        for target in targets.get(todo.pop(), ()):
            if target not in reached:
                reached.add(target)
                todo.append(target)
    return sorted(reached)
