# SPDX-License-Identifier: BSD-3-Clause
"""explain(): every byte belongs to a layer, checksums are judged, and so is the whole frame."""

import re
import subprocess
import sys
import zlib
from dataclasses import dataclass
from typing import Any, SupportsBytes
from xml.etree import ElementTree

import pytest
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import IPv6, IPv6ExtHdrRouting
from scapy.layers.l2 import Ether
from scapy.packet import Packet, Raw

import labkit as lk
from labkit.packet.tunnel import STRICTNESS
from tests.frames import good_frames
from tests.tunnel_deviations import stored
from tests.tunnels import FRAMES, LINK, OUTER, TUNNELS, put, with_checksums, with_lengths

V4 = IP(src="10.0.0.1", dst="10.0.0.2")
PSEUDO_SUM = 0x0A00 + 0x0001 + 0x0A00 + 0x0002 + 6 + 20  # of V4 with a TCP header alone
V6 = IPv6(src="fd00::1", dst="fd00::2")


def names(frame: SupportsBytes, **how: Any) -> list[str]:
    return [layer.name for layer in lk.explain(frame, **how).layers]


def checksums(frame: SupportsBytes, **how: Any) -> dict[str, str]:
    """By name of the layer; of several the innermost one's."""
    return {x.name: x.checksum for x in lk.explain(frame, **how).layers if x.checksum}


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
    assert {verdict for _, verdict in judged} == {"good", "not there"}
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
    assert lk.explain(v6).layers[2].checksum == "not there (IPv6 wants one)"
    zeros = LINK / V4.copy() / Raw(bytes(8))
    zeros[IP].proto = 1
    assert checksums(zeros)["ICMP"] == "wrong: it is 0x0000 and should be 0xffff"


def test_a_checksum_that_is_left_to_the_nic() -> None:
    """What Linux puts there: the sum of the pseudo-header, not complemented."""
    frame = LINK / V4 / TCP(chksum=PSEUDO_SUM)
    text = checksums(frame)["TCP"]
    assert text.startswith("unfinished: 0x141d is the sum of the pseudo-header alone"), text
    right = Ether(bytes(LINK / V4 / TCP()))[TCP].chksum
    assert text.endswith(f"it should be {right:#06x}")


@pytest.mark.parametrize("kind", [TCP, UDP])
def test_a_route_that_is_not_at_its_end(kind: type[Packet]) -> None:
    """The last address is the one that the checksum knows (RFC 8200 8.1)."""
    route = IPv6ExtHdrRouting(type=0, addresses=["fd00::9", "fd00::8"], segleft=2)
    assert set(checksums(LINK / V6 / route / kind() / Raw(b"x")).values()) == {"good"}


def test_checksums_that_cannot_be_told() -> None:
    datagram = bytes(LINK / V4 / UDP(sport=5, dport=6) / Raw(bytes(100)))
    told = "cannot be told: "
    assert checksums(datagram[:60], wire_length=142)["UDP"] == told + "cut short by the capture"
    assert checksums(datagram[:36], wire_length=142)["UDP"] == told + "cut short by the capture"
    fragment = LINK / IP(src="10.0.0.1", dst="10.0.0.2", flags="MF") / UDP(len=2000, chksum=5)
    assert checksums(fragment / Raw(bytes(64)))["UDP"] == told + "of a fragment"
    longer = LINK / V4 / UDP(len=2000, chksum=5) / Raw(bytes(64))
    assert checksums(longer)["UDP"] == told + "longer than its packet"
    assert checksums(datagram[:60])["UDP"] == told + "its packet is longer than the frame"
    quoted = LINK / V4 / ICMP(type=3, code=3) / V4 / UDP(sport=5, dport=6)
    assert checksums(quoted)["UDP"] == told + "of a packet that is quoted"
    assert [layer.is_quoted for layer in lk.explain(quoted).layers] == [False] * 3 + [True] * 2
    short = with_lengths(bytes(LINK / V4 / UDP()))[:38]
    short = with_checksums(put(short, 16, b"\0\x18"), udp=False)
    assert checksums(short)["UDP"] == told + "its packet ends within the header"


def test_frame_check_sequence() -> None:
    frame = FRAMES["udp_v4"]
    whole = frame + zlib.crc32(frame).to_bytes(4, "little")
    assert names(whole)[-1] == "trailer"
    assert names(whole, fcs=4)[-1] == "FCS"
    assert checksums(whole, fcs=4)["FCS"] == "good"
    assert checksums(frame + bytes(4), fcs=4)["FCS"].startswith("wrong: it is 0x00000000")
    assert checksums(whole[:50], wire_length=len(whole), fcs=4)["FCS"].startswith("cannot be told")


# Real frames, padded to 60 bytes
IGMP = (
    "01005e00000100112200000008004500001c00000000010"
    "2d9df00000000e00000011164ee9b00000000" + "00" * 18
)
VERSION_5 = "00e0ed016ebd00305400345608005500003078ff" + "00" * 40


def test_padding_belongs_to_no_packet() -> None:
    explained = lk.explain(bytes.fromhex(IGMP))
    found = [(layer.name, layer.offset, layer.length) for layer in explained.layers]
    expected = [("Ethernet", 0, 14), ("IP", 14, 20), ("IGMP", 34, 8), ("padding", 42, 18)]
    assert found == expected
    assert {layer.checksum for layer in explained.layers} == {"", "good"}
    assert "options" not in dict(explained.layers[1].fields)
    ack = bytes(LINK / V4 / TCP(flags="A")) + bytes(6)
    assert names(ack) == ["Ethernet", "IP", "TCP", "padding"]
    assert lk.explain(ack).layers[2].length == 20


def test_what_the_layer_before_tells_of() -> None:
    """Data by port, and by the address of LLC."""
    bridge = bytes.fromhex("0180c200000002000000000100264242030000000001") + bytes(38)
    assert names(bridge) == ["802.3", "LLC", "STP", "padding"]
    for ports, name in (
        ((9, 53), "DNS"),
        ((5353, 5353), "mDNS"),
        ((68, 67), "DHCP"),
        ((123, 9), "NTP"),
    ):
        sport, dport = ports
        data = lk.explain(LINK / V4 / UDP(sport=sport, dport=dport) / Raw(bytes(240))).layers[-1]
        assert (data.name, len(data.data), data.length) == (name, 64, 240)
        assert len(data.fields) >= 10, "of all bytes, not of the first ones alone"


def test_a_trailer_changes_nothing_inside() -> None:
    outer = TUNNELS["vxlan_v4"].encap(FRAMES["tcp_v4"])
    plain, longer = lk.explain(outer).layers, lk.explain(outer + b"\xff" * 4).layers
    assert longer[:-1] == plain
    assert (longer[-1].name, longer[-1].offset, longer[-1].length) == ("trailer", len(outer), 4)
    assert [layer.offset for layer in plain if layer.name == "VXLAN"] == [42]


@pytest.mark.parametrize(
    "frame",
    [
        VERSION_5,
        *(
            stored()[name]["frame"]
            for name in ("vxlan4_ipv4_version", "geneve4_ipv4_version", "vxlan6_ipv6_version")
        ),
    ],
)
def test_another_version_than_announced(frame: str) -> None:
    raw = bytes.fromhex(frame)
    explained = lk.explain(raw)
    assert [layer.name for layer in explained.layers] == ["Ethernet", "data"]
    assert explained.layers[1].problem == f"another version than announced: {raw[14] >> 4}"
    assert explained.receivers == {}
    assert "problem: another version" in repr(explained)


def test_one_vni_everywhere() -> None:
    outer = lk.Vxlan(vni=11, **OUTER[4]).encap(FRAMES["arp"])
    odd = put(outer, 49, b"\x16")
    explained = lk.explain(odd)
    assert dict(explained.layers[3].fields)["vni"] == "11"
    assert "VNI 11," in explained.receivers["rfc"]
    assert set(re.findall(r"(?:vni=|VNI )(\w+)", repr(explained))) == {"11"}


def test_a_frame_that_was_captured_in_part() -> None:
    outer = TUNNELS["vxlan_v4"].encap(FRAMES["tcp_v4"])
    explained = lk.explain(outer[:70], wire_length=len(outer))
    assert explained.receivers == {}
    assert "captured: 70 of 107 bytes" in repr(explained)
    assert sum(layer.length for layer in explained.layers) == len(outer)
    inner = explained.layers[5]
    assert (inner.name, inner.problem) == ("IP", "cut short by the capture")
    assert inner.data == outer[64:70]
    assert (inner.length, inner.missing) == (20, 14)
    assert "... 14 not captured" in repr(explained)
    assert sum(layer.missing for layer in explained.layers) == len(outer) - 70
    assert dict(inner.fields) == {
        "version": "4", "ihl": "5", "tos": "0x0", "len": "43", "id": "1"
    }  # fmt: skip
    assert "captured: 70 of 107 bytes; receivers: none is asked" in explained._repr_html_()
    # Of which only the frame check sequence is missing
    assert lk.explain(outer, wire_length=len(outer) + 4, fcs=4).receivers.keys() == set(STRICTNESS)


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"wire_length": 5}, "wire_length is 5; the frame has 57 bytes here, so that it is 57 to"),
        ({"wire_length": "60"}, "wire_length is '60'; it is a whole number or None; write 60"),
        ({"wire_length": True}, "wire_length is True; it is a whole number"),
        ({"wire_length": 2**40}, "wire_length is 1099511627776; the frame has 57 bytes here"),
        ({"link_type": "etherne"}, "link_type is 'etherne'; .* did you mean 'ethernet'"),
        ({"link_type": -1}, "link_type is -1; the numbers are 0 to 4294967295"),
        ({"link_type": 1.5}, "link_type is 1.5; it is a text, a whole number or None"),
        ({"fcs": 9}, "fcs is 9; the range is 0 to 4 bytes"),
    ],
)
def test_wrong_arguments(how: dict[str, Any], message: str) -> None:
    with pytest.raises(lk.LabError, match=message):
        lk.explain(FRAMES["tcp_v4"], **how)


def test_frames_of_captures_tell_of_themselves() -> None:
    @dataclass
    class Frame:
        data: bytes
        wire_length: int
        link_type: int
        fcs: int = 0

        def __bytes__(self) -> bytes:
            return self.data

    ip = bytes(V4 / UDP(sport=5, dport=6) / Raw(bytes(100)))
    explained = lk.explain(Frame(ip[:40], len(ip), 101))
    assert [layer.name for layer in explained.layers] == ["IP", "UDP", "data"]
    assert (explained.captured, explained.wire_length) == (40, 128)
    # Hostile captures tell less than what is there, and more than there can be.
    assert lk.explain(Frame(ip, 5, 101)).wire_length == len(ip)
    for fcs in (0, 4, 30, 255, 2**32 - 1):
        for wire_length in (0, len(ip), 2**32 - 1):
            odd = lk.explain(Frame(ip, wire_length, 2**32 - 1, fcs))
            assert {layer.name for layer in odd.layers} <= {"data", "FCS"}
            assert repr(odd)
    assert names(Frame(ip, -1, -1, -1))[0] == "Ethernet"
    assert names(Frame(ip, "", None, b""))[0] == "Ethernet"  # type: ignore[arg-type]
    assert names(ip, link_type="raw") == names(ip, link_type=101) == ["IP", "UDP", "data"]


IMPORTS = """
import sys
import labkit as lk
if len(sys.argv) > 1:
    import scapy.all
    from scapy.contrib import mpls, erspan, nsh, gtp, igmp, geneve, vqp, homeplugav, mqtt
frames = {frames}
print(*(repr(lk.explain(bytes.fromhex(frame))) for frame in frames))
"""


def test_the_same_whatever_was_imported() -> None:
    frames = [frame.hex() for _, frame in good_frames().values()]
    frames += [tunnel.encap(FRAMES["tcp_v4"]).hex() for tunnel in TUNNELS.values()]
    frames.append(bytes(LINK / V4 / UDP(dport=1883) / Raw(b"0123456789")).hex())
    code = IMPORTS.format(frames=frames)
    said = [
        subprocess.run([sys.executable, "-c", code, *more], capture_output=True, text=True).stdout
        for more in ((), ("all",))
    ]
    assert said[0] == said[1]
    assert said[0].count("checksum good") > len(frames)


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
    assert lk.explain(FRAMES["udp_v4"]).receivers == {}
    moved = lk.Vxlan(vni=42, udp_port=9000)
    other = lk.explain(FRAMES["udp_v4"], lk.Vxlan())
    assert other.receivers == {}
    assert other.remarks == ("receivers: it is no frame of the tunnel, whose UDP port is 4789",)
    assert lk.explain(FRAMES["udp_v4"], moved).receivers["rfc"].startswith("refuses it: vxlan_no")
    broken = lk.explain(put(FRAMES["tcp_v4"], 24, b"\0\0"))  # a checksum, and no tunnel's frame
    assert broken.receivers == {}
    old = with_checksums(put(vxlan.encap(FRAMES["arp"]), 36, (8472).to_bytes(2, "big")))
    assert lk.explain(old).receivers["linux"] == "takes it: vxlan, VNI 42, 42 bytes inside"


def test_gpe_is_no_vxlan() -> None:
    gpe = LINK / V4 / UDP(dport=4790) / Raw(bytes.fromhex("0c00000100002a00")) / V4 / UDP()
    assert names(gpe) == ["Ethernet", "IP", "UDP", "VXLAN-GPE", "IP", "UDP"]
    assert lk.explain(gpe).receivers == {}


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
        assert sum(layer.length for layer in lk.explain(frame).layers) == len(frame)
    whole = TUNNELS["geneve_options_v6"].encap(FRAMES["tcp_v4"])
    for length in range(len(whole)):
        repr(lk.explain(whole[:length]))
