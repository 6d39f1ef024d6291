# SPDX-License-Identifier: BSD-3-Clause
"""A wire does not wait: frames for an end that nobody reads are missed there, by name."""

import base64
import os
import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

import labkit as lk
from labkit.engine import client as engine_client
from labkit.lab import frame_rings
from labkit.lab.socket import PortSocket
from labkit.sources import Engine
from tests.patience import exactly, wait_until

FRAME = bytes(64)


def missed(port: lk.Port) -> int:
    return port.losses()["rx_missed_errors"]


def stop(lab: lk.Lab) -> None:
    """Returns when all threads of the engine stand still."""
    os.kill(lab.pid, signal.SIGSTOP)
    os.waitid(os.P_PID, lab.pid, os.WSTOPPED | os.WNOWAIT)


@contextmanager
def stopped(lab: lk.Lab) -> Iterator[None]:
    """The engine does nothing meanwhile, and is not dead."""
    stop(lab)
    try:
        yield
    finally:
        os.kill(lab.pid, signal.SIGCONT)


@pytest.mark.parametrize(("ring_size", "count"), [(64, 63), (64, 64), (64, 2000), (1024, 2000)])
def test_single_frames_never_wait_for_a_reader(lab: lk.Lab, ring_size: int, count: int) -> None:
    near, far = lab.cable(ring_size=ring_size)
    with near.socket() as s:
        for _ in range(count):
            assert s.send(FRAME) == 64
        room = ring_size - 1
        wait_until(lambda: near.xstats()["tx_good_packets"] == count)
        assert near.xstats()["tx_q0_packets"] == count
        assert missed(far) == far.xstats()["rx_missed_errors"] == max(0, count - room)
        assert missed(near) == 0
    assert len(exactly(far, min(count, room))) == min(count, room)


def test_frames_in_bulk_do_not_either(lab: lk.Lab) -> None:
    near, far = lab.cable()
    assert near.send([FRAME] * 5000) == 5000
    wait_until(lambda: missed(far) == 5000 - 1023)
    ring = lab.port("ring", "loop", ring_size=64)
    lab.run(lk.inject(ring) >> lk.tx(ring), name="out")
    lab.run(lk.rx(ring) >> lk.sink(), name="in")
    ring.send([FRAME] * 500)
    wait_until(lambda: lab.counters()["in"].nodes["sink"].objects == 500)
    assert missed(ring) == 0, "a port that hears itself is read"


def test_what_is_read_is_not_lost(lab: lk.Lab) -> None:
    """Slowly or fast: a reader makes the sender wait, and tells of every frame."""
    near, far = lab.cable(ring_size=64)
    path = lab.run(lk.rx(far) >> lk.sink(), name="reader")
    with near.socket() as s:
        for _ in range(20_000):
            s.send(FRAME)
    wait_until(lambda: path.ledger.received == 20_000)
    assert missed(far) == 0
    path.stop()
    near.send([FRAME] * 200)
    wait_until(lambda: missed(far) == 200 - 63)
    path = lab.run(lk.rx(far) >> lk.sink(), name="reader")
    wait_until(lambda: path.ledger.received == 63)
    assert ("server rx_missed_errors", 137) in path.ledger.rows
    assert path.ledger.is_balanced


def test_a_declared_path_is_no_other(lab: lk.Lab) -> None:
    near, far = lab.cable(ring_size=64)
    path = lab.run(lk.inject(near) >> lk.tx(near))
    near.send([FRAME] * 300)
    wait_until(lambda: path.ledger.received == 300)
    assert missed(far) == 300 - 63
    assert path.drops == {}


def test_what_was_missed_is_in_every_view(lab: lk.Lab) -> None:
    near, far = lab.cable(ring_size=64)
    near.send([FRAME] * 100)
    wait_until(lambda: missed(far) == 37)
    html = lab._repr_mimebundle_()["text/html"]
    pictures = [
        base64.b64decode(code).decode() for code in re.findall(r"svg\+xml;base64,(\S+) 1x", html)
    ]
    assert any("rx_missed_errors: 37 frames" in picture for picture in pictures)
    with Engine(lab) as source:
        sample = source.sample()
        assert sample is not None
        assert sample["port/server/rx_missed_errors"] == 37
        assert sample["port/client/tx_good_packets"] == 100


def test_an_unplugged_end_does_not_wait(lab: lk.Lab) -> None:
    near, far = lab.cable(ring_size=64)
    near.send([FRAME] * 60)
    far.close()
    near.send([FRAME] * 500)
    wait_until(lambda: lab.counters()["host:client"].drops.get("drop_tx_unplugged") == 500)


def send_many(s: PortSocket, frame: bytes, count: int) -> None:
    for _ in range(count):
        s.send(frame)


def test_a_socket_waits_for_a_full_queue_alone(
    lab: lk.Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    near, _ = lab.cable()
    monkeypatch.setattr(frame_rings, "PATIENCE_SECONDS", 0.3)
    frame = bytes(9000)
    with near.socket() as s:
        with stopped(lab):
            send_many(s, frame, 500)  # 4.5 MB of 8 MiB
            told = r"port client: the engine took no frame for 0\.3 s, and [\d,]+ bytes"
            with pytest.raises(lk.PortError, match=told):
                send_many(s, frame, 1000)
            with pytest.raises(lk.PortError, match="the engine took no frame for"):
                near.send(frame)
        near.send(frame)
        wait_until(lambda: near.xstats()["tx_good_packets"] > 900)


def test_a_question_to_the_engine_has_a_deadline(
    lab: lk.Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    near, _ = lab.cable()
    monkeypatch.setattr(engine_client, "ANSWER_SECONDS", 0.3)
    with (
        stopped(lab),
        pytest.raises(lk.EngineError, match=r"xstats: .* has not answered for 0\.3 s"),
    ):
        near.xstats()
    monkeypatch.undo()
    assert near.xstats()["rx_good_packets"] == 0, "it goes on where it was"


def test_frames_of_a_dead_engine_are_not_sent_by_the_next(lab: lk.Lab) -> None:
    near, far = lab.cable()
    with near.socket() as s, far.socket() as heard:
        s.send(b"\1" * 64)
        assert heard.recv_raw()[1] == b"\1" * 64
        stop(lab)
        for _ in range(10):
            s.send(b"\2" * 64)
        os.kill(lab.pid, signal.SIGKILL)
        lab.restart()
        s.send(b"\3" * 64)
        assert heard.recv_raw()[1] == b"\3" * 64
