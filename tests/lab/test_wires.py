# SPDX-License-Identifier: BSD-3-Clause
"""Wires join devices inside a path: what goes in comes out, or ends under its reason."""

import time

import pytest
from scapy.layers.l2 import Ether

import labkit as lk
from labkit.errors import PathError
from labkit.lab.running_path import RunningPath
from labkit.path.path import Path
from labkit.path.wires import wire
from tests.patience import exactly, wait_until

CLOCKS = 2e-3  # s, by which ours and the engine's may differ


def frames(a: lk.Port, b: lk.Port, count: int, size: int = 60) -> list[bytes]:
    head = bytes(Ether(src=a.mac, dst=b.mac, type=0x88B5))
    return [head + n.to_bytes(4, "big") + bytes(size - 18) for n in range(count)]


def over(lab: lk.Lab, *args: object, **kwargs: object) -> tuple[lk.Port, lk.Port, RunningPath]:
    """From one port over a wire to the other."""
    a, near = lab.cable("a", "near")
    far, b = lab.cable("far", "b")
    begin, end = wire("far", *args, name="w", **kwargs)  # type: ignore[arg-type]
    path = lab.run(Path(lk.rx(near) >> begin, end >> lk.tx(far), name="over"))
    return a, b, path


def test_frames_come_through_in_their_order(lab: lk.Lab) -> None:
    a, b, path = over(lab, "1 Gbit/s", "1 ms", jitter="0.9 ms")
    sent = frames(a, b, 400)
    a.send(sent)
    assert exactly(b, 400) == sent
    wire = path.counters.functions["w"]
    assert (wire["passed"], wire["passed_bytes"], wire["held"]) == (400, 400 * 60, 0)
    assert path.ledger.is_balanced


def test_a_rate_is_kept(lab: lk.Lab) -> None:
    """The last frame leaves no sooner than a link of this rate has sent all."""
    a, b, path = over(lab, "10 Mbit/s")
    b.receive(1, timeout=0)
    begin = time.time()
    a.send(frames(a, b, 20, 1246))  # 1,250 bytes with FCS: 1 ms each
    found = b.receive(20, timeout=60)
    assert float(found[-1].time) - begin > 20e-3 - CLOCKS
    assert path.ledger.is_balanced


def test_a_delay_is_no_shorter(lab: lk.Lab) -> None:
    a, b, path = over(lab, None, "20 ms")
    b.receive(1, timeout=0)
    begin = time.time()
    a.send(frames(a, b, 5))
    found = b.receive(5, timeout=60)
    assert float(found[0].time) - begin > 20e-3 - CLOCKS
    assert path.counters.functions["w"]["passed"] == 5
    assert path.ledger.is_balanced


def test_what_finds_the_queue_full(lab: lk.Lab) -> None:
    a, b, path = over(lab, "1 kbit/s", limit=3)
    a.send(frames(a, b, 10))
    wait_until(lambda: path.drops.get("drop_queue_full", 0) == 7)
    ledger = path.ledger
    assert (ledger.held, ledger.is_balanced) == (3, True)


def test_what_is_lost(lab: lk.Lab) -> None:
    a, b, path = over(lab, loss=0.5, seed=7)
    a.send(frames(a, b, 1000))
    wait_until(lambda: path.ledger.received + path.drops.get("drop_impair_loss", 0) == 1000)
    assert 400 < path.drops["drop_impair_loss"] < 600
    assert path.ledger.is_balanced


def test_a_wire_that_goes_down_loses_what_is_on_it(lab: lk.Lab) -> None:
    a, b, path = over(lab, None, "60 s")
    a.send(frames(a, b, 4))
    wait_until(lambda: path.counters.held == 4)
    lab._paths.change(path, "w", up=False)
    wait_until(lambda: path.counters.held == 0)
    a.send(frames(a, b, 2))
    wait_until(lambda: path.drops["drop_wire_down"] == 6)
    lab._paths.change(path, "w", up=True, delay=0.0)
    a.send(frames(a, b, 1))
    assert len(exactly(b, 1)) == 1
    assert path.path.node("w").params["delay"] == 0
    assert path.ledger.is_balanced


def test_a_wire_holds_no_more_than_it_may(lab: lk.Lab) -> None:
    a, b, path = over(lab, None, "60 s")
    a.send(frames(a, b, 4096 + 50))
    wait_until(lambda: path.drops.get("drop_delay_full", 0) == 50)
    assert path.ledger.held == 4096
    path.stop()
    assert path.ledger.is_balanced


def test_wires_in_a_ring_do_not_hang(lab: lk.Lab) -> None:
    """A frame that goes round leaves the worker to others, and the path can be stopped."""
    a, near = lab.cable()
    one, one_end = wire("one", name="one")
    two, two_end = wire("two", name="two")
    path = lab.run(Path(lk.rx(near) >> one, one_end >> two, two_end >> one, name="ring"))
    a.send(frames(a, near, 3))
    wait_until(lambda: path.counters.functions["one"]["passed"] > 1000)
    lab._paths.change(path, "two", up=False)
    wait_until(lambda: path.drops.get("drop_wire_down") == 3)
    assert path.ledger.is_balanced


def test_other_nodes_keep_their_parameters(lab: lk.Lab) -> None:
    _, _, path = over(lab)
    with pytest.raises(PathError, match=r"node tx:far: a tx keeps its parameters"):
        lab._paths.change(path, "tx:far", port="near")
    with pytest.raises(PathError, match=r"rate is '1 Mbt/s'"):
        lab._paths.change(path, "w", rate="1 Mbt/s")
