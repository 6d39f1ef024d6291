# SPDX-License-Identifier: BSD-3-Clause
"""Nodes whose function is in Python: one hands it frames, the other lets go of them."""

from labkit.path.chain import Chain
from labkit.path.declaration import make, node
from labkit.path.function_types import PythonState
from labkit.path.release import new_state, released_by
from labkit.path.types import Name


@node(role="process", kind="to_python", outputs=(), counters=("passed", "held", "most_held"))
def asked_python(state: PythonState, *, name: Name = None) -> None:
    """Hands frames to a function in Python, and holds them until it has answered."""


def in_python(kind: str, name: str | None) -> Chain:
    """A node whose function is in Python, of a kind that lk.python_node declared."""
    state = new_state()
    entry = asked_python(state, name=f"{name or kind}_asked")
    return released_by(entry, make(kind, {"state": state}, name))
