# SPDX-License-Identifier: BSD-3-Clause
"""Pictures of labs: well-formed, complete, text inside its box."""

import re

import pytest

from labkit.lab.drawing import lab_svg
from labkit.path import nodes as lk
from labkit.path.impair import impair
from labkit.path.path import Path
from tests.path.drawings import (
    echo_path,
    host_path,
    is_self_contained,
    long_path,
    port,
    reading,
    text_stays_inside,
    texts,
    tooltips,
    wide_path,
)


def test_frames_that_an_impair_node_lets_go_have_entered_before() -> None:
    path = Path(lk.rx("server") >> impair(reorder=0.1) >> lk.tx("server"), name="slow")
    frames = {"rx": 9, "impair": 9, "tx": 9}
    release = [node.name for node in path.nodes if node.kind == "impair_release"]
    assert release
    counters = reading(path, [frames.get(node.kind, 4) for node in path.nodes])
    words = [
        " ".join(t.split()) for t in texts(lab_svg([port("server")], [path], {"slow": counters}))
    ]
    assert "9 frames in, 0 dropped" in words


@pytest.fixture(scope="module")
def whole() -> str:
    """Two ports of a cable and two paths, one of which refused all that came."""
    echo = echo_path()
    refused = {"drop_arp_not_mine": 9}
    counters = {"echo:server": reading(echo, [9] * len(echo.nodes), arp_responder=refused)}
    ports = [port("client", "server"), port("server", "client", link=False, mtu=1500)]
    return lab_svg(ports, [host_path(), echo], counters)


def test_a_lab_is_drawn_within_itself(whole: str) -> None:
    is_self_contained(whole)
    text_stays_inside(whole)


def test_ports_and_paths_are_told(whole: str) -> None:
    words = [" ".join(t.split()) for t in texts(whole)]
    assert {"client", "server", "ring, MTU 9,001", "ring, MTU 1,500", "up", "down"} <= set(words)
    assert words.count("rx 12.3 M · tx 0") == 2
    assert {"02:00:00:00:00:01", "host:client", "echo:server"} <= set(words)
    assert {"inject:client >> tx:client", "rx:client >> collect:client"} <= set(words)


def test_what_a_path_refused_is_told_with_the_node(whole: str) -> None:
    words = {" ".join(t.split()) for t in texts(whole)}
    assert {"9 frames in, 9 dropped", "drop_arp_not_mine 9", "arp_responder"} <= words
    assert "arp_responder refused" in tooltips(whole)


def test_lines_and_the_picture_are_told_to_who_does_not_see_them(whole: str) -> None:
    tips = tooltips(whole)
    assert tips.count("cable between client and server") == 1
    assert "path echo:server receives from and sends on port server" in tips
    assert "path host:client receives from and sends on port client" in tips
    (label,) = re.findall('aria-label="([^"]*)"', whole)
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
