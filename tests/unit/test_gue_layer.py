# SPDX-License-Identifier: BSD-3-Clause
"""The scapy layer of GUE: golden bytes of every kind of header, read and built again."""

import pytest
from scapy.contrib.etherip import EtherIP
from scapy.layers.inet import IP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import GRE, Ether
from scapy.packet import Packet, Raw

from labkit.frames.gue import GUE

LINK = Ether(src="02:00:00:00:00:0a", dst="02:00:00:00:00:0b")
OUTER = LINK / IP(src="192.0.2.1", dst="192.0.2.2") / UDP(sport=50000, dport=6080)
INNER_4 = IP(src="10.0.0.1", dst="10.0.0.2") / UDP(sport=1, dport=9) / Raw(b"four")
INNER_6 = IPv6(src="fd00::1", dst="fd00::2") / UDP(sport=1, dport=9) / Raw(b"six")

# What a user writes, the first bytes behind UDP, the layers that come out
HEADERS = {
    "ipv4": (GUE() / INNER_4, "00040000 45", [GUE, IP, UDP, Raw]),
    "ipv6": (GUE() / INNER_6, "00290000 60", [GUE, IPv6, UDP, Raw]),
    "gre": (
        GUE() / GRE(proto=0x6558) / LINK / INNER_4,
        "002f0000 00006558 0200",
        [GUE, GRE, Ether, IP, UDP, Raw],
    ),
    "etherip": (
        GUE() / EtherIP() / LINK / INNER_4,
        "00610000 3000 0200",
        [GUE, EtherIP, Ether, IP, UDP, Raw],
    ),
    "no_next_header": (GUE() / Raw(b"\x04ignored"), "003b0000 04", [GUE, Raw]),
    "control": (GUE(control=1, proto=7) / Raw(b"\x04told"), "20070000 04", [GUE, Raw]),
    "control_of_type_4": (GUE(control=1, proto=4) / INNER_4, "20040000 45", [GUE, Raw]),
    "extension_field": (
        GUE(flags=0x8000, data=b"\0\0\0\7") / INNER_4,
        "01048000 00000007 45",
        [GUE, IP, UDP, Raw],
    ),
    "private_flags": (
        GUE(flags=1, private_flags=0x80000000, data=b"\0\x14\0\x1a") / INNER_4,
        "02040001 80000000 0014001a 45",
        [GUE, IP, UDP, Raw],
    ),
    "longest": (GUE(data=bytes(124)) / INNER_4, "1f040000 00000000", [GUE, IP, UDP, Raw]),
    "variant_1_ipv4": (INNER_4, "45", [IP, UDP, Raw]),
    "variant_1_ipv6": (INNER_6, "60", [IPv6, UDP, Raw]),
}


def layers(packet: Packet) -> list[type[Packet]]:
    """The layers behind the outermost UDP."""
    found = []
    layer = packet[UDP].payload
    while layer:
        found.append(type(layer))
        layer = layer.payload
    return found


def rebuilt(packet: Packet) -> bytes:
    """Built from its fields, without the bytes that scapy remembers."""
    layer = packet = packet.copy()
    while layer:
        layer.raw_packet_cache = None
        layer = layer.payload
    return bytes(packet)


@pytest.mark.parametrize(("packet", "header", "expected"), HEADERS.values(), ids=HEADERS)
def test_headers(packet: Packet, header: str, expected: list[type[Packet]]) -> None:
    frame = bytes(OUTER / packet)
    assert frame[42:].startswith(bytes.fromhex(header))
    seen = Ether(frame)
    assert layers(seen) == expected
    assert rebuilt(seen) == frame
