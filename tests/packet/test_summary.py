# SPDX-License-Identifier: BSD-3-Clause
"""A frame in one line."""

import pytest
from scapy.layers.dns import DNS
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.l2 import ARP, Dot1Q, Ether
from scapy.packet import Packet, Raw

from labkit.packet.summary import summary
from tests.tunnels import FRAMES, LINK, TUNNELS

V4 = IP(src="10.0.0.1", dst="10.0.0.2")
HERE, THERE = LINK.src, LINK.dst


@pytest.mark.parametrize(
    ("frame", "expected"),
    [
        (LINK / V4 / UDP(sport=5, dport=6), "Ethernet / IP / UDP  10.0.0.1:5 > 10.0.0.2:6"),
        (
            LINK / V4 / UDP(sport=5, dport=53) / DNS(),
            "Ethernet / IP / UDP / DNS  10.0.0.1:5 > 10.0.0.2:53",
        ),
        (LINK / Dot1Q() / V4 / ICMP(), "Ethernet / 802.1Q / IP / ICMP echo-request  10.0.0.1 > "),
        (
            TUNNELS["vxlan_v4"].encap(FRAMES["udp_v6"]),
            "Ethernet / IP / UDP / VXLAN / Ethernet / IPv6 / UDP  [fd00::1]:1024 > [fd00::2]:9000",
        ),
        (
            LINK / V4 / ICMP(type=3) / IP(src="10.0.0.2", dst="10.0.0.9") / TCP(),
            "Ethernet / IP / ICMP dest-unreach / IP (quoted) / TCP  10.0.0.1 > 10.0.0.2",
        ),
        (
            LINK / ARP(psrc="10.0.0.1", pdst="10.0.0.2"),
            "Ethernet / ARP  who has 10.0.0.2, asks 10.0.0.1",
        ),
        (
            LINK / ARP(op=2, psrc="10.0.0.1", hwsrc=HERE),
            f"Ethernet / ARP  10.0.0.1 is at {HERE}",
        ),
        (Ether(src=HERE, dst=THERE, type=0x88B5) / Raw(b"x"), f"Ethernet  {HERE} > {THERE}"),
        (bytes(LINK / V4 / UDP())[:20], "Ethernet / IP  (its packet ends within the header)"),
        (b"", "Ethernet  (its packet ends within the header)"),
    ],
)
def test_summary(frame: Packet | bytes, expected: str) -> None:
    assert summary(bytes(frame)).startswith(expected)


def test_of_a_part() -> None:
    """What is not there is not told."""
    frame = bytes(LINK / V4 / UDP(sport=5, dport=6))
    said = summary(frame[:36], len(frame))
    assert said == "Ethernet / IP / UDP  10.0.0.1:5 > 10.0.0.2  (cut short by the capture)"
    assert summary(frame[14:], link_type=101) == "IP / UDP  10.0.0.1:5 > 10.0.0.2:6"
