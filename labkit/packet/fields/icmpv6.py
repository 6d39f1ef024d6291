# SPDX-License-Identifier: BSD-3-Clause
"""Fields of ICMPv6 (RFC 4443), neighbour discovery (RFC 4861) and MLD (RFC 2710, RFC 9777)."""

from collections.abc import Iterator
from ipaddress import IPv6Address

from labkit.packet.fields.names import NAMES
from labkit.packet.fields.reader import Parts, Reader, listing
from labkit.packet.fields.shown import address, ipv6s, text

CODES = {1: "icmpv6_unreachable", 3: "icmpv6_exceeded", 4: "icmpv6_problem"}
ECHO = "id:16:hex seq:16:hex"
ERROR = "length:8 ?unused:24:hex"
TARGET = "?res:32:hex tgt:128:ipv6"
MULTICAST = "mrd:16 ?reserved:16:hex mladdr:128:ipv6"
REST = {
    1: ERROR,
    2: "mtu:32",
    3: ERROR,
    4: "ptr:32",
    128: ECHO,
    129: ECHO,
    130: MULTICAST,
    131: MULTICAST,
    132: MULTICAST,
    133: "?res:32:hex",
    134: (
        "chlim:8 M:1 O:1 H:1 prf:2 P:1 ?res:2 routerlifetime:16 reachabletime:32 retranstimer:32"
    ),
    135: TARGET,
    136: "R:1 S:1 O:1 ?res:29:hex tgt:128:ipv6",
    137: f"{TARGET} dst:128:ipv6",
    141: "?res:32:hex",
    142: "?res:32:hex",
    143: "?reserved:16:hex records_number:16",
    160: "id:16:hex seq:8 ?reserved:7:hex local:1",
    161: "id:16:hex seq:8 state:3 ?reserved:2 active:1 ipv4:1 ipv6:1",
}
QUERY, MLD_2 = 130, 143
LONG_QUERY = 28  # bytes: version 2
DISCOVERY = (133, 134, 135, 136, 137, 141, 142)
OPTIONS = {
    1: "source-lladdr",
    2: "target-lladdr",
    3: "prefix",
    4: "redirected",
    5: "mtu",
    14: "nonce",
    24: "route",
    25: "rdnss",
    31: "dnssl",
    37: "captive-portal",
    38: "pref64",
}


def name(data: bytes) -> str:
    """Of the message: "ICMPv6 Echo Request"."""
    kind = NAMES["icmpv6_type"].get(data[0], "") if data else ""
    return f"ICMPv6 {kind}".rstrip()


def icmpv6(r: Reader) -> Parts:
    """By its type; what has no format here is data."""
    yield from r.read("type:8:icmpv6_type")
    yield from r.read(f"code:8:{CODES.get(r['type'], '')} cksum:16:hex")
    yield from r.read(REST.get(r["type"], ""))
    if r["type"] == QUERY and len(r.data) >= LONG_QUERY:
        yield from r.read("?resv:4 S:1 QRV:3 QQIC:8 sources_number:16")
        yield from r.part("sources", min(16 * r["sources_number"], r.left // 16 * 16), ipv6s)
    elif r["type"] == MLD_2:
        yield from listing("records", _records(r))
    elif r["type"] in DISCOVERY:
        yield from listing("options", _options(r))
    yield from r.rest("data")


def _records(r: Reader) -> Iterator[str]:
    for _ in range(r["records_number"]):
        if r.left < 20:
            return
        shown = dict(r.read("rtype:8:group_record _auxdata_len:8 _number:16 dst:128:ipv6"))
        sources = r.take(16 * r["number"])
        r.take(4 * r["auxdata_len"])
        yield f"{shown['rtype']} {shown['dst']} {ipv6s(sources) if sources else ''}".rstrip()


def _options(r: Reader) -> Iterator[str]:
    """Type and length in units of 8 bytes; one that runs past the message is told, and the last."""
    while r.left >= 2:
        kind, units = r.take(2)
        title = OPTIONS.get(kind, f"option {kind}")
        if units == 0 or 8 * units - 2 > r.left:
            yield f"{title} of {8 * units} bytes, which cannot be"
            return
        yield f"{title} {_value(kind, r.take(8 * units - 2))}".rstrip()


def _value(kind: int, value: bytes) -> str:
    if kind in (1, 2) and len(value) == 6:
        return address(value)
    if kind == 3 and len(value) == 30:
        shown = dict(
            Reader(value).read(
                "length:8 flags:8:prefix_flags valid:32 preferred:32 _r:32 prefix:128:ipv6"
            )
        )
        return (
            f"{shown['prefix']}/{shown['length']} flags {shown['flags']} valid {shown['valid']} "
            f"preferred {shown['preferred']}"
        )
    if kind == 5 and len(value) == 6:
        return str(int.from_bytes(value[2:], "big"))
    if kind == 24 and len(value) >= 6:
        prefix = IPv6Address(value[6:22].ljust(16, b"\0"))
        return f"{prefix}/{value[0]} lifetime {int.from_bytes(value[2:6], 'big')}"
    if kind == 25 and len(value) >= 22:
        return f"lifetime {int.from_bytes(value[2:6], 'big')} {ipv6s(value[6:])}"
    return text(value.rstrip(b"\0")) if kind == 37 else value.hex()
