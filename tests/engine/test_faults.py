# SPDX-License-Identifier: BSD-3-Clause
"""The engine is killed under load, 50 times: Python is told, nothing stays, a restart heals."""

import ctypes
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

import labkit as lk
from tests import leftovers
from tests.patience import wait_until

ROUNDS = 25
FRAME_COUNT = 200
BUSY_TICKS = 5
PATIENT = {"count": 3, "timeout": 5.0, "progress": False}
TGKILL = {"x86_64": 234, "aarch64": 131}[os.uname().machine]


def tgkill(process: int, thread: int, number: int) -> None:
    """Sends a signal to one thread (tgkill(2), which the signal module does not have)."""
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.syscall(TGKILL, process, thread, number) == 0, os.strerror(ctypes.get_errno())


def cpu_ticks(pid: int) -> dict[int, int]:
    """What each thread of a process has used so far, in 10 ms."""
    ticks = {}
    for thread in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{thread}/stat") as stat:
            ticks[int(thread)] = sum(map(int, stat.read().rsplit(")", 1)[1].split()[11:13]))
    return ticks


def busy_worker(pid: int) -> int:
    """The thread of the engine that walks graphs, as soon as it has done so for a while."""
    ticks: dict[int, int] = {}

    def is_busy() -> bool:
        ticks.update(cpu_ticks(pid))
        del ticks[pid]  # starts the engine and answers commands
        return max(ticks.values()) >= BUSY_TICKS

    wait_until(is_busy)
    return max(ticks, key=ticks.__getitem__)


@contextmanager
def traffic(client: lk.Port) -> Iterator[list[BaseException]]:
    """Sends without end until the engine is gone; yields what ended it."""
    frames = [bytes(1000)] * FRAME_COUNT
    ended: list[BaseException] = []
    started, stop = threading.Event(), threading.Event()

    def send() -> None:
        try:
            while not stop.is_set():
                client.send(frames)
                started.set()
        except lk.EngineDied as error:
            ended.append(error)

    sender = threading.Thread(target=send)
    sender.start()
    assert started.wait(60)
    try:
        yield ended
    finally:
        sender.join(60)
        stop.set()
        sender.join(60)
    assert not sender.is_alive()


def killed(lab: lk.Lab, client: lk.Port, number: signal.Signals) -> lk.EngineDied:
    """What a sender is told when a signal ends the engine."""
    with traffic(client) as ended:
        if number == signal.SIGKILL:
            os.kill(lab.pid, number)
        else:
            tgkill(lab.pid, busy_worker(lab.pid), number)
    (died,) = ended
    assert isinstance(died, lk.EngineDied)
    return died


def test_engine_killed_50_times_under_load() -> None:
    before = leftovers.snapshot()
    nodes: list[str | None] = []
    with lk.Lab() as lab:
        client, server = lab.cable()
        lab.echo_server(server, ["10.0.0.2/24"], udp_port=9000)
        # A worker that is always in a node: frames as fast as it takes them.
        lab.run(lk.rx(lab.port("null", "flood", source=True)) >> lk.sink(), name="flood")
        for number in [signal.SIGKILL, signal.SIGSEGV] * ROUNDS:
            died = killed(lab, client, number)
            assert died.signal == number.name
            if number == signal.SIGSEGV:
                nodes.append(died.node)
            assert not lab.is_alive
            with pytest.raises(lk.EngineDied):
                client.xstats()
            leftovers.wait_for_none(before)
            lab.restart()
            run = lk.echo(client, "10.0.0.2", udp_port=9000, payload_sizes=(64,), **PATIENT)
            assert run.ledger.received == 3, run
            assert run.ledger.is_balanced
    leftovers.wait_for_none(before)
    # A signal between two walks of the graph hits no node.
    named = [node for node in nodes if node is not None]
    assert len(named) > ROUNDS // 2
    assert {"flood/rx:flood", "flood/sink"} & set(named)
    # Nodes have their path's name in front. What a full cable refuses ends in a drop node, which
    # has none: a busy machine reads the answers too late.
    assert all("/" in node or node.startswith("drop_") for node in named), named


def test_message_of_a_killed_engine(lab: lk.Lab) -> None:
    os.kill(lab.pid, signal.SIGKILL)
    with pytest.raises(lk.EngineDied) as caught:
        lab.cable()
    first = str(caught.value).splitlines()[0]
    assert first.startswith("the engine died: SIGKILL")
    assert first.endswith("; lab.restart() rebuilds its ports and paths")
    assert caught.value.node is None


def fault_in_a_storm(lab: lk.Lab) -> lk.EngineDied:
    """What is said of an engine that died while frames went around in a ring that hears itself."""
    lab.ports["loop"].send([bytes(1000)] * 500)
    tgkill(lab.pid, busy_worker(lab.pid), signal.SIGSEGV)
    with pytest.raises(lk.EngineDied) as caught:
        wait_until(lambda: not lab.counters())  # it takes a moment to die
    return caught.value


def test_message_of_a_fault_in_a_node(lab: lk.Lab) -> None:
    """The worker serves the path that Python's frames took as well."""
    ring = lab.port("ring", "loop")
    lab.run(lk.rx(ring) >> lk.reflect() >> lk.tx(ring), name="storm")
    died = fault_in_a_storm(lab)
    for _ in range(5):  # about one in ten hits the moment between two walks of the graph
        assert died.signal == "SIGSEGV"
        if died.node is not None:
            break
        lab.restart()
        died = fault_in_a_storm(lab)
    storm = [f"storm/{node}" for node in ("rx:loop", "reflect", "tx:loop")]
    assert died.node in (*storm, "host:loop/inject:loop", "host:loop/tx:loop")
    assert f"SIGSEGV in node {died.node}" in str(died)


def test_closed_lab_says_so() -> None:
    with lk.Lab() as lab:
        client, _ = lab.cable()
    with pytest.raises(lk.EngineDied, match="it was closed"):
        client.set_link(True)
    with pytest.raises(lk.EngineDied, match="it was closed"):
        client.send(bytes(64))
