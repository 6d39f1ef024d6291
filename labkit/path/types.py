# SPDX-License-Identifier: BSD-3-Clause
"""What parameters of nodes may be: how each is given, checked, and drawn.

A maker of nodes is annotated with the names at the end, such as `port: PortName, queue: RxQueue`.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from os import PathLike
from typing import Annotated, Any, Literal, Protocol

from labkit.errors import FilterError, PathError
from labkit.packet.filter import compile_filter
from labkit.path.address_types import (
    AddressesType,
    MacType,
    TunnelLike,
    TunnelType,
    UdpPortType,
    UnknownVniType,
)
from labkit.path.capture_types import EndType, FilesType, FileType, RotateType, SnaplenType
from labkit.path.values import ChoiceType, ParamType, RealType, TextType, Value, WholeType
from labkit.text import shown
from labkit.units import si_load

PERCENT = re.compile(r"\s*([\d.]+)\s*%\s*")
A_PROBABILITY = 'a probability, 0 to 1, or such as "0.1 %"'


class PortLike(Protocol):
    """What is asked of a port object."""

    @property
    def name(self) -> str:
        """The port's name."""
        ...

    @property
    def is_closed(self) -> bool:
        """Whether the name may be another port's by now."""
        ...

    def check_open(self) -> None:
        """Raises PortError for a port that was closed."""
        ...


@dataclass(frozen=True)
class PortType(TextType):
    """The name of a port.

    with_frames: by it Python sends or receives, in memory that it shares with the engine
    """

    with_frames: bool = False

    def given(self, value: Any) -> Value:
        """The name of a port object. PortError for one that was closed: its name may be another
        one's by now."""
        if isinstance(value, str):
            return value
        if getattr(value, "is_closed", False):
            value.check_open()
        try:
            return str(value.name)
        except AttributeError:
            raise PathError(f"{shown(value)} is no port: pass a Port or its name") from None


@dataclass(frozen=True)
class QueueType(WholeType):
    """The number of a queue of the port; None: that of the lane."""

    lowest: int = 0
    highest: int = 255
    way: Literal["rx", "tx"] = "rx"

    def remark(self, value: Value) -> str:
        """Which, where one is named."""
        return "" if value is None else f"queue {value}"


class FilterType(ParamType):
    """A capture filter: which frames the node is for."""

    def check(self, where: str, name: str, value: Value) -> Value:
        """One that libpcap takes."""
        if not isinstance(value, str):
            raise PathError(
                f"node {where}: {name} is {shown(value)}; it is a capture filter as tcpdump has "
                "them, such as 'tcp port 80'"
            )
        try:
            compile_filter(value)
        except FilterError as error:
            raise PathError(f"node {where}, {name}: {error}") from None
        return value

    def lines(self, value: Value) -> list[str]:
        """The expression in one line."""
        words = "" if value is None else " ".join(str(value).split())
        return [words] if words else []


@dataclass(frozen=True)
class RunType(TextType):
    """The experiment that a node works for."""

    is_name_within = True
    of: Literal["probe", "trial"]


@dataclass(frozen=True)
class LineType(TextType):
    """A bad line; nodes of one path that name the same work on the same.

    is_own: the node brings the line about, with its other parameters
    """

    is_name_within = True
    is_own: bool = False


class WireEndType(TextType):
    """The end of a wire inside the path; in lists of ports it is one of them."""

    is_name_within = True


class FaultType(TextType):
    """The name of a fault."""

    def lines(self, value: Value) -> list[str]:
        """In words."""
        return [str(value).replace("_", " ")]


class PortBehindType(TextType):
    """The name of the port that the node's frames go to; a path that runs has it filled in."""

    is_name_within = True


class SickNicType(ParamType):
    """What is wrong with a port's NIC: fields of struct lk_sick_config, and what its driver tells
    (labkit/fault)."""

    def check(self, where: str, name: str, value: Value) -> Value:
        """As lk.fault makes it."""
        if not isinstance(value, dict) or value.keys() != {"device", "told"}:
            raise PathError(f"node {where}: {name} is {shown(value)}; lk.fault makes such nodes")
        return value

    def lines(self, value: Value) -> list[str]:
        """When it begins, and which frames it takes for long."""
        assert isinstance(value, Mapping)
        after, longest = (value["device"].get(key) for key in ("after_bytes", "longest"))
        told = [f"after {si_load(after, 'B')}"] if after else []
        return [*told, f"frames over {longest:,} B"] if longest else told


class ProbabilityType(RealType):
    """A probability; a caller may give it in percent."""

    def given(self, value: Any) -> Value:
        """A number."""
        return probability_of(value)  # type: ignore[no-any-return]


def probability_of(value: Any) -> Any:
    """The number that "0.1 %" is; what is no such text as it was."""
    percent = PERCENT.fullmatch(value) if isinstance(value, str) else None
    try:
        return value if percent is None else float(percent[1]) / 100
    except ValueError:
        return value


PortName = Annotated[PortLike | str, PortType()]
PythonsPort = Annotated[PortLike | str, PortType(with_frames=True)]
RxQueue = Annotated[int, QueueType(way="rx")]
TxQueue = Annotated[int, QueueType(way="tx")]
Addresses = Annotated[Iterable[str], AddressesType()]
Ipv4Addresses = Annotated[Iterable[str], AddressesType(looks_at=4)]
Ipv6Addresses = Annotated[Iterable[str], AddressesType(looks_at=6)]
Mac = Annotated[str, MacType()]
UdpPort = Annotated[int, UdpPortType()]
CaptureFile = Annotated[str | PathLike[str], FileType()]
Snaplen = Annotated[int, SnaplenType()]
FrameFilter = Annotated[str, FilterType()]
MostFrames = Annotated[int | str, EndType("frames")]
MostBytes = Annotated[int | str, EndType("bytes")]
MostSeconds = Annotated[float | str, EndType("seconds")]
Rotation = Annotated[str, RotateType()]
KeptFiles = Annotated[int, FilesType()]
TunnelEnd = Annotated[TunnelLike, TunnelType()]
SendingTunnel = Annotated[TunnelLike, TunnelType(sends=True)]
UnknownVni = Annotated[Literal["drop", "pass"], UnknownVniType()]
ProbeRun = Annotated[str, RunType("probe")]
TrialRun = Annotated[str, RunType("trial")]
Line = Annotated[str, LineType()]
OwnLine = Annotated[str, LineType(is_own=True)]
Probability = Annotated[float | str, ProbabilityType(0, 1, f"it is {A_PROBABILITY}")]
PartOfFrame = Annotated[
    Literal["frame", "headers", "payload"], ChoiceType(("frame", "headers", "payload"))
]
Displacement = Annotated[int, WholeType(1, 32)]
Seed = Annotated[int, WholeType(0, 2**63 - 1)]
Place = Annotated[int, WholeType(0, 15)]
Fault = Annotated[str, FaultType()]
PortBehind = Annotated[str, PortBehindType()]
SickNic = Annotated[Mapping[str, Any], SickNicType()]
Name = str | None  # of the node
