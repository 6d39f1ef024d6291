# SPDX-License-Identifier: BSD-3-Clause
"""Toeplitz' hash, with the vectors of Microsoft (Verifying the RSS hash calculation)."""

import pytest
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import ARP, Dot1Q, Ether
from scapy.layers.vxlan import VXLAN
from scapy.packet import Packet

from labkit.packet.rss_hash import hashed_bytes, toeplitz

KEY = bytes.fromhex(
    "6d5a56da255b0ec24167253d43a38fb0d0ca2bcbae7b30b477cb2da38030f20c6a42b73bbeac01fa"
)
VECTORS = [  # source, destination, hash of addresses, hash of addresses and ports
    (("66.9.149.187", 2794), ("161.142.100.80", 1766), 0x323E8FC2, 0x51CCC178),
    (("199.92.111.2", 14230), ("65.69.140.83", 4739), 0xD718262A, 0xC626B0EA),
    (("24.19.198.95", 12898), ("12.22.207.184", 38024), 0xD2D0A5DE, 0x5C2B394A),
    (("3ffe:2501:200:1fff::7", 2794), ("3ffe:2501:200:3::1", 1766), 0x2CC18CD5, 0x40207D3D),
]


@pytest.mark.parametrize(("source", "target", "addresses", "ports"), VECTORS)
def test_published_vectors(
    source: tuple[str, int], target: tuple[str, int], addresses: int, ports: int
) -> None:
    ip = IPv6 if ":" in source[0] else IP
    version = "ipv6" if ":" in source[0] else "ipv4"
    frame = bytes(
        Ether() / Dot1Q(vlan=7) / ip(src=source[0], dst=target[0])
        / TCP(sport=source[1], dport=target[1])
    )  # fmt: skip
    by_ports = hashed_bytes(frame, {version, f"{version}-tcp"})
    by_address = hashed_bytes(frame, {version, f"{version}-udp"})
    assert by_ports is not None
    assert by_address is not None
    assert (toeplitz(KEY, by_address), toeplitz(KEY, by_ports)) == (addresses, ports)


ENDS = IP(src="10.0.0.1", dst="10.0.0.2")
ADDRESSES = bytes([10, 0, 0, 1, 10, 0, 0, 2])
PORTS = bytes([0, 1, 0, 2])


@pytest.mark.parametrize(
    ("packet", "fields", "hashed"),
    [
        (ENDS / UDP(sport=1, dport=2), {"ipv4-udp"}, ADDRESSES + PORTS),
        (ENDS / UDP(sport=1, dport=2), {"ipv4-tcp"}, None),
        (ENDS / UDP(sport=1, dport=2), {"ipv4-other"}, None),
        (IP(src="10.0.0.1", dst="10.0.0.2", flags=1) / UDP(sport=1, dport=2),
         {"ipv4-udp", "ipv4-frag"}, ADDRESSES),
        (IP(src="10.0.0.1", dst="10.0.0.2", proto=99) / b"x", {"ipv4-other"}, ADDRESSES),
        (ENDS / UDP(sport=1, dport=2) / b"", set(), None),
        (ARP(), {"ipv4", "ipv6"}, None),
        (ENDS / IP(src="1.1.1.1", dst="2.2.2.2") / UDP(sport=9, dport=9), {"ipv4", "ipv4-udp"},
         ADDRESSES),
        (ENDS / UDP(sport=1, dport=4789) / VXLAN() / Ether() / IP(src="1.1.1.1") / UDP(sport=9),
         {"ipv4-udp"}, ADDRESSES + bytes([0, 1, 0x12, 0xB5])),
    ],
)  # fmt: skip
def test_what_is_hashed(packet: Packet, fields: set[str], hashed: bytes | None) -> None:
    assert hashed_bytes(bytes(Ether() / packet), fields) == hashed


def test_frames_that_are_cut_short() -> None:
    frame = bytes(Ether() / ENDS / UDP(sport=1, dport=2))
    for length in range(len(frame)):
        hashed = hashed_bytes(frame[:length], {"ipv4", "ipv4-udp"})
        assert hashed is None or hashed.startswith(ADDRESSES[: len(hashed)])
