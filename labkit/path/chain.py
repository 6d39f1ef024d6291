# SPDX-License-Identifier: BSD-3-Clause
"""Chains: nodes joined by `>>` and `|`, before they are a path.

    lk.rx(a) >> lk.reflect() >> lk.tx(a)
    lk.rx(a) >> (lk.udp_echo(where, 9000) | lk.arp_responder(where)) >> lk.tx(a)

`a >> b` sends what leaves a through its output `next` to b. `a | b` is an alternative: what a
passes on as `other` goes to b, and what follows gets the `next` of both. `a["other"] >> b` names an
output.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from labkit.errors import PathError
from labkit.path.kinds import KINDS, NodeKind
from labkit.path.values import Value
from labkit.text import near, shown


@dataclass(frozen=True, eq=False)
class Node:
    """One node. The same object used twice in a path is one node.

    Attributes
    ----------
    kind: one of labkit.path.kinds.KINDS
    params: its settings, JSON values
    given_name: the name asked for; None: named after its kind and port
    """

    kind: str
    params: Mapping[str, Value] = field(default_factory=dict)
    given_name: str | None = None

    @property
    def declared(self) -> NodeKind:
        """What is declared of its kind."""
        return KINDS[self.kind]

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of its outputs."""
        return self.declared.outputs_with(self.params)

    @property
    def base_name(self) -> str:
        """Its name before a path makes it unique."""
        if self.given_name is not None:
            return self.given_name
        port = self.params.get("port")
        return f"{self.kind}:{port}" if port is not None else self.kind

    def __rshift__(self, after: "Node | Chain") -> "Chain":
        return as_chain(self) >> after

    def __or__(self, alternative: "Node | Chain") -> "Chain":
        return as_chain(self) | alternative

    def __getitem__(self, output: str) -> "Chain":
        return as_chain(self)[output]

    def __repr__(self) -> str:
        return f"<{self.base_name}>"


@dataclass(frozen=True)
class Join:
    """An edge between node objects."""

    source: Node
    output: str
    target: Node


@dataclass(frozen=True)
class Chain:
    """Nodes joined so far: where frames enter, and which outputs are still open.

    Attributes
    ----------
    first: where frames enter
    nodes, joins: what it is made of
    open_next, open_other: outputs (node, name) that lead nowhere yet
    """

    first: Node
    nodes: tuple[Node, ...]
    joins: tuple[Join, ...]
    open_next: tuple[tuple[Node, str], ...]
    open_other: tuple[tuple[Node, str], ...]

    def __rshift__(self, after: "Node | Chain") -> "Chain":
        then = as_chain(after)
        if not self.open_next:
            last = self.nodes[-1]
            hint = f'; write {last.kind}(...)["other"] >> ...' if self.open_other else ""
            raise PathError(
                f"edge {last.base_name} >> {then.first.base_name}: nothing can follow "
                f"{last.base_name}, it has no open output called next{hint}"
            )
        if then.first.declared.role == "source":
            raise PathError(
                f"edge {self.nodes[-1].base_name} >> {then.first.base_name}: {then.first.kind} is "
                "a source and takes no frames; begin another chain with it"
            )
        joins = tuple(Join(node, output, then.first) for node, output in self.open_next)
        return Chain(
            self.first,
            merged(self.nodes, then.nodes),
            (*self.joins, *joins, *then.joins),
            then.open_next,
            (*self.open_other, *then.open_other),
        )

    def __or__(self, alternative: "Node | Chain") -> "Chain":
        then = as_chain(alternative)
        if not self.open_other:
            raise PathError(
                f"{self.nodes[-1].base_name} | {then.first.base_name}: {self.nodes[-1].kind} "
                "passes nothing on as other, so it has no alternative"
            )
        joins = tuple(Join(node, output, then.first) for node, output in self.open_other)
        return Chain(
            self.first,
            merged(self.nodes, then.nodes),
            (*self.joins, *joins, *then.joins),
            (*self.open_next, *then.open_next),
            then.open_other,
        )

    def __getitem__(self, output: str) -> "Chain":
        """The chain's last node with one output chosen for what follows."""
        node = self.nodes[-1]
        outputs = node.outputs
        if output not in outputs:
            raise PathError(
                f"node {node.base_name}: {node.kind} has no output {output!r}"
                f"{near(output, outputs)}"
            )
        return Chain(self.first, self.nodes, self.joins, ((node, output),), ())


def as_chain(part: Node | Chain) -> Chain:
    """A node as a chain of one."""
    if isinstance(part, Chain):
        return part
    if not isinstance(part, Node):
        raise PathError(f"{shown(part)} is no node; make one with lk.rx(port), lk.tx(port), …")
    outputs = part.outputs
    return Chain(
        part,
        (part,),
        (),
        tuple((part, o) for o in outputs if o == "next"),
        tuple((part, o) for o in outputs if o == "other"),
    )


def merged(a: tuple[Node, ...], b: tuple[Node, ...]) -> tuple[Node, ...]:
    """The nodes of both, each once."""
    have = {id(n) for n in a}
    return (*a, *(n for n in b if id(n) not in have))


def unique_names(nodes: tuple[Node, ...]) -> dict[int, str]:
    """A name for each node by its id, numbered where names are the same."""
    names: dict[int, str] = {}
    for node in nodes:
        base, number = node.base_name, 1
        name = base
        while name in names.values():
            number += 1
            name = f"{base}.{number}"
        names[id(node)] = name
    return names
