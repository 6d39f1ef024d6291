# SPDX-License-Identifier: BSD-3-Clause
"""Captured packets as the packet of a stream."""

from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.l2 import Ether
from scapy.packet import Raw

import labkit as lk

LINK = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
V4 = IP(src="10.0.0.1", dst="10.0.0.2")


def test_lengths_and_checksums_are_made_anew() -> None:
    for layer in (UDP(sport=1, dport=2), TCP(options=[("MSS", 1460)])):
        plain = LINK / V4 / layer / Raw(b"hello")
        captured = Ether(bytes(plain).ljust(60, b"\0"))
        sizes = [128, 400]
        frames = lk.Stream(captured, sizes, rebuild=True).frames(4)
        assert frames == lk.Stream(plain, sizes).frames(4)


def test_udp_without_a_checksum_stays_so() -> None:
    captured = Ether(bytes(LINK / V4 / UDP(sport=1, dport=2, chksum=0) / Raw(b"hello")))
    (frame,) = lk.Stream(captured, 128, rebuild=True).frames(1)
    assert Ether(frame)[UDP].chksum == 0
    assert Ether(frame)[UDP].len == 128 - 4 - 34
