# SPDX-License-Identifier: BSD-3-Clause
"""Nodes whose function is in Python: one hands it frames, the other lets go of them."""

import itertools
from dataclasses import replace

from labkit.path.chain import Chain, as_chain
from labkit.path.declaration import make, node
from labkit.path.function_types import PythonState
from labkit.path.types import Name

_states = itertools.count(1)


@node(role="process", kind="to_python", outputs=(), counters=("passed", "held", "most_held"))
def asked_python(state: PythonState, *, name: Name = None) -> None:
    """Hands frames to a function in Python, and holds them until it has answered."""


def in_python(kind: str, name: str | None) -> Chain:
    """A node whose function is in Python, of a kind that lk.python_node declared."""
    state = f"python{next(_states)}"
    entry = as_chain(asked_python(state, name=f"{name or kind}_asked"))
    answer = as_chain(make(kind, {"state": state}, name))
    return replace(entry, nodes=(*entry.nodes, *answer.nodes), open_next=answer.open_next)
