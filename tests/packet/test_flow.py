# SPDX-License-Identifier: BSD-3-Clause
"""The flow hash: one port for all packets of a flow, and flows spread evenly."""

import random

import pytest
from scapy.layers.inet import ICMP, IP, TCP, UDP, IPOption_Router_Alert, fragment
from scapy.layers.inet6 import IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrFragment, fragment6
from scapy.layers.l2 import ARP, Dot1Q, Ether
from scapy.layers.sctp import SCTP
from scapy.packet import Packet, Raw

import labkit as lk
from tests.tunnels import V4, V6, put, udp_at

LINK = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
A4, B4 = "10.0.0.1", "10.0.0.2"
A6, B6 = "fd00::1", "fd00::2"
TUNNEL = lk.Vxlan(vni=1, **V4)


def port_of(packet: Packet | bytes, tunnel: lk.Tunnel = TUNNEL) -> int:
    return tunnel.decap(tunnel.encap(bytes(packet))).source_port


def test_port_is_ephemeral() -> None:
    rng = random.Random(1)
    for size in (14, 20, 33, 34, 60, 200):
        for _ in range(200):
            assert 49152 <= port_of(rng.randbytes(size)) <= 65535


@pytest.mark.parametrize("transport", [UDP, TCP, SCTP])
@pytest.mark.parametrize("ip", [IP(src=A4, dst=B4), IPv6(src=A6, dst=B6)])
def test_same_flow_same_port(ip: Packet, transport: type[Packet]) -> None:
    """Whatever differs beside the 5-tuple: length, TTL, DSCP, VLAN tag, options, link addresses."""
    flow = transport(sport=1000, dport=2000)
    packets = [LINK / ip / flow / Raw(bytes(size)) for size in (0, 1, 100, 1400)]
    packets.append(Ether(src="02:00:00:00:00:09", dst="02:00:00:00:00:08") / ip / flow)
    packets.append(LINK / Dot1Q(vlan=9) / ip / flow)
    other = ip.copy()
    if IP in other:
        other.ttl, other.tos, other.id = 3, 0xB8, 77
        packets.append(LINK / IP(src=A4, dst=B4, options=[IPOption_Router_Alert()]) / flow)
    else:
        other.hlim, other.tc, other.fl = 3, 0xB8, 77
        packets.append(LINK / ip / IPv6ExtHdrDestOpt() / flow)
    packets.append(LINK / other / flow)
    assert len({port_of(packet) for packet in packets}) == 1


def test_every_part_of_the_5_tuple_counts() -> None:
    packets = [
        LINK / IP(src=A4, dst=B4) / UDP(sport=1, dport=2),
        LINK / IP(src=B4, dst=A4) / UDP(sport=1, dport=2),
        LINK / IP(src=A4, dst="10.0.0.3") / UDP(sport=1, dport=2),
        LINK / IP(src=A4, dst=B4) / UDP(sport=2, dport=1),
        LINK / IP(src=A4, dst=B4) / UDP(sport=1, dport=3),
        LINK / IP(src=A4, dst=B4) / TCP(sport=1, dport=2),
        LINK / IP(src=A4, dst=B4) / ICMP(),
        LINK / IPv6(src=A6, dst=B6) / UDP(sport=1, dport=2),
        LINK / IPv6(src=B6, dst=A6) / UDP(sport=1, dport=2),
        LINK / ARP(psrc=A4, pdst=B4),
        Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:03") / ARP(psrc=A4, pdst=B4),
    ]
    assert len({port_of(packet) for packet in packets}) == len(packets)


def test_fragments_of_a_packet_stay_together() -> None:
    """Only the first fragment carries ports, so none of them counts them."""
    whole = IP(src=A4, dst=B4, id=5) / UDP(sport=1, dport=2) / Raw(bytes(3000))
    assert len({port_of(LINK / part) for part in fragment(whole, 1000)}) == 1
    whole6 = IPv6(src=A6, dst=B6) / IPv6ExtHdrFragment() / UDP(sport=1, dport=2) / Raw(bytes(3000))
    parts = fragment6(whole6, 1280)
    assert len(parts) == 3
    assert len({port_of(LINK / part) for part in parts}) == 1


@pytest.mark.parametrize("version", [4, 6])
def test_flows_spread_evenly_over_queues(version: int) -> None:
    """Chi-squared over 16 queues of neighbouring flows: 15 degrees of freedom, p = 0.0001."""
    ip = IP(src=A4, dst=B4) if version == 4 else IPv6(src=A6, dst=B6)
    frame = bytes(LINK / ip / UDP(sport=1024, dport=9000))
    flows = 16_000
    frames = [put(frame, udp_at(frame), (1024 + i).to_bytes(2, "big")) for i in range(flows)]
    batch = lk.FrameBatch.pack(frames)
    assert not TUNNEL.encap_many(batch).any()
    ports = [int.from_bytes(batch[i][34:36], "big") for i in range(flows)]
    for bits in (lambda port: port % 16, lambda port: port >> 10 & 15):
        counts = [0] * 16
        for port in ports:
            counts[bits(port)] += 1
        assert sum((n - flows / 16) ** 2 / (flows / 16) for n in counts) < 44.3


def test_port_can_be_pinned() -> None:
    pinned = lk.Vxlan(vni=1, source_port=4789, **V6)
    packets = [LINK / IP(src=A4, dst=B4) / UDP(sport=n, dport=2) for n in range(1, 20)]
    assert {port_of(packet, pinned) for packet in packets} == {4789}
    assert {pinned.encap(bytes(packet))[15:18] for packet in packets} == {bytes(3)}


def test_flow_label_carries_entropy() -> None:
    """RFC 6438: over IPv6 the flow label tells flows apart too."""
    tunnel = lk.Vxlan(vni=1, **V6)
    packets = [LINK / IP(src=A4, dst=B4) / UDP(sport=n, dport=2) for n in range(1, 20)]
    labels = {tunnel.encap(bytes(packet))[15:18] for packet in packets}
    assert len(labels) == len(packets)
