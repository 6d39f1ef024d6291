# SPDX-License-Identifier: BSD-3-Clause
"""What tests of pictures have in common: paths, counters, and what is so of every picture."""

import re
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from hypothesis import strategies as st
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import TextPath

from labkit.lab.drawing import PortView
from labkit.path import nodes as lk
from labkit.path.chain import Chain, Node
from labkit.path.path import Path
from tests.paths import WHERE, endpoint

SVG = "{http://www.w3.org/2000/svg}"


@dataclass(frozen=True)
class Counters:
    calls: int
    objects: int
    cycles: int


@dataclass(frozen=True)
class Reading:
    nodes: Mapping[str, Counters]
    drops: Mapping[str, int] = field(default_factory=dict)
    outputs: Mapping[str, Mapping[str, int]] = field(default_factory=dict)


def reading(path: Path, frames: list[int], **outputs: Mapping[str, int]) -> Reading:
    """Counters in the order of the nodes; 50 cycles a frame. outputs: of nodes by kind; any other
    passes on what it counted, by `next`."""
    left: dict[str, Mapping[str, int]] = {}
    for node, n in zip(path.nodes, frames, strict=True):
        passes_on = bool(node.declared.outputs)
        left[node.name] = outputs.get(node.kind, {"next": n} if passes_on else {})
    pairs = zip(path.nodes, frames, strict=True)
    drops: Counter[str] = Counter()
    for sent in left.values():
        drops.update({name: n for name, n in sent.items() if name.startswith("drop_")})
    return Reading({node.name: Counters(1, n, 50 * n) for node, n in pairs}, drops, left)


def echo_path() -> Path:
    return endpoint("server", "echo:server")


def host_path() -> Path:
    return Path(
        lk.inject("client") >> lk.tx("client"),
        lk.rx("client") >> lk.collect("client"),
        name="host:client",
    )


def long_path(count: int) -> Path:
    chain: Chain | Node = lk.rx("a")
    for number in range(count - 2):
        chain = chain >> (lk.capture(f"step{number}.pcapng") if number % 2 else lk.reflect())
    return Path(chain >> lk.tx("a"), name="long")


def fork_path() -> Path:
    arp, udp = lk.arp_responder(WHERE), lk.udp_echo(WHERE)
    return Path(
        lk.rx("a") >> (udp | (lk.capture("rest.pcapng") >> arp)) >> lk.tx("a"),
        arp["other"] >> lk.reflect() >> lk.tx("b"),
        lk.rx("b") >> lk.tx("c"),
        lk.inject("c") >> lk.sink(),
        name="fork",
    )


def wide_path() -> Path:
    many = ["2001:db8:1111:2222:3333:4444:5555:6666/64", *(f"10.0.0.{i}" for i in range(1, 9))]
    return Path(
        lk.rx("a-very-long-name-of-some-interface-x")
        >> lk.udp_echo(many, 65535, name="W" * 40)
        >> lk.capture("/tmp/" + "m" * 90 + ".pcapng", 65535)
        >> lk.tx("b", 3),
        name="M" * 40,
    )


PATHS = {
    "echo": echo_path(),
    "host": host_path(),
    "reflect": Path(lk.rx("a") >> lk.reflect() >> lk.tx("a")),
    "one": Path(lk.rx("a")),
    "twelve": long_path(12),
    "thirty": long_path(30),
    "fork": fork_path(),
    "wide": wide_path(),
}


def texts(svg: str) -> list[str]:
    return [element.text or "" for element in ET.fromstring(svg).iter(f"{SVG}text")]


def tooltips(svg: str) -> list[str]:
    return [element.text or "" for element in ET.fromstring(svg).iter(f"{SVG}title")]


def measured(element: ET.Element) -> float:
    """Width of a text in DejaVu Sans, as wide as common sans-serif faces get, in CSS pixels."""
    if not (element.text or "").strip():
        return 0
    is_bold = bool(element.get("font-weight"))
    return float(element.attrib["font-size"]) * extent(element.text or "", is_bold)


@cache
def extent(words: str, is_bold: bool) -> float:
    """In em."""
    font = FontProperties(family="DejaVu Sans", weight="bold" if is_bold else "normal")
    return float(TextPath((0, 0), words, size=1, prop=font).get_extents().x1)


def text_stays_inside(svg: str) -> None:
    """Every text that comes with a box lies in that box; every text lies in the picture."""
    root = ET.fromstring(svg)
    for group in root.iter(f"{SVG}g"):
        box = group.find(f"{SVG}rect")
        if box is None or group.find(f"{SVG}title") is None:
            continue
        x, y, width, height = (float(box.attrib[k]) for k in ("x", "y", "width", "height"))
        for element in group.findall(f"{SVG}text"):
            left, room = float(element.attrib["x"]), measured(element)
            anchor = element.get("text-anchor", "start")
            left -= {"start": 0, "middle": room / 2, "end": room}[anchor]
            baseline = float(element.attrib["y"])
            assert x <= left, element.text
            assert left + room <= x + width, element.text
            assert y + 0.7 * float(element.attrib["font-size"]) <= baseline <= y + height - 3
    total = float(root.attrib["width"])
    for element in root.iter(f"{SVG}text"):
        if element.get("text-anchor") is None:
            assert float(element.attrib["x"]) + measured(element) <= total, element.text


def is_self_contained(svg: str) -> None:
    root = ET.fromstring(svg)
    assert root.tag == f"{SVG}svg"
    assert root.attrib["role"] == "img"
    assert root.attrib["aria-label"]
    assert root.attrib["viewBox"] == f"0 0 {root.attrib['width']} {root.attrib['height']}"
    for element in root.iter():
        assert element.tag.removeprefix(SVG) in (
            "svg", "g", "title", "rect", "path", "text", "circle", "style"
        )  # fmt: skip
        assert not [key for key in element.attrib if key.startswith("on") or "href" in key]
    for style in root.iter(f"{SVG}style"):
        assert "@import" not in (style.text or "")
    assert "url(" not in svg
    assert "nan" not in re.sub(r">[^<]*<|aria-label=\"[^\"]*\"", "", svg)


def busy_echo() -> tuple[Path, Reading]:
    path = echo_path()
    order = [node.name for node in path.nodes]
    frames = {
        "rx:server": 12_345_678,
        "udp_echo": 12_345_678,
        "icmp_echo": 400_213,
        "arp_responder": 25,
        "nd_responder": 18,
        "refuse": 12,
        "tx:server": 12_345_663,
    }
    return path, reading(
        path,
        [frames[n] for n in order],
        udp_echo={"next": 11_945_462, "other": 400_213, "drop_udp_bad_checksum": 3},
        icmp_echo={"next": 400_188, "other": 25},
        arp_responder={"next": 7, "other": 18},
        nd_responder={"next": 6, "other": 12},
        refuse={"drop_udp_no_listener": 9, "drop_udp_bad_checksum": 3},
        tx={"drop_tx_full": 1},
    )


def port(name: str, peer: str | None = None, **more: Any) -> PortView:
    fields: dict[str, Any] = {
        "kind": "ring", "mac": "02:00:00:00:00:01", "mtu": 9001, "link": True,
        "rx_packets": 12_345_000, "tx_packets": 0,
    }  # fmt: skip
    return PortView(name, peer=peer, **{**fields, **more})


@st.composite
def tangles(draw: st.DrawFn) -> Path:
    """Paths of any shape: edges lead from a node to any later one."""
    count = draw(st.integers(1, 14))
    inner = [lk.arp_responder(WHERE, name=f"n{i}") for i in range(count)]
    joined: list[Chain] = [lk.rx("a") >> inner[0]]
    for i, node in enumerate(inner[1:], start=1):
        source = inner[draw(st.integers(0, i - 1))]
        output = draw(st.sampled_from(("next", "other")))
        taken = {
            j for chain in joined for join in chain.joins for j in [(join.source, join.output)]
        }
        if (source, output) in taken:
            joined.append(lk.rx(f"extra{i}") >> node)
        else:
            joined.append(source[output] >> node)
    taken = {(join.source, join.output) for chain in joined for join in chain.joins}
    end = lk.tx("a")
    for i, node in enumerate(inner):
        for output in ("next", "other"):
            if (node, output) not in taken and draw(st.booleans()):
                later = [*inner[i + 1 :], end]
                joined.append(node[output] >> draw(st.sampled_from(later)))
    return Path(*joined)


def drawn_edges(svg: str) -> tuple[Counter[str], Counter[str]]:
    """Frames by the node that edges lead to, and by the node that refused some."""
    arrived: Counter[str] = Counter()
    refused: Counter[str] = Counter()
    for title in tooltips(svg):
        if edge := re.fullmatch(r"\S+\[\w+\] >> (\S+)\n([\d,]+) frames", title):
            arrived[edge[1]] += int(edge[2].replace(",", ""))
        if drop := re.fullmatch(r"(\S+) refused\n([\d,]+) frames", title):
            refused[drop[1]] += int(drop[2].replace(",", ""))
    return arrived, refused
