# SPDX-License-Identifier: BSD-3-Clause
"""Frames of other links become Ethernet, or it is said why not."""

import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from labkit._codec import ffi, lib
from scapy.layers.inet import IP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import ARP, LLC, STP

from labkit.packet.capture_reader import RECORD
from labkit.packet.link_types import BECOME_ETHERNET, NAMES, link_name

V4 = bytes(IP(src="10.1.2.3", dst="10.4.5.6") / UDP(sport=1024, dport=4000) / b"hello")
V6 = bytes(IPv6(src="2001:db8::1", dst="2001:db8::2") / UDP(sport=1024, dport=4000) / b"hello")
HOSTS_4 = bytes.fromhex("02040a040506 02040a010203 0800")
HOSTS_6 = bytes.fromhex("020620010dba 020620010db9 86dd")
MAC = bytes.fromhex("020102030405")
MADE, NO_LINK, NO_FRAME, SHORT = range(4)


def made(
    link: int, frame: bytes, length: int | None = None, fcs: int = 0
) -> tuple[int, bytes, int]:
    """Whether it was made, the frame of Ethernet, and its length on the wire."""
    records = np.zeros(1, RECORD)
    records["kept"], records["length"] = len(frame), len(frame) if length is None else length
    records["link_type"], records["fcs"] = link, fcs
    to, whys = np.zeros(len(frame) + 14, np.uint8), np.zeros(1, np.uint8)
    used = lib.lk_codec_to_ethernet(
        ffi.from_buffer("struct lk_captured[]", records),
        1,
        ffi.from_buffer("uint8_t[]", np.frombuffer(frame + b"\0", np.uint8)),
        ffi.from_buffer("uint8_t[]", to),
        ffi.from_buffer("uint8_t[]", whys),
    )
    return int(whys[0]), to[:used].tobytes(), int(records["length"][0])


def cooked(
    payload: bytes, kind: int = 0x0800, packet: int = 0, mac: bytes = MAC, hardware: int = 1
) -> bytes:
    address = mac.ljust(8, b"\0")
    return (
        struct.pack(">3H", packet, hardware, len(mac)) + address + struct.pack(">H", kind) + payload
    )


def cooked2(
    payload: bytes, kind: int = 0x0800, packet: int = 0, mac: bytes = MAC, hardware: int = 1
) -> bytes:
    head = struct.pack(">HHIHBB", kind, 0, 3, hardware, packet, len(mac))
    return head + mac.ljust(8, b"\0") + payload


@pytest.mark.parametrize(
    ("link", "head", "packet", "hosts"),
    [
        *((link, b"", V4, HOSTS_4) for link in (101, 12, 14, 228)),
        *((link, b"", V6, HOSTS_6) for link in (101, 12, 14, 229)),
        (0, struct.pack("<I", 2), V4, HOSTS_4),
        (0, struct.pack(">I", 2), V4, HOSTS_4),
        *((0, struct.pack("<I", family), V6, HOSTS_6) for family in (10, 24, 28, 30)),
        (108, struct.pack(">I", 30), V6, HOSTS_6),
        (9, b"\xff\x03\x00\x21", V4, HOSTS_4),
        (9, b"\x00\x57", V6, HOSTS_6),
        (9, b"\x21", V4, HOSTS_4),
        (50, b"\xff\x03\x00\x21", V4, HOSTS_4),
        (50, b"\x0f\x00\x08\x00", V4, HOSTS_4),
        (104, b"\x0f\x00\x08\x00", V4, HOSTS_4),
        (104, b"\x8f\x00\x86\xdd", V6, HOSTS_6),
        (113, cooked(b""), V4, HOSTS_4[:6] + MAC + b"\x08\0"),
        (276, cooked2(b""), V4, HOSTS_4[:6] + MAC + b"\x08\0"),
        (113, cooked(b"", 0x86DD, 1), V6, b"\xff" * 6 + MAC + b"\x86\xdd"),
        # The loopback interface has no MAC of its own, a tunnel none of 6 bytes.
        (113, cooked(b"", mac=bytes(6), hardware=772), V4, HOSTS_4),
        (276, cooked2(b"", mac=b"abcd", hardware=768), V4, HOSTS_4),
        (113, cooked(b"", mac=b""), V4, HOSTS_4),
    ],
)
def test_ip_of_every_link(link: int, head: bytes, packet: bytes, hosts: bytes) -> None:
    assert made(link, head + packet) == (MADE, hosts + packet, 14 + len(packet))
    cut = 14 + len(packet) + 1000
    assert made(link, head + packet, len(head + packet) + 1000) == (MADE, hosts + packet, cut)
    with_fcs = made(link, head + packet + b"FCS!", fcs=4)
    assert with_fcs == (MADE, hosts + packet, 14 + len(packet))


@pytest.mark.parametrize(
    ("packet", "mac"),
    [
        (IP(dst="224.129.2.3"), "01005e010203"),
        (IP(dst="239.255.255.250"), "01005e7ffffa"),
        (IP(dst="255.255.255.255"), "ffffffffffff"),
        (IPv6(dst="ff02::1:ff00:7"), "3333ff000007"),
    ],
)
def test_groups_have_the_macs_of_their_rfcs(packet: Any, mac: str) -> None:
    _, frame, _ = made(101, bytes(packet / UDP()))
    assert frame[:6].hex() == mac
    assert frame[6] & 3 == 2


def test_a_sender_is_never_a_group() -> None:
    for source in (IP(src="224.0.0.1", dst="10.0.0.1"), IPv6(src="ff02::1", dst="2001:db8::1")):
        _, frame, _ = made(101, bytes(source / UDP()))
        assert not frame[6] & 1
    _, frame, _ = made(113, cooked(V4, mac=b"\x01\x02\x03\x04\x05\x06"))
    assert frame[6:12] == HOSTS_4[6:12]


def test_arp_and_spanning_tree_of_cooked_frames() -> None:
    arp = bytes(ARP(op=1, psrc="10.0.0.1", pdst="10.0.0.2"))
    assert made(113, cooked(arp, 0x0806, 1))[1] == b"\xff" * 6 + MAC + b"\x08\x06" + arp
    spanning = bytes(LLC() / STP())
    frame = b"\xff" * 6 + MAC + struct.pack(">H", len(spanning)) + spanning
    assert made(276, cooked2(spanning, 4, 2)) == (MADE, frame, 14 + len(spanning))
    assert made(113, cooked(bytes(1501), 4))[0] == NO_FRAME


@pytest.mark.parametrize(
    ("link", "frame", "why"),
    [
        *((link, V4, NO_LINK) for link in (6, 105, 127, 195, 227, 65535)),
        *((link, b"", SHORT) for link in (0, 9, 12, 14, 50, 101, 104, 108, 113, 228, 229, 276)),
        (0, b"\x02\0\0\0", SHORT),
        (0, struct.pack("<I", 7) + V4, NO_FRAME),
        (0, struct.pack("<I", 2) + b"\x00abc", NO_FRAME),
        (9, b"\xc0\x21abcd", NO_FRAME),
        (104, b"\x8f\x00\x80\x35abcd", NO_FRAME),  # keep-alives
        (104, b"\x0f\x00\x00\x04abcd", NO_FRAME),
        (50, b"\x0f\x00\x08", SHORT),
        (9, b"\xff\x03", SHORT),
        (101, b"\x15abc", NO_FRAME),
        (113, cooked(V4)[:15], SHORT),
        (276, cooked2(V4)[:19], SHORT),
        (113, cooked(V4, 0x000C), NO_FRAME),  # CAN
        (113, cooked(V4, hardware=824), NO_FRAME),  # netlink
        (276, cooked2(V4, hardware=803), NO_FRAME),  # 802.11 with radiotap
    ],
)
def test_what_cannot_be(link: int, frame: bytes, why: int) -> None:
    assert made(link, frame) == (why, b"", len(frame))


@given(st.sampled_from(BECOME_ETHERNET), st.binary(max_size=64), st.integers(0, 255))
def test_any_bytes(link: int, frame: bytes, fcs: int) -> None:
    why, ethernet, length = made(link, frame, len(frame) + fcs, fcs)
    assert why in (MADE, NO_FRAME, SHORT)
    if why == MADE:
        assert len(ethernet) == length
        assert length <= len(frame) + 14


def test_a_length_of_32_bits_stays_above_what_was_kept() -> None:
    """Such as a damaged file tells; it must not look like a whole frame."""
    assert made(101, V4, 2**32 - 1) == (MADE, HOSTS_4 + V4, 2**32 - 1)


def test_names() -> None:
    assert link_name(127) == "IEEE802_11_RADIOTAP (127)"
    assert link_name(9999) == "number 9999"
    assert set(BECOME_ETHERNET) <= set(NAMES)
    assert [n for n in range(300) if made(n, V4)[0] != NO_LINK] == sorted(BECOME_ETHERNET)
