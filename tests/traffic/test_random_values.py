# SPDX-License-Identifier: BSD-3-Clause
"""Random values of scapy's in a stream's packet."""

import json
import pickle
from collections.abc import Callable
from ipaddress import ip_address, ip_network
from typing import Any

import pytest
from scapy.contrib.mpls import MPLS
from scapy.fields import LongField
from scapy.layers.dns import DNS
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import ARP, GRE, Dot1Q, Ether
from scapy.packet import Packet, Raw, fuzz
from scapy.volatile import (
    RandByte,
    RandChoice,
    RandInt,
    RandIP,
    RandIP6,
    RandLong,
    RandMAC,
    RandNum,
    RandShort,
)

import labkit as lk

LINK = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
V4 = IP(src="10.0.0.1", dst="10.0.0.2")
V6 = IPv6(src="fd00::1", dst="fd00::2")
DATA = UDP(sport=1, dport=2)


def sent(packet: Packet, **more: Any) -> list[Packet]:
    return [Ether(frame) for frame in lk.Stream(packet, 200, **more).frames(60)]


@pytest.mark.parametrize(
    ("packet", "read", "is_right"),
    [
        (LINK / V4 / UDP(sport=RandShort()), lambda p: p[UDP].sport, lambda v: v < 2**16),
        (LINK / IP(ttl=RandByte()) / DATA, lambda p: p[IP].ttl, lambda v: v < 2**8),
        (LINK / V4 / TCP(seq=RandInt()), lambda p: p[TCP].seq, lambda v: v < 2**32),
        (LINK / IP(id=RandNum(5, 30)) / DATA, lambda p: p[IP].id, lambda v: 5 <= v <= 30),
        (LINK / V4 / UDP(dport=53) / DNS(id=RandShort()), lambda p: p[DNS].id, lambda v: v < 2**16),
        (LINK / MPLS(label=RandNum(16, 99)) / V4, lambda p: p.label, lambda v: 16 <= v <= 99),
        (
            LINK / IP(src=RandIP(), dst="10.0.0.2") / DATA,
            lambda p: p[IP].src,
            lambda v: ip_address(v).version == 4,
        ),
        (
            LINK / IP(src=RandIP("10.7.0.0/16"), dst="10.0.0.2") / DATA,
            lambda p: p[IP].src,
            lambda v: ip_address(v) in ip_network("10.7.0.0/16"),
        ),
        (
            LINK / IPv6(src="fd00::1", dst=RandIP6()) / DATA,
            lambda p: p[IPv6].dst,
            lambda v: len(v) > 20,
        ),
        (
            LINK / IPv6(src="fd00::1", dst=RandIP6("2001:db8:*::1-ff")) / DATA,
            lambda p: int(ip_address(p[IPv6].dst)),
            lambda v: v >> 96 == 0x20010DB8 and v >> 8 & (1 << 72) - 1 == 0 and v & 0xFF,
        ),
        (
            LINK / IPv6(src="fd00::1", dst=RandIP6("fd00:**")) / DATA,
            lambda p: int(ip_address(p[IPv6].dst)),
            lambda v: v >> 112 == 0xFD00 and v & 0xFFFF and v >> 64 & 0xFFFF,
        ),
        (Ether(src=RandMAC()) / V4, lambda p: p.src, lambda v: len(v) == 17),
        (Ether(src=RandMAC("02:*:00:1-f")) / V4, lambda p: p.src, lambda v: v[:2] + v[6] == "020"),
        (
            LINK / V4 / UDP(dport=RandChoice(53, 443)),
            lambda p: p[UDP].dport,
            lambda v: v in (53, 443),
        ),
    ],
)
def test_they_are_drawn(
    packet: Packet, read: Callable[[Packet], Any], is_right: Callable[[Any], bool]
) -> None:
    """From all that scapy draws from, with the stream's seed; the packet stays as it was."""
    asked = [list(map(id, layer.fields.values())) for layer in packet.iterpayloads()]
    drawn = [read(p) for p in sent(packet)]
    assert all(map(is_right, drawn))
    assert len(set(drawn)) > 10 or set(drawn) == {53, 443}
    assert drawn == [read(p) for p in sent(packet)] != [read(p) for p in sent(packet, seed=1)]
    assert asked == [list(map(id, layer.fields.values())) for layer in packet.iterpayloads()]
    for one in sent(packet):
        assert bytes(one) == bytes(Ether(bytes(rebuilt(one))))


def rebuilt(packet: Packet) -> Packet:
    for layer in packet.iterpayloads():
        layer.fields.pop("chksum", None)
    return packet


def test_they_are_shown_as_varying_fields() -> None:
    stream = lk.Stream(
        LINK / IP(src="10.0.0.1", dst=RandIP("10.0.0.0/8")) / UDP(sport=RandShort(), dport=9)
    )
    assert "dst × 16,777,216, sport × 65,536" in repr(stream)
    told = json.loads(json.dumps([v.to_dict() for v in stream.vary]))
    assert [one["field"] for one in told] == ["IP.dst", "UDP.sport"]
    assert told[0]["values"] == "addresses('10.0.0.0', 16777216, step=1)"
    assert told[1]["values"] == "range(0, 65536)"
    assert [one["random"] for one in told] == [True, True]
    again = pickle.loads(pickle.dumps(stream)).resized(90)
    assert again.vary == stream.vary
    assert again.frames(9) == lk.Stream(
        LINK / IP(src="10.0.0.1", dst="10.0.0.0") / UDP(sport=0, dport=9), 90, vary=stream.vary
    ).frames(9)


def test_what_vary_names_goes_before() -> None:
    packet = LINK / V4 / UDP(sport=RandShort(), dport=RandShort())
    drawn = sent(packet, vary=lk.vary(UDP.sport, [7, 8]))
    assert [p[UDP].sport for p in drawn] == [7, 8] * 30
    assert len({p[UDP].dport for p in drawn}) > 30


def test_the_inner_of_two_layers_is_drawn() -> None:
    drawn = sent(LINK / V4 / GRE() / IP(src=RandIP("10.9.0.0/24"), dst="10.0.0.9") / DATA)
    assert {p[IP].src for p in drawn} == {"10.0.0.1"}
    assert len({p[IP].payload[IP].src for p in drawn}) > 20


def test_a_fuzzed_packet_is_drawn_field_by_field() -> None:
    """Given fields stay, and those without a fixed width (TCP.options) keep their defaults."""
    stream = lk.Stream(
        fuzz(LINK / Dot1Q() / IP(src="10.0.0.1", dst="10.0.0.2", ttl=9) / TCP()), 200
    )
    names = [varied.to_dict()["field"] for varied in stream.vary]
    assert {"Dot1Q.vlan", "IP.version", "TCP.seq", "TCP.flags"} <= set(names)
    assert not {"IP.ttl", "IP.src", "IP.proto", "Dot1Q.type", "TCP.options"} & set(names)
    frames = stream.frames(60)
    assert {frame[26] for frame in frames} == {9}
    assert len({frame[18] >> 4 for frame in frames}) > 8
    assert len({frame[38:50] for frame in frames}) == 60
    valid = lk.Stream(fuzz(LINK / IP(src="10.0.0.1", version=4, flags=0) / UDP()), 200)
    assert {(Ether(f)[IP].version, Ether(f)[IP].flags) for f in valid.frames(20)} == {(4, 0)}


@pytest.mark.parametrize(
    "packet", [LINK / V6 / DATA, LINK / V4 / ICMP(), LINK / ARP(), LINK / V4 / GRE() / V4]
)
def test_other_fuzzed_packets_keep_their_length(packet: Packet) -> None:
    assert {len(frame) for frame in lk.Stream(fuzz(packet), 200).frames(9)} == {196}


class Wide(Packet):
    fields_desc = (LongField("x", 0),)


def test_long_random_numbers() -> None:
    drawn = lk.Stream(LINK / V4 / DATA / Wide(x=RandLong()), 200).frames(5)
    numbers = [int.from_bytes(frame[42:50], "big") for frame in drawn]
    assert len(set(numbers)) == 5
    assert max(numbers) > 2**62


@pytest.mark.parametrize(
    ("packet", "says"),
    [
        (LINK / IP(ttl=RandShort()) / DATA, "vary ttl: .* outside of 0 to 255"),
        (LINK / V4 / DATA / Raw(load=RandChoice(b"ab", b"abc")), "load"),
    ],
)
def test_what_cannot_be_drawn(packet: Packet, says: str) -> None:
    with pytest.raises(lk.LabError, match=says):
        lk.Stream(packet, 200).compile()
