# SPDX-License-Identifier: BSD-3-Clause
"""Fields of what is often carried by UDP: DNS, DHCP, DHCPv6 and NTP."""

from collections.abc import Iterator
from ipaddress import IPv4Address

from labkit.packet.fields.reader import Parts, Reader
from labkit.packet.fields.shown import SHOWS, ipv4s, listed, text

DNS = (
    "id:16 qr:1 opcode:4:dns_opcode aa:1 tc:1 rd:1 ra:1 z:1 ad:1 cd:1 rcode:4:dns_rcode "
    "qdcount:16 ancount:16 nscount:16 arcount:16"
)
LONGEST_NAME = 255  # bytes: RFC 1035 2.3.4
BOOTP = (
    "op:8:bootp_op htype:8:arp_hardware hlen:8 hops:8 xid:32:hex secs:16 flags:16:hex "
    "ciaddr:32:ipv4 yiaddr:32:ipv4 siaddr:32:ipv4 giaddr:32:ipv4"
)
DHCP_COOKIE = b"\x63\x82\x53\x63"
DHCP_OPTIONS = {
    1: "mask",
    3: "router",
    6: "dns",
    12: "hostname",
    15: "domain",
    50: "requested",
    51: "lease",
    53: "message",
    54: "server",
    55: "wanted",
    61: "client-id",
}
NTP = (
    "leap:2 version:3 mode:3:ntp_mode stratum:8 poll:8 precision:8 delay:32:hex dispersion:32:hex "
    "id:32:digits ref:64:hex orig:64:hex recv:64:hex sent:64:hex"
)


def dns(r: Reader) -> Parts:
    """RFC 1035 4.1: the header and the questions."""
    yield from r.read(DNS)
    if questions := list(_questions(r)):
        yield "qd", listed(questions)


def _questions(r: Reader) -> Iterator[str]:
    for _ in range(r["qdcount"]):
        asked = _name(r)
        if asked is None or r.left < 4:
            return
        shown = dict(r.read("type:16:dns_type _class:16"))
        yield f"{asked} {shown['type']}"


def _name(r: Reader) -> str | None:
    """Labels up to the root; a pointer to others is not followed. None: it is not whole."""
    labels: list[str] = []
    begin = r.at
    while r.left and r.at - begin <= LONGEST_NAME:
        size = r.take(1)[0]
        if size == 0:
            return ".".join(labels) + "."
        if size >= 64:
            r.take(1)
            return ".".join([*labels, "…"])
        label = r.take(size)
        labels.append(text(label))
    return None


def dhcp(r: Reader) -> Parts:
    """RFC 2131 2 and RFC 2132."""
    yield from r.read(BOOTP)
    hardware = r.take(16)
    if len(hardware) == 16:
        yield "chaddr", hardware[: min(r["hlen"], 16)].hex(":")
    for name, length in (("sname", 64), ("file", 128)):
        yield from _letters(r, name, length)
    if r.take(4) == DHCP_COOKIE:
        begin = r.bit
        yield r.made("options", listed(_dhcp_options(r)), begin)


def _letters(r: Reader, name: str, length: int) -> Parts:
    """A text up to its zero; none where that is its first byte."""
    is_there = r.data[r.at : r.at + 1] > b"\0"
    found = r.part(name, length, lambda data: text(data.partition(b"\0")[0]))
    yield from (found if is_there else ())
    if not is_there:
        r.take(length)


def _dhcp_options(r: Reader) -> Iterator[str]:
    while r.left:
        kind = r.take(1)[0]
        if kind == 255:
            yield "end"
            return
        if kind == 0:
            continue
        size = r.take(1)
        if not size or size[0] > r.left:
            yield f"option {kind}, which is longer than the message"
            return
        yield f"{DHCP_OPTIONS.get(kind, f'option {kind}')} {_dhcp_value(kind, r.take(size[0]))}"


def _dhcp_value(kind: int, value: bytes) -> str:
    if kind == 53 and len(value) == 1:
        return SHOWS["dhcp_message"](value[0], 8)
    if kind in (1, 50, 54) and len(value) == 4:
        return str(IPv4Address(value))
    if kind in (3, 6):
        return ipv4s(value)
    if kind == 51 and len(value) == 4:
        return str(int.from_bytes(value, "big"))
    return text(value) if kind in (12, 15) else value.hex()


def dhcpv6(r: Reader) -> Parts:
    """RFC 8415 8 and 9: a message of a client or server, or of a relay."""
    yield from r.read("msgtype:8:dhcpv6_message")
    if r["msgtype"] in (12, 13):
        yield from r.read("hopcount:8 linkaddr:128:ipv6 peeraddr:128:ipv6")
    else:
        yield from r.read("trid:24:hex")
    if options := list(_dhcpv6_options(r)):
        yield "options", listed(options)


def _dhcpv6_options(r: Reader) -> Iterator[str]:
    while r.left >= 4:
        r.look("_option:16 _size:16")
        yield f"option {r['option']} {r.take(r['size']).hex()}".rstrip()
