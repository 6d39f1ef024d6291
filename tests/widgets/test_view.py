# SPDX-License-Identifier: BSD-3-Clause
"""Views: what they send to the page, and how they follow a source, a lab and a page."""

import itertools
import re
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether

import labkit as lk
from labkit.sources import SourceError
from labkit.widgets.chart import Chart
from labkit.widgets.dashboard import Dashboard
from labkit.widgets.paths import PathPart
from labkit.widgets.picture import picture, turns_of
from labkit.widgets.view import LiveView
from tests.patience import wait_until
from tests.widgets.sources import NAMES, Clock, Hand

PAGE = {"page": "p1"}
NUMBERS = itertools.count(1)  # of messages


class Sent:
    """Messages of a view."""

    def __init__(self, view: LiveView, monkeypatch: pytest.MonkeyPatch) -> None:
        self.messages: list[tuple[dict[str, Any], list[bytes]]] = []
        monkeypatch.setattr(view, "send", lambda c, b=(): self.messages.append((c, list(b))))

    def of(self, kind: str) -> list[tuple[dict[str, Any], list[bytes]]]:
        return [message for message in self.messages if message[0]["type"] == kind]

    def points_a_message(self) -> float:
        """Their median."""
        return float(np.median([len(times) // 8 for _, (times, _) in self.of("points")]))


@pytest.fixture
def clock() -> Iterator[tuple[Clock, Chart]]:
    source = Clock()
    view = lk.watch(source, "rx_packets", "depth")
    yield source, view
    view.close()


def hear(view: LiveView, **content: Any) -> None:
    view._hear(view, PAGE | {"number": next(NUMBERS)} | content, [])


def test_one_binary_message_a_tick(
    clock: tuple[Clock, Chart], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, view = clock
    sent = Sent(view, monkeypatch)
    began = time.monotonic()
    wait_until(lambda: len(sent.of("points")) >= 10)
    assert len(sent.messages) <= (time.monotonic() - began) * 10 + 2
    firsts = [content["first"] for content, _ in sent.of("points")]
    assert np.diff(firsts).tolist() == [len(b[0]) // 8 for _, b in sent.of("points")][:-1]
    content, (times, values) = sent.of("points")[-1]
    rows = len(np.frombuffer(times)) * 2
    assert np.frombuffer(values, np.float32).shape == (rows,)
    assert content["version"] == view.lines["version"]


def test_eight_lines_stay_far_below_four_kilobytes(monkeypatch: pytest.MonkeyPatch) -> None:
    source = Clock(tuple(f"rx_q{n}_packets" for n in range(8)) + NAMES)
    with lk.watch(source, "rx_q*") as view:
        sent = Sent(view, monkeypatch)
        wait_until(lambda: len(sent.of("points")) > 2)
    assert len(view.lines["items"]) == 8
    for content, buffers in sent.of("points"):
        assert len(str(content)) + sum(map(len, buffers)) < 400


def test_page_that_was_loaded_anew_gets_all_points(
    clock: tuple[Clock, Chart], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, view = clock
    wait_until(lambda: view._feed.number > 5)
    sent = Sent(view, monkeypatch)
    hear(view, type="ready")
    content, (times, _) = sent.of("seed")[0]
    assert content["first"] == 0
    assert len(times) // 8 > 5


def test_page_out_of_sight_gets_a_message_a_second_and_no_point_less(
    clock: tuple[Clock, Chart], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, view = clock
    hear(view, type="ready")
    hear(view, type="hidden")
    sent = Sent(view, monkeypatch)
    start = view._next
    wait_until(lambda: len(sent.of("points")) >= 2)
    points = sum(len(b[0]) // 8 for _, b in sent.of("points"))
    assert view._next == start + points
    assert points > 8
    hear(view, type="shown")
    wait_until(lambda: len(sent.of("points")[-1][1][0]) == 8)  # what had gathered has gone
    sent.messages.clear()
    wait_until(lambda: len(sent.of("points")) >= 5)
    assert sent.points_a_message() < 3  # and not all of a second


def test_of_messages_that_overtake_each_other_the_newest_holds(
    clock: tuple[Clock, Chart], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Jupyter hands some to the kernel's main thread and others to a subshell."""
    _, view = clock
    hear(view, type="shown", number=1003)
    hear(view, type="hidden", number=1002)
    hear(view, type="ready", number=1001)
    sent = Sent(view, monkeypatch)
    wait_until(lambda: len(sent.of("points")) >= 5)
    assert sent.points_a_message() < 3  # and not all of a second
    hear(view, type="start", number=1005)
    hear(view, type="stop", number=1004)
    assert view.running
    hear(view, type="removed", number=1007)
    hear(view, type="ready", number=1006)
    hear(view, type="hidden", number=1006)
    assert not view._pages


def test_view_that_no_page_shows_any_more_costs_nothing(clock: tuple[Clock, Chart]) -> None:
    source, view = clock
    hear(view, type="ready")
    hear(view, type="removed")
    assert not view._feed.is_running
    assert source.closes == source.opens
    hear(view, type="shown")
    assert view._feed.is_running


def test_page_stops_and_starts(clock: tuple[Clock, Chart], monkeypatch: pytest.MonkeyPatch) -> None:
    _, view = clock
    hear(view, type="stop")
    assert (view.running, view._feed.is_running) == (False, False)
    sent = Sent(view, monkeypatch)
    hear(view, type="start")
    assert view.running
    wait_until(lambda: len(sent.of("points")) > 2)
    assert sent.of("seed")


def test_page_chooses_counters(clock: tuple[Clock, Chart]) -> None:
    _, view = clock
    version = view.lines["version"]
    hear(view, type="choose", names=["tx_packets", "no such", "queue/depth"])
    assert [item["name"] for item in view.lines["items"]] == ["tx_packets", "queue/depth"]
    assert [item["unit"] for item in view.lines["items"]] == ["packets/s", ""]
    assert view.lines["version"] == version + 1
    hear(view, type="choose", names=["no such"])
    assert len(view.lines["items"]) == 2


def test_marks_of_both_sides(clock: tuple[Clock, Chart]) -> None:
    _, view = clock
    view.mark("load doubled")
    hear(view, type="mark", x=5.0, text="1")
    assert [text for _, text in view.marks] == ["load doubled", "1"]
    for n in range(300):
        view.mark(str(n))
    assert len(view.marks) == 100


def test_patterns_that_match_nothing_or_too_much_are_errors() -> None:
    source = Hand(tuple(f"rx_q{n}_packets" for n in range(40)))
    with pytest.raises(SourceError, match=r"no counter 'rx_q1_packet'.*did you mean"):
        lk.watch(source, "rx_q1_packet")
    with pytest.raises(lk.LabError, match=r"40 counters match.*up to 32"):
        lk.watch(source, "rx_*")
    assert source.opens == source.closes == 2
    with pytest.raises(SourceError, match="not str"):
        lk.watch("eth0", "rx_*")  # type: ignore[arg-type]


def test_without_patterns_the_usual_counters_are_drawn() -> None:
    with lk.watch(Clock()) as view:
        assert [item["name"] for item in view.lines["items"]] == ["rx_packets"]


def test_new_counters_that_match_are_drawn_too() -> None:
    source = Clock()
    with lk.watch(source, "*_packets") as view:
        source.rename((*NAMES, "rx_q0_packets"))
        wait_until(lambda: len(view.lines["items"]) == 3)
        assert list(view.names) == [*NAMES, "rx_q0_packets"]
        source.rename(())
        wait_until(lambda: view.names == [])
        assert len(view.table.columns) == 3  # what was drawn stays, whatever goes


def test_state_and_faults_of_the_source_are_shown(clock: tuple[Clock, Chart]) -> None:
    source, view = clock
    assert view.status == ["live", "counts"]
    source.is_there = False
    names, source._schema = source._schema, lk.sources.Schema(())
    wait_until(lambda: view.status == ["gone", "the cable is out"])
    assert len(view.table.columns) == 2  # its lines stay meanwhile
    source._schema = names
    source.is_there = True
    wait_until(lambda: view.status[0] == "live")
    wait_until(lambda: view._feed.sample is not None)
    source.values["tx_packets"] = 1  # not drawn: nobody asked
    source.values["rx_packets"] = 1
    told: dict[str, str] = {}
    wait_until(lambda: bool(told.update(view.faults) or told))
    assert list(told) == ["rx_packets"]


def test_error_in_the_background_is_raised_by_stop(
    clock: tuple[Clock, Chart], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, view = clock
    monkeypatch.setattr(view, "_extra", lambda: 1 / 0)
    wait_until(lambda: view.status[0] == "failed")
    assert not view._feed.is_running
    with pytest.raises(ZeroDivisionError):
        view.stop()
    view.stop()


def test_figure_has_a_plot_for_each_unit() -> None:
    with lk.watch(Clock(), "rx_packets", "tx_packets", "rx_bytes") as view:
        view.mark("here")
        wait_until(lambda: view._feed.number > 3)
    axes = view.figure.axes
    assert [a.get_ylabel() for a in axes] == ["packets/s", "bytes/s"]
    assert [len(a.lines) for a in axes] == [3, 2]  # the mark is a line in both
    assert axes[0].lines[0].get_ydata()[-1] == pytest.approx(1000, rel=0.1)


def test_lines_that_hide_each_other_take_turns() -> None:
    levels = np.array([[5.0, 5.0, 9.0, 5.02], [6.0, 6.0, 1.0, 6.01], [np.nan, 7.0, 2.0, 7.0]])
    assert turns_of(levels) == [(0, 3), (1, 3), (0, 1), (2, 3)]
    items = [{"name": name, "unit": "packets/s"} for name in "abcd"]
    figure = picture("equal", [0.0, 1.0, 2.0], levels, items, [])
    lines = figure.axes[0].lines
    offsets = {line._unscaled_dash_pattern[0] for line in (lines[0], lines[1], lines[3])}  # type: ignore[attr-defined]
    assert len(offsets) == 3
    assert len({line.get_color() for line in lines}) == 4
    legend = figure.axes[0].get_legend()
    assert legend is not None
    samples = legend.get_lines()
    assert [samples[i].get_linestyle() for i in (0, 1, 3)] == ["-"] * 3, "all are seen"


def test_closed_view_is_freed_when_its_last_page_is_gone(clock: tuple[Clock, Chart]) -> None:
    _, view = clock
    hear(view, type="ready")
    view.close()
    assert view.status[0] == "closed"
    assert view.comm is not None
    hear(view, type="start")
    assert not view._feed.is_running
    with pytest.raises(lk.LabError, match="closed"):
        view.start()
    hear(view, type="removed")
    assert view.comm is None


# With a lab


def test_views_end_with_their_lab(lab: lk.Lab) -> None:
    lab.cable()
    views: list[LiveView] = [lk.watch(lab), lk.watch(lk.sources.Engine(lab)), lk.dashboard(lab)]
    assert all(view._feed.is_running for view in views)
    lab.close()
    assert not any(view._feed.is_running for view in views)
    assert not any(view.comm for view in views)


def numbers(view: Dashboard) -> tuple[dict[str, Any], "np.ndarray[Any, Any]"]:
    view._numbers_sent = 0
    content, (values,) = view._extra()
    return content, np.frombuffer(values)


def test_dashboard_shows_what_flows(lab: lk.Lab) -> None:
    from scapy.all import IP, UDP, Ether, Raw

    client, server = lab.cable()
    lab.echo_server(server, ["10.0.0.2/24"], udp_port=9000)
    ip = Ether(src=client.mac, dst=server.mac) / IP(src="10.0.0.1", dst="10.0.0.2")
    good = bytes(ip / UDP(dport=9000) / Raw(b"x" * 18))
    refused = bytes(ip / UDP(dport=9) / Raw(b"x" * 18))
    client.send(good)
    client.receive(1)
    view = lk.dashboard(lab)
    (path,) = [p for p in view.parts["paths"] if p["name"] == "echo:server"]
    nodes = {node["name"]: node for node in path["nodes"]}

    def pass_time() -> tuple[dict[str, Any], "np.ndarray[Any, Any]"]:
        end = time.monotonic() + 1.2
        while time.monotonic() < end:
            client.send([good] * 90 + [refused] * 10)
            client.receive(90, timeout=0.05, raw=True)
        return numbers(view)

    content, values = pass_time()
    assert content["layout"] == view.parts["layout"]
    shown = [p["name"] for p in view.parts["paths"]]
    flows = content["flows"][shown.index("echo:server")]
    given = dict(zip(nodes, flows["nodes"], strict=True))
    rate = given["udp_echo"]
    assert rate > 100
    assert given["refuse"] == pytest.approx(rate / 10, rel=0.2)
    assert values[nodes["udp_echo"]["cycles"]] > 10
    assert values[nodes["udp_echo"]["burst"]] >= 1
    ports = {port["name"]: port for port in view.parts["ports"]}
    assert values[ports["server"]["rx"]] == pytest.approx(rate, rel=0.1)
    assert values[ports["server"]["rx_bits"]] == pytest.approx(8 * 60 * rate, rel=0.1)
    assert values[ports["server"]["tx_bits"]] == pytest.approx(8 * 60 * rate * 0.9, rel=0.1)
    ((node, drop, pace, count),) = flows["drops"]
    assert (node, drop) == ("refuse", "drop_udp_no_listener")
    assert pace == pytest.approx(rate / 10, rel=0.2)
    assert count >= 10
    assert view.parts["workers"]
    assert all(0 <= values[worker["busy"]] <= 100 for worker in view.parts["workers"])
    assert values[view.parts["pools"][0]["size"]] > 1000
    graph = lab.paths["echo:server"].path
    for name in nodes:
        edges = [
            flow
            for edge, flow in zip(graph.edges, flows["edges"], strict=False)
            if edge.target == name
        ]
        assert given[name] == pytest.approx(sum(edges), abs=0.01) or not edges
    (drawn,) = [p for p in view.parts["paths"] if p["name"] == "echo:server"]
    assert 'data-drop="refuse/drop_udp_no_listener"' in drawn["svg"]
    assert len(flows["edges"]) == len(graph.edges) + 1  # and what `refuse` refused
    # Legend and table of one counter show one number, the mean between the same two samples.
    means = dict(zip((item["name"] for item in view.lines["items"]), content["means"], strict=True))
    for name, row in ports.items():
        assert means[f"port/{name}/rx_good_packets"] == pytest.approx(values[row["rx"]], rel=1e-5)
    assert content["seconds"] == pytest.approx(1.0, abs=0.3)
    assert view.parts["pools"][0]["name"] == "buffers of 9,536 B"
    view.stop()
    assert "<img" in view._html()


def test_a_trial_in_a_dashboard(lab: lk.Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a trial takes goes nowhere else, and nothing tells how its run is called within."""
    client, server = lab.cable()
    lab.run(lk.rx(server) >> lk.reflect() >> lk.tx(server), name="mirror")
    view = lk.dashboard(lab, "paths")
    shown: list[tuple[PathPart, dict[str, Any]]] = []

    def keep(content: dict[str, Any], _: object = ()) -> None:
        for part, flows in zip(view._paths, content.get("flows", ()), strict=False):
            if any(node.kind == "receive" for node in part.path.nodes) and flows["nodes"]:
                shown.append((part, flows))

    monkeypatch.setattr(view, "send", keep)
    packet = Ether() / IP(src="10.0.0.1", dst="10.0.0.2") / UDP(dport=9)
    lk.trial(client, lk.Stream(packet), rate="20 kpps", duration=2.5, progress=False)
    view.stop()
    busy = 0
    for part, flows in shown:
        names = [node.name for node in part.path.nodes]
        given = dict(zip(names, flows["nodes"], strict=True))
        assert given["arp_responder"] < 20
        busy += given["receive"] > 1000
        for name in names:
            pairs = zip(part.path.edges, flows["edges"], strict=False)
            into = [flow for edge, flow in pairs if edge.target == name]
            assert not into or given[name] == pytest.approx(sum(into), abs=0.01)
        assert not re.search(r"(trial|echo)\d+-\d", str(part.description))
    assert busy


def test_dashboard_follows_paths_that_come_and_go_and_a_restart(lab: lk.Lab) -> None:
    a, b = lab.cable()
    view = lk.dashboard(lab, "paths", "ports")
    assert [p["name"] for p in view.parts["paths"]] == []
    running = lab.run(lk.rx(b) >> lk.reflect() >> lk.tx(b), name="mirror")
    wait_until(lambda: [p["name"] for p in view.parts["paths"]] == ["mirror"])
    lab.restart()
    wait_until(lambda: view._feed.schema.names != () and view.status[0] == "live")
    before = view._feed.number
    wait_until(lambda: view._feed.number > before + 3)
    running.stop()
    wait_until(lambda: view.parts["paths"] == [])
    view.stop()  # nothing went wrong in the background
    assert a.name in {port["name"] for port in view.parts["ports"]}


def test_dashboard_survives_the_death_of_the_engine(lab: lk.Lab) -> None:
    import os
    import signal

    lab.cable()
    view = lk.dashboard(lab)
    os.kill(lab.pid, signal.SIGKILL)
    wait_until(lambda: view.status[0] == "gone")
    lab.restart()
    wait_until(lambda: view.status[0] == "live")
    view.stop()


def test_trace_from_the_page(lab: lk.Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    a, b = lab.cable()
    lab.run(lk.rx(b) >> lk.reflect() >> lk.tx(b), name="mirror")
    a.send([])
    view = lk.dashboard(lab, "paths")
    sent = Sent(view, monkeypatch)
    view._tracing._send = view.send
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


def test_output_leaves_out_what_only_ipywidgets_shows_where_outputs_are_ours(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ipywidgets, ours = (
        "application/vnd.jupyter.widget-view+json",
        "application/vnd.labkit.view+json",
    )
    shown: list[dict[str, Any]] = []
    view = lk.watch(Clock(), "rx_packets")
    monkeypatch.setattr(
        "labkit.widgets.displays.display", lambda parts, **_: shown.append(parts) or Handle(shown)
    )
    view._ipython_display_()
    assert {ipywidgets, ours} <= shown[-1].keys()  # nobody knows yet who shows it
    wait_until(lambda: "image/png" in shown[-1])  # soon, and once: a cell may run for long
    hear(view, type="ready", hasOutputs=True)
    assert ours in shown[-1]
    assert ipywidgets not in shown[-1]
    hear(view, type="ready", page="p2")  # VS Code, say
    count = len(shown)
    view.mark()
    time.sleep(0.3)
    assert len(shown) == count  # it would lose its place
    for page in ("p1", "p2"):
        hear(view, type="removed", page=page)
    view._ipython_display_()  # its cell runs again
    assert {ipywidgets, ours} <= shown[-1].keys()
    hear(view, type="shown", hasOutputs=True)
    assert ours in shown[-1]
    assert ipywidgets not in shown[-1]
    view.close()
    assert shown[-1].keys() == {"text/plain", "image/png"}
    assert "closed" in shown[-1]["text/plain"]


class Handle:
    """Of a display that a test keeps."""

    def __init__(self, shown: list[dict[str, Any]]) -> None:
        self.update = lambda parts, **_: shown.append(parts)
