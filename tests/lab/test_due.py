# SPDX-License-Identifier: BSD-3-Clause
"""Nodes behind one that holds frames reckon with the times at which these were due: a worker that
is held up makes no burst of a stream."""

import os
import signal
import time
from collections.abc import Callable

import pytest

import labkit as lk
from labkit.lab.running_path import RunningPath
from labkit.path.chain import Chain, Node
from labkit.path.due import asked_for_due, without_due
from labkit.path.path import Path
from tests.lab.test_functions import counters, frames, through
from tests.patience import wait_until

COUNT = 400  # frames of 1,000 bytes: 40 ms at 80 Mbit/s
SLOWER: dict[str, Callable[[], Chain]] = {
    "flow_limit": lambda: lk.flow_limit("80 Mbit/s", "10 kB", "1 MB"),
    "shape": lambda: lk.shape(lk.allowance("80 Mbit/s", "10 kB"), limit="1 MB"),
    "queue": lambda: lk.queue("80 Mbit/s"),
    "queue and delay": lambda: lk.queue("80 Mbit/s") >> lk.delay("3 ms"),
}
FASTER: dict[str, Callable[[], Node | Chain]] = {
    "allowance": lambda: lk.police(lk.allowance("100 Mbit/s", "20 kB"), name="faster"),
    "police": lambda: lk.police("100 Mbit/s", burst="20 kB", name="faster"),
    "shape": lambda: lk.shape(lk.allowance("100 Mbit/s", "20 kB"), name="faster"),
    "flow_limit": lambda: lk.flow_limit("100 Mbit/s", "20 kB", name="faster"),
}


def hold_up(lab: lk.Lab, path: RunningPath, seconds: float) -> None:
    """The engine stands still for so long, again and again, as long as the path holds frames."""
    end = time.monotonic() + 60
    while path.ledger.held and time.monotonic() < end:
        os.kill(lab.pid, signal.SIGSTOP)
        time.sleep(seconds)
        os.kill(lab.pid, signal.SIGCONT)
        time.sleep(0.002)


@pytest.mark.parametrize(("slower", "faster"), [*zip(SLOWER, FASTER, strict=True)])
def test_a_worker_that_is_held_up_makes_no_burst(lab: lk.Lab, slower: str, faster: str) -> None:
    """By 10 ms: 100 frames are late then."""
    a, _, path = through(lab, SLOWER[slower]() >> FASTER[faster]())
    a.send(frames(COUNT))
    hold_up(lab, path, 0.01)
    wait_until(lambda: path.ledger.sent == COUNT and not path.ledger.held)
    found = counters(path, "faster")
    assert found.get("exceeded", 0) == found.get("red", 0) == 0
    assert path.drops == {}
    assert path.ledger.is_balanced


def test_a_queue_that_never_fills_drops_nothing(lab: lk.Lab) -> None:
    """Frames that a slower queue lets go of together came one after the other."""
    slower = lk.queue("50 kpps", limit="4000 packets", name="slower")
    a, _, path = through(lab, slower >> lk.queue("60 kpps", limit="4 packets", name="faster"))
    a.send(frames(2000))
    hold_up(lab, path, 0.003)
    wait_until(lambda: path.ledger.sent == 2000 and not path.ledger.held)
    assert path.drops == {}
    found = counters(path, "faster")
    assert (found["passed"], found["delayed"]) == (2000, 0)
    assert path.ledger.is_balanced


def told(path: Path) -> tuple[list[str], list[str]]:
    """Nodes that do not know when frames were due, and those that have to tell."""
    places = {n.name: place for place, n in enumerate(path.nodes)}
    joins = [(places[edge.source], places[edge.target]) for edge in path.edges]
    kinds = [n.declared for n in path.nodes]
    timeless = without_due(kinds, joins)
    asked = asked_for_due(kinds, joins, timeless)
    names = [n.name for n in path.nodes]
    return [names[place] for place in sorted(timeless)], [names[place] for place in sorted(asked)]


def test_who_knows_when_frames_were_due() -> None:
    """Not who gets some past what holds them, or from a node that makes or holds others."""
    a, z = lk.rx("a"), lk.tx("z")
    one, end = lk.queue("1 Mbit/s"), lk.police("1 Mbit/s")
    assert told(Path(a >> one >> end >> z)) == (["rx:a", "queue"], ["queue_release"])
    timeless, asked = told(Path(a >> one >> end >> z, lk.rx("b") >> end))
    assert "police" in timeless
    assert asked == []
    timeless, asked = told(Path(a >> one >> lk.reassemble() >> end >> z))
    assert "police" in timeless
    assert asked == []


def test_who_is_asked_when_frames_are_due() -> None:
    """Those alone that have one behind them, before another that holds frames, that reckons with
    it."""
    line = lk.queue("1 Mbit/s") >> lk.mtu() >> lk.delay("1 ms") >> lk.tx("z")
    assert told(Path(lk.rx("a") >> line)) == (["rx:a", "queue"], ["queue_release"])
