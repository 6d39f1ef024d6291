# SPDX-License-Identifier: BSD-3-Clause
"""Paths as plain data: nodes joined by edges. A path validates, draws and serialises itself.

    lk.rx(a) >> lk.reflect() >> lk.tx(a)
    lk.rx(a) >> (lk.udp_echo(where, 9000) | lk.arp_responder(where)) >> lk.tx(a)

`a >> b` sends what leaves a through its output `next` to b. `a | b` is an alternative: what a
passes on as `other` goes to b, and what follows gets the `next` of both. `a["other"] >> b` names an
output.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from labkit.errors import PathError
from labkit.path.chain import Chain, Join, Node, _merge, _unique_names, as_chain
from labkit.path.graph import Edge, NamedNode
from labkit.path.kinds import outputs_of, role_of
from labkit.text import near

FORMAT = "labkit-path/1"
SOURCES = ("rx", "inject", "probe_send")


@dataclass(frozen=True, init=False, eq=False, repr=False)
class Path:
    """A finished, valid path. Two paths are equal when their data are."""

    nodes: tuple[NamedNode, ...]
    edges: tuple[Edge, ...]
    name: str

    def __init__(self, *chains: Chain | Node, name: str = "path") -> None:
        if not chains:
            raise PathError(f"path {name!r} is empty; give it a chain such as rx(a) >> tx(b)")
        nodes: tuple[Node, ...] = ()
        joins: list[Join] = []
        for chain in map(as_chain, chains):
            nodes = _merge(nodes, chain.nodes)
            joins += chain.joins
        names = _unique_names(nodes)
        self._set(
            (NamedNode(names[id(n)], n.kind, dict(n.params)) for n in nodes),
            (Edge(names[id(j.source)], j.output, names[id(j.target)]) for j in joins),
            name,
        )

    def _set(self, nodes: Iterable[NamedNode], edges: Iterable[Edge], name: str) -> None:
        object.__setattr__(self, "nodes", tuple(nodes))
        object.__setattr__(self, "edges", tuple(dict.fromkeys(edges)))
        object.__setattr__(self, "name", name)
        from labkit.path.rules import validate

        validate(self)

    @classmethod
    def from_data(cls, nodes: Iterable[NamedNode], edges: Iterable[Edge], name: str) -> "Path":
        """A path from finished nodes and edges."""
        path = cls.__new__(cls)
        path._set(nodes, edges, name)
        return path

    @property
    def exclusive_queues(self) -> dict[tuple[str, str, int], str]:
        """(kind, port, queue) of its rx, inject and collect nodes, which one path can have, by name
        of the node."""
        return {
            (n.kind, str(n.params["port"]), int(str(n.params.get("queue", 0)))): n.name
            for n in self.nodes
            if n.kind in ("rx", "inject", "collect")
        }

    @property
    def ports(self) -> tuple[str, ...]:
        """Names of the ports it uses, in order."""
        used = [str(n.params["port"]) for n in self.nodes if "port" in n.params]
        return tuple(dict.fromkeys(used))

    def node(self, name: str) -> NamedNode:
        """The node of this name."""
        for node in self.nodes:
            if node.name == name:
                return node
        names = [node.name for node in self.nodes]
        raise PathError(f"path {self.name!r} has no node {name!r}{near(name, names)}")

    def outputs_of(self, name: str) -> dict[str, str | None]:
        """Outputs of a node with the node each leads to; None: to drop_unhandled."""
        targets = {edge.output: edge.target for edge in self.edges if edge.source == name}
        return {output: targets.get(output) for output in outputs_of(self.node(name).kind)}

    def renamed(self, name: str) -> "Path":
        """The same path under another name."""
        return Path.from_data(self.nodes, self.edges, name)

    def with_macs(self, macs: Mapping[str, str]) -> "Path":
        """The path with every missing MAC filled in: that of the port its frames come from, and for
        encap that of the port they go to.

        macs: by port name.
        """
        nodes = []
        for node in self.nodes:
            tunnel = node.params.get("tunnel")
            if "mac" in node.params and node.params["mac"] is None:
                mac = self._mac_of(node, macs, "mac")
                node = NamedNode(node.name, node.kind, {**node.params, "mac": mac})
            elif isinstance(tunnel, Mapping) and tunnel["local_mac"] is None:
                mac = self._mac_of(node, macs, "local_mac")
                tunnel = {**tunnel, "local_mac": mac}
                node = NamedNode(node.name, node.kind, {**node.params, "tunnel": tunnel})
            nodes.append(node)
        return Path.from_data(nodes, self.edges, self.name)

    def _mac_of(self, node: NamedNode, macs: Mapping[str, str], param: str) -> str:
        port = self._only_port(node, ("tx",) if node.kind == "encap" else SOURCES, param)
        if port not in macs:
            raise PathError(
                f"path {self.name!r}, node {node.name}: the MAC of port {port!r} is not "
                f"known{near(port, macs)}; pass {param}="
            )
        return macs[port]

    def _only_port(self, node: NamedNode, kinds: tuple[str, ...], param: str) -> str:
        """The one port of the nodes of these kinds that frames come from, or for tx go to."""
        after: dict[str, list[str]] = {}
        for edge in self.edges:
            ends = (edge.source, edge.target) if "tx" in kinds else (edge.target, edge.source)
            after.setdefault(ends[0], []).append(ends[1])
        seen, todo, ports = set(), [node.name], set()
        while todo:
            name = todo.pop()
            if name in seen:
                continue
            seen.add(name)
            if self.node(name).kind in kinds:
                ports.add(str(self.node(name).params["port"]))
            todo += after.get(name, [])
        if len(ports) != 1:
            way = "go to" if "tx" in kinds else "come from"
            raise PathError(
                f"path {self.name!r}, node {node.name}: its frames {way} ports "
                f"{', '.join(sorted(ports))}, so it has no MAC address of its own; pass {param}="
            )
        return ports.pop()

    def to_dict(self) -> dict[str, Any]:
        """Plain data: format, name, nodes (name, kind, params), edges (source, output, target)."""
        return {
            "format": FORMAT,
            "name": self.name,
            "nodes": [
                {"name": n.name, "kind": n.kind, "params": dict(n.params)} for n in self.nodes
            ],
            "edges": [
                {"source": e.source, "output": e.output, "target": e.target} for e in self.edges
            ],
        }

    def to_json(self) -> str:
        """`to_dict` as JSON."""
        return json.dumps(self.to_dict(), indent=2)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "Path":
        """A path from its data; what is unknown, missing or wrong is an error."""
        from labkit.path.checks import make

        _check_fields("the path", data, {"format": str, "name": str, "nodes": list, "edges": list})
        if data["format"] != FORMAT:
            raise PathError(f"format is {data['format']!r}; this labkit reads {FORMAT!r}")
        nodes, edges = [], []
        for number, raw in enumerate(data["nodes"]):
            _check_fields(f"nodes[{number}]", raw, {"name": str, "kind": str, "params": dict})
            made = make(raw["kind"], raw["params"], raw["name"])
            nodes.append(NamedNode(raw["name"], made.kind, made.params))
        for number, raw in enumerate(data["edges"]):
            _check_fields(f"edges[{number}]", raw, {"source": str, "output": str, "target": str})
            edges.append(Edge(raw["source"], raw["output"], raw["target"]))
        return cls.from_data(nodes, edges, data["name"])

    @classmethod
    def from_json(cls, text: str) -> "Path":
        """A path from what `to_json` wrote; see `from_dict`."""
        try:
            data = json.loads(text)
        except json.JSONDecodeError as error:
            raise PathError(f"this is no JSON: {error}") from None
        return cls.from_dict(data)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Path) and self.to_dict() == other.to_dict()

    def __hash__(self) -> int:
        return hash(self.to_json())

    @property
    def chains(self) -> tuple[str, ...]:
        """The path in words, a line for each source: `rx:a >> (udp_echo | refuse) >> tx:a`.

        Edges that do not fit into these lines follow in lines of their own.
        """
        left = {(edge.source, edge.output): edge.target for edge in self.edges}
        lines = [self._line(n.name, left) for n in self.nodes if role_of(n.kind) == "source"]
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
                if its_next != after and "next" in outputs_of(self.node(other).kind):
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

    def _repr_html_(self) -> str:
        from labkit.path.drawing import path_svg
        from labkit.path.svg import as_html

        return as_html(path_svg(self), f"path {self!r}")


_JSON_TYPES: Mapping[type, str] = {str: "a text", list: "a list", dict: "an object"}


def _check_fields(what: str, data: object, fields: Mapping[str, type]) -> None:
    if not isinstance(data, dict):
        raise PathError(f"{what} is {data!r:.40}; it is an object with {', '.join(fields)}")
    for key in data:
        if key not in fields:
            raise PathError(f"{what} has no field {key!r}{near(str(key), fields)}")
    for key, kind in fields.items():
        if key not in data:
            raise PathError(f"{what} lacks the field {key!r}")
        if not isinstance(data[key], kind):
            raise PathError(f"{what}: {key} is {data[key]!r:.40}; it is {_JSON_TYPES[kind]}")
