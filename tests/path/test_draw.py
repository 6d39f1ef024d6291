# SPDX-License-Identifier: BSD-3-Clause
"""Pictures of paths and labs: well-formed, complete, nothing overlapping, text inside its box."""

import re
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import TextPath

from labkit.lab.drawing import PortView, lab_svg
from labkit.packet import tunnels
from labkit.path import nodes as lk
from labkit.path.chain import Chain, Node
from labkit.path.counters import ledger_of
from labkit.path.drawing import path_svg
from labkit.path.edge_frames import edge_frames
from labkit.path.layout import Size, columns_of, place
from labkit.path.path import Path
from labkit.path.svg import shortened, text_width
from labkit.units import si

WHERE = ["10.0.0.2/24", "fd00::2/64"]
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


def reading(path: Path, frames: list[int], **drops: int) -> Reading:
    """Counters in the order of the nodes; 50 cycles a frame."""
    pairs = zip(path.nodes, frames, strict=True)
    return Reading({node.name: Counters(1, n, 50 * n) for node, n in pairs}, drops)


def echo_path() -> Path:
    alternatives = (
        lk.udp_echo(WHERE, 9000)
        | lk.icmp_echo(WHERE)
        | lk.arp_responder(WHERE)
        | lk.nd_responder(WHERE)
        | lk.refuse(WHERE, 9000)
    )
    return Path(lk.rx("server") >> alternatives >> lk.tx("server"), name="echo:server")


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

every_path = pytest.mark.parametrize("path", PATHS.values(), ids=PATHS.keys())


def texts(svg: str) -> list[str]:
    return [element.text or "" for element in ET.fromstring(svg).iter(f"{SVG}text")]


def tooltips(svg: str) -> list[str]:
    return [element.text or "" for element in ET.fromstring(svg).iter(f"{SVG}title")]


def measured(element: ET.Element) -> float:
    """Width of a text in DejaVu Sans, as wide as common sans-serif faces get, in CSS pixels."""
    if not (element.text or "").strip():
        return 0
    weight = "bold" if element.get("font-weight") else "normal"
    font = FontProperties(family="DejaVu Sans", weight=weight)
    path = TextPath((0, 0), element.text, size=float(element.attrib["font-size"]), prop=font)
    return float(path.get_extents().x1)


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
            "svg", "g", "title", "rect", "path", "text", "circle"
        )  # fmt: skip
        assert not [key for key in element.attrib if key.startswith("on") or "href" in key]
    assert "url(" not in svg
    assert "nan" not in re.sub(r">[^<]*<|aria-label=\"[^\"]*\"", "", svg)


# Paths


@every_path
def test_a_path_is_drawn_whole(path: Path) -> None:
    svg = path_svg(path)
    is_self_contained(svg)
    text_stays_inside(svg)
    assert {path.name, *(node.name for node in path.nodes)} <= set(texts(svg))
    for node in path.nodes:
        assert any(tip.startswith(f"{node.name}: ") for tip in tooltips(svg))
    for edge in path.edges:
        assert f"{edge.source}[{edge.output}] >> {edge.target}" in tooltips(svg)


@every_path
@pytest.mark.parametrize("frames", [0, 1, 12_345_678_901])
def test_counters_fit_their_boxes(path: Path, frames: int) -> None:
    counters = reading(path, [frames] * len(path.nodes), drop_udp_bad_checksum=frames)
    svg = path_svg(path, counters)
    is_self_contained(svg)
    text_stays_inside(svg)


def test_what_a_node_says() -> None:
    svg = path_svg(echo_path())
    assert {"UDP port 9000", "10.0.0.2/24, fd00::2/64", "10.0.0.2/24", "fd00::2/64"} <= set(
        texts(svg)
    )
    (tip,) = (t for t in tooltips(svg) if t.startswith("arp_responder: "))
    assert tip == (
        "arp_responder: Answers ARP requests for its addresses. (RFC 826)\n"
        "addresses: 10.0.0.2/24, fd00::2/64; mac: not given"
    )
    named = Path(lk.rx("a", 2, name="in") >> lk.capture("/tmp/x.pcapng", 96) >> lk.sink())
    assert {"in", "rx, port a, queue 2", "x.pcapng", "first 96 B of each"} <= set(
        texts(path_svg(named))
    )


def test_only_the_addresses_a_kind_looks_at_are_shown() -> None:
    svg = path_svg(Path(lk.rx("a") >> lk.nd_responder(["10.0.0.1"])))
    assert "no IPv6 address" in texts(svg)


def test_more_addresses_than_fit_are_counted() -> None:
    svg = path_svg(Path(lk.rx("a") >> lk.icmp_echo([f"10.0.0.{i}" for i in range(1, 9)])))
    assert "10.0.0.1, 10.0.0.2 + 6" in texts(svg)
    assert any("10.0.0.8" in tip for tip in tooltips(svg))


def test_outputs_are_labelled_where_there_are_two() -> None:
    labels = texts(path_svg(echo_path()))
    assert labels.count("next") == labels.count("other") == 4
    assert "next" not in texts(path_svg(host_path()))


def test_counters_are_written_on_nodes_and_edges() -> None:
    path = echo_path()
    order = [node.name for node in path.nodes]
    frames = {
        "rx:server": 12_345_678,
        "udp_echo": 12_345_678,
        "icmp_echo": 400_213,
        "arp_responder": 25,
        "nd_responder": 18,
        "refuse": 12,
        "tx:server": 12_345_666,
    }
    counters = reading(path, [frames[n] for n in order], drop_arp_not_mine=3, drop_x=9, drop_y=0)
    svg = path_svg(path, counters)
    words = {" ".join(t.split()) for t in texts(svg)}
    assert {"12.3 M frames", "400 k · 50 cycles each", "12 · 50 cycles each"} <= words
    assert {"12.3 M", "next 11.9 M", "other 400 k", "next 6", "other 12"} <= words
    assert {"drop_x 9", "drop_arp_not_mine 3"} <= words
    assert "drop_y" not in svg
    (tip,) = (t for t in tooltips(svg) if t.startswith("icmp_echo: "))
    assert tip.endswith("400,213 frames in 1 calls, 50.0 cycles a frame")


def test_nothing_measured_is_no_zero() -> None:
    path = Path(lk.rx("a") >> lk.sink())
    words = texts(path_svg(path, reading(path, [0, 0])))
    assert words.count("0 frames") == 2
    assert not [w for w in words if "cycles" in w]
    assert "frames" not in " ".join(texts(path_svg(path)))


def test_one_frame_is_one_frame() -> None:
    path = Path(lk.rx("a") >> lk.sink())
    assert "1 frame" in texts(path_svg(path, reading(path, [1, 1])))


def test_polls_that_brought_nothing_are_no_cost_of_a_frame() -> None:
    path = Path(lk.rx("a") >> lk.sink())
    words = texts(path_svg(path, reading(path, [7, 7])))
    assert "7 frames" in words
    assert "7 · 50 cycles each" in words


def test_a_node_without_counters_is_drawn_without() -> None:
    path = echo_path()
    assert "udp_echo" in texts(path_svg(path, Reading({})))


def test_drops_tell_their_reason() -> None:
    path = Path(lk.rx("a") >> lk.sink())
    svg = path_svg(path, reading(path, [5, 2], drop_udp_bad_checksum=3))
    (tip,) = (t for t in tooltips(svg) if t.startswith("drop_udp_bad_checksum"))
    assert tip.startswith("drop_udp_bad_checksum: 3 frames dropped\n")
    assert len(tip.splitlines()[1]) > 10


def test_text_is_escaped() -> None:
    path = Path(lk.rx('<a&"b>', name="x") >> lk.capture("/tmp/<script>&.pcapng") >> lk.sink())
    svg = path_svg(path)
    is_self_contained(svg)
    assert "<script>&.pcapng" in texts(svg)
    assert 'rx, port <a&"b>' in texts(svg)


# Frames on edges


def test_frames_of_edges_are_only_what_counters_tell() -> None:
    path = echo_path()
    order = [node.name for node in path.nodes]
    frames = dict(zip(order, [0] * len(order), strict=True))
    frames |= {"rx:server": 100, "udp_echo": 100, "icmp_echo": 40, "arp_responder": 30,
               "nd_responder": 20, "refuse": 10, "tx:server": 90}  # fmt: skip
    counts = [frames[name] for name in order]

    def by_end(counters: Reading) -> dict[tuple[str, str], int]:
        return {(e.source, e.output): n for e, n in edge_frames(path, counters).items()}

    told = by_end(reading(path, counts, drop_arp_not_mine=10))
    assert told["udp_echo", "next"] == 60
    assert told["nd_responder", "next"] == 10
    assert len(told) == len(path.edges)

    # Some node refused a frame, and no counter says which one it was.
    told = by_end(reading(path, counts, drop_arp_not_mine=10, drop_udp_bad_checksum=1))
    assert told["rx:server", "next"] == 100
    assert told["nd_responder", "other"] == 10
    assert ("udp_echo", "next") not in told

    # Frames that tx refused had come to it.
    told = by_end(reading(path, counts, drop_arp_not_mine=10, drop_tx_full=5))
    assert told["udp_echo", "next"] == 60


def test_counters_read_while_frames_flow_give_nothing_negative() -> None:
    path = Path(lk.rx("a") >> (lk.udp_echo(WHERE) | lk.sink()) >> lk.tx("a"))
    frames = {"rx:a": 10, "udp_echo": 10, "sink": 12, "tx:a": 0}
    told = edge_frames(path, reading(path, [frames[node.name] for node in path.nodes]))
    assert min(told.values()) == 0


def bad_line() -> tuple[Path, Reading]:
    """A line that held 5 of 100 frames back, and doubled 10."""
    path = Path(lk.rx("a") >> lk.impair(duplicate=0.1, reorder=0.5) >> lk.collect("a"), name="bad")
    frames = {"rx:a": 100, "impair": 100, "impair_release": 5, "collect:a": 110}
    return path, reading(path, [frames[node.name] for node in path.nodes])


def test_frames_that_were_held_back_are_on_one_edge() -> None:
    path, counters = bad_line()
    told = {edge.source: n for edge, n in edge_frames(path, counters).items()}
    assert told == {"rx:a": 100, "impair": 105, "impair_release": 5}


def test_frames_that_were_held_back_enter_once() -> None:
    """The picture of a lab counts as the ledger does."""
    path, counters = bad_line()
    assert ledger_of(path, counters).sent == 100
    words = [" ".join(t.split()) for t in texts(lab_svg([port("a")], [path], {"bad": counters}))]
    assert "100 frames in, 0 dropped" in words


# Layout


def test_alternatives_stand_below_each_other() -> None:
    assert columns_of(echo_path()) == {
        "rx:server": 0,
        "udp_echo": 1,
        "icmp_echo": 1,
        "arp_responder": 1,
        "nd_responder": 1,
        "refuse": 1,
        "tx:server": 2,
    }


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


@settings(deadline=None, max_examples=150)
@given(tangles(), st.integers(300, 2000))
def test_boxes_never_overlap_and_edges_lead_right_or_down(path: Path, width: int) -> None:
    sizes = {node.name: Size(90 + 5 * i, 34 + 7 * (i % 5)) for i, node in enumerate(path.nodes)}
    gaps = dict.fromkeys(sizes, 40.0)
    layout = place(path, sizes, gaps, width)
    assert set(layout.places) >= set(sizes)
    boxes = [layout.places[name] for name in sizes]
    for a, b in combinations(boxes, 2):
        assert (
            a.right <= b.x or b.right <= a.x
            or a.y + a.height <= b.y or b.y + b.height <= a.y
        )  # fmt: skip
    for box in boxes:
        assert 0 <= box.x <= box.right <= layout.width + 1e-6
        assert -1e-6 <= box.y <= box.y + box.height <= layout.height + 1e-6
    for edge, route in layout.routes.items():
        start, end = layout.places[edge.source], layout.places[edge.target]
        assert (route[0], route[-1]) == (start, end)
        assert end.column > start.column or end.y > start.y
    is_self_contained(path_svg(path))


def test_a_long_path_goes_on_in_rows_that_fit() -> None:
    root = ET.fromstring(path_svg(long_path(12)))
    assert float(root.attrib["width"]) < 1200


# Words


@pytest.mark.parametrize(
    ("count", "words"),
    [(0, "0"), (999, "999"), (9_999, "9,999"), (10_000, "10.0 k"), (99_949, "99.9 k"),
     (99_950, "100 k"), (999_499, "999 k"), (999_500, "1.00 M"), (12_345_678, "12.3 M"),
     (10**9, "1.00 G"), (2**64, "18.4 E")],
)  # fmt: skip
def test_counts_have_si_prefixes(count: int, words: str) -> None:
    assert si(count) == words


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=60), st.booleans())
def test_no_text_is_wider_than_reckoned(words: str, bold: bool) -> None:
    words = words.replace("$", "")  # matplotlib reads it as mathematics
    element = ET.Element("text", {"font-size": "12", **({"font-weight": "600"} if bold else {})})
    element.text = words
    assert measured(element) <= text_width(words, 12, bold=bold) + 0.5


@given(st.text(max_size=80), st.integers(5, 40))
def test_shortened_text_keeps_its_ends(words: str, most: int) -> None:
    short = shortened(words, most)
    assert len(short) <= most
    assert short == words or (short[0] == words[0] and short[-1] == words[-1])


# Labs


def port(name: str, peer: str | None = None, **more: Any) -> PortView:
    fields: dict[str, Any] = {
        "kind": "ring", "mac": "02:00:00:00:00:01", "mtu": 9001, "link": True,
        "rx_packets": 12_345_000, "tx_packets": 0,
    }  # fmt: skip
    return PortView(name, peer=peer, **{**fields, **more})


def test_frames_that_an_impair_node_lets_go_have_entered_before() -> None:
    path = Path(lk.rx("server") >> lk.impair(reorder=0.1) >> lk.tx("server"), name="slow")
    frames = {"rx": 9, "impair": 9, "tx": 9}
    release = [node.name for node in path.nodes if node.kind == "impair_release"]
    assert release
    counters = reading(path, [frames.get(node.kind, 4) for node in path.nodes])
    words = [
        " ".join(t.split()) for t in texts(lab_svg([port("server")], [path], {"slow": counters}))
    ]
    assert "9 frames in, 0 dropped" in words


def test_a_lab_is_drawn_whole() -> None:
    echo = echo_path()
    counters = {"echo:server": reading(echo, [9] * len(echo.nodes), drop_arp_not_mine=9)}
    ports = [port("client", "server"), port("server", "client", link=False, mtu=1500)]
    svg = lab_svg(ports, [host_path(), echo], counters)
    is_self_contained(svg)
    text_stays_inside(svg)
    words = [" ".join(t.split()) for t in texts(svg)]
    assert {"client", "server", "ring, MTU 9,001", "ring, MTU 1,500", "up", "down"} <= set(words)
    assert words.count("rx 12.3 M · tx 0") == 2
    assert {"02:00:00:00:00:01", "host:client", "echo:server"} <= set(words)
    assert {"inject:client >> tx:client", "rx:client >> collect:client"} <= set(words)
    assert {"9 frames in, 9 dropped", "drop_arp_not_mine 9"} <= set(words)
    tips = tooltips(svg)
    assert tips.count("cable between client and server") == 1
    assert "path echo:server receives from and sends on port server" in tips
    assert "path host:client receives from and sends on port client" in tips
    (label,) = re.findall('aria-label="([^"]*)"', svg)
    assert label == "lab with ports client, server and paths host:client, echo:server"


def test_a_path_is_tied_to_each_of_its_ports() -> None:
    forward = Path(lk.rx("a1") >> lk.tx("b0"), name="forward")
    ports = [port("a0", "a1"), port("b0", "b1"), port("a1", "a0"), port("b1", "b0")]
    svg = lab_svg(ports, [forward])
    tips = tooltips(svg)
    assert "path forward receives from port a1" in tips
    assert "path forward sends on port b0" in tips
    order = [t for t in texts(svg) if t in ("a0", "a1", "b0", "b1")]
    assert order == ["a0", "a1", "b0", "b1"]  # ends of a cable next to each other


@pytest.mark.parametrize("count", [0, 1, 5])
def test_labs_of_any_size(count: int) -> None:
    ports = [port(f"p{i}", kind="tap", peer="elsewhere") for i in range(count)]
    paths = [Path(lk.rx(p.name) >> lk.tx(ports[0].name), name=f"path{p.name}") for p in ports]
    svg = lab_svg(ports, paths)
    is_self_contained(svg)
    text_stays_inside(svg)
    assert ("This lab has no ports yet." in texts(svg)) == (count == 0)
    assert "cable" not in svg


def test_long_names_fit_in_a_lab() -> None:
    ports = [port("W" * 60, kind="af_packet"), port("<&>", link=False)]
    paths = [wide_path(), long_path(30)]
    svg = lab_svg(ports, paths, {"long": reading(paths[1], [10**9] * 30, drop_unhandled=7)})
    is_self_contained(svg)
    text_stays_inside(svg)
    assert "<&>" in texts(svg)


def test_tunnels_say_which() -> None:
    ends = {"local": "192.0.2.1", "remote": "192.0.2.2", "remote_mac": "02:00:00:00:00:02"}
    vx = tunnels.Vxlan(vni=42, **ends)
    gue = tunnels.Gue(local="2001:db8::1", remote="2001:db8::2")
    svg = path_svg(Path(lk.rx("a") >> lk.decap(gue) >> lk.encap(vx) >> lk.tx("b")))
    assert "VXLAN, VNI 42" in svg
    assert "192.0.2.1 to 192.0.2.2" in svg
    assert "GUE" in svg
    assert "any VNI" in path_svg(Path(lk.rx("a") >> lk.decap(tunnels.Geneve()) >> lk.tx("a")))
