# SPDX-License-Identifier: BSD-3-Clause
"""struct lk_node_config of a node, filled by the types that its parameters were declared with."""

from array import array
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import singledispatchmethod
from typing import Any

from labkit._codec import ffi as codec_ffi
from labkit.engine.binding import ffi, lib
from labkit.engine.captures import Captures
from labkit.engine.filters import native_filter
from labkit.engine.ports import FrameRings, Ports
from labkit.engine.trials import Trials
from labkit.packet.codec import packed_addresses
from labkit.packet.edges import OUTPUT, OWN_DROP
from labkit.path.address_types import (
    AddressesType,
    MacType,
    TunnelType,
    UdpPortType,
    UnknownVniType,
)
from labkit.path.capture_types import EndType, FilesType, FileType, RotateType, SnaplenType
from labkit.path.classes import ClassesType
from labkit.path.driver import TellsType
from labkit.path.dscp import DscpType, dscp
from labkit.path.function_types import (
    AllowanceNameType,
    AmountType,
    DataType,
    LoadType,
    OutputsType,
    PortListType,
    PythonStateType,
    StateType,
    SwitchType,
)
from labkit.path.graph import names
from labkit.path.kinds import KINDS, NodeKind, Parameter
from labkit.path.types import (
    FilterType,
    LineType,
    PortType,
    QueueType,
    RunType,
    SickNicType,
    WireEndType,
)
from labkit.path.values import ChoiceType, ParamType, RealType, TextType, WholeType

LANE_SEED = 0x9E3779B97F4A7C15  # between the seeds of two lanes: 2^64 over the golden ratio


@dataclass
class EngineLane:
    """A lane of a running path: its graph, the queues that it has, and what must outlive it.

    queues: port, kind of node, queue; reads: of these, the ports and queues that it receives from
    """

    number: int
    graph: int = -1
    queues: set[tuple[str, str, int]] = field(default_factory=set)
    reads: list[tuple[str, int]] = field(default_factory=list)
    filters: list[Any] = field(default_factory=list)
    lines: dict[str, Any] = field(default_factory=dict)  # of impair nodes, by line and
    impairments: dict[str, str] = field(default_factory=dict)  # the line by node name
    states: dict[str, int] = field(default_factory=dict)  # nodes with state, by its name
    counters: dict[str, tuple[str, ...]] = field(default_factory=dict)  # by node with state
    wires: dict[str, int] = field(default_factory=dict)  # numbers of their ends


@dataclass
class EnginePath:
    """A running path: node names in their order, its lanes, and what these have together."""

    nodes: list[str]
    own_edges: dict[str, dict[str, str]] = field(default_factory=dict)  # names, by node and edge
    lanes: list[EngineLane] = field(default_factory=list)
    runs: set[str] = field(default_factory=set)  # of probes and trials that its nodes belong to
    captures: dict[str, Any] = field(default_factory=dict)
    python: dict[str, FrameRings] = field(default_factory=dict)  # of nodes in it, by their state
    faults: dict[str, Any] = field(default_factory=dict)  # of NICs, by port, as its nodes say
    tells: list[tuple[str, Any]] = field(default_factory=list)  # what drivers tell, with the port
    sick: dict[str, Any] = field(default_factory=dict)  # of these, those that it has made

    @property
    def graphs(self) -> list[int]:
        """Those of all lanes."""
        return [lane.graph for lane in self.lanes]

    @property
    def queues(self) -> set[tuple[str, str, int]]:
        """Those of all lanes."""
        return set().union(*(lane.queues for lane in self.lanes))


@dataclass
class _Node:
    """A node under way: its data, and the struct that is filled."""

    path: str
    name: str
    kind: NodeKind
    params: Mapping[str, Any]
    config: Any
    running: EnginePath
    lane: EngineLane
    room: Iterator[Any]  # of numbers that have no place of their own
    data: Iterator[Any]  # of what has a size of its own


class NodeConfigs:
    """Configures nodes of the engine's paths."""

    def __init__(
        self,
        ports: Ports,
        probes: dict[str, Any],
        trials: Trials,
        captures: Captures | None = None,
        python: dict[tuple[str, str], FrameRings] | None = None,
    ) -> None:
        """python: rings of nodes in Python, by path and state, for those that are to come."""
        self._python = python if python is not None else {}
        self._ports, self._probes, self._trials = ports, probes, trials
        self._captures = captures or Captures()
        self._kept: list[Any] = []  # bytes that configs point to

    def make_lines(self, nodes: list[dict[str, Any]], lane: EngineLane) -> None:
        """The bad lines and states of a lane, which any of its nodes may name. Each line does
        something else: the seed of the first is the one given."""
        for index, node in enumerate(nodes):
            kind, params = kind_of(node), dict(node["params"])
            if kind.counters:
                lane.counters[node["name"]] = kind.counters
            for parameter in kind.parameters:
                if isinstance(parameter.type, StateType) and parameter.type.is_own:
                    lane.states[params[parameter.name]] = index
                if isinstance(parameter.type, WireEndType):
                    lane.wires[params[parameter.name]] = lib.LK_FIRST_WIRE + len(lane.wires)
                if isinstance(parameter.type, LineType) and parameter.type.is_own:
                    line = params.pop(parameter.name)
                    params["seed"] = (params["seed"] + lane.number * LANE_SEED) % 2**64
                    impair = lib.lk_impair_create(_numbers(kind, params))
                    if impair == ffi.NULL:
                        raise MemoryError(f"node {node['name']}: no memory for what it holds back")
                    lane.lines[line] = impair
                    lane.impairments[node["name"]] = line

    def fill(
        self,
        path: str,
        node: dict[str, Any],
        config: Any,
        running: EnginePath,
        at: tuple[EngineLane, int],
    ) -> None:
        """Everything that the node's parameters say; at: its lane, and the queue that it has
        there."""
        kind = kind_of(node)
        room = iter(config.values)
        lane, config.queue = at
        config.lane = lane.number
        part = _Node(
            path, node["name"], kind, node["params"], config, running, lane, room, iter(config.data)
        )
        for parameter in kind.parameters:
            value = node["params"].get(parameter.name, parameter.default)
            if value is not None:
                self._fill(parameter.type, value, part)
            elif parameter.type.has_place:
                self._place(part)
        port = node["params"].get("port") if kind.has_port else None
        if port is not None:
            lane.queues.add((port, kind.name, config.queue))
            if kind.receives:
                lane.reads.append((port, config.queue))

    @singledispatchmethod
    def _fill(self, kind: ParamType, value: Any, at: _Node) -> None:
        raise TypeError(f"node {at.name}: the engine has no place for {type(kind).__name__}")

    @_fill.register
    def _(self, kind: TextType, value: str, at: _Node) -> None:
        """Texts are for Python; the engine takes those of the types below."""

    @_fill.register(WholeType)
    @_fill.register(RealType)
    def _(self, kind: ParamType, value: float, at: _Node) -> None:
        place = self._place(at)
        place.real = value
        if isinstance(value, int):
            place.whole = value

    @_fill.register
    def _(self, kind: ChoiceType, value: str, at: _Node) -> None:
        self._place(at).whole = kind.words.index(value)

    @_fill.register
    def _(self, kind: SwitchType, value: bool, at: _Node) -> None:
        self._place(at).whole = value

    @_fill.register(LoadType)
    @_fill.register(AmountType)
    def _(self, kind: "LoadType | AmountType", value: str, at: _Node) -> None:
        place, amount = self._place(at), kind.amount(value)
        place.real, place.whole = amount.number, amount.of_frames

    @_fill.register
    def _(self, kind: DscpType, value: "str | int", at: _Node) -> None:
        place = self._place(at)
        place.real, place.whole = 1, dscp(at.name, value)

    @_fill.register
    def _(self, kind: AllowanceNameType, value: str, at: _Node) -> None:
        self._place(at).whole = kind.number(value)

    @_fill.register
    def _(self, kind: StateType, value: str, at: _Node) -> None:
        if not kind.is_own:
            at.config.state_of = at.lane.states[value]

    @_fill.register
    def _(self, kind: PythonStateType, value: str, at: _Node) -> None:
        if value not in at.running.python:
            at.running.python[value] = self._python.pop((at.path, value))
        rings = at.running.python[value]
        at.config.ring = rings.from_engine[0] if kind.is_own else rings.to_engine
        if not kind.is_own:
            at.config.state_of = at.lane.states[value]

    @_fill.register
    def _(self, kind: OutputsType, value: list[str], at: _Node) -> None:
        """Edges lead from them."""

    @_fill.register
    def _(self, kind: PortListType, value: list[str], at: _Node) -> None:
        wires = at.lane.wires
        numbers = [wires[port] if port in wires else self._ports.by_name[port].id for port in value]
        self._keep(array("H", numbers).tobytes(), at)

    @_fill.register
    def _(self, kind: DataType, value: Any, at: _Node) -> None:
        self._keep(kind.packed(value), at)

    @_fill.register
    def _(self, kind: ClassesType, value: Mapping[str, Any], at: _Node) -> None:
        """struct lk_queue_class of each."""
        classes = ffi.new("struct lk_queue_class[]", len(value))
        for said, native in zip(value.values(), classes, strict=True):
            limit = AmountType().amount(said.get("limit", at.params["limit"]))
            native.limit, native.limits_frames = int(limit.number), limit.of_frames
            native.weight = 0 if said.get("strict") else said.get("weight", 1)
            native.dscps = sum({1 << dscp(at.name, code) for code in said.get("dscp", [])})
            native.pcps = sum({1 << pcp for pcp in said.get("pcp", [])})
            if said.get("filter"):
                native.filter = native_filter(f"node {at.name}", said["filter"])
                at.lane.filters.append(native.filter)
        self._keep(bytes(ffi.buffer(classes)), at)

    def _keep(self, data: bytes, at: _Node) -> None:
        """Bytes for the node to find as it opens."""
        place, kept = next(at.data), ffi.from_buffer(data)
        place.bytes, place.length = kept, len(data)
        self._kept.append(kept)

    def _place(self, at: _Node) -> Any:
        """For the next number."""
        place = next(at.room, None)
        if place is None:
            raise ValueError(
                f"node {at.name}: {at.kind.name} has more numbers than the engine takes, "
                f"{lib.LK_NODE_VALUES}"
            )
        return place

    @_fill.register
    def _(self, kind: PortType, value: str, at: _Node) -> None:
        port = self._ports.by_name[value]
        at.config.port = port.id
        if kind.with_frames:
            if port.rings is None:
                raise LookupError(f"port {value} has no frame rings")
            if at.kind.role == "source":
                at.config.ring = port.rings.to_engine
            else:  # a journal has one writer: lanes of one journal have one worker
                at.config.queue = at.lane.number % len(port.rings.from_engine)
                at.config.ring = port.rings.from_engine[at.config.queue]

    @_fill.register
    def _(self, kind: SickNicType, value: dict[str, Any], at: _Node) -> None:
        at.running.faults[at.params["nic"]] = value

    @_fill.register
    def _(self, kind: TellsType, value: dict[str, Any], at: _Node) -> None:
        if at.lane.number == 0:
            at.running.tells.append((at.params["port"], value))

    @_fill.register
    def _(self, kind: QueueType, value: int, at: _Node) -> None:
        """As the lane has it."""

    @_fill.register
    def _(self, kind: AddressesType, value: list[str], at: _Node) -> None:
        for name, part in packed_addresses(value).items():
            setattr(at.config.endpoint, name, part)

    @_fill.register
    def _(self, kind: MacType, value: str, at: _Node) -> None:
        at.config.endpoint.mac = bytes.fromhex(value.replace(":", ""))

    @_fill.register
    def _(self, kind: UdpPortType, value: int, at: _Node) -> None:
        at.config.endpoint.udp_port = value

    @_fill.register
    def _(self, kind: TunnelType, value: dict[str, Any], at: _Node) -> None:
        from labkit.packet.tunnels import from_dict  # late: few paths have tunnels

        tunnel = from_dict(value)
        if kind.sends:
            tunnel.check_can_send()
        # A struct of the codec's module, which is another type of the same bytes.
        data = codec_ffi.buffer(tunnel.native(is_end=True))
        ffi.memmove(ffi.addressof(at.config.tunnel), data, ffi.sizeof(at.config.tunnel))

    @_fill.register
    def _(self, kind: UnknownVniType, value: str, at: _Node) -> None:
        at.config.tunnel.passes_unknown_vni = value == "pass"

    @_fill.register
    def _(self, kind: RunType, value: str, at: _Node) -> None:
        at.running.runs.add(value)
        if kind.of == "trial":
            at.config.trial = self._trials.by_run[value]
        else:
            at.config.probe = self._probes[value]

    @_fill.register
    def _(self, kind: LineType, value: str, at: _Node) -> None:
        at.config.impair = at.lane.lines[value]

    @_fill.register
    def _(self, kind: WireEndType, value: str, at: _Node) -> None:
        at.config.port = at.lane.wires[value]

    @_fill.register
    def _(self, kind: FileType, value: str, at: _Node) -> None:
        if at.name not in at.running.captures:
            at.running.captures[at.name] = self._open(at)
        at.config.capture = at.running.captures[at.name]

    def _open(self, at: _Node) -> Any:
        label = f"{at.path}/{at.name}"
        owner = f"path {at.path!r}, node {at.name},"
        return self._captures.open(owner, label, at.params)

    @_fill.register
    def _(self, kind: FilterType, value: str, at: _Node) -> None:
        if "file" in at.params:
            return  # of the node's file, which was opened with it
        native = native_filter(f"node {at.name}", value)
        at.lane.filters.append(native)
        at.config.filter = native

    @_fill.register(SnaplenType)
    @_fill.register(EndType)
    @_fill.register(RotateType)
    @_fill.register(FilesType)
    def _(self, kind: ParamType, value: Any, at: _Node) -> None:
        """Of the node's file, which was opened with it."""


def _numbers(kind: NodeKind, params: dict[str, Any]) -> Any:
    """The struct of a bad line."""
    words = {p.name: p.type.words for p in kind.parameters if isinstance(p.type, ChoiceType)}
    values = {
        key: words[key].index(value) if key in words else value for key, value in params.items()
    }
    return ffi.new("struct lk_impair_config *", values)


def kind_of(node: dict[str, Any]) -> NodeKind:
    """What is declared of a node's kind. Of one that was declared in the notebook alone, numbers
    are known by their values."""
    name = node["kind"]
    if name in KINDS:
        return KINDS[name]
    numbers = [
        Parameter(key, RealType())
        for key, value in node["params"].items()
        if isinstance(value, (int, float))
    ]
    return NodeKind(name, "process", ("next", "other"), tuple(numbers), "")


def own_edges(node: dict[str, Any]) -> dict[str, str]:
    """Names of its edges that are the node's own, by what all nodes call them."""
    drops = [f"drop_{name}" for name in kind_of(node).drops]
    return {**names(OUTPUT, own_outputs(node)), **names(OWN_DROP, drops)}


def native_kind(node: dict[str, Any]) -> str:
    """The engine's name of its kind."""
    own = kind_of(node).own
    return node["kind"] if own is None else own.native


def own_outputs(node: dict[str, Any]) -> tuple[str, ...]:
    """Names of its outputs besides those of its kind."""
    kind = kind_of(node)
    return kind.outputs_with(node["params"])[len(kind.outputs) :]
