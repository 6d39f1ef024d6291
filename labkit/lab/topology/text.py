# SPDX-License-Identifier: BSD-3-Clause
"""Topologies as text, and as dicts.

h1, h2: host 10.0.1.0/24          # addresses may be left out
r1: router
h1 -- s1 -- r1                    # h, s, r and a number need no line of their own
r1 -- r2 : delay 5 ms, rate 100 Mbit/s, loss 0.1 %
"""

import ipaddress
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import pairwise
from typing import Any

from labkit.arguments.hints import is_many, is_real
from labkit.errors import LabError
from labkit.lab.topology.plan import (
    CONVENTION,
    KINDS,
    Device,
    Interface,
    Link,
    Plan,
    Quality,
    TopologyError,
    check_name,
    kind_of,
    link_between,
)
from labkit.packet.host_address import why_no_host
from labkit.path.function_types import load
from labkit.path.types import probability_of
from labkit.text import near, shown
from labkit.units import QuantityError, parse_quantity

QUALITIES = ("rate", "delay", "jitter", "loss", "limit", "up", "down")
EXAMPLES = {
    "rate": "rate 100 Mbit/s",
    "delay": "delay 5 ms",
    "jitter": "jitter 1 ms",
    "loss": "loss 0.1 %",
    "limit": "limit 100 packets",
}
LINE = "a line is devices, such as h1, h2: host 10.0.1.0/24, or links, such as h1 -- s1 -- r1"
LONGEST_SECONDS = 60.0


def plan_of(given: object) -> Plan:
    """The plan of a text or of a dict of nodes and links."""
    if isinstance(given, str):
        return _of_text(given)
    if isinstance(given, Mapping):
        return _of_mapping(given)
    raise TopologyError(
        f"a topology is {shown(given)}; give a text such as 'h1 -- s1 -- h2', or a dict with nodes "
        "and links"
    )


class _Parts:
    """A plan under way."""

    def __init__(self) -> None:
        self.devices: dict[str, Device] = {}
        self.links: list[Link] = []

    def declare(self, device: Device) -> None:
        if device.name in self.devices:
            raise TopologyError(f"{device.name} is declared twice; once is enough")
        self.devices[device.name] = device

    def join(self, names: list[str], given: Mapping[str, Any]) -> None:
        """Links them; what was linked before becomes as it is given here."""
        for a, b in pairwise(names):
            if a == b:
                raise TopologyError(f"{a} is linked with itself; a link joins two devices")
            there = link_between(self.links, a, b)
            if there is None:
                self.links.append(Link(a, b, quality_of(given)))
                continue
            before = self.links[there]
            if not given:
                raise TopologyError(
                    f"{a} and {b} are linked already, and two devices have one link; say what it "
                    f"is like by {a} -- {b} : {EXAMPLES['delay']}, or lead a second way through "
                    "another device"
                )
            self.links[there] = replace(before, quality=quality_of(given, before.quality))

    def plan(self) -> Plan:
        """With devices that only links name."""
        devices: dict[str, Device] = {}
        for name in (end for link in self.links for end in (link.a, link.b)):
            devices.setdefault(name, self._device(name))
        return Plan({**self.devices, **devices}, tuple(self.links))

    def _device(self, name: str) -> Device:
        if name in self.devices:
            return self.devices[name]
        kind = kind_of(name)
        if kind is None:
            hint = near(name, self.devices) if self.devices else ""
            raise TopologyError(
                f"{name} is not declared{hint}; add a line such as {name}: host, or name it by the "
                "convention h1, s1, r1"
            )
        return Device(name, kind)


def _of_text(text: str) -> Plan:
    parts, last = _Parts(), 0
    for number, line in enumerate(text.splitlines(), start=1):
        words = line.partition("#")[0].strip()
        if not words:
            continue
        last = number
        try:
            _read(words, parts)
        except LabError as error:
            raise TopologyError(f"line {number}, {shown(words)}: {error}") from None
    if not last:
        raise TopologyError(f"the topology is empty; {LINE}")
    return parts.plan()


def _read(line: str, parts: _Parts) -> None:
    before, colon, after = line.partition(":")
    if "--" in before:
        names = [check_name(name.strip()) for name in before.split("--")]
        parts.join(names, _given(after) if colon else {})
        return
    if "--" in after and not before.rstrip().endswith("--"):  # as containerlab's h1:eth1 -- ...
        check_name(line.split("--")[0].strip())
    if not colon:
        raise TopologyError(f"neither devices nor links; {LINE}")
    for name in before.split(","):
        parts.declare(device_of(check_name(name.strip()), after))


def device_of(name: str, told: str) -> Device:
    """A device of what stands behind its name: host 10.0.1.5/24 via 10.0.1.254."""
    words = told.replace(",", " ").split()
    if not words or words[0] not in KINDS:
        what = shown(words[0]) if words else "nothing"
        raise TopologyError(f"{name} is {what}; it is a {', a '.join(KINDS)}{_meant(words, KINDS)}")
    kind = next(kind for kind in KINDS if kind == words[0])
    addresses: list[Interface] = []
    gateway: str | None = None
    routes: dict[str, str] = {}
    rest = iter(words[1:])
    for word in rest:
        if word == "via":
            gateway = _gateway(next(rest, ""))
        elif word == "to":
            network, by = _route(rest)
            if network in routes:
                raise TopologyError(f"{name} has two routes to {network}; one is enough")
            routes[network] = by
        else:
            addresses.append(_address(word))
    if routes and kind != "router":
        raise TopologyError(f"{kind} {name} has a route; routers do, hosts have via with a gateway")
    if kind == "host":
        for version in (4, 6):
            many = [str(a.ip) for a in addresses if a.version == version]
            if len(many) > 1:
                raise TopologyError(
                    f"host {name} has the addresses {' and '.join(many)}; a host has one of each "
                    "IP version"
                )
    if kind == "switch" and (addresses or gateway):
        raise TopologyError(f"switch {name} has addresses; a switch has none, hosts and routers do")
    return Device(name, kind, tuple(addresses), gateway, tuple(routes.items()))


def _meant(words: list[str], known: tuple[str, ...]) -> str:
    hint = near(words[0], known) if words else ""
    return hint[hint.index(")") + 1 :] if ")" in hint else ""


def _address(word: str) -> Interface:
    try:
        if "/" not in word:
            raise ValueError
        found = ipaddress.ip_interface(word)
    except ValueError:
        raise TopologyError(
            f"{shown(word)} is no address with its prefix such as 10.0.1.5/24, no network such as "
            "10.0.1.0/24 or fd00:1::/64, and not via with a gateway"
        ) from None
    if found.network.num_addresses < 4:
        raise TopologyError(
            f"{word} is of a network with {found.network.num_addresses} addresses; a link needs a "
            f"prefix of /{found.max_prefixlen - 2} or shorter"
        )
    if found.ip != found.network.network_address and (kind := why_no_host(found)):
        raise TopologyError(f"{word} is no address that a host can have but {kind}")
    return found


def _gateway(word: str) -> str:
    try:
        return str(ipaddress.ip_address(word))
    except ValueError:
        raise TopologyError(
            f"behind via stands {shown(word)}; it is a gateway's address such as 10.0.1.254"
        ) from None


def _route(rest: Iterator[str]) -> tuple[str, str]:
    """Of what stands behind `to`: 10.9.0.0/16 via 10.0.2.254."""
    network, via, gateway = next(rest, ""), next(rest, ""), next(rest, "")
    try:
        found = ipaddress.ip_network(network)
    except ValueError as error:
        why = f" ({error})" if "/" in network else ""
        raise TopologyError(
            f"behind to stands {shown(network)}, no network such as 10.9.0.0/16{why}; write "
            "to 10.9.0.0/16 via 10.0.2.254"
        ) from None
    if via != "via":
        raise TopologyError(f"behind to {network} stands {shown(via)}; it is via and a gateway")
    by = _gateway(gateway)
    if (":" in by) != (found.version == 6):
        raise TopologyError(f"{network} goes via {by}, an address of the other IP version")
    return str(found), by


def _given(told: str) -> Mapping[str, Any]:
    given: dict[str, Any] = {}
    for part in filter(None, (part.strip() for part in told.split(","))):
        name, _, value = part.partition(" ")
        if name not in QUALITIES:
            raise TopologyError(
                f"a link has no {name!r}{near(name, QUALITIES)}; write it such as "
                f"{', '.join(EXAMPLES.values())}, or down"
            )
        if name in ("up", "down"):
            if value:
                raise TopologyError(f"behind {name} stands {shown(value)}; put a comma between")
            given["up"] = name == "up"
        else:
            given[name] = value.strip()
    return given


def quality_of(given: Mapping[str, Any], before: Quality | None = None) -> Quality:
    """What a link is like, of words and numbers; before: where they say nothing."""
    read: dict[str, Any] = {}
    for name, value in given.items():
        try:
            read[name] = _READ[name](value) if name in _READ else value
        except (QuantityError, ValueError) as error:
            hint = EXAMPLES.get(name, f"{name} is True or False")
            raise TopologyError(f"{name} is {shown(value)}: {error}; write it as {hint}") from None
    return (before or Quality()).with_(read)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _rate(value: Any) -> Any:
    if isinstance(value, str) and _is_number(value):
        raise ValueError("it has no unit")  # 100 is Mbit/s to some, packets a second to others
    if value is not None:
        load(value)
    return value


def _time(value: Any) -> float:
    if not isinstance(value, str) and not is_real(value):
        raise ValueError("it is neither a number of seconds nor a text")
    seconds = float(value) if is_real(value) else parse_quantity(value, ("s",)).value
    if not 0 <= seconds <= LONGEST_SECONDS:
        raise ValueError("the range is 0 to 60 s")
    return seconds


def _loss(value: Any) -> float:
    value = probability_of(value)
    if isinstance(value, str):
        raise ValueError("it is a share in percent")
    if not is_real(value) or not 0 <= value <= 1:
        raise ValueError("the range is 0 to 100 %, as a number 0 to 1")
    return float(value)


def _limit(value: Any) -> int:
    if isinstance(value, str):
        found = re.fullmatch(r"(\d+)( (?:packets?|frames?))?", value)
        if found is None:
            raise ValueError("it is a number of packets")
        value = int(found[1])
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 4096:
        raise ValueError("the range is 1 to 4096 packets")
    return value


def _up(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("it is True or False")
    return value


_READ = {"rate": _rate, "delay": _time, "jitter": _time, "loss": _loss, "limit": _limit, "up": _up}


def _of_mapping(given: Mapping[Any, Any]) -> Plan:
    """{"nodes": {"h1": "host 10.0.1.0/24"}, "links": [("h1", "s1"), ("r1", "r2", {...})]}."""
    for key in given:
        if key not in ("nodes", "links"):
            raise TopologyError(f"the topology has {shown(key)}{near(key, ('nodes', 'links'))}")
    parts = _Parts()
    nodes = given.get("nodes", {})
    if not isinstance(nodes, Mapping):
        raise TopologyError(f'nodes is {shown(nodes)}; it is such as {{"h1": "host 10.0.1.0/24"}}')
    for name, told in nodes.items():
        if not isinstance(told, str):
            raise TopologyError(f"node {name} is {shown(told)}; it is such as 'host 10.0.1.0/24'")
        parts.declare(device_of(check_name(name), told))
    for number, (ends, quality) in enumerate(_links(given.get("links", ())), start=1):
        try:
            parts.join([check_name(end) for end in ends], quality)
        except LabError as error:
            raise TopologyError(f"link {number}: {error}") from None
    return parts.plan()


def _links(links: Any) -> Iterator[tuple[list[Any], Mapping[str, Any]]]:
    example = '("h1", "s1") or ("h1", "s1", {"delay": "5 ms"})'
    if not is_many(links) or isinstance(links, Mapping):
        raise TopologyError(f"links is {shown(links)}; it is a list of links such as {example}")
    for link in links:
        parts = list(link) if isinstance(link, (tuple, list)) else []
        quality = parts.pop() if parts and isinstance(parts[-1], Mapping) else {}
        if len(parts) < 2:  # a link has two ends
            raise TopologyError(f"a link is {shown(link)}; it is such as {example}")
        yield parts, quality


__all__ = ["CONVENTION", "device_of", "plan_of", "quality_of"]
