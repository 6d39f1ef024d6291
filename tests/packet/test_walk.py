# SPDX-License-Identifier: BSD-3-Clause
"""The walk over a frame's layers: where they are, what is to be said of their checksums, and what
is wrong with them; also as tshark sees them, and for frames that are cut or put together badly."""

import random
import subprocess
from pathlib import Path
from xml.etree import ElementTree

import pytest
from scapy.layers.inet import TCP, UDP
from scapy.layers.inet6 import IPv6ExtHdrHopByHop, Jumbo
from scapy.layers.l2 import Dot1Q
from scapy.packet import Packet, Raw
from scapy.utils import wrpcap

from tests.malformed import flipped
from tests.walk_frames import ETH, PLAIN, V4, V6
from tests.walks import FRAMES, Layer, put, walk

LINKS = (0, 1, 9, 12, 50, 51, 101, 108, 113, 147, 228, 229, 276)
KINDS = {"dot3": "eth", "sll2": "sll", "loop": "null", "vxlan_gpe": "vxlan", "pw": "pwethcw"} | {
    "hop_by_hop": "ipv6.hopopts",
    "destination": "ipv6.dstopts",
    "routing": "ipv6.routing",
    "fragment": "ipv6.fraghdr",
    "mobility": "mipv6",
    "pppoe": "pppoes",
    "l2tpv3": "l2tp",
}
UNNAMED = ("data", "padding", "trailer", "snap", "gue", "itag")  # tshark has no layers for them
GUESSED = ("no_control_word", "cisco_hdlc", "gre_1", "teredo_authentication")  # by later bytes
STATES = {"0": "wrong", "1": "good", "3": "none", "4": "forbidden"}
CHECKED = ("ip", "tcp", "udp", "udplite", "icmp", "icmpv6", "igmp", "sctp", "gre")


def text(layers: list[Layer]) -> str:
    return ", ".join(str(layer) for layer in layers)


@pytest.mark.parametrize("name", FRAMES)
def test_layers(name: str) -> None:
    link, frame, expected = FRAMES[name]
    assert text(walk(frame, link=link)) == expected


@pytest.mark.parametrize("name", [name for name in FRAMES if name not in GUESSED])
def test_wherever_a_frame_is_cut_the_same_layers_are_found(name: str) -> None:
    """What was not kept is not looked at; no checksum over it is judged."""
    link, packet, _ = FRAMES[name]
    frame = bytes(packet)
    whole = walk(frame, link=link)
    for kept in range(len(frame)):
        layers = walk(frame[:kept], len(frame), link)
        for layer, full in zip(layers, whole, strict=False):
            if layer.offset + layer.length > kept or layer.kind == "data":
                break
            assert layer[:3] == full[:3], kept
            assert layer.sum in (full.sum, "unknown"), kept
            assert layer.sum == full.sum or layer.end > kept or layer.problem, kept
        behind = [layer for layer in layers if layer.offset > kept]
        assert {layer.sum for layer in behind} <= {"", "unknown"}, kept
        walk(frame[:kept], link=link)


@pytest.mark.parametrize("name", FRAMES)
def test_a_checksum_that_is_put_right_is_good(name: str) -> None:
    """Every checksum that covers what was changed is wrong, and its `right` makes it good."""
    link, packet, _ = FRAMES[name]
    frame = bytearray(bytes(packet))
    fields = {"ip": 10, "tcp": 16, "udp": 6, "icmp": 2, "icmpv6": 2, "igmp": 2, "sctp": 8, "gre": 4}
    layers = walk(bytes(frame), link=link)
    for at, layer in reversed(list(enumerate(layers))):
        if layer.sum != "good" or layer.kind not in fields:
            continue
        size = 4 if layer.kind == "sctp" else 2
        field = slice(layer.offset + fields[layer.kind], layer.offset + fields[layer.kind] + size)
        before = frame[field]
        frame[field] = bytes(byte ^ 0x5A for byte in before)
        wrong = walk(bytes(frame), link=link)[at]
        assert wrong.sum == "wrong"
        assert wrong.right.to_bytes(size) == before
        frame[field] = before


def test_tshark_sees_the_same(tmp_path: Path) -> None:
    """Layers, where they are, and their checksums, of all frames of Ethernet in one file."""
    frames = {name: bytes(frame) for name, (link, frame, _) in FRAMES.items() if link == 1}
    # tshark knows no GUE, tells Ethernet by who made a card, dissects IP of any version, has no
    # layer for the header behind an I-tag, and takes the next segment for the last one.
    for name in ("gue", "gue_1", "no_control_word", "version", "itag", "route_unknown"):
        del frames[name]
    for name, (ours, theirs) in in_tshark(tmp_path, frames).items():
        assert ours == theirs, name


def in_tshark(folder: Path, frames: dict[str, bytes]) -> dict[str, tuple[str, str]]:
    """By name: layers as we and as tshark find them, by one run of tshark over one file."""
    file = folder / "frames.pcap"
    wrpcap(str(file), list(frames.values()), linktype=1)
    options = [f"{kind}.check_checksum:TRUE" for kind in ("ip", "tcp", "udp", "udplite")]
    options += ["sctp.checksum:CRC-32c", "ip.defragment:FALSE", "ipv6.defragment:FALSE"]
    options += ["ipv6.exthdr_under_root_protocol_tree:TRUE", "eth.fcs:Never"]
    command = ["tshark", "-n", "-r", str(file), "-T", "pdml"]
    for option in options:
        command += ["-o", option]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    found = {}
    for (name, frame), packet in zip(
        frames.items(), ElementTree.fromstring(ran.stdout), strict=True
    ):
        ours = [layer for layer in walk(frame) if layer.kind not in UNNAMED]
        untold = {str(layer.offset) for layer in ours if layer.sum == "unknown"}
        known = {KINDS.get(layer.kind, layer.kind) for layer in ours}
        theirs = []
        for proto in packet.iter("proto"):
            kind = proto.get("name", "").replace("ieee8021ad", "vlan")
            kind = "ipv6.routing" if kind.startswith("ipv6.routing") else kind
            states = [
                field.get("show", "")
                for field in proto.iter("field")
                if field.get("name") == f"{kind.removesuffix('lite')}.checksum.status"
            ]
            state = STATES.get(states[0], "") if states and kind in CHECKED else ""
            state = "" if proto.get("pos") in untold else state  # of what is quoted it tells
            if kind in known and not (kind in ("sctp", "erspan") and proto.get("size") == "0"):
                theirs.append(f"{kind} {proto.get('pos')} {state}".strip())
        mine = [
            f"{KINDS.get(layer.kind, layer.kind)} {layer.offset} "
            + (layer.sum if layer.sum in STATES.values() and layer.kind in CHECKED else "")
            for layer in ours
        ]
        found[name] = (", ".join(layer.strip() for layer in mine), ", ".join(theirs))
    return found


def test_what_stands_behind_a_packet() -> None:
    """Up to the shortest frame it is padding, then a trailer, and the FCS where there is one."""
    frame = bytes(ETH / V4 / UDP() / Raw(b"abc")) + bytes(15) + b"trailFCS!"
    assert text(walk(frame, fcs=4)).endswith("data 42, padding 45, trailer 60, fcs 65")
    tagged = bytes(ETH / Dot1Q() / V4 / UDP()) + bytes(18)
    assert text(walk(tagged)).endswith("udp 38 good, padding 46")
    assert text(walk(bytes(ETH / V4 / Raw(bytes(50))) + b"x", fcs=99)).startswith("eth 0")


@pytest.mark.parametrize("ip", [V4, V6])
@pytest.mark.parametrize("layer", [TCP(), UDP()])
def test_what_is_left_to_the_nic_is_unfinished(ip: Packet, layer: Packet) -> None:
    """The sum of the pseudo-header alone, with the length or, of what becomes segments, with 0."""
    frame = bytes(ETH / ip / layer / Raw(b"some data"))
    (good,) = [layer for layer in walk(frame) if layer.kind in ("tcp", "udp")]
    field = good.offset + (16 if good.kind == "tcp" else 6)
    length = len(frame) - good.offset
    total = 16 if ip is V4 else 18
    addresses = frame[26:34] if ip is V4 else frame[22:54]
    words = [int.from_bytes(addresses[at : at + 2]) for at in range(0, len(addresses), 2)]
    for told in (length, 0):
        left = sum(words) + (6 if good.kind == "tcp" else 17) + told
        left = (left >> 16) + (left & 0xFFFF)
        unfinished = put(frame, field, left)
        (found,) = [layer for layer in walk(unfinished) if layer.offset == good.offset]
        assert (found.sum, found.right) == ("unfinished", good.checksum)
        (found,) = [layer for layer in walk(put(unfinished, total, 0)) if layer.kind == good.kind]
        assert found.sum == "unfinished"
        assert found.end == len(frame)


def test_an_ip_checksum_of_0_is_wrong() -> None:
    """It may be left to a NIC, and no sum tells so."""
    found = walk(put(bytes(PLAIN), 24, 0))[1]
    assert (found.sum, found.right) == ("wrong", walk(PLAIN)[1].checksum)


def test_jumbograms() -> None:
    """The length is in an option; one within its own header cannot be."""
    jumbo = V6.copy()
    jumbo.plen = 0
    options = IPv6ExtHdrHopByHop(options=[Jumbo(jumboplen=8 + 8 + 70000)])
    frame = bytes(ETH / jumbo / options / UDP(len=0, chksum=1) / Raw(bytes(70000)))
    layers = walk(frame)
    assert [layer.kind for layer in layers] == ["eth", "ipv6", "hop_by_hop", "udp", "data"]
    assert (layers[3].sum, layers[3].problem) == ("wrong", "")
    right = walk(put(frame, 62 + 6, layers[3].right))
    assert right[3].sum == "good"
    assert walk(frame[:58] + (7).to_bytes(4) + frame[62:])[2].problem == "length"


def test_whatever_bytes_are_walked() -> None:
    """All of them are covered, and nothing beyond what was kept changes what is found."""
    chance = random.Random(7)
    frames = [bytes(frame) for _, frame, _ in FRAMES.values()]
    for _ in range(20_000):
        frame = chance.choice(frames)
        for _ in range(chance.randrange(4)):
            frame = flipped(frame, chance)
        if chance.random() < 0.3:
            frame = frame[: chance.randrange(len(frame) + 1)]
        length = len(frame) + chance.choice((0, 0, 1, 40, 70_000))
        walk(frame, length, chance.choice(LINKS), chance.choice((0, 4)))
