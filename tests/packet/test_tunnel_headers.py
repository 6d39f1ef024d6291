# SPDX-License-Identifier: BSD-3-Clause
"""scapy's side: what tunnels send is dissected, and headers are as the standards want them."""

import pytest
from scapy.layers.inet import IP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Ether
from scapy.layers.vxlan import VXLAN
from scapy.packet import Raw

import labkit as lk
from labkit.packet import tunnel_headers as conforming
from labkit.packet.dissect import dissect
from labkit.packet.gue_layer import GUE
from tests.tunnels import CRITICAL, FRAMES, INNER, OPTION, TUNNELS, V4, V6

OUTER_4 = Ether(src=V4["local_mac"], dst=V4["remote_mac"]) / IP(
    src=V4["local"], dst=V4["remote"], flags="DF", id=0
)
OUTER_6 = Ether(src=V6["local_mac"], dst=V6["remote_mac"]) / IPv6(src=V6["local"], dst=V6["remote"])


@pytest.mark.parametrize("name", [name for name in TUNNELS if name.startswith("gue")])
def test_gue_reads_what_tunnels_send(name: str) -> None:
    packet = dissect(TUNNELS[name].encap(FRAMES["udp_v4"]))
    assert (GUE in packet) == ("variant_1" not in name)
    assert packet[Raw].load == b"what is carried"
    assert packet.getlayer(UDP, 2).dport == 9000


@pytest.mark.parametrize("inner", ["udp_v4", "udp_v6", "arp", "vlan"])
def test_conforming_headers_are_what_tunnels_send(inner: str) -> None:
    frame = INNER[inner]
    raw = bytes(frame)
    for version, outer in ((4, OUTER_4), (6, OUTER_6)):
        ends = V4 if version == 4 else V6
        if version == 6:
            outer = outer.copy()
            outer[IPv6].fl = dissect(lk.Vxlan(vni=1, **ends).encap(raw))[IPv6].fl
        vxlan = outer / conforming.udp(frame, 4789, over=version) / conforming.vxlan(42)
        assert bytes(vxlan / frame) == lk.Vxlan(vni=42, **ends).encap(raw)
        for options in ((), (OPTION,), (OPTION, CRITICAL)):
            geneve = conforming.geneve(42, options)
            packet = outer / conforming.udp(frame, 6081, over=version) / geneve / frame
            assert bytes(packet) == lk.Geneve(vni=42, options=options, **ends).encap(raw)


def test_scapy_by_itself_does_not_conform() -> None:
    """Why there are helpers: a strict receiver refuses what scapy sends without them."""
    plain = OUTER_4 / UDP(dport=4789) / VXLAN(vni=42) / INNER["udp_v4"]
    with pytest.raises(lk.Refused, match="vxlan_reserved_bits"):
        lk.Vxlan(vni=42, strictness="linux").decap(plain)


def test_wrong_ip_version() -> None:
    with pytest.raises(lk.LabError, match="over is 5; it is 4 or 6"):
        conforming.udp(b"", 4789, over=5)
