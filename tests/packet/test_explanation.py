# SPDX-License-Identifier: BSD-3-Clause
"""explain(): every byte belongs to a layer, checksums are judged, and so is the whole frame."""

import re
from xml.etree import ElementTree

import pytest
from scapy.layers.inet import IP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Ether
from scapy.packet import Raw

import labkit as lk
from tests.frames import good_frames
from tests.tunnels import FRAMES, TUNNELS, put, with_checksums


@pytest.mark.parametrize("name", TUNNELS)
def test_layers_cover_the_frame(name: str) -> None:
    for frame in (*FRAMES.values(), TUNNELS[name].encap(FRAMES["udp_v6"])):
        at = 0
        for layer in lk.explain(frame).layers:
            assert layer.offset == at
            assert layer.data == frame[at : at + min(layer.length, len(layer.data))]
            at += layer.length
        assert at == len(frame)


def test_good_checksums() -> None:
    """Those that scapy computed, of all protocols, and those of tunnels."""
    frames = [frame for _, frame in good_frames().values()]
    frames += [*FRAMES.values(), *(tunnel.encap(FRAMES["udp_v4"]) for tunnel in TUNNELS.values())]
    judged = {
        (layer.name, layer.checksum)
        for frame in frames
        for layer in lk.explain(frame).layers
        if layer.checksum
    }
    assert {verdict for _, verdict in judged} == {"good", "none"}
    names = {name for name, _ in judged}
    assert {"IP", "UDP", "TCP", "ICMP", "ICMPv6 Echo Request"} <= names


def test_wrong_checksums() -> None:
    good = Ether() / IP(src="10.0.0.1", dst="10.0.0.2") / UDP() / Raw(b"data")
    right = Ether(bytes(good))[IP].chksum
    good[IP].chksum, good[UDP].chksum = 1, 2
    ip, udp = lk.explain(good).layers[1:3]
    assert ip.checksum == f"wrong: it is 0x0001 and should be {right:#06x}"
    assert udp.checksum.startswith("wrong: it is 0x0002 and should be 0x")
    v6 = Ether() / IPv6(src="fd00::1", dst="fd00::2") / UDP(chksum=0) / Raw(b"data")
    assert lk.explain(v6).layers[2].checksum == "none (IPv6 wants one)"


def test_receivers() -> None:
    vxlan = TUNNELS["vxlan_v4"]
    reserved = with_checksums(put(vxlan.encap(FRAMES["arp"]), 42, b"\xff"))
    said = lk.explain(reserved).receivers
    assert said["rfc"] == "takes it: vxlan, VNI 42, 42 bytes inside"
    assert said["linux"].startswith("refuses it: vxlan_reserved_bits at byte 42")
    assert (
        lk.explain(reserved, lk.Vxlan(vni=1))
        .receivers["rfc"]
        .startswith("refuses it: tunnel_unknown_vni")
    )
    assert lk.explain(FRAMES["arp"]).receivers == {}


def test_text_and_html() -> None:
    explained = lk.explain(Ether(TUNNELS["vxlan_v6"].encap(FRAMES["udp_v4"])))
    text = repr(explained)
    assert "   54-61    UDP   checksum good" in text
    assert "sport=" in text
    assert max(map(len, text.splitlines())) < 120
    html = explained._repr_html_()
    assert re.search(r"<code[^>]*>(?:[0-9a-f]{2} ){8}<wbr/>[0-9a-f]{2}", html), (
        "8 bytes fit anywhere"
    )
    ElementTree.fromstring(f"<div>{html.replace('&nbsp;', ' ').replace('<br>', '<br/>')}</div>")
    assert "VNI 42" in html
    wrong = lk.explain(put(TUNNELS["vxlan_v4"].encap(FRAMES["udp_v4"]), 24, b"\0\0"))
    assert "#b00020" in wrong._repr_html_()


def test_anything_can_be_explained() -> None:
    for frame in (b"", b"\0", bytes(13), bytes(60)):
        lk.explain(frame)
    whole = TUNNELS["geneve_options_v6"].encap(FRAMES["tcp_v4"])
    for length in range(len(whole)):
        repr(lk.explain(whole[:length]))
