# SPDX-License-Identifier: BSD-3-Clause
"""Pairs that tests share: a generator, a path to the main port, and the far ends of both."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import labkit as lk
from labkit.pairs.switching import STEPS, Switch
from tests.live import stream

# Short limits for what is made to fail; those of what is not must stand a machine under load.
QUICK = lk.Watchdog(tx_progress=0.05, link=None, keep_alive=None, admin=None)


@dataclass
class Pair:
    """A lab with ports a and b that a flow comes to by path `line`, which uses a."""

    lab: lk.Lab
    a: lk.Port
    b: lk.Port
    flow: lk.Flow


def pair_of(lab: lk.Lab, rate: int = 2000) -> Pair:
    """Two cables side by side; their far ends are places of one flow."""
    # Room for seconds of frames: what holds a worker up is to refuse none of them.
    out, client = lab.cable("out", "client", ring_size=8192)
    a, a_far = lab.cable("a", "a_far", ring_size=8192)
    b, b_far = lab.cable("b", "b_far", ring_size=8192)
    lab.run(lk.rx(client) >> lk.tx(a), name="line")
    flow = lab.traffic().add(stream(), on=out, to=[a_far, b_far], rate=rate)
    return Pair(lab, a, b, flow)


@contextmanager
def link_down(port: lk.Port) -> Iterator[None]:
    """A fault: what is offered to the port ends in drop_tx_link_down."""
    port.set_link(False)
    try:
        yield
    finally:
        port.set_link(True)


def assert_in_turn(switch: Switch) -> None:
    """Its steps were done one after the other; the first frame may come before the last path."""
    done = [step for step in STEPS if step in switch.times and step != "first frame"]
    times = [switch.times[step] for step in done if step != "fault begun"]
    assert times == sorted(times), switch.times
    assert switch.times["decided"] <= switch.times["first frame"]
