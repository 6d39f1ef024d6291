# SPDX-License-Identifier: BSD-3-Clause
"""Paths on workers: what nodes do with real frames, captures, traces, placement, restart."""

import subprocess
import time
from pathlib import Path as FilePath

import psutil
import pytest
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether
from scapy.packet import Packet, Raw
from scapy.utils import rdpcap

import labkit as lk
from labkit.lab.running_path import RunningPath
from labkit.lab.trace import Trace
from labkit.path import nodes


def datagrams(a: lk.Port, b: lk.Port, count: int, size: int = 18) -> list[Packet]:
    return [
        Ether(src=a.mac, dst=b.mac)
        / IP(src="192.0.2.1", dst="192.0.2.2")
        / UDP(sport=1024 + n, dport=9)
        / Raw(n.to_bytes(4, "big") + bytes(size - 4))
        for n in range(count)
    ]


def wait_for(count: int, path: RunningPath, node: str) -> None:
    end = time.monotonic() + 60
    while path.counters.nodes[node].objects < count and time.monotonic() < end:
        time.sleep(0.001)
    assert path.counters.nodes[node].objects == count


def test_sink_counts(lab: lk.Lab) -> None:
    a, b = lab.cable()
    path = lab.run(lk.rx(b) >> lk.sink(), name="sinking")
    a.send(datagrams(a, b, 500))
    wait_for(500, path, "sink")
    assert path.ledger.is_balanced
    assert path.ledger.received == 500
    assert path.table.set_index("node").objects["sink"] == 500


def test_reflect_swaps_as_scapy_would(lab: lk.Lab) -> None:
    a, b = lab.cable()
    lab.run(lk.rx(b) >> lk.reflect() >> lk.tx(b))
    sent = datagrams(a, b, 50)
    a.send(sent)
    for frame, back in zip(sent, a.receive(50), strict=True):
        frame.src, frame.dst = frame.dst, frame.src
        frame[IP].src, frame[IP].dst = frame[IP].dst, frame[IP].src
        frame[UDP].sport, frame[UDP].dport = frame[UDP].dport, frame[UDP].sport
        assert bytes(back) == bytes(frame)


def test_capture_is_what_was_sent(lab: lk.Lab, tmp_path: FilePath) -> None:
    file = tmp_path / "whole.pcapng"
    a, b = lab.cable()
    path = lab.run(lk.rx(b) >> lk.capture(file) >> lk.sink())
    sent = [bytes(frame) for frame in datagrams(a, b, 300, size=700)]
    start = time.time()
    a.send(sent)
    wait_for(300, path, "sink")
    path.flush()

    frames = rdpcap(str(file))
    assert [bytes(frame) for frame in frames] == sent
    times = [float(frame.time) for frame in frames]
    assert times == sorted(times)
    assert start - 0.1 < times[0] <= times[-1] < time.time() + 0.1
    assert file.stat().st_mode & 0o777 == 0o600
    counts = path.counters.captures["capture"]
    assert (counts["written"], counts["missed"], counts["errno"]) == (300, 0, 0)
    assert (counts["ended"], counts["files"], counts["file"]) == ("", 1, str(file))


def test_capture_that_is_cut_is_read_by_scapy_and_tshark(lab: lk.Lab, tmp_path: FilePath) -> None:
    file = tmp_path / "cut.pcapng"
    a, b = lab.cable()
    path = lab.run(lk.rx(b) >> lk.capture(file, snaplen=20) >> lk.sink())
    sent = [bytes(frame) for frame in datagrams(a, b, 300, size=700)]
    a.send(sent)
    wait_for(300, path, "sink")
    path.flush()

    assert [bytes(frame) for frame in rdpcap(str(file))] == [frame[:20] for frame in sent]
    fields = ["frame.time_epoch", "frame.len", "frame.cap_len", "frame.interface_name"]
    command = ["tshark", "-r", file, "-T", "fields", *(x for f in fields for x in ("-e", f))]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    lines = [line.split("\t") for line in said.splitlines()]
    assert len(lines) == 300
    assert {tuple(line[1:]) for line in lines} == {(str(len(sent[0])), "20", "path/capture")}
    assert all(len(line[0].split(".")[1]) == 9 for line in lines), "stamps are in nanoseconds"


def test_capture_that_cannot_be_written(lab: lk.Lab, tmp_path: FilePath) -> None:
    _, b = lab.cable()
    with pytest.raises(lk.EngineError, match="no/such"):
        lab.run(lk.rx(b) >> lk.capture(tmp_path / "no/such") >> lk.sink())
    assert lab.run(lk.rx(b) >> lk.sink()).is_running


def test_a_path_that_fails_gives_back_what_it_had(lab: lk.Lab, tmp_path: FilePath) -> None:
    _, b = lab.cable()
    first = tmp_path / "first"
    first.touch()
    chain = lk.rx(b) >> lk.impair() >> lk.capture(first)
    paths = [
        chain >> lk.capture(tmp_path / "no/such") >> lk.sink(),
        chain >> (nodes.receive("no such run") | lk.sink()),
    ]
    for path in paths:
        with pytest.raises(lk.EngineError, match=r"no[ /]such"):
            lab.run(path)
        assert not [f for f in psutil.Process(lab.pid).open_files() if f.path == str(first)]


def test_the_engine_has_a_name_once(lab: lk.Lab) -> None:
    """Another graph of the name could never be stopped; one that was interrupted stops it twice."""
    _, b = lab.cable()
    path = lab.run(lk.rx(b) >> lk.sink())
    with pytest.raises(lk.EngineError, match="a path called 'path' runs already"):
        lab.engine.commands.run_path("path", path.path.to_dict())
    path.stop()
    lab.engine.commands.stop_path("path")
    assert lab.workers.empty


def traced(lab: lk.Lab) -> tuple[bytes, Trace]:
    """A frame that a mirror sends back, and its way."""
    a, b = lab.cable()
    lab.run(lk.rx(b) >> lk.reflect() >> lk.tx(b), name="mirror")
    (frame,) = map(bytes, datagrams(a, b, 1))
    a.send(frame)
    a.receive()
    with lab.trace(1) as trace:
        a.send(frame)
    return frame, trace


def test_trace_follows_a_frame_through_the_cable(lab: lk.Lab) -> None:
    frame, trace = traced(lab)
    steps = trace.steps
    assert [(s.path, s.node) for s in steps] == [
        ("host:client", "inject:client"),
        ("host:client", "tx:client"),
        ("mirror", "rx:server"),
        ("mirror", "reflect"),
        ("mirror", "tx:server"),
        ("host:client", "rx:client"),
        ("host:client", "collect:client"),
    ]
    assert steps[0].before == frame
    assert [s.time_ns for s in steps] == sorted(s.time_ns for s in steps)


def test_trace_shows_what_a_node_changed(lab: lk.Lab) -> None:
    _, trace = traced(lab)
    changed = {s.node: s.changed for s in trace.steps if s.changed}
    assert set(changed) == {"reflect"}
    assert set(changed["reflect"]) <= {*range(12), *range(26, 38)}
    assert trace.table.node.tolist() == [s.node for s in trace.steps]
    html = trace._repr_mimebundle_()["text/html"]
    assert "<mark>" in html
    assert "reflect" in html


def test_trace_ends_in_a_drop_node_and_takes_only_its_count(lab: lk.Lab) -> None:
    a, b = lab.cable()
    lab.echo_server(b, ["10.0.0.2"], udp_port=9000)
    with lab.trace(2, snaplen=14) as trace:
        a.send([b"\xff" * 6] * 5)
    ends = [s for s in trace.steps if s.after is None]
    assert [(s.packet, s.path, s.node) for s in ends] == [
        (0, "echo:server", "drop_eth_truncated"),
        (1, "echo:server", "drop_eth_truncated"),
    ]
    with pytest.raises(lk.LabError, match="count is 0; a trace follows 1 to 1024"):
        lab.trace(0)


def test_unhandled_frames_end_under_a_name(lab: lk.Lab) -> None:
    a, b = lab.cable()
    path = lab.run(lk.rx(b) >> lk.arp_responder(["10.0.0.2"]) >> lk.tx(b))
    a.send(datagrams(a, b, 7))
    wait_for(7, path, "arp_responder")
    assert path.drops == {"drop_unhandled": 7}
    assert path.ledger.is_balanced


def test_collect_in_a_declared_path(lab: lk.Lab) -> None:
    a, b = lab.cable()
    with_collect = lk.rx(b) >> (lk.udp_echo(["192.0.2.2"], 7) | lk.collect(b)) >> lk.tx(b)
    lab.run(with_collect)
    with b.socket() as heard:
        a.send(datagrams(a, b, 3))
        assert len(heard.sniff(count=3, timeout=20)) == 3


def test_port_of_another_path_says_how_to_listen(lab: lk.Lab) -> None:
    a, b = lab.cable()
    path = lab.run(lk.rx(b) >> lk.sink(), name="sinking")
    with pytest.raises(
        lk.PortError, match=r"received by path 'sinking'.*add lk.collect\('server'\)"
    ):
        b.receive()
    b.send(datagrams(b, a, 1))
    assert len(a.receive()) == 1, "sending is still possible"
    path.stop()
    a.send(datagrams(a, b, 2))
    assert len(b.receive(2)) == 2, "and so is listening when the path is gone"


def test_two_paths_cannot_have_one_queue(lab: lk.Lab) -> None:
    _, b = lab.cable(queues=2)
    lab.run(lk.rx(b, 0) >> lk.sink(), name="one")
    with pytest.raises(
        lk.PathError, match=r"'two', node rx:server: path 'one' has rx of port server"
    ):
        lab.run(lk.rx(b) >> lk.reflect() >> lk.tx(b), name="two")
    with pytest.raises(lk.PathError, match="a path called 'one' runs already"):
        lab.run(lk.rx(b, queue=1) >> lk.sink(), name="one")
    with pytest.raises(lk.PathError, match=r"queue 2 of port server, which has 2 \(0 to 1\)"):
        lab.run(lk.rx(b, queue=2) >> lk.sink(), name="two")
    with pytest.raises(lk.PathError, match=r"no port 'nowhere' \(there are: client, server\)"):
        lab.run(lk.rx("nowhere") >> lk.sink(), name="two")
    assert lab.run(lk.rx(b, queue=1) >> lk.sink(), name="two").is_running


def test_paths_that_share_a_port_share_a_worker(lab: lk.Lab) -> None:
    a, b = lab.cable()
    c, d = lab.cable("left", "right")
    one = lab.run(lk.rx(a) >> lk.sink(), name="one")
    two = lab.run(lk.rx(c) >> lk.sink(), name="two")
    both = lab.run(lk.Path(lk.rx(b) >> lk.tx(a), lk.rx(d) >> lk.tx(c), name="both"))
    shared = lab.run(lk.Path(lk.inject(a) >> lk.tx(c), lk.inject(c) >> lk.tx(a), name="shared"))
    assert shared.counters.lcore == both.counters.lcore, "both send on queue 0 of client and left"
    lcores = {path.counters.lcore for path in (one, two, both, shared)}
    assert set(lab.workers.lcore) == lcores
    both.stop()
    assert one.is_running
    assert two.is_running
    assert not both.is_running


def test_running_path_round_trips_as_json(lab: lk.Lab) -> None:
    _, b = lab.cable()
    path = lab.echo_server(b, ["10.0.0.2/24", "fd00::2/64"], udp_port=9000)
    text = path.path.to_json()
    path.stop()
    again = lab.run(lk.Path.from_json(text))
    assert again.path == path.path
    assert "<img" in again._repr_mimebundle_()["text/html"]


def test_many_paths_come_and_go(lab: lk.Lab) -> None:
    a, b = lab.cable()
    for _ in range(60):
        path = lab.run(lk.rx(b) >> lk.reflect() >> lk.tx(b))
        a.send(datagrams(a, b, 2))
        assert len(a.receive(2)) == 2
        path.stop()
    assert len(lab.workers) == 1


def test_restart_rebuilds_ports_and_paths(lab: lk.Lab) -> None:
    a, b = lab.cable()
    null = lab.port("null")
    lab.run(lk.rx(b) >> lk.reflect() >> lk.tx(b), name="mirror")
    with a.socket() as s:
        first = lab.pid
        lab.restart()
        assert lab.pid != first
        assert lab.paths["mirror"].ledger.sent == 0, "counters begin anew"
        a.send(datagrams(a, b, 3))
        assert len(a.receive(3)) == 3
        assert len(s.sniff(count=3, timeout=20)) == 3, "an open socket stays open"
    assert null.info.driver == "net_null"
