# SPDX-License-Identifier: BSD-3-Clause
"""Nodes behind one that holds frames reckon with the times at which these were due: a worker that
is held up makes no burst of a stream."""

import os
import signal
import time
from collections.abc import Callable

import pytest

import labkit as lk
from labkit.path.chain import Chain, Node
from labkit.path.due import without_due
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


@pytest.mark.parametrize(("slower", "faster"), [*zip(SLOWER, FASTER, strict=True)])
def test_a_worker_that_is_held_up_makes_no_burst(lab: lk.Lab, slower: str, faster: str) -> None:
    """The engine stands still for 10 ms, again and again: 100 frames are late then."""
    a, _, path = through(lab, SLOWER[slower]() >> FASTER[faster]())
    a.send(frames(COUNT))
    end = time.monotonic() + 60
    while path.ledger.held and time.monotonic() < end:
        os.kill(lab.pid, signal.SIGSTOP)
        time.sleep(0.01)
        os.kill(lab.pid, signal.SIGCONT)
        time.sleep(0.002)
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
    end = time.monotonic() + 60
    while path.ledger.held and time.monotonic() < end:
        os.kill(lab.pid, signal.SIGSTOP)
        time.sleep(0.003)
        os.kill(lab.pid, signal.SIGCONT)
        time.sleep(0.002)
    wait_until(lambda: path.ledger.sent == 2000 and not path.ledger.held)
    assert path.drops == {}
    found = counters(path, "faster")
    assert (found["passed"], found["delayed"]) == (2000, 0)
    assert path.ledger.is_balanced


def names_without(path: Path) -> list[str]:
    places = {n.name: place for place, n in enumerate(path.nodes)}
    joins = [(places[edge.source], places[edge.target]) for edge in path.edges]
    found = without_due([n.declared for n in path.nodes], joins)
    return [n.name for place, n in enumerate(path.nodes) if place in found]


def test_who_knows_when_frames_were_due() -> None:
    """Not who gets some past what holds them, or from a node that makes or holds others."""
    a, z = lk.rx("a"), lk.tx("z")
    assert names_without(Path(a >> lk.queue("1 Mbit/s") >> lk.police("1 Mbit/s") >> z)) == [
        "rx:a",
        "queue",
    ]
    end = lk.police("1 Mbit/s")
    ways = Path(a >> lk.queue("1 Mbit/s") >> end >> z, lk.rx("b") >> end)
    assert "police" in names_without(ways)
    line = lk.queue("1 Mbit/s") >> lk.reassemble() >> lk.police("1 Mbit/s")
    assert "police" in names_without(Path(a >> line >> z))
