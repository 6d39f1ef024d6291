# SPDX-License-Identifier: BSD-3-Clause
"""Kinds of nodes that users wrote, as they are declared beside labkit's own."""

from dataclasses import dataclass
from functools import cache

from labkit.path.function_types import PythonStateType
from labkit.path.kinds import KINDS, REQUIRED, NodeKind, Parameter
from labkit.path.own_node import OwnNode, OwnParameter
from labkit.path.values import ParamType, RealType, Value, WholeType
from labkit.units import plain


@dataclass(frozen=True)
class OwnWhole(WholeType):
    """A whole number; what: its name, for drawings."""

    what: str = ""

    def lines(self, value: Value) -> list[str]:
        """Name and value."""
        return [f"{self.what} {value}"]


@dataclass(frozen=True)
class OwnReal(RealType):
    """A number; what: its name, for drawings."""

    what: str = ""

    def lines(self, value: Value) -> list[str]:
        """Name and value."""
        assert isinstance(value, (int, float))
        return [f"{self.what} {plain(value)}"]


@cache
def kind_of(own: OwnNode) -> NodeKind:
    """What may be said of a node of a user's own, as of any kind."""
    is_python = own.language == "Python"
    state = (Parameter("state", PythonStateType()),)
    return NodeKind(
        name=own.name,
        role="source" if is_python else "process",  # it lets go of frames that to_python holds
        outputs=("next", "other"),
        parameters=state if is_python else tuple(map(_declared, own.parameters)),
        sentence=own.sentence or f"A node of your own, in {own.language}.",
        counters=own.counter_names,
        own_outputs=own.outputs,
        drops=own.own_drops,
        module=f"a cell, in {own.language}",
        own=own,
    )


def own_node(name: str) -> OwnNode | None:
    """The node of one's own that has this name now, if any."""
    kind = KINDS.get(name)
    return kind.own if kind is not None else None


def _declared(p: OwnParameter) -> Parameter:
    kind: ParamType = (
        OwnReal(p.lowest, p.highest, what=p.name)
        if p.is_real
        else OwnWhole(int(p.lowest), int(p.highest), what=p.name)
    )
    if p.default is None:
        return Parameter(p.name, kind, REQUIRED)
    return Parameter(p.name, kind, p.default if p.is_real else int(p.default))
