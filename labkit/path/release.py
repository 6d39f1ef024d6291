# SPDX-License-Identifier: BSD-3-Clause
"""Pairs of nodes that work on one state: frames come to the first and leave by the second."""

import itertools
from dataclasses import replace

from labkit.path.chain import Chain, Node, as_chain

_states = itertools.count(1)


def new_state() -> str:
    """A name that no other state of this process has."""
    return f"state{next(_states)}"


def released_by(entry: Node, release: Node) -> Chain:
    """What comes to the first leaves by the other, and by what outputs the first has."""
    begin, end = as_chain(entry), as_chain(release)
    return replace(
        begin,
        nodes=(*begin.nodes, *end.nodes),
        open_next=(*begin.open_next, *end.open_next),
    )
