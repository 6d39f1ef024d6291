# SPDX-License-Identifier: BSD-3-Clause
"""What a topology is made of: devices, links, and what the links are like."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Interface, IPv6Interface
from typing import Any, Literal, get_args

from labkit.errors import LabError
from labkit.packet.edges import MOST_OUTPUTS
from labkit.path.wires import WAITING
from labkit.text import near, shown

Kind = Literal["host", "switch", "router"]
KINDS: tuple[Kind, ...] = get_args(Kind)
BY_LETTER: Mapping[str, Kind] = {kind[0]: kind for kind in KINDS}
NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,14}")
MOST_LINKS = 80  # with hosts at all a path has some 1,000 nodes (native/dataplane/graph.h)
FEWEST: Mapping[Kind, int] = {"switch": 2}  # links
CONVENTION = re.compile(r"([hsr])\d+")
HOW_TO_NAME = "a name has 1 to 15 letters, digits and _, a letter first"

Interface = IPv4Interface | IPv6Interface


class TopologyError(LabError):
    """A topology that cannot be: what is wrong with it, and what may stand there."""


@dataclass(frozen=True)
class Quality:
    """What a link is like, in both directions alike.

    Attributes
    ----------
    rate: such as "100 Mbit/s"; None: at once
    delay, jitter: s, or such as "5 ms"; jitter to either side at most
    loss: a probability, 0 to 1
    limit: frames that wait for the rate
    up: whether frames come through
    """

    rate: float | str | None = None
    delay: float | str = 0.0
    jitter: float | str = 0.0
    loss: float = 0.0
    limit: int = WAITING
    up: bool = True

    def with_(self, given: Mapping[str, Any]) -> "Quality":
        """The same with others in place of some; TopologyError for what a link does not have."""
        for name in given:
            if name not in self.__dataclass_fields__:
                raise TopologyError(
                    f"a link has no {name!r}{near(name, self.__dataclass_fields__)}"
                )
        return replace(self, **given)


@dataclass(frozen=True)
class Device:
    """A host, a switch or a router.

    Attributes
    ----------
    addresses: those that were given, each with its prefix; one of a network whose host bits are 0
        asks for any address of it
    gateway: where it sends what has no other route; None: found by itself
    routes: gateways of networks that a router was given, which come before those that are found
    """

    name: str
    kind: Kind
    addresses: tuple[Interface, ...] = ()
    gateway: str | None = None
    routes: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Link:
    """Between two devices, by name."""

    a: str
    b: str
    quality: Quality = field(default_factory=Quality)

    def __str__(self) -> str:
        return f"{self.a} -- {self.b}"

    def joins(self, one: str, other: str) -> bool:
        """Whether these are its ends."""
        return {self.a, self.b} == {one, other}


def link_between(links: Sequence[Link], one: str, other: str) -> int | None:
    """The place of the only link between two devices; None: there is none."""
    return next((n for n, link in enumerate(links) if link.joins(one, other)), None)


@dataclass(frozen=True)
class Plan:
    """Devices by name, and links, in their order."""

    devices: Mapping[str, Device]
    links: tuple[Link, ...]

    def __post_init__(self) -> None:
        ends = Counter(end for link in self.links for end in (link.a, link.b))
        if not self.devices:
            raise TopologyError("the topology has no devices; begin with a line such as h1 -- h2")
        if len(self.links) > MOST_LINKS:
            raise TopologyError(
                f"the topology has {len(self.links)} links; the range is 1 to {MOST_LINKS}"
            )
        for device in self.devices.values():
            links = ends[device.name]
            if links == 0:
                raise TopologyError(
                    f"{device.kind} {device.name} has no link; add a line such as "
                    f"{device.name} -- s1"
                )
            if device.kind == "host" and links > 1:
                raise TopologyError(
                    f"host {device.name} has {links} links, and a host has one; put a switch "
                    "between, or make it a router"
                )
            if links < (fewest := FEWEST.get(device.kind, 1)) or links > MOST_OUTPUTS:
                raise TopologyError(
                    f"{device.kind} {device.name} has {links} link{'s' * (links > 1)}; the "
                    f"range is {fewest} to {MOST_OUTPUTS}"
                )

    def of(self, kind: Kind) -> list[Device]:
        """Devices of a kind."""
        return [device for device in self.devices.values() if device.kind == kind]

    def links_of(self, name: str) -> list[Link]:
        """Those that end at a device."""
        return [link for link in self.links if name in (link.a, link.b)]


def kind_of(name: str) -> Kind | None:
    """What a device is that was named by Mininet's convention, such as h1, s1, r1."""
    found = CONVENTION.fullmatch(name)
    return BY_LETTER[found[1]] if found else None


def check_name(name: object) -> str:
    """The name of a device; TopologyError for what is none."""
    if not isinstance(name, str) or not NAME.fullmatch(name):
        hint = ""
        if isinstance(name, str) and ":" in name:
            hint = "; interfaces are not named, a link goes from device to device"
        raise TopologyError(f"{shown(name)} is no name of a device: {HOW_TO_NAME}{hint}")
    return name
