# SPDX-License-Identifier: BSD-3-Clause
"""Dashboards: what they show of a lab, and how they follow it."""

import os
import re
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether
from scapy.packet import Raw

import labkit as lk
from labkit.path.graph import Graph
from labkit.widgets.feed import feed_of
from tests.patience import wait_until
from tests.widgets.page import Message, Outputs, Sent, hear


@dataclass(frozen=True)
class Shown:
    """What a dashboard showed of an echo server while every tenth datagram was for no listener.

    graph: of the server's path; parts, lines: traits; content, values: of a message with numbers;
    html: what the notebook keeps
    """

    graph: Graph
    parts: dict[str, Any]
    lines: dict[str, Any]
    content: dict[str, Any]
    values: Any
    html: str

    @property
    def path(self) -> dict[str, Any]:
        (found,) = (part for part in self.parts["paths"] if part["name"] == self.graph.name)
        return dict(found)

    @property
    def flows(self) -> dict[str, Any]:
        return dict(self.content["flows"][self.parts["paths"].index(self.path)])

    @property
    def given(self) -> dict[str, float]:
        names = [node["name"] for node in self.path["nodes"]]
        return dict(zip(names, self.flows["nodes"], strict=True))


@pytest.fixture(scope="module")
def shown() -> Iterator[Shown]:
    with lk.Lab() as lab, pytest.MonkeyPatch.context() as patch:
        client, server = lab.cable()
        running = lab.echo_server(server, ["10.0.0.2/24"], udp_port=9000)
        ip = Ether(src=client.mac, dst=server.mac) / IP(src="10.0.0.1", dst="10.0.0.2")
        good, refused = (bytes(ip / UDP(dport=port) / Raw(bytes(18))) for port in (9000, 9))
        client.send(good)
        client.receive(1)
        view, outputs = lk.dashboard(lab), Outputs(patch)
        view._ipython_display_()
        sent = Sent(view)

        def flow(until: float) -> None:
            while time.monotonic() < until:
                client.send([good] * 90 + [refused] * 10)
                client.receive(90, timeout=0.05, raw=True)

        def told() -> list[Message]:
            flow(time.monotonic() + 0.05)
            return [m for m in sent.of("points")[before:] if m[0].get("flows")]

        flow(time.monotonic() + 1.2)  # numbers are means over a second
        before = len(sent.of("points"))
        wait_until(lambda: bool(told()))
        content, (_, _, values) = told()[0]
        parts, lines = view.parts, view.lines
        view.stop()
        html = outputs.last["text/html"]
        yield Shown(running.path, parts, lines, content, np.frombuffer(values), html)


def test_rates_of_nodes_and_of_what_they_refused(shown: Shown) -> None:
    rate = shown.given["udp_echo"]
    assert rate > 100
    assert shown.given["refuse"] == pytest.approx(rate / 10, rel=0.2)
    ((node, drop, pace, count),) = shown.flows["drops"]
    assert (node, drop) == ("refuse", "drop_udp_no_listener")
    assert pace == pytest.approx(rate / 10, rel=0.2)
    assert count >= 10
    assert 'data-drop="refuse/drop_udp_no_listener"' in shown.path["svg"]


def test_what_enters_a_node_is_the_sum_of_its_edges(shown: Shown) -> None:
    edges = shown.flows["edges"]
    assert len(edges) == len(shown.graph.edges) + 1  # and what `refuse` refused
    for name, rate in shown.given.items():
        into = [
            flow
            for edge, flow in zip(shown.graph.edges, edges, strict=False)
            if edge.target == name
        ]
        assert rate == pytest.approx(sum(into), abs=0.01) or not into


def test_rates_of_ports_and_costs_of_nodes(shown: Shown) -> None:
    rate, values = shown.given["udp_echo"], shown.values
    (server,) = (port for port in shown.parts["ports"] if port["name"] == "server")
    assert values[server["rx"]] == pytest.approx(rate, rel=0.1)
    assert values[server["rx_bits"]] == pytest.approx(8 * 60 * rate, rel=0.1)
    assert values[server["tx_bits"]] == pytest.approx(8 * 60 * rate * 0.9, rel=0.1)
    (echo,) = (node for node in shown.path["nodes"] if node["name"] == "udp_echo")
    assert values[echo["cycles"]] > 10
    assert values[echo["burst"]] >= 1


def test_workers_and_mempools(shown: Shown) -> None:
    assert shown.parts["workers"]
    assert all(0 <= shown.values[worker["busy"]] <= 100 for worker in shown.parts["workers"])
    (pool, *_) = shown.parts["pools"]
    assert pool["name"] == "buffers of 9,536 B"
    assert shown.values[pool["size"]] > 1000


def test_legend_and_table_of_a_counter_show_one_number(shown: Shown) -> None:
    """The mean between the same two samples."""
    names = [item["name"] for item in shown.lines["items"]]
    means = dict(zip(names, shown.content["means"], strict=True))
    for port in shown.parts["ports"]:
        value = shown.values[port["rx"]]
        assert means[f"port/{port['name']}/rx_good_packets"] == pytest.approx(value, rel=1e-5)
    assert shown.content["seconds"] > 0


def test_stopped_dashboard_leaves_its_pictures(shown: Shown) -> None:
    assert "<img" in shown.html
    assert ">server</td>" in shown.html


def test_a_trial_in_a_dashboard(lab: lk.Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a trial takes goes nowhere else, and nothing tells how its run is called within."""
    client, server = lab.cable()
    lab.run(lk.rx(server) >> lk.reflect() >> lk.tx(server), name="mirror")
    view = lk.dashboard(lab, "paths")
    seen: list[tuple[Graph, dict[str, Any], dict[str, Any]]] = []

    def keep(content: dict[str, Any], _: object = ()) -> None:
        graphs = {running.name: running.path for running in lab.all_paths()}
        for part, flows in zip(view.parts["paths"], content.get("flows", ()), strict=False):
            graph = graphs.get(part["name"])
            if graph and flows["nodes"] and any(node.kind == "receive" for node in graph.nodes):
                seen.append((graph, part, flows))

    monkeypatch.setattr(view, "send", keep)
    packet = Ether() / IP(src="10.0.0.1", dst="10.0.0.2") / UDP(dport=9)
    lk.trial(client, lk.Stream(packet), rate="20 kpps", duration=2.5, progress=False)
    view.stop()
    busy = 0
    for graph, part, flows in seen:
        given = dict(zip([node.name for node in graph.nodes], flows["nodes"], strict=True))
        assert given["arp_responder"] < 20
        busy += given["receive"] > 1000
        for name, rate in given.items():
            pairs = zip(graph.edges, flows["edges"], strict=False)
            into = [flow for edge, flow in pairs if edge.target == name]
            assert not into or rate == pytest.approx(sum(into), abs=0.01)
        assert not re.search(r"(trial|echo)\d+-\d", str(part))
    assert busy


def test_dashboard_follows_paths_that_come_and_go_and_a_restart(lab: lk.Lab) -> None:
    a, b = lab.cable()
    view = lk.dashboard(lab, "paths", "ports")
    assert [p["name"] for p in view.parts["paths"]] == []
    running = lab.run(lk.rx(b) >> lk.reflect() >> lk.tx(b), name="mirror")
    wait_until(lambda: [p["name"] for p in view.parts["paths"]] == ["mirror"])
    lab.restart()
    feed = feed_of(lab)
    wait_until(lambda: feed.schema.names != () and view.status[0] == "live")
    before = feed.number
    wait_until(lambda: feed.number > before + 3)
    running.stop()
    wait_until(lambda: view.parts["paths"] == [])
    view.stop()  # nothing went wrong in the background
    assert a.name in {port["name"] for port in view.parts["ports"]}


def test_dashboard_survives_the_death_of_the_engine(lab: lk.Lab) -> None:
    lab.cable()
    view = lk.dashboard(lab)
    os.kill(lab.pid, signal.SIGKILL)
    wait_until(lambda: view.status[0] == "gone")
    lab.restart()
    wait_until(lambda: view.status[0] == "live")
    view.stop()


def test_trace_from_the_page(lab: lk.Lab) -> None:
    a, b = lab.cable()
    lab.run(lk.rx(b) >> lk.reflect() >> lk.tx(b), name="mirror")
    a.send([])
    view = lk.dashboard(lab, "paths")
    sent = Sent(view)
    hear(view, type="trace")
    time.sleep(0.2)
    a.send(b"\x02" * 60)
    wait_until(lambda: bool(sent.of("trace")))
    content, _ = sent.of("trace")[0]
    assert ["mirror", "rx:server"] in content["nodes"]
    assert "<table" in content["html"]
    view.stop()


def test_dashboard_has_the_parts_that_were_asked_for(lab: lk.Lab) -> None:
    with pytest.raises(lk.LabError, match="parts is 'port'; it is 'chart' or 'ports'"):
        lk.dashboard(lab, "port")
    view = lk.dashboard(lab, "pools")
    assert set(view.parts) == {"layout", "shown", "pools"}
    assert view.lines["items"] == []
