# SPDX-License-Identifier: BSD-3-Clause
"""Frames of many sizes, and of many packets alike, are made of few that scapy built."""

from typing import Any

import pytest
from scapy.contrib.geneve import GENEVE
from scapy.contrib.gtp import GTP_U_Header
from scapy.fields import ByteField, ConditionalField, ShortField
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import LLC, Dot1Q, Dot3, Ether
from scapy.layers.sctp import SCTP, SCTPChunkData
from scapy.layers.vxlan import VXLAN
from scapy.packet import Packet, Raw

import labkit as lk
from labkit.traffic import compile as compiling

LINK = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
V4 = IP(src="10.0.0.1", dst="10.0.0.2")
V6 = IPv6(src="fd00::1", dst="fd00::2")
DATA = UDP(sport=1, dport=2)
TUNNEL = LINK / V4 / UDP(dport=4789) / VXLAN() / LINK
SIZES = [*range(201, 230), 1518, 9018, 333]


class Short(Packet):
    """A length that is no 16-bit word."""

    fields_desc = (ByteField("length", None),)

    def post_build(self, packet: bytes, payload: bytes) -> bytes:
        return bytes([len(payload) % 256]) + payload


class Moved(Packet):
    """A field that stands elsewhere where another one has another value."""

    fields_desc = (
        ByteField("kind", 1),
        ConditionalField(ShortField("before", 0), lambda packet: packet.kind == 1),
        ShortField("x", 0),
        ConditionalField(ShortField("behind", 0), lambda packet: packet.kind != 1),
    )


@pytest.mark.parametrize("signature", [True, False])
@pytest.mark.parametrize(
    "packet",
    [
        LINK / V4 / DATA,
        LINK / V6 / DATA / Raw(b"odd"),
        LINK / Dot1Q() / V4 / TCP(options=[("MSS", 1460)]),
        LINK / V4 / ICMP(),
        TUNNEL / V4 / DATA,
        TUNNEL / V6 / UDP(dport=6081) / GENEVE() / LINK / V4 / TCP(),
        LINK / V4 / UDP(dport=2152) / GTP_U_Header(teid=5) / V4 / DATA,
        LINK / V4 / SCTP(sport=1) / SCTPChunkData(data=b"abc"),
        LINK / V4 / UDP(chksum=0),
        LINK / V4 / DATA / Short(),
        LINK / Raw(b"abc"),
    ],
    ids=lambda packet: packet.summary(),
)
def test_frames_of_many_sizes_are_scapys(packet: Packet, signature: bool) -> None:
    vary = lk.vary(Ether.src, lk.addresses("02:00:00:00:00:01", 9), nth=1)
    stream = lk.Stream(packet, SIZES, vary=vary, signature=signature)
    for n, frame in enumerate(stream.frames(len(SIZES))):
        made = packet.copy()
        made.src = vary.values[n % 9]
        assert frame == bytes(made / Raw(frame[len(packet) :]))
        assert len(frame) == SIZES[n] - 4


@pytest.mark.parametrize("payload", [b"abc", lk.Payload.random(3), lk.Payload.prbs(15)])
def test_whatever_fills_them(payload: Any) -> None:
    packet = LINK / V4 / DATA
    for size, frame in zip(
        SIZES, lk.Stream(packet, SIZES, payload=payload).frames(32), strict=True
    ):
        (alone,) = lk.Stream(packet, size, payload=payload).frames(1)
        assert frame[42:-18] == alone[42:-18]
        assert frame == bytes(packet / Raw(frame[42:]))


def test_scapy_builds_few_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    built = []
    build = compiling.Builder.build

    def counted(*given: Any, **more: Any) -> bytes:
        built.append(given)
        return build(*given, **more)

    monkeypatch.setattr(compiling.Builder, "build", counted)
    lk.Stream(LINK / V4 / DATA, range(64, 2000)).compile()
    assert len(built) < 40
    first = len(built)
    lk.Stream(LINK / IP(src="10.9.9.9", dst="10.0.0.2") / UDP(sport=7, dport=8), [64, 90]).compile()
    assert len(built) - first < 6


def test_a_shape_that_is_not_that_of_another_packet() -> None:
    for kind in (1, 2, 1):
        packet = LINK / Moved(kind=kind, x=0)
        for n, frame in enumerate(lk.Stream(packet, 90, vary=lk.vary(Moved.x, [258, 7])).frames(4)):
            at = 17 if kind == 1 else 15
            assert int.from_bytes(frame[at : at + 2], "big") == (258, 7)[n % 2]


def test_lengths_of_802_3() -> None:
    packet = Dot3(src="02:00:00:00:00:01", dst="02:00:00:00:00:02") / LLC()
    for frame in lk.Stream(packet, range(1400, 1519)).frames(119):
        assert int.from_bytes(frame[12:14], "big") == len(frame) - 14
