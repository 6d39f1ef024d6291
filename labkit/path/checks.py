# SPDX-License-Identifier: BSD-3-Clause
"""Nodes from data: every parameter of every kind is checked."""

import ipaddress
import re
from collections.abc import Callable, Iterable

from labkit.errors import PathError, TunnelError
from labkit.path.chain import Node
from labkit.path.kinds import KINDS, REQUIRED, Params, Value
from labkit.text import near

Check = Callable[[str, Value], Value]

# Of each IP version, as in native/packet/endpoint.h: paths are made without native modules
MOST_ADDRESSES = 16


def make(kind: str, params: Params, name: str | None = None) -> Node:
    """A node of any kind, every parameter checked."""
    if kind not in KINDS:
        raise PathError(f"{kind!r} is no kind of node{near(kind, KINDS)}")
    where, known = name or kind, KINDS[kind].params
    for key in params:
        if key not in known:
            raise PathError(f"node {where}: {kind} has no parameter {key!r}{near(key, known)}")
    full: dict[str, Value] = {}
    for key, default in known.items():
        if default is REQUIRED and key not in params:
            raise PathError(f"node {where}: {kind} needs the parameter {key!r}")
        value = params.get(key, default)
        may_miss = default is None and value is None
        full[key] = None if may_miss else _CHECKS[key](where, value)
    return Node(kind, full, name)


_ADDRESSES_FIX = 'give at least one address such as ["10.0.0.2/24", "fd00::2/64"]'


def listed(addresses: Iterable[str]) -> list[str]:
    """Addresses as a list; a single one may be text."""
    if isinstance(addresses, str):
        return [addresses]
    if not isinstance(addresses, Iterable):
        raise PathError(f"addresses is {addresses!r}; {_ADDRESSES_FIX}")
    return [str(address) for address in addresses]


def _check_addresses(where: str, value: Value) -> Value:
    if not isinstance(value, list) or not value:
        raise PathError(f"node {where}: addresses is {value!r}; {_ADDRESSES_FIX}")
    counts = {4: 0, 6: 0}
    for text in value:
        try:
            if not isinstance(text, str) or "%" in text:
                raise ValueError
            address = ipaddress.ip_interface(text)
        except ValueError:
            raise PathError(
                f"node {where}: {text!r} is no IP address; write it as 10.0.0.2/24 or "
                "fd00::2/64, the prefix length may be left out"
            ) from None
        if address.is_multicast or address.is_unspecified:
            raise PathError(
                f"node {where}: {text!r} is no address that a host can have; give a unicast "
                "address such as 10.0.0.2/24 or fd00::2/64"
            )
        counts[address.version] += 1
    for version, count in counts.items():
        if count > MOST_ADDRESSES:
            raise PathError(
                f"node {where}: {count} IPv{version} addresses; at most "
                f"{MOST_ADDRESSES} of each version"
            )
    return value


def _check_mac(where: str, value: Value) -> Value:
    if not isinstance(value, str) or not re.fullmatch(r"([0-9a-fA-F]{2}:){5}[0-9a-fA-F]{2}", value):
        raise PathError(f"node {where}: mac is {value!r}; write six bytes as 02:00:00:00:00:01")
    if int(value[:2], 16) & 1:
        raise PathError(
            f"node {where}: mac {value} is a group address; the lowest bit of the "
            "first byte of a host's address is 0"
        )
    return value.lower()


def _check_number(name: str, lowest: int, highest: int) -> Check:
    def check(where: str, value: Value) -> Value:
        if not isinstance(value, int) or isinstance(value, bool) or not lowest <= value <= highest:
            raise PathError(
                f"node {where}: {name} is {value!r}; the range is {lowest} to {highest}"
            )
        return value

    return check


def _check_probability(name: str) -> Check:
    def check(where: str, value: Value) -> Value:
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if not is_number or not 0 <= float(str(value)) <= 1:
            raise PathError(f"node {where}: {name} is {value!r}; it is a probability, 0 to 1")
        return value

    return check


def _check_text(name: str) -> Check:
    def check(where: str, value: Value) -> Value:
        if not isinstance(value, str) or not value:
            raise PathError(f"node {where}: {name} is {value!r}; it is a text that is not empty")
        return value

    return check


def _check_tunnel(where: str, value: Value) -> Value:
    from labkit.packet.tunnels import (
        from_dict,  # brings in the codec, which a path as data can do without
    )

    try:
        return from_dict(value).to_dict()
    except TunnelError as error:
        raise PathError(f"node {where}: {error}") from None


def _check_unknown_vni(where: str, value: Value) -> Value:
    if value not in ("drop", "pass"):
        raise PathError(f"node {where}: unknown_vni is {value!r}; it is 'drop' or 'pass'")
    return value


_CHECKS: dict[str, Check] = {
    "tunnel": _check_tunnel,
    "unknown_vni": _check_unknown_vni,
    "addresses": _check_addresses,
    "mac": _check_mac,
    "udp_port": _check_number("udp_port", 1, 65535),
    "queue": _check_number("queue", 0, 255),
    "snaplen": _check_number("snaplen", 0, 65535),
    "port": _check_text("port"),
    "file": _check_text("file"),
    "run": _check_text("run"),
    "line": _check_text("line"),
    "loss": _check_probability("loss"),
    "duplicate": _check_probability("duplicate"),
    "reorder": _check_probability("reorder"),
    "displacement": _check_number("displacement", 1, 32),
    "seed": _check_number("seed", 0, 2**63 - 1),
}
