# SPDX-License-Identifier: BSD-3-Clause
"""Nodes write headers, never a payload: the generator counts on finding it in a buffer again."""

from collections.abc import Iterator

import pytest
from labkit._codec import ffi, lib
from scapy.layers.inet import ICMP, IP, TCP, UDP, IPOption_Router_Alert
from scapy.layers.inet6 import ICMPv6EchoRequest, IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrHopByHop
from scapy.layers.l2 import Dot1Q
from scapy.packet import Packet, Raw

from labkit.packet import codec
from tests.frames import CLIENT_4, CLIENT_6, ENDPOINT, SERVER_4, SERVER_6, UDP_PORT, ether

ROOM = 256
PAYLOAD = bytes(range(1, 201))
KINDS = ("arp_responder", "nd_responder", "icmp_echo", "udp_echo", "refuse", "reflect")


def packets() -> Iterator[Packet]:
    v4, v6 = IP(src=CLIENT_4, dst=SERVER_4), IPv6(src=CLIENT_6, dst=SERVER_6)
    options = IP(src=CLIENT_4, dst=SERVER_4, options=[IPOption_Router_Alert()])
    data = UDP(sport=40000, dport=UDP_PORT)
    for ip in (
        v4,
        v6,
        Dot1Q(vlan=5) / v4,
        options,
        v6 / IPv6ExtHdrHopByHop() / IPv6ExtHdrDestOpt(),
    ):
        for l4 in (data, UDP(sport=1, dport=2), TCP()):
            yield ether() / ip / l4
    yield ether() / v4 / ICMP(id=7)
    yield ether() / v6 / ICMPv6EchoRequest(id=7)


@pytest.mark.parametrize("kind", KINDS)
def test_no_handler_writes_a_payload(kind: str) -> None:
    answered = 0
    for packet in packets():
        frame = bytes(packet / Raw(PAYLOAD))
        buffer = ffi.new("uint8_t[]", bytes(ROOM) + frame + bytes(ROOM))
        before = bytes(ffi.buffer(buffer))
        offset, length = ffi.new("uint32_t *", ROOM), ffi.new("uint32_t *", len(frame))
        verdict = lib.lk_codec_handle(
            kind.encode(), buffer, len(before), offset, length, codec.native_endpoint(ENDPOINT)
        )
        answered += codec.VERDICTS[verdict].name == "next"
        start = ROOM + len(frame) - len(PAYLOAD)
        assert bytes(ffi.buffer(buffer))[start:] == before[start:], packet.summary()
    assert answered > 0 or kind in ("arp_responder", "nd_responder", "refuse")
