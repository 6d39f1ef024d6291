# SPDX-License-Identifier: BSD-3-Clause
"""The data of a finished path, nodes and edges, and what can be asked of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from labkit.errors import PathError
from labkit.packet.edges import OUTPUT, OWN_DROP
from labkit.path.capture_types import FileType
from labkit.path.kinds import KINDS, NodeKind
from labkit.path.own_kinds import kind_of
from labkit.path.own_node import OwnNode
from labkit.path.values import Value
from labkit.text import near

Number = TypeVar("Number", int, float)
QueueOf = tuple[str, str, int]  # kind of node, port, queue


def names(edge: str, own: Sequence[str]) -> dict[str, str]:
    """Names of edges of a node's own, by what all nodes call them."""
    return {f"{edge}{number}": name for number, name in enumerate(own)}


@dataclass(frozen=True)
class NamedNode:
    """A node of a finished path: unique name, kind, settings.

    own: of a kind that its user wrote, the version that it was made with
    """

    name: str
    kind: str
    params: Mapping[str, Value]
    own: OwnNode | None = None

    @property
    def declared(self) -> NodeKind:
        """What is declared of its kind."""
        return KINDS[self.kind] if self.own is None else kind_of(self.own)

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of its outputs."""
        return self.declared.outputs_with(self.params)

    def named(self, left: Mapping[str, Number]) -> dict[str, Number]:
        """What left it by edges (labkit.packet.codec.EDGES), by the names of its outputs."""
        own = {
            **names(OUTPUT, self.outputs[len(self.declared.outputs) :]),
            **names(OWN_DROP, [f"drop_{name}" for name in self.declared.drops]),
        }
        return {own.get(edge, edge): frames for edge, frames in left.items()}

    @property
    def port(self) -> str | None:
        """Name of the port that it works on."""
        port = self.params["port"] if self.declared.has_port else None
        return None if port is None else str(port)

    @property
    def state(self) -> str | None:
        """The state that it works on, its own or another node's."""
        (name,) = self.declared.states or (None,)
        return name and str(self.params[name])

    @property
    def told(self) -> dict[str, str]:
        """Its parameters in words."""
        shown = (p.name for p in self.declared.parameters if not p.type.is_name_within)
        return {name: _in_words(self.params[name]) for name in shown}

    @property
    def queue(self) -> int | None:
        """Number of the port's queue that it works on; None: that of its lane."""
        queue = self.params.get("queue", 0)
        return None if queue is None else int(str(queue))

    @property
    def reads_all(self) -> bool:
        """It receives from all queues of its port, in as many lanes."""
        return self.declared.receives and self.queue is None


@dataclass(frozen=True)
class Edge:
    """What leaves `source` through `output` goes to `target`; both are node names."""

    source: str
    output: str
    target: str


@dataclass(frozen=True, eq=False, repr=False)
class Graph:
    """Named nodes and edges. Path is one that can run."""

    nodes: tuple[NamedNode, ...]
    edges: tuple[Edge, ...]
    name: str

    def exclusive_queues(self, rx_queues: Mapping[str, int]) -> dict[QueueOf, str]:
        """(kind, port, queue) of its nodes of which a queue can have one, such as rx, in all paths
        of a lab, with the node's name.

        rx_queues: how many a port has, by its name
        """
        return {
            (n.kind, n.port, queue): n.name
            for n in self.nodes
            if n.port is not None and n.declared.is_exclusive
            for queue in (range(rx_queues[n.port]) if n.queue is None else (n.queue,))
        }

    def queues_read(self, port: str, rx_queues: int) -> set[int]:
        """Those of a port, which has so many, that it receives from."""
        read: set[int] = set()
        for n in self.nodes:
            if n.port == port and n.declared.receives:
                read |= set(range(rx_queues)) if n.queue is None else {n.queue}
        return read

    @property
    def ports(self) -> tuple[str, ...]:
        """Names of the ports it uses, in order."""
        return tuple(dict.fromkeys(n.port for n in self.nodes if n.port is not None))

    @property
    def ports_of_python(self) -> tuple[str, ...]:
        """Names of the ports by which Python sends or receives here."""
        used = (n.port for n in self.nodes if n.port is not None and n.declared.has_frames)
        return tuple(dict.fromkeys(used))

    def has_kind(self, kind: str) -> bool:
        """Some node is of it."""
        return any(n.kind == kind for n in self.nodes)

    @property
    def own_nodes(self) -> dict[str, OwnNode]:
        """Nodes of users' own that it has, by the names of their kinds."""
        return {n.kind: n.own for n in self.nodes if n.own is not None}

    def receives(self, port: str) -> bool:
        """It receives from queues of the port."""
        return any(n.declared.receives and n.port == port for n in self.nodes)

    def hands_to_python(self, port: str) -> bool:
        """It hands frames to Python as received by the port."""
        return any(
            n.declared.has_frames and n.declared.role != "source" and n.port == port
            for n in self.nodes
        )

    def sends_for_python(self, port: str) -> bool:
        """It sends what Python gives to the port."""
        return any(
            n.declared.has_frames and n.declared.role == "source" and n.port == port
            for n in self.nodes
        )

    @property
    def files(self) -> tuple[str, ...]:
        """Files that its nodes write frames to."""
        return tuple(
            str(n.params[p.name])
            for n in self.nodes
            for p in n.declared.parameters
            if isinstance(p.type, FileType)
        )

    @property
    def has_run(self) -> bool:
        """Some node works for an experiment."""
        return any(n.declared.has_run for n in self.nodes)

    def node(self, name: str) -> NamedNode:
        """The node of this name."""
        for node in self.nodes:
            if node.name == name:
                return node
        names = [node.name for node in self.nodes]
        raise PathError(f"path {self.name!r} has no node {name!r}{near(name, names)}")

    def outputs_of(self, name: str) -> dict[str, str | None]:
        """Outputs of a node with the node each leads to; None: to drop_unhandled, of a filter's
        `other` to drop_filter_rejected."""
        targets = {edge.output: edge.target for edge in self.edges if edge.source == name}
        return {output: targets.get(output) for output in self.node(name).outputs}

    @property
    def chains(self) -> tuple[str, ...]:
        """The path in words, a line for each source: `rx:a >> (udp_echo | refuse) >> tx:a`.

        Edges that do not fit into these lines follow in lines of their own.
        """
        left = {(edge.source, edge.output): edge.target for edge in self.edges}
        sources = [n.name for n in self.nodes if n.declared.role == "source"]
        lines = [self._line(name, left) for name in sources]
        while left:
            source, output = next(iter(left))
            start = source if output == "next" else f'{source}["{output}"]'
            lines.append(f"{start} >> {self._line(left.pop((source, output)), left)}")
        return tuple(lines)

    def _line(self, name: str, left: dict[tuple[str, str], str]) -> str:
        """From a node along `next`, alternatives in brackets; takes what it says out of left."""
        parts = []
        at: str | None = name
        while at is not None:
            group = [at]
            after = left.pop((at, "next"), None)
            while (other := left.get((group[-1], "other"))) is not None:
                its_next = left.get((other, "next"))
                if its_next != after and "next" in self.node(other).outputs:
                    break  # what follows the brackets would not be true of it
                del left[group[-1], "other"]
                left.pop((other, "next"), None)
                group.append(other)
            text = " | ".join(group)
            parts.append(f"({text})" if len(group) > 1 else text)
            at = after
        return " >> ".join(parts)

    def __repr__(self) -> str:
        return "\n".join(self.chains)


def _in_words(value: Value) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return "not given" if value is None else str(value)
