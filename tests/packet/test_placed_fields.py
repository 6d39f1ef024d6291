# SPDX-License-Identifier: BSD-3-Clause
"""Places of fields: the bits that a field is told to have are those that its value comes from."""

import pytest
from scapy.contrib.geneve import GENEVE, GeneveOptions
from scapy.layers.dhcp import BOOTP, DHCP
from scapy.layers.dns import DNS, DNSQR
from scapy.layers.inet import IP, UDP, IPOption_Router_Alert
from scapy.layers.inet6 import IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrFragment, IPv6ExtHdrHopByHop, PadN
from scapy.layers.l2 import ARP, GRE, Dot1AD, Dot1Q, Ether
from scapy.layers.vxlan import VXLAN

import labkit as lk
from labkit.packet.layer import Layer
from tests.tunnels import TUNNELS

INNER = Ether(dst="02:00:00:00:00:0a") / IP(src="192.0.2.1", dst="192.0.2.2") / UDP(dport=9) / b"hi"
V4, V6 = IP(src="10.0.0.1", dst="10.0.0.2"), IPv6(src="fd00::1", dst="fd00::2")
FRAMES = {
    "vlan": Ether() / Dot1Q(vlan=77, prio=5) / V4 / UDP(sport=4000, dport=9000) / b"x",
    "qinq": Ether() / Dot1AD(vlan=100) / Dot1Q(vlan=200) / V4 / UDP(dport=9000),
    "arp": Ether() / ARP(psrc="10.0.0.1", pdst="10.0.0.2"),
    "ip options": Ether() / IP(src="1.1.1.1", options=[IPOption_Router_Alert()]) / UDP(dport=9000),
    "extension headers": Ether()
    / V6
    / IPv6ExtHdrHopByHop(options=[PadN(optdata=b"\0" * 4)])
    / IPv6ExtHdrDestOpt(options=[PadN(optdata=b"\0" * 4)])
    / IPv6ExtHdrFragment(offset=9, m=1, id=0x12345678)
    / b"part",
    "vxlan": Ether() / V4 / UDP(dport=4789) / VXLAN(flags=8, vni=4242) / INNER,
    "geneve": Ether()
    / V6
    / UDP(dport=6081)
    / GENEVE(vni=99, proto=0x6558, options=[GeneveOptions(classid=0x102, type=3, data=b"\1\2\3\4")])
    / INNER,
    "gue": TUNNELS["gue_v4"].encap(bytes(INNER)),
    "gre": Ether() / V4 / GRE(key_present=1, key=0xABCD, proto=0x6558) / INNER,
    "dhcp": Ether()
    / V4
    / UDP(sport=68, dport=67)
    / BOOTP(chaddr=b"\2\0\0\0\0\1", sname=b"", file=b"boot")
    / DHCP(options=[("message-type", 1), "end"]),
    "dns": Ether() / V4 / UDP(dport=53) / DNS(qd=DNSQR(qname="lab.example")),
}


def number(raw: bytes, layer: Layer, bit: int, bits: int) -> int:
    whole = int.from_bytes(raw[layer.offset : layer.offset + layer.length], "big")
    return whole >> 8 * layer.length - bit - bits & (1 << bits) - 1


@pytest.mark.parametrize("name", FRAMES)
def test_a_value_comes_from_its_bits(name: str) -> None:
    """Fields stand one behind the other inside of their layer, and a number is what they say."""
    raw = bytes(FRAMES[name])
    looked_at = 0
    for layer in lk.explain(raw).layers:
        end = 0
        assert [(f.name, f.value) for f in layer.placed] == list(layer.fields)
        for field in layer.placed:
            begin, end = end, field.bit + field.bits
            assert begin <= field.bit < end <= 8 * layer.length, field
            if field.value.isdigit() and field.bits <= 64:
                assert int(field.value) == number(raw, layer, field.bit, field.bits), field
                looked_at += 1
            elif field.value.startswith("0x") and field.value[2:].isalnum() and field.bits <= 64:
                assert int(field.value, 16) == number(raw, layer, field.bit, field.bits), field
                looked_at += 1
    assert looked_at >= 2


PLACES = {  # by frame: layer, which one of that name, field, first bit and bits in the frame
    "vlan": ("802.1Q", 0, "vlan", 8 * 14 + 4, 12),
    "qinq": ("802.1Q", 1, "vlan", 8 * 18 + 4, 12),
    "ip options": ("IP", 0, "options", 8 * 34, 32),
    "extension headers": ("IPv6 fragment", 0, "offset", 8 * 72, 13),
    "vxlan": ("VXLAN", 0, "vni", 8 * 46, 24),
    "geneve": ("GENEVE", 0, "options", 8 * 70, 64),
    "gue": ("IP", 1, "dst", 8 * 62, 32),
    "dhcp": ("DHCP", 0, "options", 8 * 282, 32),
}


@pytest.mark.parametrize("name", PLACES)
def test_places_told_by_hand(name: str) -> None:
    layer, which, field, bit, bits = PLACES[name]
    found = [one for one in lk.explain(bytes(FRAMES[name])).layers if one.name == layer][which]
    (place,) = [one for one in found.placed if one.name == field]
    assert (8 * found.offset + place.bit, place.bits) == (bit, bits)
