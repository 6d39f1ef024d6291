# SPDX-License-Identifier: BSD-3-Clause
"""Frames on the edges of a picture."""

import re
import xml.etree.ElementTree as ET
from collections.abc import Mapping

from hypothesis import given, settings
from hypothesis import strategies as st

from labkit.lab.drawing import lab_svg
from labkit.path import nodes as lk
from labkit.path.counters import ledger_of
from labkit.path.drawing import path_svg
from labkit.path.flows import flows_of
from labkit.path.impair import impair
from labkit.path.path import Path
from tests.path.drawings import (
    SVG,
    WHERE,
    Counters,
    Reading,
    drawn_edges,
    echo_path,
    port,
    reading,
    tangles,
    texts,
    tooltips,
)


def bad_line() -> tuple[Path, Reading]:
    """A line that held 5 of 100 frames back, and doubled 10."""
    path = Path(lk.rx("a") >> impair(duplicate=0.1, reorder=0.5) >> lk.collect("a"), name="bad")
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
    arrived, refused = drawn_edges(svg)
    for group in ET.fromstring(svg).iter(f"{SVG}g"):
        edge = re.fullmatch(r"\S+ >> \S+\n([\d,]+) frames", group.findtext(f"{SVG}title") or "")
        words = (group.findtext(f"{SVG}text") or "").split()
        assert edge is None or words[-1] == edge[1].replace(",", "")
    for node in path.nodes:
        (tip,) = (tip for tip in tooltips(svg) if tip.startswith(f"{node.name}: "))
        counted = int(tip.split("\n")[-1].split(" frames")[0].replace(",", ""))
        if node.declared.role != "source":
            assert counted == arrived[node.name]
        open_ends = {"next", "other"} - {e.output for e in path.edges if e.source == node.name}
        assert refused[node.name] == sum(
            n
            for way, n in outputs[node.name].items()
            if way.startswith("drop_") or way in open_ends
        )
