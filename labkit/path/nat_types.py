# SPDX-License-Identifier: BSD-3-Clause
"""What nat translates to: its outside addresses, and who stands behind them."""

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any

from labkit.errors import PathError
from labkit.path.function_types import DataType
from labkit.path.values import Value
from labkit.text import near, shown

Address = IPv4Address | IPv6Address

MOST_ADDRESSES = 256
MOST_RULES = 1024
PROTOCOLS = {"tcp": 6, "udp": 17}
ADDRESS = struct.Struct("=B16s")  # struct lk_nat_address
RULE = struct.Struct("=BBHH16s16s")  # struct lk_nat_rule
POOL = 'an address, a prefix such as "192.0.2.0/28" or a range such as "192.0.2.1-192.0.2.9"'
END = 'an address, with a port or without: "192.0.2.1", "192.0.2.1:80", "[2001:db8::1]:80"'


class PoolType(DataType):
    """Outside addresses: texts, each an address, a prefix or a range."""

    def given(self, value: Any) -> Value:
        """One text or several."""
        if value is None:
            return []
        if isinstance(value, str):
            return [value]
        return list(value) if isinstance(value, Iterable) else value

    def check(self, where: str, name: str, value: Value) -> Value:
        """Addresses, each once, of which there are not too many."""
        if not isinstance(value, list) or not all(isinstance(part, str) for part in value):
            raise PathError(
                f"node {where}: {name} is {shown(value)}; it is {POOL}, or a list of them"
            )
        found = self.addresses(where, name, value)
        if len(found) > MOST_ADDRESSES:
            raise PathError(
                f"node {where}: {name} has {len(found)} addresses; the most is {MOST_ADDRESSES}"
            )
        twice = next((a for a in found if found.count(a) > 1), None)
        if twice is not None:
            raise PathError(f"node {where}: {name} has {twice} twice")
        return value

    def addresses(self, where: str, name: str, value: list[str]) -> list[Address]:
        """All of them."""
        return [address for part in value for address in self._in(where, name, part)]

    def _in(self, where: str, name: str, part: str) -> list[Address]:
        low, dash, high = part.partition("-")
        try:
            if dash:
                return _between(ip_address(low.strip()), ip_address(high.strip()))
            network = ip_network(part)
        except (ValueError, TypeError):
            if _is_network(part):
                raise PathError(
                    f"node {where}: {name} has {part!r}, with bits behind its prefix; write "
                    f"{ip_network(part, strict=False)}, or {part.partition('/')[0]} alone"
                ) from None
            raise PathError(f"node {where}: {name} has {part!r}; it is {POOL}") from None
        most = MOST_ADDRESSES + 1
        return [network[n] for n in range(min(network.num_addresses, most))]

    def packed(self, value: list[str]) -> bytes:
        """struct lk_nat_address of each."""
        found = self.addresses("", "", value)
        return b"".join(ADDRESS.pack(a.version, a.packed) for a in found)

    def lines(self, value: Value) -> list[str]:
        """As they were written."""
        assert isinstance(value, list)
        return [f"from {', '.join(value)}"] if value else []


class TargetsType(DataType):
    """Who stands behind outside addresses and ports, by these."""

    def given(self, value: Any) -> Value:
        """A mapping of texts."""
        return {} if value is None else value

    def check(self, where: str, name: str, value: Value) -> Value:
        """Ends that can be read, of one version each."""
        if not isinstance(value, dict):
            raise PathError(
                f"node {where}: {name} is {shown(value)}; it is such as "
                '{"192.0.2.1:80": "10.0.0.5:8080"}'
            )
        if len(value) > MOST_RULES:
            raise PathError(
                f"node {where}: {name} has {len(value)} entries; the most is {MOST_RULES}"
            )
        for outside, inside in value.items():
            self._rule(f"node {where}: {name}", outside, inside)
        return value

    def packed(self, value: dict[str, str]) -> bytes:
        """struct lk_nat_rule of each, the most special ones first."""
        rules = [rule for pair in value.items() for rule in self._rule("", *pair)]
        rules.sort(key=lambda rule: rule.port == 0)
        return b"".join(rule.packed() for rule in rules)

    def lines(self, value: Value) -> list[str]:
        """As they were written, or how many."""
        assert isinstance(value, dict)
        if len(value) > 2:  # lines of a box
            return [f"{len(value)} targets"]
        return [f"{outside} to {inside}" for outside, inside in value.items()]

    def _rule(self, where: str, outside: object, inside: object) -> "list[_Rule]":
        said = f"{where}: {shown(outside)}: {shown(inside)}"
        if not isinstance(outside, str) or not isinstance(inside, str):
            raise PathError(f"{said}: both are texts, such as '192.0.2.1:80': '10.0.0.5:8080'")
        protocol, _, end = outside.strip().rpartition(" ")
        if protocol and protocol not in PROTOCOLS:
            raise PathError(
                f"{said}: in front of the address stands tcp or udp{near(protocol, PROTOCOLS)}"
            )
        address, port = _end(said, end)
        target, to_port = _end(said, inside)
        if address.version != target.version:
            raise PathError(f"{said}: both are IPv4, or both IPv6")
        if port is None and (to_port is not None or protocol):
            raise PathError(f"{said}: give the outside address a port, {end}:80, too")
        named = [PROTOCOLS[protocol]] if protocol else list(PROTOCOLS.values())
        return [
            _Rule(number, address, port or 0, target, to_port or port or 0)
            for number in ([0] if port is None else named)
        ]


@dataclass(frozen=True)
class _Rule:
    protocol: int
    address: Address
    port: int
    target: Address
    to_port: int

    def packed(self) -> bytes:
        return RULE.pack(
            self.address.version,
            self.protocol,
            self.port,
            self.to_port,
            self.address.packed,
            self.target.packed,
        )


def _is_network(text: str) -> bool:
    try:
        ip_network(text, strict=False)
    except ValueError:
        return False
    return True


def _between(low: Address, high: Address) -> list[Address]:
    if low.version != high.version or int(low) > int(high):
        raise ValueError
    most = min(int(high) - int(low), MOST_ADDRESSES)
    return [low + n for n in range(most + 1)]


def _end(said: str, text: str) -> tuple[Address, int | None]:
    """Address and port of "10.0.0.5:8080" or "[2001:db8::1]:80"."""
    if text.startswith("["):
        host, _, port = text[1:].partition("]")
        port = port.removeprefix(":")
    elif text.count(":") == 1:
        host, port = text.split(":")
    else:
        host, port = text, ""
    try:
        address = ip_address(host)
    except ValueError:
        raise PathError(f"{said}: {text!r} is no end; it is {END}") from None
    if not port and not text.endswith(":"):
        return address, None
    if not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        raise PathError(f"{said}: the port {port!r} is out of 1 to 65535")
    return address, int(port)
