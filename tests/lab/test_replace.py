# SPDX-License-Identifier: BSD-3-Clause
"""A path in the place of another one that runs: no frame is missed between them."""

from pathlib import Path
from typing import Any

import pytest

import labkit as lk
from tests.live import assert_whole, stream
from tests.patience import wait_until


def test_no_frame_is_missed(lab: lk.Lab) -> None:
    """The DUT is replaced again and again; what it received and sent adds up over all of them."""
    a, b = lab.cable(ring_size=16384)
    good = lk.rx(b) >> lk.reflect() >> lk.tx(b)
    bad = lk.rx(b) >> lk.impair(loss=0.5) >> lk.reflect() >> lk.tx(b)
    dut = lab.run(good, name="dut")
    seen = 0
    with lab.traffic() as t:
        flow = t.add(stream(a), on=a, to=a, rate="50 kpps")
        flow.start()
        for n in range(20):
            frames = flow.sent
            wait_until(lambda frames=frames: flow.sent > frames + 100)
            before, dut = dut, dut.replace((bad, good)[n % 2])
            assert not before.is_running
            assert dut.is_running
            assert dut.name == "dut"
            assert lab.paths["dut"] is dut
            seen += before.counters.nodes["rx:server"].objects
        flow.stop()
        seen += dut.counters.nodes["rx:server"].objects
        assert seen == flow.sent
        assert t.ledger.is_balanced, t.ledger
        assert 0 < sum(t.ledger.drops.values()) < flow.sent
    assert b.losses().get("imissed", 0) == 0


def test_flows_that_are_added_interrupt_no_other(lab: lk.Lab) -> None:
    """New sources and new places need another path on ports that send and receive."""
    a, b = lab.cable(ring_size=16384)
    _, d = lab.cable()
    with lab.traffic() as t:
        first = t.add(stream(), on=a, to=b, rate="20 kpps", overdue="catch_up")
        first.start()
        paths = set(lab.paths)
        for n, to in enumerate((b, b, (b, d))):
            other = stream()
            other.packet["IP"].src = f"10.0.0.{10 + n}"
            t.add(other, on=a, to=to, rate=1000).start()
            frames = first.sent
            wait_until(lambda frames=frames: first.sent > frames + 500)
        assert set(lab.paths) == paths | {f"traffic:{d.name}"}
        t.stop()
        assert_whole(t)


def test_what_cannot_run_leaves_the_one_that_runs(lab: lk.Lab, tmp_path: Path) -> None:
    a, b = lab.cable()
    path = lab.run(lk.rx(b) >> lk.sink())
    lab.run(lk.rx(a) >> lk.sink(), name="other")
    with pytest.raises(lk.PathError, match=r"path 'other' has rx of port client, queue 0 already"):
        path.replace(lk.rx(a) >> lk.sink())
    with pytest.raises(lk.PathError, match="a capture's file has one writer"):
        path.replace(lk.rx(b) >> lk.capture(tmp_path / "x.pcap") >> lk.sink())
    assert path.is_running
    a.send(b"\0" * 60)
    wait_until(lambda: path.counters.nodes["sink"].objects == 1)
    path.stop()
    with pytest.raises(lk.PathError, match=r"was stopped; run the other one"):
        path.replace(lk.rx(b) >> lk.sink())


def test_interrupted_it_is_done_all_the_same(lab: lk.Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C ends the wait alone: what runs is what the lab says, and flows can be added on."""
    a, b = lab.cable()
    commands = lab.engine.commands
    real = commands.replace_path

    def interrupted(*arguments: Any) -> None:
        monkeypatch.undo()
        real(*arguments)
        raise KeyboardInterrupt

    with lab.traffic() as t:
        first = t.add(stream(), on=a, to=b, rate=1000)
        first.start()
        other = stream()
        other.packet["IP"].src = "10.0.0.9"
        second = t.add(other, on=a, to=b, rate=1000)
        monkeypatch.setattr(commands, "replace_path", interrupted)
        with pytest.raises(KeyboardInterrupt):
            second.start()
        second.start()
        wait_until(lambda: second.received is not None and second.received > 10)
        t.stop()
        assert_whole(t)


def test_a_path_of_traffic_that_was_stopped_runs_again(lab: lk.Lab) -> None:
    a, b = lab.cable()
    with lab.traffic() as t:
        flow = t.add(stream(), on=a, to=b, count=10, rate=1000)
        flow.start()
        flow.wait()
        lab.paths[f"traffic:{a.name}"].stop()
        flow.start()
        flow.wait(30)
        assert (flow.sent, flow.received) == (20, 20)


def test_another_port(lab: lk.Lab) -> None:
    """Python has the ports that the path leaves, and those that it takes are its own."""
    a, b = lab.cable()
    c, d = lab.cable()
    path = lab.run(lk.rx(b) >> lk.reflect() >> lk.tx(b))
    frame = bytes(range(60))
    assert not d.receive(1, timeout=0)  # Python hears of it from here on
    after = path.replace(lk.rx(d) >> lk.reflect() >> lk.tx(d))
    c.send(frame)
    assert len(c.receive(1, timeout=10)) == 1
    assert not b.receive(1, timeout=0)
    a.send(frame)
    assert bytes(b.receive(1, timeout=10)[0]) == frame
    assert after.counters.nodes[f"rx:{d.name}"].objects == 1
