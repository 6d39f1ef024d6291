# SPDX-License-Identifier: BSD-3-Clause
"""The kinds of nodes that a path is made of; each registers itself where it is declared."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from labkit.errors import PathError
from labkit.path.cells import Column
from labkit.path.function_types import OutputsType, StateType
from labkit.path.own_node import OwnNode
from labkit.path.types import LineType, PortType, QueueType, RunType, WireEndType
from labkit.path.values import Params, ParamType, Value
from labkit.text import near

Role = Literal["source", "process", "end"]

REQUIRED = "<required>"  # the default of a parameter that has to be given


@dataclass(frozen=True)
class Parameter:
    """A parameter of a kind; default REQUIRED: it has to be given."""

    name: str
    type: ParamType
    default: Value = REQUIRED

    def checked(self, where: str, value: Value) -> Value:
        """The value as it is kept. None is one where it is the default."""
        if value is None and self.default is None:
            return None
        return self.type.check(where, self.name, value)


def _never(params: Params) -> bool:  # as those that ask have it
    return False


@dataclass(frozen=True)
class NodeKind:
    """What may be said of a kind of node.

    Attributes
    ----------
    name: that of its native file
    role: "source", "process" or "end"; sources have no input, ends no output
    outputs: names of its outputs
    parameters: in their order
    sentence: what it does
    reference: the RFC or tool it follows
    brings_frames_in: frames enter the path here, which the ledger counts; not where they are only
        let go again
    takes_frames_out: frames leave the path here, other than by a drop node
    is_exclusive: a queue of a port can have one node of the kind, in all paths of a lab
    own_outputs, drops: further outputs and drop nodes that a node of a user's own brings along
    own: that node
    label: what a drawing says of it besides its parameters
    module: where it was declared
    counters: names of what its native state begins with; "held": frames that it holds now, "made":
        those that it brought into being, "taken": those that it consumed without a drop
    table: columns of the table that it keeps
    asks_where_from: sources of its paths write their port into each frame
    back: the kind that shares its state on the way back; "": it has no such
    reads_due: it reckons with that of nodes in front of it, and holds nothing
    tells_due: it writes into each frame when it left, as it was due
    tells_connections: nodes behind it know the connection of each frame
    asks_connections: whether a node with these parameters has to stand behind such a one
    changes: its parameters may become others while frames flow
    """

    name: str
    role: Role
    outputs: tuple[str, ...]
    parameters: tuple[Parameter, ...]
    sentence: str
    reference: str = ""
    brings_frames_in: bool = False
    takes_frames_out: bool = False
    is_exclusive: bool = False
    own_outputs: tuple[str, ...] = ()
    drops: tuple[str, ...] = ()
    own: OwnNode | None = None
    label: str = ""
    module: str = ""
    counters: tuple[str, ...] = ()
    table: Mapping[str, Column] = field(default_factory=dict)
    asks_where_from: bool = False
    back: str = ""
    reads_due: bool = False
    tells_due: bool = False
    tells_connections: bool = False
    asks_connections: Callable[[Params], bool] = _never
    changes: bool = False

    @cached_property
    def has_port(self) -> bool:
        """It works on a port, which its parameter `port` names."""
        return any(isinstance(p.type, PortType) for p in self.parameters)

    @cached_property
    def has_number(self) -> bool:
        """Its frames come by a port, or over a wire, of which it knows the number."""
        return self.has_port or any(isinstance(p.type, WireEndType) for p in self.parameters)

    @cached_property
    def has_frames(self) -> bool:
        """Python sends or receives by it."""
        return any(isinstance(p.type, PortType) and p.type.with_frames for p in self.parameters)

    @cached_property
    def receives(self) -> bool:
        """It receives from its port's queues."""
        return self._has_queue("rx")

    @cached_property
    def sends(self) -> bool:
        """It sends on its port's queues."""
        return self._has_queue("tx")

    @cached_property
    def has_run(self) -> bool:
        """It works for an experiment."""
        return any(isinstance(p.type, RunType) for p in self.parameters)

    @cached_property
    def states(self) -> list[str]:
        """Its parameter that names a state, if it has one."""
        return [p.name for p in self.parameters if isinstance(p.type, StateType)]

    @cached_property
    def balances(self) -> bool:
        """As many frames leave it as come to it, drops included: it holds none back and makes
        none."""
        lines = (isinstance(p.type, LineType) and p.type.is_own for p in self.parameters)
        return not any(lines) and not {"held", "made", "taken"} & set(self.counters)

    def outputs_with(self, params: Params) -> tuple[str, ...]:
        """Names of a node's outputs: those of the kind, and its own."""
        own = self.own_outputs
        for p in self.parameters:
            if isinstance(p.type, OutputsType):
                own += tuple(params[p.name])  # type: ignore[arg-type]
        return (*self.outputs, *own)

    @property
    def drops_all(self) -> bool:
        """Every frame that it gets ends in a drop node."""
        return self.role == "end" and not self.takes_frames_out and "taken" not in self.counters

    def _has_queue(self, way: str) -> bool:
        return any(isinstance(p.type, QueueType) and p.type.way == way for p in self.parameters)

    def checked(self, where: str, params: Params) -> dict[str, Value]:
        """All parameters in their order, each checked; what is not given has its default."""
        known = {parameter.name: parameter for parameter in self.parameters}
        for key in params:
            if key not in known:
                raise PathError(
                    f"node {where}: {self.name} has no parameter {key!r}{near(key, known)}"
                )
        full = {}
        for key, parameter in known.items():
            if parameter.default is REQUIRED and key not in params:
                raise PathError(f"node {where}: {self.name} needs the parameter {key!r}")
            full[key] = parameter.checked(where, params.get(key, parameter.default))
        return full


class Kinds(Mapping[str, NodeKind]):
    """All kinds by name."""

    def __init__(self) -> None:
        self._by_name: dict[str, NodeKind] = {}

    def add(self, kind: NodeKind) -> None:
        """Another kind, whose name is not taken."""
        if kind.name in self._by_name:
            raise PathError(
                f"there is a kind of node called {kind.name!r} already, declared in "
                f"{self._by_name[kind.name].module}; give this one another name"
            )
        self._by_name[kind.name] = kind

    def forget(self, name: str) -> None:
        """The kind of this name, which no path may have any more."""
        del self._by_name[name]

    def put(self, kind: NodeKind) -> None:
        """A kind of a user's own, in the place of its former version."""
        self._by_name[kind.name] = kind

    def find(self, name: str) -> NodeKind:
        """The kind of this name; PathError with what may be meant."""
        if name not in self._by_name:
            raise PathError(f"{name!r} is no kind of node{near(name, self._by_name)}")
        return self._by_name[name]

    def __getitem__(self, name: str) -> NodeKind:
        return self._by_name[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_name)

    def __len__(self) -> int:
        return len(self._by_name)


KINDS = Kinds()
