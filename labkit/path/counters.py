# SPDX-License-Identifier: BSD-3-Clause
"""What the nodes of a path counted."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from labkit.arguments.names import Named
from labkit.path.drops import Drops
from labkit.path.graph import Graph
from labkit.path.ledger import Ledger

REFUSED_BY_TX = ("drop_tx_too_long", "drop_tx_full", "drop_tx_link_down", "drop_tx_unplugged")
LOST_BY_TX = ("drop_tx_backlog_full", "drop_mtu_black_hole", "drop_neighbour_unresolved")


class NodeReading(Protocol):
    """Counters of a node: process calls, frames, TSC cycles."""

    @property
    def calls(self) -> int: ...  # noqa: D102
    @property
    def objects(self) -> int: ...  # noqa: D102
    @property
    def cycles(self) -> int: ...  # noqa: D102


class PathReading(Protocol):
    """Counters of a path: by node name, frames by node and output, and frames by drop node."""

    @property
    def nodes(self) -> Mapping[str, NodeReading]: ...  # noqa: D102
    @property
    def outputs(self) -> Mapping[str, Mapping[str, int]]: ...  # noqa: D102
    @property
    def drops(self) -> Mapping[str, int]: ...  # noqa: D102


@dataclass(frozen=True)
class NodeCounters:
    """rte_graph's counters of a node: process calls, frames, and TSC cycles."""

    calls: int
    objects: int
    cycles: int

    @property
    def cycles_per_packet(self) -> float | None:
        """TSC cycles a frame; None when there was none."""
        return self.cycles / self.objects if self.objects else None


@dataclass(frozen=True)
class LaneCounters:
    """One reading of a lane, with its own part of what PathCounters has of the path.

    Attributes
    ----------
    queues: frames that it received, by port and queue
    """

    lcore: int
    nodes: Mapping[str, NodeCounters]
    outputs: Mapping[str, Mapping[str, int]]
    drops: Mapping[str, int]
    measured_drops: Mapping[str, int]
    impairments: Mapping[str, Mapping[str, int]]
    queues: Mapping[tuple[str, int], int]

    @classmethod
    def from_engine(cls, answer: Mapping[str, Any]) -> "LaneCounters":
        """From its part of the engine's answer to `counters`."""
        queues = {(port, queue): frames for port, queue, frames in answer["queues"]}
        return cls(**_common(answer), queues=queues)


@dataclass(frozen=True)
class PathCounters:
    """One reading of a path: sums over its lanes, and each lane's.

    Attributes
    ----------
    lcore: the worker that runs the path, or the first of its lanes
    nodes: counters by node name
    outputs: frames that left a node, by node name and by output (next, other) or drop node,
        those without frames left out
    drops: frames by drop node, those with none left out
    measured_drops: of these, frames that carry a signature
    captures: by capture node frames written, missed (the disk was too slow or full), passed_over
        (after its end) and waiting; bytes and files so far, the newest file; `ended`: why it has
        ended: "frames", "bytes", "seconds" or in words what failed, with its errno; "": it goes
        on
    impairments: frames copied, reordered and held back now, by impair node
    lanes: the same by lane; RunningPath.lanes shows them as a table
    functions: counters of nodes with state, by node, under the names that its documentation has;
        `held`: frames that wait in it now
    """

    lcore: int
    nodes: Mapping[str, NodeCounters]
    outputs: Mapping[str, Mapping[str, int]]
    drops: Mapping[str, int]
    measured_drops: Mapping[str, int]
    captures: Mapping[str, Mapping[str, Any]]
    impairments: Mapping[str, Mapping[str, int]]
    lanes: tuple[LaneCounters, ...]
    functions: Mapping[str, Mapping[str, int]]

    @property
    def held(self) -> int:
        """Frames that wait in nodes now."""
        return sum(counters.get("held", 0) for counters in self.functions.values())

    @property
    def made(self) -> int:
        """Frames that nodes brought into being."""
        return sum(counters.get("made", 0) for counters in self.functions.values())

    @property
    def taken(self) -> int:
        """Frames that nodes consumed without dropping them."""
        return sum(counters.get("taken", 0) for counters in self.functions.values())

    @classmethod
    def from_engine(cls, answer: Mapping[str, Any]) -> "PathCounters":
        """From the engine's answer to `counters`."""
        return cls(
            **_common(answer),
            captures=Named("capture node", answer["captures"]),
            lanes=tuple(map(LaneCounters.from_engine, answer["lanes"])),
            functions=Named("node with counters", answer["functions"]),
        )


def _common(answer: Mapping[str, Any]) -> dict[str, Any]:
    """What a path and a lane have alike."""
    drops = answer["drops"].items()
    return {
        "lcore": answer["lcore"],
        "nodes": Named("node", ((name, NodeCounters(*v)) for name, v in answer["nodes"].items())),
        "outputs": answer["outputs"],
        "drops": Drops("drop node", ((name, frames) for name, (frames, _) in drops)),
        "measured_drops": Drops("drop node", ((name, n) for name, (_, n) in drops if n)),
        "impairments": Named("impair node", answer["impairments"]),
    }


@dataclass(frozen=True, repr=False)
class PathLedger(Ledger):
    """The ledger of a path.

    `entered + made = left + every named drop + taken + held + unexplained`

    held: frames that wait in a queue or are on the way in a delay line; those of a path that was
    stopped went with it
    made: frames that nodes brought into being: copies, answers, fragments
    taken: frames that nodes consumed without a drop: fragments put together, requests answered
    """

    held: int = 0
    made: int = 0
    taken: int = 0

    @property
    def unexplained(self) -> int:
        """Frames that entered and that no counter of the path has seen again."""
        return super().unexplained + self.made - self.taken - self.held

    @property
    def rows(self) -> list[tuple[str, int]]:
        """The ledger line by line."""
        return [
            ("entered", self.sent),
            *([("made", self.made)] if self.made else []),
            ("left", self.received),
            *((name, count) for name, count in self.drops.items() if count),
            *([("taken", self.taken)] if self.taken else []),
            *([("held", self.held)] if self.held else []),
            ("unexplained", self.unexplained),
            *((name, count) for name, count in self.extra.items() if count),
        ]


def entered(path: Graph, reading: PathReading) -> int:
    """Frames that entered the path: of its nodes that bring frames in, as far as they are read."""
    sources = [n.name for n in path.nodes if n.declared.brings_frames_in]
    return sum(reading.nodes[name].objects for name in sources if name in reading.nodes)


def left(path: Graph, reading: PathReading) -> int:
    """Frames that left the path other than by a drop node."""
    ends = [n.name for n in path.nodes if n.declared.takes_frames_out]
    reached = sum(reading.nodes[name].objects for name in ends if name in reading.nodes)
    return reached - sum(reading.drops.get(name, 0) for name in (*REFUSED_BY_TX, *LOST_BY_TX))


def ledger_of(
    path: Graph,
    reading: PathReading,
    lost_before: Mapping[str, int] | None = None,
    counters: PathCounters | None = None,
) -> PathLedger:
    """Frames that entered the path against those that left it or were dropped by name.

    lost_before: frames that its ports lost before they could enter, as {"a rx_missed_errors": 3}
    counters: of its nodes with state; None: it has none
    """
    frames = entered(path, reading)
    gone = left(path, reading)
    state = (counters.held, counters.made, counters.taken) if counters is not None else ()
    return PathLedger(frames, frames, gone, reading.drops, lost_before or {}, *state)
