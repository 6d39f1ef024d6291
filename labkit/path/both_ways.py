# SPDX-License-Identifier: BSD-3-Clause
"""Nodes that stand in the way of both directions, such as conntrack and nat.

    ct = lk.conntrack()
    lk.Path(lk.rx(a) >> ct >> lk.tx(b), lk.rx(b) >> ct >> lk.tx(a))

The second chain gets a node of its own that shares the state of the first: an output has one
target, and who watches connections has to know by which side a frame came.
"""

from collections.abc import Iterable
from dataclasses import replace

from labkit.path.chain import Chain, Join, Node


def apart(chains: Iterable[Chain]) -> list[Chain]:
    """The chains, with a node for the way back where one stands between others for a second
    time. A chain that begins with such a node, as nat["other"] >> ... does, means the first."""
    seen: set[int] = set()
    found = []
    for chain in chains:
        sources, targets = ({id(getattr(j, end)) for j in chain.joins} for end in _ENDS)
        between = {id(n) for n in chain.nodes if n.declared.back} & sources & targets
        again = [n for n in chain.nodes if id(n) in between & seen]
        found.append(_exchanged(chain, {id(n): _back_of(n) for n in again}))
        seen |= between
    return found


_ENDS = ("source", "target")


def _back_of(node: Node) -> Node:
    """Works on the same state."""
    (state,) = node.declared.states
    name = node.given_name and f"{node.given_name}_back"
    return Node(node.declared.back, {state: node.params[state]}, name)


def _exchanged(chain: Chain, by: dict[int, Node]) -> Chain:
    if not by:
        return chain

    def of(node: Node) -> Node:
        return by.get(id(node), node)

    return replace(
        chain,
        first=of(chain.first),
        nodes=tuple(map(of, chain.nodes)),
        joins=tuple(Join(of(j.source), j.output, of(j.target)) for j in chain.joins),
        open_next=tuple((of(n), output) for n, output in chain.open_next),
        open_other=tuple((of(n), output) for n, output in chain.open_other),
    )
