# SPDX-License-Identifier: BSD-3-Clause
"""Captured packets as the packet of a stream."""

import pickle
import warnings
from typing import Any

import pytest
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import ARP, LLC, STP, Dot3, Ether
from scapy.layers.vxlan import VXLAN
from scapy.packet import Packet, Raw

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


V6 = IPv6(src="fd00::1", dst="fd00::2")
DATA = UDP(sport=1, dport=2)
CAPTURED = type(LINK)(bytes(LINK / V4 / DATA / Raw(b"hello")))


@pytest.mark.parametrize(
    ("packet", "says"),
    [
        (
            CAPTURED,
            [
                "IP.len is 33, and 51 is right at 69 bytes; IP.chksum is 0x66c9, and 0x66b7 is",
                "UDP.len is 13, and 31 is right at 69 bytes; UDP.chksum is 0x",
            ],
        ),
        (LINK / V4 / UDP(len=9), ["UDP.len is 9, and 26 is right at 64 bytes"]),
        (LINK / V6 / UDP(chksum=0), ["UDP.chksum is 0x0, and each frame has another one"]),
        (
            LINK / IPv6(src="fd00::1", plen=8) / DATA,
            ["IPv6.plen is 8, and 26 is right at 84 bytes"],
        ),
        (LINK / V4 / TCP(dataofs=6), ["TCP.dataofs is 6, and 5 is right"]),
        (LINK / V4 / ICMP(chksum=1), ["ICMP.chksum is 0x1, and each frame has another one"]),
        (
            Dot3(src="02:00:00:00:00:01", dst="01:80:c2:00:00:00", len=38) / LLC() / STP(),
            ["Dot3.len is 38, and 56 is right at 74 bytes"],
        ),
    ],
    ids=lambda case: case.summary() if isinstance(case, Packet) else "",
)
def test_what_is_wrong_in_the_frames_is_warned_of(packet: Packet, says: list[str]) -> None:
    with pytest.warns(UserWarning, match="rebuild=True") as warned:
        lk.Stream(packet)
    assert len(warned) == 1
    assert warned[0].filename == __file__
    for text in says:
        assert text in str(warned[0].message)


@pytest.mark.parametrize(
    ("packet", "more"),
    [
        (CAPTURED, {"rebuild": True}),
        (LINK / V4 / UDP(chksum=0), {}),
        (LINK / V6 / UDP(dport=4789, chksum=0) / VXLAN() / LINK / V4 / DATA, {}),
        (LINK / IP(src="10.0.0.1", dst="10.0.0.2", len=82) / DATA, {"size": 100}),
        (LINK / V4 / UDP(chksum=1), {"vary": lk.vary(UDP.chksum, range(9))}),
        (LINK / V4 / TCP(dataofs=5), {"size": [64 + 12, 1518]}),
        (Ether(bytes(LINK / ARP(psrc="10.0.0.1"))), {}),
    ],
    ids=str,
)
def test_what_is_right_or_meant_is_not_warned_of(packet: Packet, more: dict[str, Any]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        lk.Stream(packet, **more)


def test_padding_is_refused() -> None:
    short = Ether(bytes(LINK / V4 / DATA).ljust(60, b"\0"))
    with pytest.raises(lk.LabError, match=r"ends in 18 bytes of Padding, .* rebuild=True"):
        lk.Stream(short)
    assert lk.Stream(short, rebuild=True).frames(2) == lk.Stream(LINK / V4 / DATA).frames(2)


def test_a_pickled_stream_leaves_out_what_its_packet_does() -> None:
    stream = lk.Stream(LINK / V4 / TCP(options=[("MSS", 1460)]), vary=lk.vary(IP.id, range(9)))
    again = pickle.loads(pickle.dumps(stream))
    assert again.frames(9) == stream.frames(9)
    assert again.resized(200).frames(9) == stream.resized(200).frames(9)
