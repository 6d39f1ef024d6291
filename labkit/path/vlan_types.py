# SPDX-License-Identifier: BSD-3-Clause
"""What parameters of nodes that know VLANs may be (IEEE 802.1Q)."""

import re
from array import array
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal

from labkit.arguments.hints import is_many
from labkit.errors import PathError
from labkit.packet.edges import MOST_OUTPUTS
from labkit.path.function_types import DataType, SwitchType, TimeType
from labkit.path.values import ChoiceType, Value, WholeType
from labkit.text import near, shown
from labkit.units import plain

FIRST, LAST = 1, 4094  # 0 and 4095 are none (IEEE 802.1Q 9.6)
IDS = 4096
DEFAULT = 1  # of a port that is not named
MEMBERS = re.compile(r"(?:native (\d+))?(?: ?tagged ([\d ,-]+))?")
HOW = (
    'it is a VLAN of an access port, 10; those of a trunk, [10, 20]; or {"trunk": [10, 20] or '
    '"all", "native": 1}, native being that of frames without a tag'
)


def vlan_id(where: str, value: Any) -> int:
    """A VLAN ID that frames can have."""
    kind = WholeType(FIRST, LAST)
    return int(kind.check(where, "VLAN", value))  # type: ignore[arg-type]


def membership(port: str, value: Any) -> str:
    """The VLANs of a port in words: "native 1 tagged 10,20"."""
    where = f"switch, port {port}"
    if isinstance(value, Mapping):
        return _trunk(where, value)
    if is_many(value) and not isinstance(value, (str, bytes)):
        return _trunk(where, {"trunk": value})
    if isinstance(value, str):
        raise PathError(f"node {where}: vlans is {shown(value)}; {HOW}")
    return f"native {vlan_id(where, value)}"


def _trunk(where: str, value: Mapping[str, Any]) -> str:
    known = ("trunk", "native")
    for key in value:
        if key not in known:
            raise PathError(f"node {where}: vlans has {shown(key)}{near(str(key), known)}; {HOW}")
    trunk = value.get("trunk", ())
    if trunk != "all" and (not is_many(trunk) or isinstance(trunk, str)):
        raise PathError(f"node {where}: trunk is {shown(trunk)}; {HOW}")
    ids = range(FIRST, LAST + 1) if trunk == "all" else [vlan_id(where, v) for v in trunk]
    native = value.get("native")
    words = [] if native is None else [f"native {vlan_id(where, native)}"]
    if ids:
        words.append(f"tagged {_in_ranges(ids)}")
    if not words:
        raise PathError(f"node {where}: vlans is {shown(value)}, no VLAN at all; {HOW}")
    return " ".join(words)


def _in_ranges(ids: Iterable[int]) -> str:
    """1,2,3,7 as 1-3,7."""
    runs: list[list[int]] = []
    for number in sorted(set(ids)):
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ",".join(str(a) if a == b else f"{a}-{b}" for a, b in runs)


def _of_ranges(text: str) -> list[int]:
    ends = ([int(end) for end in part.split("-")] for part in text.split(","))
    return [number for run in ends for number in range(run[0], run[-1] + 1)]


class VlansType(DataType):
    """The VLANs of each port in words, in the order of the ports."""

    def check(self, where: str, name: str, value: Value) -> Value:
        """As membership() has them."""
        if not isinstance(value, list):
            raise PathError(f"node {where}: {name} is {shown(value)}; it is a list of texts")
        for text in value:
            found = MEMBERS.fullmatch(text) if isinstance(text, str) and text else None
            if found is None:
                raise PathError(
                    f"node {where}: {name} has {shown(text)}; it is such as 'native 1 tagged 10,20'"
                )
            try:
                ids = _of_ranges(",".join(filter(None, found.groups())))
            except ValueError:
                raise PathError(
                    f"node {where}: {name} has {shown(text)}; VLANs are such as '10,20-29'"
                ) from None
            for number in ids:
                vlan_id(where, number)
        return value

    def packed(self, value: Any) -> bytes:
        """Native VLANs by port, 16 bits each; members and those with tags by VLAN, 32 bits each."""
        native = array("H", [0] * MOST_OUTPUTS)
        ports = array("I", [0] * (2 * IDS))
        for port, text in enumerate(value):
            found = MEMBERS.fullmatch(text)
            assert found is not None
            for number in _of_ranges(found[2]) if found[2] else ():
                ports[2 * number] |= 1 << port
                ports[2 * number + 1] |= 1 << port
            if found[1]:
                native[port] = int(found[1])
                ports[2 * native[port]] |= 1 << port
                ports[2 * native[port] + 1] &= ~(1 << port)
        return native.tobytes() + ports.tobytes()


class TranslationType(DataType):
    """VLAN IDs by those that take their place: pairs in words, "10 to 20"."""

    def given(self, value: Any) -> Value:
        """Of a mapping."""
        if not isinstance(value, Mapping) or not value:
            raise PathError(f"vlans is {shown(value)}; it is such as {{10: 20}}, old ID: new ID")
        pairs = (
            (vlan_id("vlan_translate", a), vlan_id("vlan_translate", b)) for a, b in value.items()
        )
        return [f"{a} to {b}" for a, b in pairs]

    def check(self, where: str, name: str, value: Value) -> Value:
        """Pairs, the first of each once."""
        if not isinstance(value, list) or not value:
            raise PathError(f"node {where}: {name} is {shown(value)}; it is a list of '10 to 20'")
        for text in value:
            ends = text.split(" to ") if isinstance(text, str) else []
            if len(ends) != 2 or not all(end.isdecimal() for end in ends):
                raise PathError(f"node {where}: {name} has {shown(text)}; it is such as '10 to 20'")
            for end in ends:
                vlan_id(where, int(end))
        if len({text.split(" to ")[0] for text in value}) < len(value):
            raise PathError(f"node {where}: {name} is {shown(value)}; each first ID stands once")
        return value

    def lines(self, value: Value) -> list[str]:
        """As they are written."""
        assert isinstance(value, list)
        return [f"VLAN {text}" for text in value[:3]] + (["…"] if len(value) > 3 else [])

    def packed(self, value: Any) -> bytes:
        """The new ID by the old one, 16 bits each; 4096: there is none."""
        to = array("H", [IDS] * IDS)
        for text in value:
            old, new = text.split(" to ")
            to[int(old)] = int(new)
        return to.tobytes()


class AgingType(TimeType):
    """For how long an address is known."""

    def lines(self, value: Value) -> list[str]:
        """In seconds."""
        assert isinstance(value, (int, float))
        return [f"aging {plain(value)} s"]


class VidType(WholeType):
    """A VLAN ID in a tag; 0: the tag tells a priority only."""

    def lines(self, value: Value) -> list[str]:
        """Which."""
        return [f"VLAN {value}"]


Vlans = Annotated[list[str], VlansType()]
Translation = Annotated[Mapping[int, int], TranslationType()]
Vid = Annotated[int, VidType(0, LAST)]
Pcp = Annotated[int, WholeType(0, 7)]
Flag = Annotated[bool, SwitchType()]
TagType = Annotated[Literal["802.1Q", "802.1ad"], ChoiceType(("802.1Q", "802.1ad"))]
Aging = Annotated[float | str, AgingType(0.01, 1e6)]
Entries = Annotated[int, WholeType(1, 2**20)]
