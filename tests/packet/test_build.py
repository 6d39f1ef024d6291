# SPDX-License-Identifier: BSD-3-Clause
"""scapy packets become the bytes that scapy makes of them, and stay as they were."""

import random

import pytest
from scapy.layers.dns import DNS, DNSQR
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import ICMPv6ND_NS, IPv6
from scapy.layers.l2 import ARP, Dot1Q, Ether
from scapy.packet import Packet, Padding, Raw
from scapy.volatile import RandShort

from labkit.packet.build import is_single, network_layer, packet_bytes

ETHER = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
V4 = IP(src="10.0.0.1", dst="10.0.0.2")
PACKETS = [
    ETHER / V4 / ICMP() / Raw(b"hello"),
    ETHER / V4 / UDP(sport=1, dport=2, chksum=0) / bytes(18),
    ETHER / V4 / TCP(dport=80, flags="SA", options=[("MSS", 1460), ("NOP", None)]),
    ETHER / IP(src="10.0.0.1", dst="10.0.0.2", flags="DF", options=b"\1\1\1\0") / UDP(),
    ETHER / Dot1Q(vlan=7) / Dot1Q(vlan=8) / IPv6(src="::1", dst="::2") / UDP(dport=53) / DNS(),
    ETHER / IPv6(src="::1", dst="::2") / UDP(dport=53) / DNS(qd=[DNSQR(qname="a.b")]),
    ETHER / IPv6(src="::1", dst="ff02::1") / ICMPv6ND_NS(tgt="::3"),
    ETHER / ARP(op=2, psrc="10.0.0.1", pdst="10.0.0.2"),
    ETHER / V4 / UDP() / Padding(b"pad"),
    Ether(bytes(ETHER / V4 / UDP() / b"dissected")),
    Raw(b""),
]


@pytest.mark.parametrize("packet", PACKETS, ids=lambda p: p.summary())
def test_the_same_bytes_and_an_untouched_packet(packet: Packet) -> None:
    before = packet.copy()
    explicit = [packet[i].explicit for i in range(len(packet.layers()))]
    assert is_single(packet)
    assert packet_bytes(packet) == bytes(packet) == packet_bytes(packet)
    assert packet == before
    assert [packet[i].explicit for i in range(len(packet.layers()))] == explicit
    packet.add_payload(b"more")
    assert packet_bytes(packet) == bytes(packet), "a packet that has changed since"


@pytest.mark.parametrize(
    "packet",
    [
        ETHER / IP(src="10.0.0.1", dst="10.0.0.0/30") / UDP(),
        ETHER / IP(src="10.0.0.1", dst=["10.0.0.7", "10.0.0.8"]) / UDP(),
        ETHER / V4 / UDP(sport=(1, 9)),
        ETHER / V4 / UDP(sport=[3, 4]),
    ],
    ids=lambda p: repr(p),
)
def test_many_packets_are_left_to_scapy(packet: Packet) -> None:
    assert not is_single(packet)
    assert packet_bytes(packet) == bytes(packet)


def test_random_values_are_drawn_each_time() -> None:
    packet = ETHER / V4 / UDP(sport=RandShort())
    assert not is_single(packet)
    random.seed(1)
    assert len({packet_bytes(packet) for _ in range(10)}) > 5


def test_what_has_its_place_inside_a_frame() -> None:
    assert [network_layer(p) for p in (V4 / UDP(), IPv6(), ARP())] == ["IP", "IPv6", "ARP"]
    assert [network_layer(p) for p in (ETHER / V4, Raw(b"x"), b"x", None)] == [None] * 4
