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
from dataclasses import dataclass, replace
from typing import Any

from labkit.arguments.checked import checked
from labkit.errors import PathError
from labkit.path.both_ways import apart
from labkit.path.chain import Chain, Join, Node, as_chain, merged, unique_names
from labkit.path.declaration import make
from labkit.path.graph import Edge, Graph, NamedNode
from labkit.path.macs import with_macs
from labkit.path.own_kinds import own_node
from labkit.path.own_node import LANGUAGES, sha256
from labkit.path.rules import validate
from labkit.text import near, shown

FORMAT = "labkit-path/1"


@checked(PathError, but=("chains",))
@dataclass(frozen=True, init=False, eq=False, repr=False)
class Path(Graph):
    """A finished, valid path. Two paths are equal when their data are."""

    def __init__(self, *chains: Chain | Node, name: str = "path") -> None:
        if not chains:
            raise PathError(f"path {name!r} is empty; give it a chain such as rx(a) >> tx(b)")
        nodes: tuple[Node, ...] = ()
        joins: list[Join] = []
        for chain in apart(map(as_chain, chains)):
            nodes = merged(nodes, chain.nodes)
            joins += chain.joins
        names = unique_names(nodes)
        self._set(
            (NamedNode(names[id(n)], n.kind, dict(n.params)) for n in nodes),
            (Edge(names[id(j.source)], j.output, names[id(j.target)]) for j in joins),
            name,
        )

    def _set(self, nodes: Iterable[NamedNode], edges: Iterable[Edge], name: str) -> None:
        object.__setattr__(self, "nodes", tuple(map(_with_version, nodes)))
        object.__setattr__(self, "edges", tuple(dict.fromkeys(edges)))
        object.__setattr__(self, "name", name)
        validate(self)

    @classmethod
    def from_data(cls, nodes: Iterable[NamedNode], edges: Iterable[Edge], name: str) -> "Path":
        """A path from finished nodes and edges."""
        path = cls.__new__(cls)
        path._set(nodes, edges, name)
        return path

    def renamed(self, name: str) -> "Path":
        """The same path under another name."""
        return Path.from_data(self.nodes, self.edges, name)

    def newest(self) -> "Path":
        """The path with the newest version of each node of a user's own.

        Raises PathError where that has not what the path uses.
        """
        if not self.own_nodes:
            return self
        made = [(n.name, make(n.kind, n.params, n.name)) for n in self.nodes]
        nodes = [NamedNode(name, node.kind, node.params) for name, node in made]
        return Path.from_data(nodes, self.edges, self.name)

    def with_macs(self, macs: Mapping[str, str]) -> "Path":
        """The path with every missing MAC filled in: that of the port its frames come from, and for
        encap that of the port they go to.

        macs: by port name.
        """
        return Path.from_data(with_macs(self, macs), self.edges, self.name)

    def to_dict(self) -> dict[str, Any]:
        """Plain data: format, name, nodes (name, kind, params), edges (source, output, target), and
        where it has nodes that its author wrote, own_nodes: their sources."""
        own = {kind: own.source for kind, own in self.own_nodes.items()}
        return {
            "format": FORMAT,
            "name": self.name,
            **({"own_nodes": own} if own else {}),
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
        _check_fields("the path", data, FIELDS, {"own_nodes": dict})
        if data["format"] != FORMAT:
            raise PathError(f"format is {data['format']!r}; this labkit reads {FORMAT!r}")
        check_own(own_sources(data))
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

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        from labkit.path.drawing import path_picture  # late: few paths are drawn

        return {"text/plain": repr(self), **path_picture(self)}


def _with_version(node: NamedNode) -> NamedNode:
    """A node of a user's own with the version that there is now, unless it has one."""
    own = own_node(node.kind)
    return node if own is None or node.own is not None else replace(node, own=own)


FIELDS: Mapping[str, type] = {"format": str, "name": str, "nodes": list, "edges": list}
_JSON_TYPES: Mapping[type, str] = {str: "a text", list: "a list", dict: "an object"}


def own_sources(data: Mapping[str, Any]) -> dict[str, Mapping[str, str]]:
    """Sources of the nodes that a path's data bring along, by kind, each checked by its SHA-256."""
    found = data.get("own_nodes", {})
    if not isinstance(found, dict):
        raise PathError(f"own_nodes is {shown(found)}; it is an object of sources by their nodes")
    for name, source in found.items():
        where = f"own_nodes[{name}]"
        _check_fields(where, source, {"language": str, "sha256": str, "source": str})
        if source["language"] not in LANGUAGES:
            raise PathError(
                f"{where}: language is {source['language']!r}; it is {' or '.join(LANGUAGES)}"
            )
        if sha256(source["source"]) != source["sha256"]:
            raise PathError(
                f"{where}: the source is not the one that sha256 is of; somebody has changed one "
                "of them"
            )
    return dict(found)


def check_own(sources: Mapping[str, Mapping[str, str]]) -> None:
    """Raises PathError for a node that was not made here, in this very version: code of a file is
    never run by itself."""
    for name, source in sources.items():
        own = own_node(name)
        if own is not None and sha256(own.text) == source["sha256"]:
            continue
        is_c = source["language"] == "C"
        how = "lk.node.load(file) compiles it" if is_c else "run its cell"
        there = "it is not loaded here" if own is None else "another version of it is loaded here"
        raise PathError(
            f"node {name} is code in {source['language']} that comes with this path, and {there}; "
            f"labkit runs no code of a file by itself: read it, in the file under "
            f'["own_nodes"]["{name}"], and if you trust it, {how}, then read the path again'
        )


def _check_fields(
    what: str,
    data: object,
    fields: Mapping[str, type],
    optional: Mapping[str, type] | None = None,
) -> None:
    known = {**fields, **(optional or {})}
    if not isinstance(data, dict):
        raise PathError(f"{what} is {data!r:.40}; it is an object with {', '.join(fields)}")
    for key in data:
        if key not in known:
            raise PathError(f"{what} has no field {key!r}{near(str(key), known)}")
    for key, kind in known.items():
        if key not in data and key not in fields:
            continue
        if key not in data:
            raise PathError(f"{what} lacks the field {key!r}")
        if not isinstance(data[key], kind):
            raise PathError(f"{what}: {key} is {data[key]!r:.40}; it is {_JSON_TYPES[kind]}")
