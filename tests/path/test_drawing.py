# SPDX-License-Identifier: BSD-3-Clause
"""Pictures of paths: well-formed, complete, text inside its box."""

import re
import xml.etree.ElementTree as ET

import pytest

from labkit.packet import tunnels
from labkit.packet.codec import VERDICTS
from labkit.path import nodes as lk
from labkit.path.delay import delay
from labkit.path.drawing import path_svg
from labkit.path.flows import flows_of
from labkit.path.path import Path
from tests.path.drawings import (
    PATHS,
    SVG,
    WHERE,
    Reading,
    busy_echo,
    echo_path,
    host_path,
    is_self_contained,
    reading,
    text_stays_inside,
    texts,
    tooltips,
)

every_path = pytest.mark.parametrize("path", PATHS.values(), ids=PATHS.keys())


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


def test_filters_are_shown() -> None:
    long = " or ".join(f"host 10.0.0.{n}" for n in range(1, 9))
    taken = lk.capture("/tmp/x.pcapng", filter="udp\n and port 53")
    svg = path_svg(Path(lk.rx("a") >> taken >> lk.filter(long) >> lk.filter("") >> lk.sink()))
    assert "udp and port 53" in texts(svg)
    assert any(line.startswith("host 10.0.0.1 o") and "…" in line for line in texts(svg))
    assert any(f"expression: {long}" in tip for tip in tooltips(svg))
    assert "ip[0] & 1 < 2" in texts(path_svg(Path(lk.rx("a") >> lk.filter("ip[0] & 1 < 2"))))


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


def test_tunnels_say_which() -> None:
    ends = {"local": "192.0.2.1", "remote": "192.0.2.2", "remote_mac": "02:00:00:00:00:02"}
    vx = tunnels.Vxlan(vni=42, **ends)
    gue = tunnels.Gue(local="2001:db8::1", remote="2001:db8::2")
    svg = path_svg(Path(lk.rx("a") >> lk.decap(gue) >> lk.encap(vx) >> lk.tx("b")))
    assert "VXLAN, VNI 42" in svg
    assert "192.0.2.1 to 192.0.2.2" in svg
    assert "GUE" in svg
    assert "any VNI" in path_svg(Path(lk.rx("a") >> lk.decap(tunnels.Geneve()) >> lk.tx("a")))


def test_a_distribution_of_measured_times_is_drawn() -> None:
    line = delay("5 ms", 0, ["1 ms", "2 ms"])
    assert "distribution: 0.001, 0.002;" in path_svg(Path(lk.rx("a") >> line >> lk.tx("b")))
