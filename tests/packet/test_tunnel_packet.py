# SPDX-License-Identifier: BSD-3-Clause
"""Packets in tunnels as streams have them: what scapy builds is what the codec encapsulates."""

import pickle
from dataclasses import replace

import pytest
from scapy.layers.inet import IP, UDP
from scapy.layers.vxlan import VXLAN
from scapy.packet import Raw

import labkit as lk
from labkit.packet.tunnel_packet import tunnel_packet
from labkit.traffic.stream import Stream
from tests.tunnels import INNER, TUNNELS

HEADERS = {version: INNER[f"udp_v{version}"].copy() for version in (4, 6)}
for packet in HEADERS.values():
    packet[UDP].remove_payload()


@pytest.mark.parametrize("udp_port", [None, 9999])
@pytest.mark.parametrize("version", [4, 6])
@pytest.mark.parametrize("name", TUNNELS)
def test_payload_is_carried_as_the_codec_carries_it(
    name: str, version: int, udp_port: int | None
) -> None:
    tunnel = TUNNELS[name]
    tunnel = replace(tunnel, udp_port=udp_port or tunnel.udp_port, ttl=9, dscp=5)
    inner = HEADERS[version]
    outer = tunnel_packet(inner, tunnel)
    for length in (0, 1, 18, 64, 1471, 8801):
        payload = Raw(bytes(number % 253 for number in range(length)))
        assert bytes(outer / payload) == tunnel.encap(bytes(inner / payload)), length


def test_checksum_of_the_outer_header_is_made_even_where_it_happens_to_be_0() -> None:
    inner, payload = HEADERS[4], Raw(bytes(100))
    tunnel = replace(TUNNELS["vxlan_v4"], local="192.0.0.0")
    rest = tunnel.encap(bytes(inner))[24:26]  # what the sum over the header lacks to be all ones
    tunnel = replace(tunnel, local=f"192.0.{rest[0]}.{rest[1]}")
    assert tunnel.encap(bytes(inner))[24:26] == bytes(2)
    outer = bytes(tunnel_packet(inner, tunnel) / payload)
    assert outer == tunnel.encap(bytes(inner / payload))
    assert outer[24:26] != bytes(2)


def test_layers_of_a_tunnel_may_vary() -> None:
    tunnel = TUNNELS["vxlan_v6"]
    vary = [lk.vary(UDP.sport, range(99), nth=2), lk.vary(VXLAN.vni, [42, 43])]
    frames = Stream(tunnel_packet(HEADERS[4], tunnel), size=200, vary=vary).frames(200)
    for number, frame in enumerate(frames):
        end = replace(tunnel.peer, vni=42 + number % 2)
        inner = end.decap(end.peer.encap(end.decap(frame).frame)).frame
        assert int.from_bytes(inner[34:36], "big") == number % 99  # type: ignore[arg-type]
        assert len(frame) == 196


def test_a_tunnel_that_was_used_can_be_sent_to_another_process() -> None:
    tunnel = TUNNELS["geneve_options_v4"]
    tunnel.encap(bytes(HEADERS[4]))
    dut = lk.dut.LabkitEcho(tunnel=tunnel)
    assert pickle.loads(pickle.dumps(dut)) == dut
    assert pickle.loads(pickle.dumps(tunnel)).encap(bytes(60)) == tunnel.encap(bytes(60))


def test_sizes_of_a_dut_count_the_headers_of_its_tunnel() -> None:
    plain = lk.dut.LabkitEcho()
    for name, tunnel in TUNNELS.items():
        dut = lk.dut.LabkitEcho(tunnel=tunnel, mtu=1500)
        more = tunnel.overhead + (14 if tunnel.carries_ethernet else 0)
        assert dut.min_size == plain.min_size + more, name
        assert dut.max_size == 1518
        assert replace(dut, tunnel=replace(tunnel, mtu=1400)).max_size == 1418


def test_addresses_that_the_tunnel_does_not_name_are_made_up() -> None:
    headers = lk.dut.LabkitEcho(tunnel=lk.Vxlan(vni=42)).headers
    assert (headers[IP].src, headers[IP].dst) == ("192.0.2.1", "192.0.2.2")
    over_6 = lk.dut.LabkitEcho(tunnel=lk.Gue(remote="2001:db8::9")).headers
    assert (over_6[1].src, over_6[1].dst) == ("2001:db8::1", "2001:db8::9")


@pytest.mark.parametrize(
    ("tunnel", "message"),
    [
        ("vxlan", "tunnel is 'vxlan'; make one with lk.Vxlan, lk.Geneve or lk.Gue"),
        (lk.Vxlan(), "Vxlan: vni is not set, .*pass vni="),
    ],
)
def test_wrong_tunnel_is_named(tunnel: object, message: str) -> None:
    with pytest.raises(lk.LabError, match=message):
        lk.dut.LabkitEcho(tunnel=tunnel)  # type: ignore[arg-type]
