# SPDX-License-Identifier: BSD-3-Clause
"""Pictures of paths and labs: well-formed, complete, nothing overlapping, text inside its box."""

import re
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import TextPath

from labkit.figure.theme import DARK
from labkit.lab.drawing import PortView, lab_svg
from labkit.packet import tunnels
from labkit.packet.codec import VERDICTS
from labkit.path import nodes as lk
from labkit.path.chain import Chain, Node
from labkit.path.counters import ledger_of
from labkit.path.drawing import path_svg
from labkit.path.flows import flows_of
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
    refused = {"next": frames, "drop_udp_bad_checksum": frames, "drop_unhandled": frames}
    counters = reading(path, [frames] * len(path.nodes), rx=refused, udp_echo=refused, tx=refused)
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


def test_counters_are_written_on_nodes_and_edges() -> None:
    svg = path_svg(*busy_echo())
    words = {" ".join(t.split()) for t in texts(svg)}
    assert {"12.3 M frames", "400 k · 50 cycles each", "12 · 50 cycles each"} <= words
    # Edges stay, though nodes refused frames.
    assert {"12.3 M", "next 11.9 M", "other 400 k", "next 6", "other 12"} <= words
    assert {"drop_udp_no_listener 9", "drop_udp_bad_checksum 3", "drop_tx_full 1"} <= words
    (tip,) = (t for t in tooltips(svg) if t.startswith("icmp_echo: "))
    assert tip.endswith("400,213 frames in 1 calls, 50.0 cycles a frame")


def test_drops_stand_at_an_edge_from_the_node_that_refused() -> None:
    svg = path_svg(*busy_echo())
    tips = tooltips(svg)
    assert {"udp_echo refused\n3 frames", "refuse refused\n12 frames"} <= set(tips)
    assert "tx:server refused\n1 frames" in tips
    assert not [tip for tip in tips if tip.startswith("icmp_echo refused")]
    # The same reason of two nodes is told of both.
    alike = [tip for tip in tips if tip.startswith("drop_udp_bad_checksum: 3 frames dropped")]
    assert [tip.splitlines()[0].rsplit(" by ")[1] for tip in alike] == ["udp_echo", "refuse"]
    # Each edge begins at its node's right side, between its upper and its lower edge.
    root = ET.fromstring(svg)
    boxes = {g.attrib["data-node"]: g.find(f"{SVG}rect") for g in root.iter(f"{SVG}g")
             if "data-node" in g.attrib}  # fmt: skip
    for group in root.iter(f"{SVG}g"):
        told = (group.findtext(f"{SVG}title") or "").partition(" refused")
        if told[1]:
            box = boxes[told[0]]
            way = group.find(f"{SVG}path")
            assert box is not None
            assert way is not None
            x, y, width, height = (float(box.attrib[k]) for k in ("x", "y", "width", "height"))
            start = re.match(r"M([\d.]+),([\d.]+)", way.attrib["d"])
            assert start is not None
            assert float(start[1]) == pytest.approx(x + width, abs=0.2)
            assert y < float(start[2]) < y + height


def test_an_output_that_leads_nowhere_is_refused_by_its_node() -> None:
    path = Path(lk.rx("a") >> lk.arp_responder(WHERE) >> lk.tx("a"))
    counters = reading(path, [9, 9, 2], arp_responder={"next": 2, "other": 7})
    flows = flows_of(path, counters.outputs)
    assert flows.drops == {"arp_responder": {"drop_unhandled": 7}}
    words = {" ".join(t.split()) for t in texts(path_svg(path, counters))}
    assert "drop_unhandled 7" in words


def test_a_node_with_very_many_reasons_keeps_their_sum() -> None:
    path = Path(lk.rx("a") >> lk.refuse(WHERE))
    many = {f"drop_{verdict.name}": n for n, verdict in enumerate(VERDICTS[2:42], start=1)}
    svg = path_svg(path, reading(path, [820, 820], refuse=many))
    text_stays_inside(svg)
    found = [
        re.fullmatch(r"(.*) {2}(\d+)", t)
        for t in texts(svg)
        if "drop_" in t or "other reasons" in t
    ]
    shown = {match[1]: int(match[2]) for match in found if match}
    assert sum(shown.values()) == sum(many.values()) == 820
    assert shown["29 other reasons"] == sum(range(1, 30))


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
    svg = path_svg(path, reading(path, [5, 2], rx={"next": 2, "drop_rx_segmented": 3}))
    (tip,) = (t for t in tooltips(svg) if t.startswith("drop_rx_segmented"))
    assert tip.startswith("drop_rx_segmented: 3 frames dropped by rx:a\n")
    assert len(tip.splitlines()[1]) > 10


def test_text_is_escaped() -> None:
    path = Path(lk.rx('<a&"b>', name="x") >> lk.capture("/tmp/<script>&.pcapng") >> lk.sink())
    svg = path_svg(path)
    is_self_contained(svg)
    assert "<script>&.pcapng" in texts(svg)
    assert 'rx, port <a&"b>' in texts(svg)


# Frames on edges


def bad_line() -> tuple[Path, Reading]:
    """A line that held 5 of 100 frames back, and doubled 10."""
    path = Path(lk.rx("a") >> lk.impair(duplicate=0.1, reorder=0.5) >> lk.collect("a"), name="bad")
    frames = {"rx:a": 100, "impair": 100, "impair_release": 5, "collect:a": 110}
    counts = [frames[node.name] for node in path.nodes]
    return path, reading(path, counts, impair={"next": 105})


def test_frames_that_were_held_back_are_on_one_edge() -> None:
    path, counters = bad_line()
    told = {edge.source: n for edge, n in flows_of(path, counters.outputs).edges.items()}
    assert told == {"rx:a": 100, "impair": 105, "impair_release": 5}


def test_frames_that_were_held_back_enter_once() -> None:
    """The picture of a lab counts as the ledger does."""
    path, counters = bad_line()
    assert ledger_of(path, counters).sent == 100
    words = [" ".join(t.split()) for t in texts(lab_svg([port("a")], [path], {"bad": counters}))]
    assert "100 frames in, 0 dropped" in words


def test_a_node_that_keeps_frames_passes_only_the_others_on() -> None:
    """What is a trial's ends in `receive`; nothing says that the rest of the path got it."""
    path = Path(lk.rx("a") >> (lk.receive("trial1") | lk.arp_responder(WHERE)) >> lk.tx("a"))
    counters = reading(path, [65_980, 65_980, 0, 0], receive={})
    assert {e.source: n for e, n in flows_of(path, counters.outputs).edges.items()} == {
        "rx:a": 65_980, "receive": 0, "arp_responder": 0,
    }  # fmt: skip
    words = [" ".join(t.split()) for t in texts(path_svg(path, counters))]
    assert "other 0" in words


def test_of_what_is_not_read_nothing_is_told() -> None:
    path = echo_path()
    flows = flows_of(path, {"udp_echo": {"other": 4}})
    assert set(flows.nodes) == {"icmp_echo"}
    assert flows.nodes["icmp_echo"] == 4
    assert {edge.source for edge in flows.edges} == {"udp_echo"}


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


def given_to(path: Path, outputs: Mapping[str, Mapping[str, int]]) -> Reading:
    """A reading in which each node was given what its edges brought."""
    flows = flows_of(path, outputs)
    nodes = {name: Counters(1, n, 50 * n) for name, n in flows.nodes.items()}
    return Reading(nodes, {}, outputs)


@settings(deadline=None, max_examples=50)
@given(tangles(), st.data())
def test_in_every_picture_what_enters_a_node_is_the_sum_of_its_edges(
    path: Path, data: st.DataObject
) -> None:
    counts = st.integers(0, 900)  # written out, not rounded
    ways = ("next", "other", "drop_arp_not_mine", "drop_unhandled")
    outputs = {
        node.name: {
            way: data.draw(counts)
            for way in ways
            if way in node.declared.outputs or way.startswith("drop_")
        }
        for node in path.nodes
    }
    svg = path_svg(path, given_to(path, outputs))
    root = ET.fromstring(svg)
    arrived: Counter[str] = Counter()
    refused: Counter[str] = Counter()
    for group in root.iter(f"{SVG}g"):
        title = group.findtext(f"{SVG}title") or ""
        edge = re.fullmatch(r"(\S+)\[\w+\] >> (\S+)\n([\d,]+) frames", title)
        drop = re.fullmatch(r"(\S+) refused\n([\d,]+) frames", title)
        words = (group.findtext(f"{SVG}text") or "").split()
        if edge:
            arrived[edge[2]] += int(edge[3].replace(",", ""))
            assert words[-1] == edge[3].replace(",", "")
        elif drop:
            refused[drop[1]] = int(drop[2].replace(",", ""))
    for node in path.nodes:
        left = outputs[node.name]
        (counted,) = (
            int(tip.split("\n")[-1].split(" frames")[0].replace(",", ""))
            for tip in tooltips(svg)
            if tip.startswith(f"{node.name}: ")
        )
        if node.declared.role != "source":
            assert counted == arrived[node.name]
        open_ends = {"next", "other"} - {e.output for e in path.edges if e.source == node.name}
        assert refused[node.name] == sum(
            n for way, n in left.items() if way.startswith("drop_") or way in open_ends
        )


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
    refused = {"drop_arp_not_mine": 9}
    counters = {"echo:server": reading(echo, [9] * len(echo.nodes), arp_responder=refused)}
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
    assert "arp_responder" in words  # which refused them
    assert "arp_responder refused" in tooltips(svg)
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
    svg = lab_svg(ports, paths, {"long": reading(paths[1], [10**9] * 30, tx={"drop_tx_full": 7})})
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


# Light and dark


def luminance(color: str) -> float:
    parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    r, g, b = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def contrast(a: str, b: str) -> float:
    """WCAG 2.2 1.4.3."""
    low, high = sorted((luminance(a), luminance(b)))
    return (high + 0.05) / (low + 0.05)


def pictures() -> dict[str, str]:
    path, counters = busy_echo()
    ports = [port("client", "server"), port("server", "client", link=False)]
    return {
        "path": path_svg(path, counters),
        "fork": path_svg(fork_path()),
        "lab": lab_svg(ports, [path, host_path()], {path.name: counters}),
        "empty": lab_svg([], []),
    }


@pytest.mark.parametrize("name", pictures())
def test_text_is_legible_in_light_and_dark(name: str) -> None:
    svg = pictures()[name]
    root = ET.fromstring(svg)
    style = root.findtext(f"{SVG}style") or ""
    assert "prefers-color-scheme:dark" in style
    ground = root.find(f"{SVG}rect")
    assert ground is not None

    def look(group: ET.Element, below: str) -> None:
        for element in group:
            if element.tag == f"{SVG}rect":
                below = element.attrib["fill"]
            if element.tag == f"{SVG}text":
                color = element.attrib["fill"]
                assert contrast(color, below) >= 4.5, (element.text, color, below)
                assert contrast(DARK[color], DARK[below]) >= 4.5, (element.text, color, below)
                assert f'[fill="{color}"]' in style
            if element.tag == f"{SVG}g":
                look(element, below)

    look(root, ground.attrib["fill"])


def test_every_colour_has_its_dark_one() -> None:
    for svg in pictures().values():
        root = ET.fromstring(svg)
        used = {e.attrib[k] for e in root.iter() for k in ("fill", "stroke") if k in e.attrib}
        assert used - {"none"} <= set(DARK)
