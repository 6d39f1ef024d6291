# SPDX-License-Identifier: BSD-3-Clause
"""No frame of any content raises: mutated frames of every kind through the walk, explain() and its
text. `python -m tests.packet.test_explanation_fuzz SECONDS` goes on for longer."""

import csv
import random
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import labkit as lk
from labkit.packet.summary import summary
from labkit.packet.walk import KINDS, walk
from tests.frames import good_frames
from tests.tunnels import FRAMES, TUNNELS

WALKED, EXPLAINED = 100_000, 3_000
LINKS = (0, 1, 9, 12, 50, 51, 101, 105, 108, 113, 228, 229, 276)
LONGEST = 600  # bytes of a frame that is mutated
HEADERS = Path(__file__).parent / "data" / "fields.csv"
ETHER_TYPES = {
    "vlan": 0x8100, "itag": 0x88E7, "mpls": 0x8847, "pppoed": 0x8863, "pppoe": 0x8864,
    "nsh": 0x894F, "arp": 0x0806, "ip": 0x0800, "ipv6": 0x86DD, "eth": 0x6558,
}  # fmt: skip
PROTOCOLS = {
    "hop_by_hop": 0, "routing": 43, "fragment": 44, "destination": 60, "ah": 51, "mobility": 135,
    "hip": 139, "shim6": 140, "esp": 50, "icmpv6": 58, "tcp": 6, "udp": 17, "udplite": 136,
    "sctp": 132, "gre": 47, "etherip": 97, "l2tpv3": 115, "igmp": 2, "icmp": 1,
}  # fmt: skip
PORTS = {
    "vxlan": 4789, "vxlan_gpe": 4790, "geneve": 6081, "gue": 6080, "gtp": 2152, "teredo": 3544,
    "l2tp": 1701, "dns": 53, "dhcp": 67, "dhcpv6": 547, "ntp": 123,
}  # fmt: skip

WITHIN = {  # the header before, and its kind
    "snap": ("llc", "aaaa03"), "erspan": ("gre", "100088be00000001"), "pw": ("mpls", "00001140"),
    "ppp": ("pppoe", "110000010040"), "sctp_chunks": ("sctp", "00" * 12),
    "pppoe_tags": ("pppoed", "110900000040"),
}  # fmt: skip


def seeds() -> list[bytes]:
    """Frames of every kind of layer."""
    found = [frame for _, frame in good_frames().values()]
    found += [frame for frame in FRAMES.values() if len(frame) <= LONGEST]
    found += [tunnel.encap(FRAMES["udp_v4"]) for tunnel in TUNNELS.values()]
    with HEADERS.open(newline="") as file:
        rows = [(row["kind"], bytes.fromhex(row["bytes"])) for row in csv.DictReader(file)]
    return found + [_around(kind, data + FRAMES["tcp_v4"]) for kind, data in rows]


def _around(kind: str, data: bytes) -> bytes:
    """A frame in which the header is where it belongs, as far as something announces it."""
    link = bytes(12)
    if kind in WITHIN:
        before, header = WITHIN[kind]
        return _around(before, bytes.fromhex(header) + data)
    if kind == "llc":
        return link + len(data).to_bytes(2, "big") + data
    if kind in ETHER_TYPES:
        return link + ETHER_TYPES[kind].to_bytes(2, "big") + data
    protocol = PROTOCOLS.get(kind, 17)
    if kind in PORTS:
        length = (len(data) + 8).to_bytes(2, "big")
        data = bytes(2) + PORTS[kind].to_bytes(2, "big") + length + bytes(2) + data
    v6 = bytes([0x60, 0, 0, 0]) + len(data).to_bytes(2, "big") + bytes([protocol, 64]) + bytes(32)
    return link + b"\x86\xdd" + v6 + data


def mutated(draw: random.Random) -> Iterator[tuple[bytes, int, int, int]]:
    """Frames, their length on the wire, link type and bytes of FCS, without an end."""
    frames = seeds()
    while True:
        frame = bytearray(draw.choice(frames))
        for _ in range(draw.choice((0, 1, 1, 2, 4, 16))):
            if frame:
                frame[draw.randrange(len(frame))] = draw.choice(
                    (0, 1, 4, 6, 255, draw.getrandbits(8))
                )
        if draw.random() < 0.2:  # one frame in another
            at = draw.randrange(len(frame) + 1)
            frame[at:] = draw.choice(frames)[draw.choice((0, 12, 14, 34)) :]
        if draw.random() < 0.3:
            del frame[draw.randrange(len(frame) + 1) :]
        if draw.random() < 0.2:
            frame += draw.randbytes(draw.randrange(64))
        raw = bytes(frame[:LONGEST])
        more = draw.choice((0, 0, 0, draw.randrange(2000), 2**32 - 1 - len(raw)))
        link = 1 if draw.random() < 0.8 else draw.choice(LINKS)
        yield raw, len(raw) + more, link, draw.choice((0, 0, 4))


def check_walk(raw: bytes, length: int, link: int, fcs: int) -> set[str]:
    """Layers follow each other without gaps; their kinds."""
    at, found = 0, walk(raw, length, link, fcs)
    for layer in found:
        assert layer.offset == at
        at += layer.length
    assert at == length
    return {layer.kind for layer in found}


def check_text(raw: bytes, length: int, link: int, fcs: int) -> None:
    explained = lk.explain(raw, wire_length=length, link_type=link, fcs=fcs)
    assert sum(layer.length for layer in explained.layers) == length
    for layer in explained.layers:
        assert raw[layer.offset :].startswith(layer.data)
        assert len(dict(layer.fields)) == len(layer.fields), "a name stands for one field"
    assert all(line.isprintable() for line in repr(explained).splitlines())
    page = explained._repr_html_().replace("&nbsp;", " ").replace("<br>", "<br/>")
    ElementTree.fromstring(f"<div>{page}</div>")
    assert summary(raw, length, link, fcs)


def test_walk() -> None:
    frames = mutated(random.Random(1))
    seen: set[str] = set()
    for _ in range(WALKED):
        seen |= check_walk(*next(frames))
    assert seen == set(KINDS)


def test_text() -> None:
    frames = mutated(random.Random(2))
    for _ in range(EXPLAINED):
        check_text(*next(frames))


if __name__ == "__main__":
    until, count = time.monotonic() + float(sys.argv[1]), 0
    for case in mutated(random.Random()):
        try:
            check_walk(*case)
            if count % 16 == 0:
                check_text(*case)
        except Exception:
            print(case[0].hex(), case[1:])
            raise
        count += 1
        if time.monotonic() > until:
            break
    print(f"{count:,} frames")
