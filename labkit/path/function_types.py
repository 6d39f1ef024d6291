# SPDX-License-Identifier: BSD-3-Clause
"""What parameters of nodes with state may be: loads, amounts, times, switches."""

import hashlib
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from labkit.arguments.hints import is_real
from labkit.errors import PathError
from labkit.packet.edges import MOST_OUTPUTS
from labkit.path.capture_types import frames_in
from labkit.path.types import PortType
from labkit.path.values import ChoiceType, ParamType, RealType, TextType, Value, WholeType
from labkit.text import shown
from labkit.units import Quantity, QuantityError, parse_quantity, plain

FCS = 4  # bytes behind each frame that are not in memory
L1 = 24  # the same with preamble and gap (IEEE 802.3 4.4.2)
MOST_BYTES = 2**40
MOST_FRAMES = 2**22
MOST_CREDITS = 2**50  # bytes or frames
UNLIMITED = "unlimited"
NAME = re.compile(r"[A-Za-z0-9_.:-]{1,40}")
OTHERS = ("next", "other")
LOAD = 'it is a load above 0, such as "100 Mbit/s", "1 Gbit/s L1" or "10 kpps"'


@dataclass(frozen=True)
class Amount:
    """Frames or bytes, or so many a second."""

    number: float
    of_frames: bool


class LoadType(ParamType):
    """Bits or frames a second; kept as the text."""

    has_place = True

    def amount(self, value: Value) -> Amount:
        """Bytes or frames a second."""
        found = load(value)
        if found.unit == "pps":
            return Amount(found.value, of_frames=True)
        return Amount(found.value / 8, of_frames=False)

    def check(self, where: str, name: str, value: Value) -> Value:
        """Such as "100 Mbit/s"."""
        return _checked(where, name, value, self.amount, LOAD)

    def lines(self, value: Value) -> list[str]:
        """As it was written."""
        return [str(value)] if value is not None else []


class AnyLoadType(LoadType):
    """The same, or "unlimited", which is a load of 0 for the engine."""

    def amount(self, value: Value) -> Amount:
        """Bytes or frames a second."""
        return Amount(0, of_frames=False) if value == UNLIMITED else super().amount(value)


class AllowanceNameType(TextType):
    """The name of an allowance; nodes of all paths of a lab that name the same draw from one."""

    is_name_within = True
    has_place = True

    def number(self, value: str) -> int:
        """By which the engine knows it."""
        return int.from_bytes(hashlib.blake2b(value.encode(), digest_size=7).digest())


@dataclass(frozen=True)
class AmountType(ParamType):
    """Bytes or frames; kept as the text.

    lowest: of either
    what: in words, for drawings
    most_bytes, most_frames: that it may be
    """

    lowest: int = 0
    what: str = ""
    most_bytes: int = MOST_BYTES
    most_frames: int = MOST_FRAMES
    has_place = True

    def amount(self, value: Value) -> Amount:
        """Bytes or frames."""
        if not isinstance(value, str):
            raise QuantityError("it is no text with a number and a unit")
        if "frame" in value or "packet" in value:
            found = Amount(frames_in(value.replace("packet", "frame")), of_frames=True)
        else:
            found = Amount(parse_quantity(value, ("B",)).value, of_frames=False)
        most = self.most_frames if found.of_frames else self.most_bytes
        if not self.lowest <= found.number <= most or not found.number.is_integer():
            unit = "packets" if found.of_frames else "B"
            raise QuantityError(
                f"the range is {plain(self.lowest)} to {plain(most)} {unit}, in whole numbers"
            )
        return found

    def check(self, where: str, name: str, value: Value) -> Value:
        """Such as "64 kB"."""
        return _checked(where, name, value, self.amount, 'it is such as "64 kB" or "1000 packets"')

    def lines(self, value: Value) -> list[str]:
        """As it was written, unless it is nothing."""
        if value is None or not self.amount(value).number:
            return []
        return [f"{self.what} {value}".strip()]


@dataclass(frozen=True)
class TimeType(RealType):
    """A time; kept in seconds."""

    lowest: float = 0
    highest: float = 60
    meaning: str = (
        'it is a time of {lowest} to {highest} s, a number of seconds or a text such as "20 ms"'
    )
    what: str = ""

    def given(self, value: Any) -> Value:
        """A text such as "20 ms" in seconds."""
        if not isinstance(value, str):
            return value  # type: ignore[no-any-return]
        try:
            return parse_quantity(value, ("s",)).value
        except QuantityError as error:
            raise PathError(f'{shown(value)} is no time such as "20 ms": {error}') from None

    def lines(self, value: Value) -> list[str]:
        """In ms, unless it is none."""
        assert isinstance(value, (int, float))
        return [f"{self.what} {plain(value * 1e3)} ms".strip()] if value else []


class AqmType(ChoiceType):
    """How a queue is managed."""

    def lines(self, value: Value) -> list[str]:
        """Its name, unless it is not managed."""
        return [str(value)] if value != "fifo" else []


class SwitchType(ParamType):
    """On or off."""

    has_place = True

    def check(self, where: str, name: str, value: Value) -> Value:
        """True or False."""
        if not isinstance(value, bool):
            raise PathError(f"node {where}: {name} is {shown(value)}; it is True or False")
        return value


@dataclass(frozen=True)
class StateType(TextType):
    """The state of a node; nodes of one path that name the same work on the same.

    is_own: the node brings the state about
    """

    is_name_within = True
    is_own: bool = False


class DataType(ParamType):
    """Of any size: the native node finds its bytes in `self->config.data`."""

    def packed(self, value: Any) -> bytes:
        """The value as the native node reads it."""
        raise NotImplementedError


@dataclass(frozen=True)
class OutputsType(ParamType):
    """Names of outputs that the node has besides those of its kind."""

    def check(self, where: str, name: str, value: Value) -> Value:
        """Names, each once."""
        if not isinstance(value, (list, tuple)) or not all(isinstance(v, str) for v in value):
            raise PathError(f"node {where}: {name} is {shown(value)}; it is a list of names")
        for output in value:
            if not NAME.fullmatch(output) or output in OTHERS or output.startswith("drop_"):
                raise PathError(
                    f"node {where}: {name} has {shown(output)}; an output's name has 1 to 40 "
                    "letters, digits and _ . : -, and is neither next, other nor begins with drop_"
                )
        if len(set(value)) < len(value) or not 0 < len(value) <= MOST_OUTPUTS:
            raise PathError(
                f"node {where}: {name} is {shown(value)}; it has 1 to {MOST_OUTPUTS} names, each "
                "once"
            )
        return list(value)


class PortListType(ParamType):
    """Names of ports; the native node finds their numbers in `self->config.data`, 16 bits each."""

    def given(self, value: Any) -> Value:
        """Names of port objects."""
        if not isinstance(value, (list, tuple)):
            raise PathError(f"{shown(value)} is no list of ports")
        return [PortType().given(port) for port in value]  # type: ignore[misc]

    def check(self, where: str, name: str, value: Value) -> Value:
        """Names, each once."""
        if not isinstance(value, list) or not value or len(set(value)) < len(value):
            raise PathError(
                f"node {where}: {name} is {shown(value)}; it is a list of ports, each once"
            )
        return value


@dataclass(frozen=True)
class PythonStateType(StateType):
    """The state of a node in Python, with memory that is shared with it."""


def load(value: object) -> Quantity:
    """ "100 Mbit/s" as 1e8 bit/s; a number is frames a second. QuantityError for what is none."""
    if is_real(value):
        found = Quantity(float(value), "pps")  # type: ignore[arg-type]
    elif isinstance(value, str):
        found = parse_quantity(value, ("pps", "bit/s"), bare="pps")
    else:
        raise QuantityError("it is no text with a number and a unit")
    if not 8 <= found.value * (8 if found.unit == "pps" else 1) <= 1e13:
        raise QuantityError("the range is 8 bit/s to 10 Tbit/s, and 1 pps to 1.25 Tpps")
    return found


def overhead_of(value: object) -> int:
    """Bytes of a frame that a load counts beside those in memory: the FCS, and at L1 what stands
    between two frames."""
    return L1 if load(value).layer == "L1" else FCS


def _checked(
    where: str, name: str, value: Value, amount: Callable[[Value], Amount], meant: str
) -> Value:
    try:
        found = amount(value)
    except QuantityError as error:
        raise PathError(f"node {where}: {name} is {shown(value)}; {meant} ({error})") from None
    assert math.isfinite(found.number)
    return value


Load = Annotated[float | str, LoadType()]
AnyLoad = Annotated[float | str, AnyLoadType()]
AllowanceName = Annotated[str, AllowanceNameType()]
Credits = Annotated[
    str, AmountType(1, "credits", most_bytes=MOST_CREDITS, most_frames=MOST_CREDITS)
]
Burst = Annotated[str, AmountType(what="burst")]
SomeBurst = Annotated[str, AmountType(1, "burst")]
Limit = Annotated[str, AmountType(1, "limit")]
Aqm = Annotated[
    Literal["fifo", "red", "codel", "fq_codel", "pie"],
    AqmType(("fifo", "red", "codel", "fq_codel", "pie")),
]
Time = Annotated[float | str, TimeType()]
Jitter = Annotated[float | str, TimeType(what="±")]
Target = Annotated[float | str, TimeType(what="target")]
Interval = Annotated[float | str, TimeType(what="interval")]
Switch = Annotated[bool, SwitchType()]
Held = Annotated[int, WholeType(1, MOST_FRAMES)]
Weight = Annotated[int, WholeType(1, 1_000_000)]
Overhead = Annotated[int, WholeType(-14, 1000)]
Outputs = Annotated[list[str], OutputsType()]
PortList = Annotated[list[str], PortListType()]
PythonState = Annotated[str, PythonStateType(is_own=True)]
State = Annotated[str, StateType()]
OwnState = Annotated[str, StateType(is_own=True)]
