# SPDX-License-Identifier: BSD-3-Clause
"""The scapy layer of GUE: golden bytes of every kind of header, and round trips of any."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scapy.contrib.etherip import EtherIP
from scapy.layers.inet import IP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import GRE, Ether
from scapy.packet import Packet, Raw

from labkit.errors import TunnelError
from labkit.packet.gue_layer import FIELD_BYTES, GUE, GUE_PORT, MOST_FIELDS, SECURITY_BYTES

LINK = Ether(src="02:00:00:00:00:0a", dst="02:00:00:00:00:0b")
OUTER = LINK / IP(src="192.0.2.1", dst="192.0.2.2") / UDP(sport=50000)
INNER_4 = IP(src="10.0.0.1", dst="10.0.0.2") / UDP(sport=1, dport=9) / Raw(b"four")
INNER_6 = IPv6(src="fd00::1", dst="fd00::2") / UDP(sport=1, dport=9) / Raw(b"six")

# What a user writes, the header's bytes, the layers that come out
HEADERS = {
    "ipv4": (GUE() / INNER_4, "00040000", [GUE, IP, UDP, Raw]),
    "ipv6": (GUE() / INNER_6, "00290000", [GUE, IPv6, UDP, Raw]),
    "gre": (GUE() / GRE() / LINK / INNER_4, "002f0000 00006558", [GUE, GRE, Ether, IP, UDP, Raw]),
    "etherip": (
        GUE() / EtherIP() / LINK / INNER_4,
        "00610000 3000",
        [GUE, EtherIP, Ether, IP, UDP, Raw],
    ),
    "no_next_header": (GUE() / Raw(b"ignored"), "003b0000", [GUE, Raw]),
    "control": (GUE(control=1, ctype=7) / Raw(b"\x04told"), "20070000 04", [GUE, Raw]),
    "control_of_type_4": (GUE(control=1, ctype=4) / INNER_4, "20040000 45", [GUE, Raw]),
    "private_data": (GUE(private=b"abc") / INNER_4, "01040000 61626300 45", [GUE, IP, UDP, Raw]),
    "group": (GUE(group_present=1, group=7) / INNER_4, "01048000 00000007 45", [GUE, IP, UDP, Raw]),
    "security": (
        GUE(security=1, cookie=b"8 bytes.") / INNER_6,
        "02291000 382062797465732e 60",
        [GUE, IPv6, UDP, Raw],
    ),
    "fragment_and_transform": (
        GUE(fragment_present=1, fragmentation=1, transform_present=1, transform=2) / Raw(b"part"),
        "033b0c00 0000000000000001 00000002",
        [GUE, Raw],
    ),
    "checksums": (
        GUE(remcsum_present=1, remcsum_start=20, remcsum_offset=26, chksum_present=1, chksum=9)
        / INNER_4,
        "02040300 0014001a 00000009",
        [GUE, IP, UDP, Raw],
    ),
    "private_flags": (
        GUE(private_present=1, private_flags="REMCSUM", private=b"\0\x14\0\x1a") / INNER_4,
        "02040001 80000000 0014001a",
        [GUE, IP, UDP, Raw],
    ),
}
# Received headers that are wrong in themselves
MALFORMED = {
    "empty": ("", []),
    "three_bytes": ("000400", [Raw]),
    "header_past_end": ("02040000 00000000", [Raw]),
    "flag_without_field": ("00048000", [GUE]),
    "reserved_flag": ("01040002 00000000", [GUE]),
    "reserved_security": ("01044000 00000000", [GUE]),
    "variant_2": ("80040000 45", [GUE, Raw]),
    "variant_3": ("c0290000 60", [GUE, Raw]),
    "variant_1_version_5": ("50000000", [Raw]),
    "variant_1_version_7": ("70000000", [Raw]),
}


def received(datagram: bytes, source_port: int = 50000) -> Packet:
    """The UDP layer around what a sender gave to the GUE port."""
    outer = OUTER.copy()
    outer[UDP].sport, outer[UDP].dport = source_port, GUE_PORT
    return Ether(bytes(outer / Raw(datagram)))[UDP]


def layers(packet: Packet) -> list[type[Packet]]:
    """The layers behind UDP."""
    found = []
    while packet := packet.payload:
        found.append(type(packet))
    return found


def rebuilt(packet: Packet) -> bytes:
    """Built from its fields, without the bytes that scapy remembers."""
    packet = packet.copy()
    layer = packet
    while layer:
        layer.raw_packet_cache = None
        layer = layer.payload
    return bytes(packet)


@pytest.mark.parametrize(("packet", "header", "expected"), HEADERS.values(), ids=HEADERS)
def test_headers(packet: Packet, header: str, expected: list[type[Packet]]) -> None:
    frame = bytes(OUTER / packet)
    start = bytes.fromhex(header)
    assert frame[42 : 42 + len(start)] == start
    seen = Ether(frame)
    assert seen[UDP].dport == GUE_PORT
    assert layers(seen[UDP]) == expected
    assert rebuilt(seen) == frame


@pytest.mark.parametrize("inner", [INNER_4, INNER_6], ids=["ipv4", "ipv6"])
def test_variant_1_has_no_header(inner: Packet) -> None:
    """An IP packet stands at once behind UDP: draft-ietf-intarea-gue-09 4."""
    udp = received(bytes(inner))
    assert layers(udp) == [type(inner), UDP, Raw]
    assert bytes(udp.payload) == bytes(inner)


@pytest.mark.parametrize(("datagram", "expected"), MALFORMED.values(), ids=MALFORMED)
def test_malformed(datagram: str, expected: list[type[Packet]]) -> None:
    udp = received(bytes.fromhex(datagram))
    assert layers(udp) == expected
    assert rebuilt(udp)[8:] == bytes.fromhex(datagram)


@pytest.mark.parametrize("source_port", [53, 67, 123, 520, 4754, 4789, 6081, 8472])
def test_any_source_port(source_port: int) -> None:
    """The source port is a hash of the flow; that of DNS or VXLAN says nothing."""
    assert layers(received(bytes(GUE() / INNER_4), source_port)) == [GUE, IP, UDP, Raw]


def test_fields_beyond_the_header() -> None:
    assert len(bytes(GUE(private=bytes(MOST_FIELDS)))) == 4 + MOST_FIELDS
    with pytest.raises(TunnelError, match=r"128 bytes.*at most 124"):
        bytes(GUE(private=bytes(MOST_FIELDS + 1)))


@pytest.mark.parametrize(("security", "size"), [(1, 7), (2, 8), (3, 0)])
def test_a_cookie_of_the_wrong_size(security: int, size: int) -> None:
    with pytest.raises(TunnelError, match=f"cookie has {size} bytes.*announces"):
        bytes(GUE(security=security, cookie=bytes(size)))


def test_answers() -> None:
    question = GUE() / IP(src="10.0.0.1", dst="10.0.0.2") / UDP(sport=1, dport=2)
    answer = GUE() / IP(src="10.0.0.2", dst="10.0.0.1") / UDP(sport=2, dport=1)
    other = GUE() / IP(src="10.0.0.3", dst="10.0.0.1") / UDP(sport=2, dport=1)
    assert GUE(bytes(answer)).answers(GUE(bytes(question)))
    assert not GUE(bytes(other)).answers(GUE(bytes(question)))
    assert not GUE(bytes(answer)).answers(IP(bytes(question)[4:]))


WORD = st.integers(0, 2**32 - 1)
VALUES: dict[str, Any] = {
    "group_present": {"group": WORD},
    "fragment_present": {"fragmentation": st.integers(0, 2**64 - 1)},
    "transform_present": {"transform": WORD},
    "remcsum_present": {
        "remcsum_start": st.integers(0, 65535),
        "remcsum_offset": st.integers(0, 65535),
    },
    "chksum_present": {"chksum": WORD},
    "private_present": {"private_flags": WORD},
}


@st.composite
def good_headers(draw: st.DrawFn) -> dict[str, Any]:
    """Fields of a conforming header."""
    control = draw(st.booleans())
    fields: dict[str, Any] = {"control": int(control)}
    fields["ctype" if control else "proto"] = draw(st.integers(0, 255))
    for flag in draw(st.sets(st.sampled_from(list(FIELD_BYTES)))):
        fields[flag] = 1
        fields |= {name: draw(values) for name, values in VALUES[flag].items()}
    fields["security"] = draw(st.sampled_from(list(SECURITY_BYTES)))
    if size := SECURITY_BYTES[fields["security"]]:
        fields["cookie"] = draw(st.binary(min_size=size, max_size=size))
    fields["private"] = draw(st.integers(0, 10).flatmap(lambda words: st.just(b"p" * 4 * words)))
    return fields


@given(fields=good_headers(), carried=st.binary(max_size=40))
@settings(max_examples=500, deadline=None)
def test_any_header_comes_back(fields: dict[str, Any], carried: bytes) -> None:
    raw = bytes(GUE(**fields) / Raw(carried))
    seen = GUE(raw)
    size = sum(FIELD_BYTES.get(name, 0) for name in fields) + SECURITY_BYTES[fields["security"]]
    assert seen.hlen * 4 == size + len(fields["private"])
    assert {name: getattr(seen, name) for name in fields} == fields
    assert bytes(seen.payload) == carried
    assert rebuilt(seen) == raw


@given(datagram=st.binary(max_size=120))
@settings(max_examples=500, deadline=None)
def test_any_bytes_are_taken(datagram: bytes) -> None:
    """No input raises, and what is built from the fields are the bytes that came."""
    seen = GUE(datagram)
    assert isinstance(seen, (GUE, IP, IPv6, Raw))
    if isinstance(seen, GUE):
        assert bytes(seen.payload) == datagram[4 + seen.hlen * 4 :]
        header = seen.copy()
        header.remove_payload()
        assert rebuilt(header) == datagram[: 4 + seen.hlen * 4]
