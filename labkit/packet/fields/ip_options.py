# SPDX-License-Identifier: BSD-3-Clause
"""Options of IPv4 (RFC 791 3.1) and of IPv6's extension headers (RFC 8200 4.2) as text."""

from collections.abc import Callable, Iterator, Mapping
from ipaddress import IPv6Address

from labkit.packet.fields.shown import ipv4s, listed

END, NO_OPERATION = 0, 1
RECORD_ROUTE, LOOSE_ROUTE, STRICT_ROUTE = 7, 131, 137
TIMESTAMP = 68
ROUTER_ALERT_4, ROUTER_ALERT_6 = 148, 5
JUMBO, HOME_ADDRESS, CALIPSO, QUICK_START = 0xC2, 0xC9, 7, 0x26
NAMES_4 = {
    RECORD_ROUTE: "record-route",
    25: "quick-start",
    TIMESTAMP: "timestamp",
    82: "traceroute",
    130: "security",
    LOOSE_ROUTE: "loose-route",
    133: "extended-security",
    134: "CIPSO",
    136: "stream-id",
    STRICT_ROUTE: "strict-route",
    ROUTER_ALERT_4: "router-alert",
}
NAMES_6 = {
    4: "tunnel-limit",
    ROUTER_ALERT_6: "router-alert",
    CALIPSO: "CALIPSO",
    QUICK_START: "quick-start",
    0x63: "RPL",
    JUMBO: "jumbo",
    HOME_ADDRESS: "home-address",
}


def ipv4_options(data: bytes) -> str:
    """Each with its data; one that runs past the header is told, and the last."""
    return listed(options_of(data, NAMES_4, _ipv4_value))


def options_of(
    data: bytes, names: Mapping[int, str], value: Callable[[int, bytes], str]
) -> Iterator[str]:
    """Options as IPv4 and TCP have them: one byte of end or nothing, else kind and size."""
    at = 0
    while at < len(data):
        kind = data[at]
        if kind in (END, NO_OPERATION):
            yield "end" if kind == END else "nop"
            if kind == END:
                return
            at += 1
            continue
        name = names.get(kind, f"option {kind}")
        size = data[at + 1] if at + 1 < len(data) else 0
        if size < 2 or size > len(data) - at:
            yield f"{name} of {size} bytes, which cannot be"
            return
        yield f"{name} {value(kind, data[at + 2 : at + size])}".rstrip()
        at += size


def _ipv4_value(kind: int, value: bytes) -> str:
    if kind in (RECORD_ROUTE, LOOSE_ROUTE, STRICT_ROUTE) and value:
        return f"at {value[0]} {ipv4s(value[1:])}"
    if kind == ROUTER_ALERT_4 and len(value) == 2:
        return str(int.from_bytes(value, "big"))
    return value.hex()


def ipv6_options(data: bytes) -> str:
    """Each with its data; one that runs past the header is told, and the last."""
    return listed(_ipv6_options(data))


def _ipv6_options(data: bytes) -> Iterator[str]:
    at = 0
    while at < len(data):
        kind = data[at]
        if kind == 0:
            yield "pad1"
            at += 1
            continue
        name = NAMES_6.get(kind, f"option {kind:#x}")
        size = data[at + 1] if at + 1 < len(data) else -1
        if not 0 <= size <= len(data) - at - 2:
            yield f"{name}, which is longer than the header"
            return
        value = data[at + 2 : at + 2 + size]
        if kind == 1:
            yield f"padn {size}" if not any(value) else f"padn {value.hex()}"
        else:
            yield f"{name} {_ipv6_value(kind, value)}".rstrip()
        at += 2 + size


def _ipv6_value(kind: int, value: bytes) -> str:
    if (kind, len(value)) in ((ROUTER_ALERT_6, 2), (JUMBO, 4)):
        return str(int.from_bytes(value, "big"))
    if (kind, len(value)) == (HOME_ADDRESS, 16):
        return str(IPv6Address(value))
    return value.hex()
