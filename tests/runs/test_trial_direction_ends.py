# SPDX-License-Identifier: BSD-3-Clause
"""Trials in several directions that are refused, interrupted, or lose what they measure."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import suppress

import pytest

import labkit as lk
from tests.interrupts import interrupts
from tests.patience import wait_until
from tests.trials import QUICK, WHOLE, assert_whole, both_ways, flow
from tests.workers import rests


def test_ctrl_c_puts_all_ports_back(lab: lk.Lab) -> None:
    a, b = lab.cable("a", "b", ring_size=WHOLE)
    lab.cable("c", "d")
    before = lab.run(lk.rx("c") >> lk.sink(), name="other")
    with pytest.raises(KeyboardInterrupt), interrupts(0.3):
        lk.trial(both_ways(a, b), rate=1000, duration=30, **QUICK)
    assert list(lab.paths) == [before.name]
    assert lk.trial(both_ways(a, b), rate=1000, duration=0.1, **QUICK).is_balanced
    a.send(bytes(60))
    assert bytes(60) in b.receive(10_000, timeout=1, raw=True)


@pytest.mark.parametrize("second", [0, 0.001])
def test_ctrl_c_at_any_time_does_no_harm(lab: lk.Lab, second: float) -> None:
    """Nor does another one while the first is cleaned up after: no direction is left behind."""
    a, b = lab.cable("a", "b", ring_size=WHOLE)
    arguments = {"rate": 5000, "duration": 0.02, **QUICK}
    for n in range(20):
        times = (0.001 + n * 0.006, *[second] * bool(second))
        with suppress(KeyboardInterrupt), interrupts(*times) as alarm:
            while alarm.is_pending:
                lk.trial(both_ways(a, b), **arguments)
        assert not lab.paths
    assert lk.trial(both_ways(a, b), **arguments).is_balanced
    assert all(rests(lab.pid, seconds=1).values()), "its workers do not rest"


def test_a_port_is_not_closed_meanwhile(lab: lk.Lab) -> None:
    """Who closes it is told why not; the trial goes on."""
    a, b = lab.cable("a", "b", ring_size=WHOLE)
    told: list[str] = []

    def close() -> None:
        wait_until(lambda: {"trial:a", "trial:b"} <= set(lab.paths))
        try:
            b.close()
        except lk.PortError as error:
            told.append(str(error))

    closer = threading.Thread(target=close)
    closer.start()
    placed = both_ways(a, b)
    run = lk.trial(placed, rate="1 kpps", duration=1, **QUICK)
    closer.join()
    assert_whole(run)
    assert told
    assert "port b cannot be closed: a trial is running" in told[0]
    b.close()
    with pytest.raises(lk.PortError, match="port b was closed"):
        lk.trial(placed, rate="1 kpps", duration=1, **QUICK)
    with pytest.raises(lk.PortError, match="port b was closed"):
        flow().on(b)
    with pytest.raises(lk.PortError, match="port b was closed"):
        flow().on(a, to=b)


def test_an_engine_that_dies_ends_all_directions(lab: lk.Lab) -> None:
    a, b = lab.cable("a", "b", ring_size=WHOLE)
    killer = threading.Timer(0.3, os.kill, [lab.pid, signal.SIGKILL])
    killer.start()
    with pytest.raises(lk.EngineDied):
        lk.trial(both_ways(a, b), rate=1000, duration=5, **QUICK)
    killer.join()
    lab.restart()
    assert not lab.paths
    assert lk.trial(both_ways(a, b), rate=1000, duration=0.1, **QUICK).is_balanced


@pytest.fixture(scope="module")
def untouched() -> Iterator[tuple[lk.Port, lk.Port]]:
    """Ports whose trials are all refused before anything is sent."""
    with lk.Lab() as lab:
        yield lab.cable("a", "b")


UNSIGNED = {"signature": False}


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (lambda a, b: ([],), "0 streams; a trial has one or more"),
        (lambda a, b: ([flow()],), "is on no port; write stream.on.port"),
        (lambda a, b: ([flow().on(a), a],), "<Port a .* is on no port"),
        (lambda a, b: ([flow().on(a)], flow()), "the streams before it name their ports"),
        (lambda a, b: (a, [flow().on(b)]), "name a port already, and port a is given too"),
        (lambda a, b: (a,), "streams is None; give the port something to send"),
        (lambda a, b: ("a", flow()), "port is 'a'; it is a port of a lab"),
        (lambda a, b: (flow().on("a"),), "port is 'a'; it is a port of a lab"),
        (lambda a, b: (flow().on(a, to=1),), "to is 1; it is a port of a lab"),
        (lambda a, b: (flow(size=9020).on(a),), "size 9020 exceeds .* port a"),
        (
            lambda a, b: ([flow(rate=9).on(a, to=b), flow().on(b, to=a)],),
            "a to b has a rate, and b to a has none",
        ),
        (
            lambda a, b: ([flow(**UNSIGNED).on(a), flow(**UNSIGNED).on(b, to=a)],),
            "a to a and b to a: both have streams without a signature",
        ),
    ],
)
def test_wrong_arguments(untouched: tuple[lk.Port, lk.Port], given: object, says: str) -> None:
    a, b = untouched
    with pytest.raises(lk.LabError, match=says):
        lk.trial(*given(a, b), duration=0.1)  # type: ignore[operator]
    assert a.xstats()["tx_good_packets"] == 0


def test_receive_on_is_said_of_each_stream(untouched: tuple[lk.Port, lk.Port]) -> None:
    a, b = untouched
    with pytest.raises(lk.LabError, match=r"write stream.on\(port, to=b\)"):
        lk.trial([flow().on(a)], receive_on=b, duration=0.1)


@pytest.mark.filterwarnings("ignore:.*engines run here")
def test_directions_of_two_labs_share_no_clock(untouched: tuple[lk.Port, lk.Port]) -> None:
    a, _ = untouched
    with lk.Lab() as other, pytest.raises(lk.LabError, match="are of two labs"):
        lk.trial([flow().on(a), flow().on(other.port("ring"))], rate=100, duration=0.1)
