# SPDX-License-Identifier: BSD-3-Clause
"""What the walk over layers tells of headers that cannot be as they are."""

import pytest
from scapy.layers.inet import IP, TCP
from scapy.packet import Packet

from tests.walk_frames import DATA, ETH, PLAIN, V4, V6
from tests.walks import FRAMES, put, walk

# A frame's name, where a byte stands in it, what is put there, and what is said of which layer.
BYTES = (
    ("dot3", 12, 5, "dot3", "long"),
    ("pppoe", 14, 0x21, "pppoe", "version"),
    ("pppoe", 18, 9, "pppoe", "long"),
    ("pppoed", 18, 9, "pppoed", "long"),
    ("nsh", 14, 0x40, "nsh", "version"),
    ("nsh", 15, 0x41, "nsh", "length"),
    ("nsh", 15, 0x7F, "nsh", "short"),
    ("arp", 18, 99, "arp", "short"),
    ("extensions", 55, 99, "hop_by_hop", "short"),
    ("extensions", 63, 99, "destination", "short"),
    ("extensions", 71, 99, "routing", "short"),
    ("route_4", 18, 9, "ipv6", "long"),
    ("mobility", 55, 99, "mobility", "short"),
    ("ah", 55, 99, "ah", "short"),
    ("udplite", 39, 7, "udplite", "length"),
    ("udplite", 39, 13, "udplite", "length"),
    ("gre", 35, 2, "gre", "version"),
    ("gre_routing", 45, 99, "gre", "short"),
    ("erspan_2", 42, 0x30, "erspan", "version"),
    ("etherip", 34, 0x40, "etherip", "version"),
    ("geneve", 42, 0x43, "geneve", "version"),
    ("geneve", 42, 0x3F, "geneve", "short"),
    ("gue", 42, 0x80, "gue", "version"),
    ("gue", 42, 0x1F, "gue", "short"),
    ("gtp", 44, 9, "gtp", "long"),
    ("gtp", 45, 3, "ip", "short"),
    ("gtp_extended", 44, 9, "gtp", "long"),
    ("gtp_extended", 54, 0, "gtp", "length"),
    ("gtp_extended", 54, 99, "gtp", "short"),
    ("teredo_authentication", 44, 255, "teredo", "short"),
    ("l2tp_control", 45, 11, "l2tp", "length"),
    ("l2tp_control", 45, 99, "l2tp", "long"),
    ("version", 14, 0x75, "data", "version"),
    ("raw", 0, 0x50, "data", ""),
)


@pytest.mark.parametrize(("name", "at", "value", "kind", "problem"), BYTES)
def test_problems(name: str, at: int, value: int, kind: str, problem: str) -> None:
    """Each is told of its layer alone, which is the last one but for what only is too long."""
    link, packet, _ = FRAMES[name]
    frame = bytearray(bytes(packet))
    assert not any(layer.problem for layer in walk(bytes(frame), link=link)) or name == "version"
    frame[at] = value
    layers = walk(bytes(frame), link=link)
    assert [(layer.kind, layer.problem) for layer in layers if layer.problem] == (
        [(kind, problem)] if problem else []
    )
    if problem != "long":
        at = next(number for number, layer in enumerate(layers) if layer.problem or not problem)
        assert {layer.kind for layer in layers[at + 1 :]} <= {"data", "padding", "trailer"}


def test_an_ah_without_its_number_is_walked_on() -> None:
    """As its length says, though RFC 4302 2.2 has 12 bytes at least."""
    frame = bytes(FRAMES["ah"][1])
    short = put(frame[:62] + frame[78:], 18, len(frame) - 16 - 54)
    ah, udp = walk(short[:55] + b"\0" + short[56:])[2:4]
    assert (ah.length, ah.problem) == (8, "length")
    assert (udp.kind, udp.sum) == ("udp", "good")


def test_lengths_that_cannot_be() -> None:
    """Every length field, too short and too long."""
    frame = bytes(PLAIN)
    for at, short, long in ((16, 19, 600), (38, 7, 600)):
        kind = "ip" if at == 16 else "udp"
        for value, problem in ((short, "length"), (long, "long")):
            layers = walk(put(frame, at, value))
            (layer,) = [layer for layer in layers if layer.kind == kind]
            assert layer.problem == problem
            assert kind == "ip" or layer.sum == "unknown"
    header = {"ip": (14, 0x44), "tcp": (46, 0x40)}
    tcp = bytes(ETH / V4 / TCP())
    for kind, (at, value) in header.items():
        bad = tcp[:at] + bytes([value]) + tcp[at + 1 :]
        assert next(layer for layer in walk(bad) if layer.kind == kind).problem == "length"
    beyond = tcp[:46] + b"\xf0" + tcp[47:]
    assert next(layer for layer in walk(beyond) if layer.kind == "tcp").problem == "short"
    six = put(bytes(ETH / V6 / DATA), 18, 600)
    assert [layer.problem for layer in walk(six)][1] == "long"
    assert walk(put(bytes(ETH) + bytes(50), 12, 1510))[-1].problem == "length"


def test_depth_has_an_end() -> None:
    """What is deeper is data, which tells so."""
    packet: Packet = DATA
    for _ in range(60):
        packet = IP() / packet
    layers = walk(ETH / packet)
    assert len(layers) == 41
    assert (layers[-1].kind, layers[-1].problem) == ("data", "deep")
