# SPDX-License-Identifier: BSD-3-Clause
"""What a router is told: addresses of its ports, and routes. Kept as data, packed for the engine.

{"ports": {"a": {"addresses": ["10.0.1.1/24"], "mac": None, "mtu": None}},
 "routes": {"0.0.0.0/0": ["10.0.1.254%a"], "10.9.0.0/16": ["%a"], "10.8.0.0/16": "blackhole"}}
"""

import struct
from collections.abc import Mapping, Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_interface
from typing import Annotated, Any

from labkit.errors import PathError
from labkit.packet.edges import MOST_OUTPUTS
from labkit.packet.host_address import Address, Interface, why_no_host
from labkit.packet.mac import mac_bytes
from labkit.path.address_types import MOST_ADDRESSES, MacType
from labkit.path.function_types import DataType
from labkit.path.prefixes import Prefix, prefix_of
from labkit.path.values import Value
from labkit.text import near, shown

WORDS = {"blackhole": 1, "unreachable": 2}  # enum lk_hop_kind in native/dataplane/router.h
FIRST_CONNECTED, FIRST_HOP = 8, 8 + MOST_OUTPUTS
LEAST_MTU, MOST_MTU = 68, 65535  # RFC 791 3.1
MOST_NEXT_HOPS = 64
ADDRESS = struct.Struct("=16sB3x")
PORT = struct.Struct(f"=6sBBI{ADDRESS.size * 2 * MOST_ADDRESSES}s")
HEAD, GROUP = struct.Struct("=4I"), struct.Struct("=2I")
MEMBER, ROUTE = struct.Struct("=BBxx16s"), struct.Struct("=BBxxI16s")

Route = str | list[str]
Members = tuple[tuple[int, int, bytes], ...]  # IP version or 0, number of the port, address


class NetworkType(DataType):
    """Ports and routes, as above; MACs that are missing are those of the ports."""

    def check(self, where: str, name: str, value: Value) -> Value:
        """Addresses that hosts can have, networks each on one port, routes that lead somewhere."""
        if not isinstance(value, Mapping) or value.keys() != {"ports", "routes"}:
            raise PathError(f"node {where}: {name} is {shown(value)}; lk.route makes such nodes")
        Network(where, value["ports"], value["routes"])
        return value

    def lacking(self, value: Value) -> list[str]:
        """Ports without a MAC."""
        assert isinstance(value, Mapping)
        return [port for port, told in value["ports"].items() if told["mac"] is None]

    def filled(self, value: Value, macs: Mapping[str, str]) -> Value:
        """With these."""
        assert isinstance(value, Mapping)
        ports = {
            port: {**told, "mac": macs.get(port, told["mac"])}
            for port, told in value["ports"].items()
        }
        return {**value, "ports": ports}

    def lines(self, value: Value) -> list[str]:
        """Each port with its first address, and how many routes there are."""
        assert isinstance(value, Mapping)
        lines = []
        for port, told in value["ports"].items():
            first, *more = told["addresses"]
            lines.append(f"{port} {first}" + (f" + {len(more)}" if more else ""))
        count = len(value["routes"])
        return lines + ([f"{count:,} route{'s' * (count > 1)}"] if count else [])

    def packed(self, value: Any) -> bytes:
        """As native/dataplane/router.h has it: ports, then routes."""
        return Network("router", value["ports"], value["routes"]).packed()


class Network:
    """A router's ports and routes, checked."""

    def __init__(self, where: str, ports: Mapping[str, Any], routes: Mapping[str, Route]) -> None:
        self._where = where
        self.ports = list(ports)
        self._told = ports
        if not 0 < len(ports) <= MOST_OUTPUTS:
            raise PathError(f"node {where}: {len(ports)} ports; a router has 1 to {MOST_OUTPUTS}")
        self._connected: dict[Prefix, str] = {}
        self._interfaces = {port: self._addresses(port, told) for port, told in ports.items()}
        self._own = {i.ip for found in self._interfaces.values() for i in found}
        self.routes = self._routes(routes)

    def packed(self) -> bytes:
        """For the engine. Shorter prefixes come first: what is longer is then written over them."""
        groups: dict[Members, int] = {}
        members: list[tuple[int, int, bytes]] = []
        heads, found = [], []
        for prefix, port in self._connected.items():
            hop = FIRST_CONNECTED + self.ports.index(port)
            found.append((prefix.length, _packed_route(prefix, hop)))
        for prefix, hops in self.routes.items():
            if isinstance(hops, str):
                hop = WORDS[hops]
            else:
                if hops not in groups:
                    groups[hops] = FIRST_HOP + len(groups)
                    heads.append(GROUP.pack(len(members), len(hops)))
                    members += hops
                hop = groups[hops]
            found.append(
                (prefix.length, ROUTE.pack(prefix.version, prefix.length, hop, prefix.bytes))
            )
        found.sort(key=lambda route: route[0])
        return b"".join(
            (
                *map(self._packed_port, self.ports),
                HEAD.pack(len(groups), len(members), len(found), 0),
                *heads,
                *(MEMBER.pack(*member) for member in members),
                *(route for _, route in found),
            )
        )

    def _packed_port(self, port: str) -> bytes:
        told, found = self._told[port], self._interfaces[port]
        found = sorted(found, key=lambda i: i.version)
        counts = [sum(i.version == version for i in found) for version in (4, 6)]
        addresses = b"".join(
            ADDRESS.pack(i.ip.packed.ljust(16, b"\0"), i.network.prefixlen) for i in found
        )
        return PORT.pack(mac_bytes(told["mac"]), *counts, told["mtu"] or 0, addresses)

    # Ports

    def _addresses(self, port: str, told: Mapping[str, Any]) -> list[Interface]:
        if told["mac"] is not None:
            MacType().check(self._where, f"mac of port {port}", told["mac"])
        mtu = told["mtu"]
        if mtu is not None and (not isinstance(mtu, int) or not LEAST_MTU <= mtu <= MOST_MTU):
            raise PathError(
                f"node {self._where}: mtu of port {port} is {shown(mtu)}; the range is "
                f"{LEAST_MTU} to {MOST_MTU}"
            )
        found = [self._address(port, text) for text in told["addresses"]]
        if not found:
            raise PathError(
                f'node {self._where}: port {port} has no address; give it one such as "10.0.1.1/24"'
            )
        for version, most in ((4, MOST_ADDRESSES), (6, MOST_ADDRESSES - 1)):
            if sum(i.version == version for i in found) > most:
                raise PathError(
                    f"node {self._where}: port {port} has more IPv{version} addresses than "
                    f"{most}, the most of a router's port"
                )
        return found

    def _address(self, port: str, text: object) -> Interface:
        where = f"node {self._where}: port {port} has {shown(text)}"
        try:
            if not isinstance(text, str) or "/" not in text:
                raise ValueError
            found = ip_interface(text)
        except ValueError:
            raise PathError(
                f"{where}; write the address with the length of its network's prefix, such as "
                "10.0.1.1/24 or fd00:1::1/64"
            ) from None
        if kind := why_no_host(found):
            raise PathError(f"{where}, which is {kind}; give it a host's address")
        if found.ip.is_link_local:
            raise PathError(
                f"{where}, which is a link-local address; a router does not forward from or to "
                "them, and makes that of IPv6 from the port's MAC"
            )
        prefix = prefix_of(str(found.network))
        other = self._connected.setdefault(prefix, port)
        if other != port:
            raise PathError(
                f"{where}, but {found.network} is the network of port {other}; a network is on one "
                "port, or on several that a switch joins"
            )
        return found

    # Routes

    def _routes(self, routes: Mapping[str, Route]) -> dict[Prefix, Any]:
        found: dict[Prefix, Any] = {}
        known: dict[object, Members] = {}  # by what a route says; many say the same
        for text, hops in routes.items():
            where = f"node {self._where}: route {text!r}"
            prefix = prefix_of(text, where)
            if prefix in found:
                raise PathError(f"{where} is there twice; give it a list of next hops")
            if prefix in self._connected:
                raise PathError(
                    f"{where} is the network of port {self._connected[prefix]}, which the router "
                    "knows; leave it out"
                )
            if isinstance(hops, str) and hops in WORDS:
                found[prefix] = hops
                continue
            key = (prefix.version, *hops) if isinstance(hops, list) else None
            if key not in known:
                known[key] = self._members(where, prefix.version, hops)
            found[prefix] = known[key]
        return found

    def _members(self, where: str, version: int, hops: object) -> Members:
        if not isinstance(hops, list) or not 0 < len(hops) <= MOST_NEXT_HOPS:
            raise PathError(f"{where}: {shown(hops)} are not 1 to {MOST_NEXT_HOPS} next hops")
        if len(set(hops)) < len(hops):
            raise PathError(f"{where} names a next hop twice: {shown(hops)}")
        try:
            return tuple(self._member(version, hop) for hop in hops)
        except PathError as error:
            raise PathError(f"{where}: {error}") from None

    def _member(self, version: int, hop: str) -> tuple[int, int, bytes]:
        """IP version or 0, number of the port, address."""
        text, _, port = hop.partition("%")
        if port and port not in self.ports:
            raise PathError(f"{port!r} is no port of the router{near(port, self.ports)}")
        if not text:
            return 0, self.ports.index(port), bytes(16)
        try:
            address = ip_address(text)
        except ValueError:
            raise PathError(
                f"{hop!r} is neither an address nor a port of the router{near(hop, self.ports)}; "
                'a route leads to gateways, to a port, to "unreachable" or "blackhole"'
            ) from None
        if address.version != version:
            raise PathError(f"{text} is no gateway for IPv{version}")
        return version, self.ports.index(self._port_of(address, port)), _padded(address)

    def _port_of(self, address: Address, port: str) -> str:
        if why := why_no_host(address):
            raise PathError(f"{address} is no gateway but {why}")
        if address in self._own:
            raise PathError(f"{address} is the router's own; a gateway is another router's")
        if address.is_link_local:
            if not port:
                raise PathError(f"{address} is on any link; write {address}%PORT")
            return port
        found = [
            (i.network.prefixlen, name)
            for name, interfaces in self._interfaces.items()
            for i in interfaces
            if address in i.network and port in ("", name)
        ]
        if not found:
            networks = ", ".join(
                str(i.network)
                for interfaces in self._interfaces.values()
                for i in interfaces
                if i.version == address.version
            )
            at = f"port {port}" if port else "a port"
            raise PathError(
                f"gateway {address} is in no network of {at} ({networks or 'it has none'}); give "
                "one that is"
            )
        return max(found)[1]


def _packed_route(prefix: Prefix, hop: int) -> bytes:
    return ROUTE.pack(prefix.version, prefix.length, hop, prefix.bytes)


def _padded(address: IPv4Address | IPv6Address) -> bytes:
    return address.packed.ljust(16, b"\0")


def hops_of(prefix: str, value: object, ports: Sequence[str], name_of: Any) -> Route:
    """What a caller gave as a route's next hops, as it is kept: ["ADDRESS", "%PORT"] or a word."""
    if value is None:
        return "blackhole"
    if isinstance(value, str) and value in WORDS and value not in ports:
        return value
    many = value if isinstance(value, (list, tuple)) else [value]
    hops = []
    for one in many:
        if not isinstance(one, str) and hasattr(one, "packed"):
            hops.append(str(one))
            continue
        text = name_of(one)
        hops.append(f"%{text}" if text in ports else text)
    return hops


Net = Annotated[Mapping[str, Any], NetworkType()]
