# SPDX-License-Identifier: BSD-3-Clause
"""Where nothing comes back, a dead engine is told of before anybody else is blamed."""

import os
import select
import signal
import threading
from collections.abc import Callable

import pytest
from scapy.layers.inet import ICMP, IP, UDP
from scapy.layers.l2 import Ether

import labkit as lk
from labkit.lab.neighbours import resolve
from labkit.lab.socket import PortSocket
from labkit.sources import Engine

Use = Callable[[lk.Port, PortSocket], object]
SILENT = Ether(dst="02:00:00:00:00:77") / IP(src="10.0.0.1", dst="10.0.0.77") / ICMP()


def echo(port: lk.Port, _: PortSocket) -> object:
    return lk.echo(port, "10.0.0.2", udp_port=9000, count=10, progress=False)


def trial(port: lk.Port, _: PortSocket) -> object:
    packet = Ether() / IP(src="10.0.0.1", dst="10.0.0.2") / UDP(sport=1, dport=9000)
    return lk.trial(
        port, [lk.Stream(packet, 128)], rate="1 kpps", duration=0.2, warmup=0, progress=False
    )


def all_at_once(_: lk.Port, s: PortSocket) -> object:
    return s.sr([SILENT] * 3, timeout=0.02, verbose=False)


USES: dict[str, Use] = {
    "echo": echo,
    "trial": trial,
    "resolve": lambda port, _: resolve(port, "10.0.0.77", timeout=0.02),
    "receive": lambda port, _: port.receive(1000, timeout=0.01),  # more than earlier answers
    "sr1": lambda _, s: s.sr1(SILENT, timeout=0.02, verbose=False),
    "sr1 of scapy": lambda _, s: s.sr1(SILENT, timeout=0.02, retry=1, verbose=False),
    "sr": all_at_once,
    "sniff": lambda _, s: s.sniff(timeout=0.02),
    "select": lambda _, s: PortSocket.select([s], 0.02),
    "recv": lambda _, s: s.recv_raw(),
    "sr1 of layer 3": lambda port, _: port.socket(layer=3).sr1(
        IP(dst="10.0.0.77") / ICMP(), timeout=0.02, verbose=False
    ),
}


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV])
def test_it_is_dead_and_nobody_else_is_to_blame(lab: lk.Lab, number: signal.Signals) -> None:
    client, server = lab.cable()
    lab.echo_server(server, ["10.0.0.2"], udp_port=9000)
    for name, use in USES.items():
        with client.socket() as s:
            s.send(bytes(SILENT))  # the host path is there, and nothing is opened at last
            os.kill(lab.pid, number)
            with pytest.raises(lk.EngineDied, match=number.name):
                print(name, "found nothing wrong:", use(client, s))
        lab.restart()
    assert lk.echo(client, "10.0.0.2", udp_port=9000, count=10).ledger.is_balanced


def send_for_ever(send: Callable[[bytes], object]) -> None:
    while True:
        send(bytes(64))


def test_a_sender_learns_of_it(lab: lk.Lab) -> None:
    client, _ = lab.cable()
    with client.socket() as s:
        for send in (s.send, client.send):
            send(bytes(64))
            os.kill(lab.pid, signal.SIGKILL)
            with pytest.raises(lk.EngineDied, match="SIGKILL"):
                send_for_ever(send)
            lab.restart()


def test_duts_of_the_lab_and_views_tell_of_it(lab: lk.Lab) -> None:
    for dut in (lk.dut.LabkitEcho(), lk.dut.PythonEcho()):
        with dut.open(lab) as far_end:
            os.kill(lab.pid, signal.SIGKILL)
            with pytest.raises(lk.EngineDied, match="SIGKILL"):
                far_end.check()
        lab.restart()
    with Engine(lab) as source:
        os.kill(lab.pid, signal.SIGKILL)
        with pytest.raises(lk.EngineDied):
            lab.counters()
        source.sample()
        assert source.state == "gone"
        assert "SIGKILL" in source.reason
    lab.restart()


def test_who_waits_on_a_descriptor_hears_of_it(lab: lk.Lab) -> None:
    """Outside of labkit's own select: a loop of asyncio, select.select without a limit."""
    client, server = lab.cable()
    with server.socket() as s:
        for _ in range(2):  # the second time another engine
            assert select.select([s], [], [], 0.05)[0] == []
            client.send(bytes(60))
            assert select.select([s], [], [], 60)[0] == [s]
            assert bytes(s.recv()) == bytes(60)
            assert select.select([s], [], [], 0.05)[0] == []
            threading.Timer(0.2, os.kill, (lab.pid, signal.SIGKILL)).start()
            assert select.select([s], [], [])[0] == [s]
            with pytest.raises(lk.EngineDied, match="SIGKILL"):
                s.recv()
            lab.restart()
