# SPDX-License-Identifier: BSD-3-Clause
"""Trials that are refused, interrupted, or lose what they measure."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest

import labkit as lk
from labkit.runs import trial_engine
from tests.interrupts import interrupts
from tests.patience import wait_until
from tests.trials import QUICK, SERVER_4, V4, flow
from tests.workers import rests


def test_one_trial_at_a_time(mirror: lk.Port) -> None:
    """Drops are told by their node: two trials would take each other's."""
    arguments = {"rate": 1000, "duration": 0.5, **QUICK}
    thread = threading.Thread(target=lambda: lk.trial(mirror, flow(), **arguments))
    thread.start()
    time.sleep(0.2)
    with pytest.raises(lk.LabError, match="a trial is running in this lab"):
        lk.trial(mirror, flow(), **arguments)
    with pytest.raises(lk.LabError, match="a trial is running in this lab"):
        lk.echo(mirror, SERVER_4, target_mac="02:00:00:00:00:02", count=1)
    with pytest.raises(lk.LabError, match="a trial is running in this lab"):
        mirror.lab.restart()
    thread.join()
    assert lk.trial(mirror, flow(), rate=1000, duration=0.1, **QUICK).is_balanced


def test_ctrl_c_puts_the_port_back(mirror: lk.Port) -> None:
    before = list(mirror.lab.paths)
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt), interrupts(0.3):
        lk.trial(mirror, flow(), rate=1000, duration=30, **QUICK)
    assert time.monotonic() - began < 5
    assert list(mirror.lab.paths) == before
    assert lk.trial(mirror, flow(), rate=1000, duration=0.1, **QUICK).is_balanced


@pytest.mark.parametrize("second", [0, 0.0005, 0.003])
def test_ctrl_c_at_any_time_does_no_harm(lab: lk.Lab, second: float) -> None:
    """Nor does another one, so many seconds later, while the first is cleaned up after."""
    a, b = lab.cable("a", "b")
    arguments = {"rate": 5000, "duration": 0.02, "receive_on": b, **QUICK}
    assert lk.trial(a, flow(), **arguments).is_balanced
    for n in range(40):
        times = (0.001 + n * 0.003, *[second] * bool(second))
        with suppress(KeyboardInterrupt), interrupts(*times) as alarm:
            while alarm.is_pending:
                lk.trial(a, flow(), **arguments)
        assert not lab.paths
        assert lab.counters().keys() <= {"host:a", "host:b"}
    assert lk.trial(a, flow(), **arguments).is_balanced
    assert not lab.paths
    assert lab.counters().keys() <= {"host:a", "host:b"}
    a.send(bytes(60))
    assert bytes(60) in b.receive(10_000, timeout=1, raw=True)
    assert all(rests(lab.pid, seconds=1).values()), "its workers do not rest"


def test_an_engine_that_dies_says_so(mirror: lk.Port) -> None:
    killer = threading.Timer(0.3, os.kill, [mirror.lab.pid, signal.SIGKILL])
    killer.start()
    other = mirror.lab.port("ring", "other")
    with pytest.raises(lk.EngineDied):
        lk.trial(mirror, flow(), rate=1000, duration=5, receive_on=other, **QUICK)
    killer.join()
    mirror.lab.restart()
    assert list(mirror.lab.paths) == ["mirror"]
    assert lk.trial(mirror, flow(), rate=1000, duration=0.1, **QUICK).is_balanced


def test_a_dut_that_stops_midway(mirror: lk.Port) -> None:
    path = mirror.lab.paths["mirror"]

    def stop() -> None:
        wait_until(lambda: path.counters.nodes["rx:server"].objects > 0)
        path.stop()

    stopper = threading.Thread(target=stop)
    stopper.start()
    run = lk.trial(mirror, flow(), rate="2 kpps", duration=2, drain=0.1, **QUICK)
    stopper.join()
    assert 0 < run.row["received"] < run.row["sent"]
    (where,) = run.ledger.drops
    assert where.startswith("still on the wire to ")
    assert run.ledger.drops[where] == run.row["lost"] > 0
    assert run.is_balanced


def test_a_trial_whose_own_path_is_stopped_ends(
    mirror: lk.Port, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trial_engine, "OVERDUE_SECONDS", 0.5)

    def stop() -> None:
        name = f"trial:{mirror.name}"
        paths = mirror.lab.paths
        wait_until(
            lambda: name in paths and paths[name].counters.nodes["generate:client"].objects > 0
        )
        paths[name].stop()

    stopper = threading.Thread(target=stop)
    stopper.start()
    with pytest.raises(lk.LabError, match=r"did not end .* was the path trial:client stopped"):
        lk.trial(mirror, flow(), rate=1000, duration=0.6, **QUICK)
    stopper.join()
    assert lk.trial(mirror, flow(), rate=1000, duration=0.1, **QUICK).is_balanced


@pytest.fixture(scope="module")
def untouched() -> Iterator[lk.Port]:
    """A port whose trials are all refused before anything is sent."""
    with lk.Lab() as lab:
        yield lab.cable()[0]


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"duration": 0}, "duration is 0; the range is 0.001 to 86,400 s"),
        ({"duration": "5"}, "duration is '5'"),
        ({"latency": "no"}, "latency is 'no'; it is True or False"),
        ({"receive_on": "b"}, "receive_on is 'b'; it is a port of a lab"),
        ({"warmup": -1}, "warmup is -1; the range is 0 to"),
        ({"drain": 0}, "drain is 0"),
        ({"interval": 0}, "interval is 0; the range is 0.001"),
        ({"duration": 1000, "interval": 0.001}, "at most 100,000 intervals, so give 0.01 or more"),
        ({"rate": "300 Mpps"}, "at most 200 Mpps can be intended"),
        ({"rate": -1}, "rate is -1 pps"),
        ({"streams": []}, "0 streams; a trial has 1 to 256"),
        ({"streams": V4}, "is no stream; make one with lk.Stream"),
        ({"streams": flow(size=9020)}, "size 9020 exceeds .* MTU 9001 .* up to 9019 bytes"),
        ({"streams": [flow(), flow(rate=5)], "rate": None}, "has no rate, and other streams have"),
    ],
)
def test_wrong_arguments(untouched: lk.Port, wrong: dict[str, object], says: str) -> None:
    arguments: dict[str, object] = {"streams": flow(), "duration": 0.1, "rate": 100, **wrong}
    with pytest.raises(lk.LabError, match=says):
        lk.trial(untouched, arguments.pop("streams"), **arguments)  # type: ignore[arg-type]
    assert untouched.xstats()["tx_good_packets"] == 0


@pytest.mark.filterwarnings("ignore:.*engines run here")
def test_ports_of_two_labs_share_no_clock(mirror: lk.Port) -> None:
    with lk.Lab() as other, pytest.raises(lk.LabError, match="another lab"):
        lk.trial(mirror, flow(), rate=100, duration=0.1, receive_on=other.port("ring"))
