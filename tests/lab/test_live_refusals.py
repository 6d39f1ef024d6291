# SPDX-License-Identifier: BSD-3-Clause
"""What live traffic refuses, in words, and what it survives: dead engines, busy ports, restarts."""

import os
import signal
from collections.abc import Callable
from typing import Any

import pytest

import labkit as lk
from tests.live import assert_whole, stream
from tests.patience import wait_until

Adding = Callable[[Any, lk.Port], object]


@pytest.mark.parametrize(
    ("add", "words"),
    [
        (lambda t, a: t.add(stream(), on=a, name="x"), r"there is a flow 'x' already"),
        (lambda t, a: t.add(stream(), on=a, count=1, seconds=1), r"count and seconds are both"),
        (lambda t, a: t.add(stream(), on=a, count=0), r"count is 0; the range is 1 to"),
        (lambda t, a: t.add(stream(), on=a, seconds=0), r"seconds is 0"),
        (lambda t, a: t.add(stream(), on=a, delay=-1), r"delay is -1; the range is 0 to"),
        (lambda t, a: t.add(stream(), on=a, gap="soon"), r"soon"),
        (lambda t, a: t.add(stream(), on=a, overdue="late"), r"'catch_up' or 'skip'"),
        (lambda t, a: t.add(stream(), on="client"), r"on is 'client'; it is a port of a lab"),
        (lambda t, a: t.add(stream(), on=a, name="a/b"), r"name is 'a/b'"),
        (lambda t, a: t.add("frames", on=a), r"'frames' is no stream"),
        (lambda t, a: t.add(stream(size=9500), on=a), r"size 9500 exceeds what port client sends"),
        (lambda t, a: t.start("y"), r"there is no flow 'y'"),
        (lambda t, a: t.flows["x"].wait(), r"flow 'x' has no end to wait for"),
        (lambda t, a: setattr(t.flows["x"], "size", 40), r"choose 64 or more"),
        (lambda t, a: setattr(t.flows["x"], "rate", "9 parsecs"), r"rate is '9 parsecs'"),
        (lambda t, a: t.add(stream(), on=a, seconds=1e6), r"seconds is 1000000.0; the range"),
        (lambda t, a: setattr(t.flows["x"], "rate", 1e-9), r"at most 86,400 s, so send faster"),
        (lambda t, a: setattr(t.flows["x"], "rate", 0), r"it is a positive number"),
    ],
)
def test_what_cannot_be(lab: lk.Lab, add: Adding, words: str) -> None:
    a, _ = lab.cable()
    with lab.traffic() as t:
        flow = t.add(stream(rate="5 kpps"), on=a, name="x")
        flow.start()
        with pytest.raises((lk.LabError, KeyError), match=words):
            add(t, a)
        assert list(t.flows) == ["x"]
        before = flow.sent
        wait_until(lambda: flow.sent > before)  # it runs on as it was
        flow.stop()
        assert_whole(t)


def test_a_port_in_use_is_not_closed(lab: lk.Lab) -> None:
    a, b = lab.cable()
    c, d = lab.cable("c", "d")
    t = lab.traffic()
    flow = t.add(stream(rate="5 kpps"), on=a, to=b)
    flow.start()
    with pytest.raises(lk.PortError, match=r"client cannot be closed.*lab.live.close\(\)"):
        a.close()
    c.close()
    d.close()
    before = flow.sent
    wait_until(lambda: flow.sent > before)
    t.close()
    a.close()
    with pytest.raises(lk.LabError, match="this traffic was closed"):
        flow.start()


def test_a_flow_that_cannot_start_leaves_those_that_run(lab: lk.Lab) -> None:
    a, b = lab.cable(queues=2)
    t = lab.traffic()
    flow = t.add(stream(rate="5 kpps"), on=a, to=b)
    flow.start()
    c, d = lab.cable("c", "d")
    lab.run(lk.rx(d) >> lk.sink())
    other = t.add(stream(rate="5 kpps"), on=c, to=d)
    with pytest.raises(lk.PathError, match="has rx of port d, queue 0 already"):
        other.start()
    before = flow.sent
    wait_until(lambda: flow.sent > before)
    t.close()
    assert_whole(t)


def test_too_many_places(lab: lk.Lab) -> None:
    ports = [port for n in range(9) for port in lab.cable(f"l{n}", f"r{n}")]
    with lab.traffic() as t:
        with pytest.raises(lk.LabError, match="to arrive on 18 ports; 16 at most"):
            t.add(stream(), on=ports[0], to=ports)
        flow = t.add(stream(), on=ports[0], count=100, rate="50 kpps")
        flow.start()
        flow.wait()
        assert_whole(t)


def test_no_measurement_beside_it(lab: lk.Lab) -> None:
    a, b = lab.cable()
    t = lab.traffic()
    with pytest.raises(lk.LabError, match=r"live traffic is open in this lab.*lab.live.close"):
        lk.trial(a, stream(), duration=0.01, receive_on=b)
    t.close()
    assert lk.trial(a, stream(), duration=0.01, receive_on=b, rate="10 kpps").is_balanced


def test_another_one_ends_the_one_before(lab: lk.Lab) -> None:
    a, b = lab.cable()
    first = lab.traffic()
    first.add(stream(rate="5 kpps"), on=a, to=b).start()
    second = lab.traffic()
    assert first.is_closed
    assert first.ledger.is_balanced
    assert lab.live is second


def test_engine_killed_amid_traffic(lab: lk.Lab) -> None:
    a, b = lab.cable()
    t = lab.traffic()
    flow = t.add(stream(rate="5 kpps"), on=a, to=b, name="up")
    flow.start()
    wait_until(lambda: flow.sent > 0)
    os.kill(lab.pid, signal.SIGKILL)
    wait_until(lambda: not lab.is_alive)
    with pytest.raises(lk.EngineDied):
        t.counters()
    with pytest.raises(lk.EngineDied):
        flow.rate = "1 kpps"
    assert "the engine died" in repr(t)
    lab.restart()
    assert (flow.state, flow.sent) == ("stopped", 0)
    flow.start()
    wait_until(lambda: flow.received)
    t.close()
    assert_whole(t)


def test_restart_of_a_lab_that_lives(lab: lk.Lab) -> None:
    a, b = lab.cable()
    t = lab.traffic()
    flow = t.add(stream(), on=a, to=b, count=100, rate="10 kpps")
    flow.start()
    lab.restart()
    assert flow.state == "stopped"
    flow.start()
    flow.wait()
    assert flow.sent == 100
    lab.close()
    assert t.is_closed
    assert flow.sent == 100
    assert_whole(t)
