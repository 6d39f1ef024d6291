# SPDX-License-Identifier: BSD-3-Clause
"""Paths that run, and scapy's tools on the sockets of ports."""

import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from scapy.ansmachine import AnsweringMachine
from scapy.layers.inet import ICMP, IP, UDP
from scapy.layers.l2 import ARP, Ether
from scapy.packet import Packet, Raw
from scapy.sendrecv import AsyncSniffer, bridge_and_sniff, sniff
from scapy.utils import rdpcap

import labkit as lk
from labkit.neighbours import resolve

UDP_PORT = 9000


def frame(number: int = 0, size: int = 20) -> bytes:
    packet = (
        Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
        / IP(src="10.0.0.1", dst="10.0.0.2", id=number)
        / UDP(sport=40000 + number, dport=UDP_PORT)
        / Raw(bytes(size))
    )
    return bytes(packet)


def wait_until(condition: Callable[[], object], seconds: float = 3) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


def test_reflect(lab: lk.Lab) -> None:
    client, server = lab.cable()
    lab.run(lk.rx(server) >> lk.reflect() >> lk.tx(server))
    client.send(frame())
    (answer,) = client.receive(1)
    assert (answer[Ether].src, answer[IP].dst) == ("02:00:00:00:00:02", "10.0.0.1")
    assert (answer[UDP].sport, answer[UDP].dport) == (UDP_PORT, 40000)


def test_capture_is_read_by_scapy_and_tshark(lab: lk.Lab, tmp_path: Path) -> None:
    client, server = lab.cable()
    file = tmp_path / "seen.pcapng"
    began = time.time()
    path = lab.run(lk.rx(server) >> lk.capture(file, snaplen=50) >> lk.sink())
    frames = [frame(n, 100) for n in range(20)]
    client.send(frames)
    wait_until(lambda: path.ledger.received == 20)
    path.flush()
    seen = rdpcap(str(file))
    assert [bytes(p) for p in seen] == [f[:50] for f in frames]
    assert all(began - 1 < float(p.time) < time.time() + 1 for p in seen)
    fields = ("-T", "fields", "-e", "frame.len", "-e", "frame.cap_len", "-e", "frame.time_epoch")
    done = subprocess.run(
        ["tshark", "-r", str(file), *fields], capture_output=True, text=True, check=True
    )
    rows = [line.split("\t") for line in done.stdout.splitlines()]
    assert [(row[0], row[1]) for row in rows] == [("142", "50")] * 20
    assert any(not row[2].endswith("000") for row in rows)  # nanoseconds, not microseconds
    assert file.stat().st_mode & 0o777 == 0o600


def test_trace_across_a_cable(lab: lk.Lab) -> None:
    client, server = lab.cable()
    lab.run(lk.rx(server) >> lk.reflect() >> lk.tx(server), name="mirror")
    with lab.trace(1) as trace:
        client.send(frame())
    nodes = [f"{step.path}/{step.node}" for step in trace.steps]
    assert nodes[:2] == ["host:client/inject:client", "host:client/tx:client"]
    assert "mirror/reflect" in nodes
    (step,) = [step for step in trace.steps if step.node == "reflect"]
    assert step.before == frame()
    assert step.changed[0] == 5
    assert list(trace.table["node"]) == [s.node for s in trace.steps]


def test_running_path_survives_json(lab: lk.Lab) -> None:
    client, server = lab.cable()
    path = lab.echo_server(server, ["10.0.0.2/24"], UDP_PORT)
    text = path.path.to_json()
    path.stop()
    again = lab.run(lk.Path.from_json(text))
    assert again.path == path.path
    assert lk.echo(client, "10.0.0.2", udp_port=UDP_PORT, count=5).ledger.received == 10


def test_queue_conflicts_are_refused(lab: lk.Lab) -> None:
    _, server = lab.cable()
    lab.run(lk.rx(server) >> lk.sink(), name="first")
    with pytest.raises(lk.PathError, match=r"path 'first' has rx of port server, queue 0 already"):
        lab.run(lk.rx(server) >> lk.reflect() >> lk.tx(server), name="second")
    with pytest.raises(lk.PathError, match="a path called 'first' runs already"):
        lab.run(lk.Path(lk.rx(server) >> lk.sink(), name="first"))
    with pytest.raises(lk.PathError, match="has no port 'elsewhere'"):
        lab.run(lk.rx("elsewhere") >> lk.sink())
    assert list(lab.paths) == ["first"]


def test_unconnected_output_is_unhandled(lab: lk.Lab) -> None:
    client, server = lab.cable()
    path = lab.run(lk.rx(server) >> lk.arp_responder(["10.0.0.2"]) >> lk.tx(server))
    client.send([frame(n) for n in range(7)])
    wait_until(lambda: path.drops == {"drop_unhandled": 7})
    assert path.ledger.is_balanced


def test_restart_rebuilds_paths_and_sockets(lab: lk.Lab) -> None:
    client, server = lab.cable()
    path = lab.echo_server(server, ["10.0.0.2/24"], UDP_PORT)
    with client.socket() as s:
        lab.restart()
        question = Ether(dst=server.mac) / IP(src="10.0.0.1", dst="10.0.0.2") / ICMP()
        assert s.sr1(question, timeout=2, verbose=False) is not None
    assert path.is_running
    assert path.ledger.sent == 1


def test_paths_that_share_a_queue_share_a_worker(lab: lk.Lab) -> None:
    a, b = lab.cable()
    c, _ = lab.cable("c", "d")
    one = lab.run(lk.rx(a) >> lk.tx(b), name="one")
    other = lab.run(lk.rx(c) >> lk.tx(b), name="other")
    assert one.counters.lcore == other.counters.lcore


def test_sr_and_sniff(lab: lk.Lab) -> None:
    client, server = lab.cable()
    lab.echo_server(server, ["10.0.0.2/24"], UDP_PORT)
    questions = [
        Ether(dst=server.mac) / IP(src="10.0.0.1", dst="10.0.0.2") / ICMP(id=1, seq=n)
        for n in range(5)
    ]
    with client.socket() as s, client.socket() as other:
        answered, unanswered = s.sr(questions, timeout=2, verbose=False)
        assert (len(answered), len(unanswered)) == (5, 0)
        heard = sniff(opened_socket=other, count=5, timeout=2)
        assert [bytes(p) for p in heard] == [bytes(pair.answer) for pair in answered]
        began = time.monotonic()
        assert len(sniff(opened_socket=other, timeout=0.2)) == 0
        assert 0.15 < time.monotonic() - began < 1


def test_two_sockets_hear_every_frame(lab: lk.Lab) -> None:
    client, server = lab.cable()
    with server.socket() as one, server.socket() as other:
        client.send([frame(n) for n in range(10)])
        for s in (one, other):
            assert len(sniff(opened_socket=s, count=10, timeout=2)) == 10
            assert s.lost == 0


def test_async_sniffer(lab: lk.Lab) -> None:
    client, server = lab.cable()
    with server.socket() as s:
        sniffer = AsyncSniffer(opened_socket=s)
        sniffer.start()
        client.send([frame(n) for n in range(3)])
        time.sleep(0.2)
        assert len(sniffer.stop()) == 3


class AnyArp(AnsweringMachine):  # type: ignore[misc]
    """Answers ARP questions for every address."""

    function_name = "lab_arp"

    def is_request(self, req: Packet) -> bool:
        return ARP in req and req[ARP].op == 1

    def make_reply(self, req: Packet) -> Packet:
        arp = ARP(op=2, hwsrc="02:00:00:00:00:99", psrc=req[ARP].pdst, hwdst=req[ARP].hwsrc)
        return Ether(src="02:00:00:00:00:99", dst=req.src) / arp


def test_answering_machine(lab: lk.Lab) -> None:
    client, server = lab.cable()
    with server.socket() as s:
        machine = AnyArp(verbose=False)
        machine.optsend["socket"] = s
        sniffer = AsyncSniffer(opened_socket=s, prn=machine.reply, store=False)
        sniffer.start()
        assert resolve(client, "10.9.9.9") == "02:00:00:00:00:99"
        sniffer.stop()


def test_bridge_and_sniff(lab: lk.Lab) -> None:
    client, left = lab.cable("client", "left")
    right, server = lab.cable("right", "server")
    lab.echo_server(server, ["10.0.0.2/24"], UDP_PORT)
    question = Ether(dst=server.mac) / IP(src="10.0.0.1", dst="10.0.0.2") / ICMP()
    with left.socket() as a, right.socket() as b, client.socket() as s:
        bridge = threading.Thread(
            target=bridge_and_sniff, args=(a, b), kwargs={"timeout": 1, "store": False}
        )
        bridge.start()
        time.sleep(0.2)
        assert s.sr1(question, timeout=0.7, verbose=False) is not None
        bridge.join()
