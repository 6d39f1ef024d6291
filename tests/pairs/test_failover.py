# SPDX-License-Identifier: BSD-3-Clause
"""A main port fails: it is seen, paths are switched, it comes back as backup, all is counted."""

import itertools
import multiprocessing as mp
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

import labkit as lk
from tests.interrupts import interrupts
from tests.pairs.topology import QUICK, assert_in_turn, link_down, pair_of
from tests.patience import wait_until

LINK = lk.Watchdog(tx_progress=None, link=0.05, keep_alive=None, admin=None)
PATIENT = lk.Watchdog(tx_progress=1.0, link=1.0, keep_alive=2.0, admin=1.0)


def test_one_switch_and_all_of_its_numbers(lab: lk.Lab) -> None:
    p = pair_of(lab)
    with lk.failover(p.a, p.b, QUICK) as pair:
        assert (pair.main, pair.backup, pair.state) == (p.a, p.b, "watching")
        p.flow.start()
        wait_until(lambda: p.flow.received_by_port["a_far"] > 100)
        p.a.set_link(False)
        switch = pair.wait(1, 30)
        assert (pair.main, pair.backup, pair.failures) == (p.b, p.a, {"a": 1})
        assert lab.paths["line"].path.chains == ("rx:client >> tx:b",)
        wait_until(lambda: p.flow.received_by_port["b_far"] > 100)
        wait_until(lambda: switch.is_over and pair.state == "watching")
        p.flow.stop()
        counted, arrived = p.flow.counters, p.flow.received_by_port
        wait_until(
            lambda: pair.stitched[-1]["port/main/tx_good_packets"] == counted["received"], 10
        )
        stitched = pair.stitched
    # By the flow, by the numbers of its frames, and by the node that refused them
    lost = counted["sent"] - counted["received"]
    assert counted["lost"] == lost == switch.gap_frames == switch.refused_frames > 0
    assert sum(arrived.values()) + lost == counted["sent"]
    assert counted["duplicated"] == switch.duplicated_frames == 0
    assert lab.live is not None
    assert lab.live.ledger.is_balanced
    # Times
    assert switch.alarm is not None
    assert switch.alarm.signal == "tx_progress"
    assert_in_turn(switch)
    assert switch.detection_s is not None
    assert switch.gap_s is not None
    assert switch.switch_s is not None
    assert 0.05 <= switch.detection_s < switch.gap_s + switch.switch_s
    # Joined
    table = stitched.table
    assert list(dict.fromkeys(table["side"])) == ["a", "b"]
    assert list(stitched.epochs["side"]) == ["a", "b"]
    assert stitched.epochs.loc[2, "gap_before_s"] == pytest.approx(switch.gap_s)
    sent = table["port/main/tx_good_packets"]
    assert sent.is_monotonic_increasing
    assert table.index.to_series().diff().max().total_seconds() >= switch.gap_s * 0.999
    first_of_b = int((table["side"] == "b").to_numpy().argmax())
    assert stitched.rates["port/main/tx_good_packets"].isna().to_numpy()[first_of_b - 1]
    # Told
    steps = list(pair.timeline["step"])
    assert steps.index("last frame") < steps.index("detected") < steps.index("switched")
    assert pair.state == "stopped"
    for text in ("a → b", "tx_progress", "main b, backup a"):
        assert text in repr(pair)
    assert "<img" in pair._repr_html_()
    assert "<img" in pair.timeline._repr_html_()


def test_a_link_that_goes_down_while_nothing_is_sent(lab: lk.Lab) -> None:
    p = pair_of(lab)
    with lk.failover(p.a, p.b, LINK) as pair:
        p.a.set_link(False)
        switch = pair.wait(1, 30)
        assert switch.alarm is not None
        assert switch.alarm.signal == "link"
        assert pair.main is p.b
        assert "last frame" not in switch.times  # none is known
        assert (switch.gap_s, switch.gap_frames) == (None, None)


def test_a_sink_in_the_place_of_the_port_is_no_stall(lab: lk.Lab) -> None:
    """Nothing is offered to the port then: whoever takes its frames away has done so."""
    p = pair_of(lab)
    with lk.failover(p.a, p.b, QUICK) as pair:
        p.flow.start()
        wait_until(lambda: p.flow.received_by_port["a_far"] > 100)
        lab.paths["line"].replace(lk.rx("client") >> lk.sink())
        time.sleep(0.5)
        assert pair.switches == []


def test_as_asked(lab: lk.Lab) -> None:
    """A planned switch loses nothing."""
    p = pair_of(lab)
    p.flow.start()
    with lk.failover(p.a, p.b, PATIENT) as pair:
        for main in (p.b, p.a, p.b):
            wait_until(lambda: (p.flow.received or 0) > 50)
            switch = pair.switch()
            assert switch.alarm is None
            assert pair.main is main
            p.flow.clear()
        assert pair.failures == {}
    p.flow.stop()
    assert lab.live is not None
    assert lab.live.ledger.drops == {}
    assert lab.live.ledger.is_balanced


def test_both_ways_and_mac_addresses(lab: lk.Lab) -> None:
    """What arrives on the pair moves as well, and answers with the other's address."""
    _, client = lab.cable("out", "client")
    a, a_far = lab.cable("a", "a_far")
    b, b_far = lab.cable("b", "b_far")
    lab.run(lk.Path(lk.rx(a) >> lk.tx(client), lk.rx(client) >> lk.tx(a, name="mine"), name="two"))
    with lk.failover(a, b, PATIENT) as pair:
        pair.switch()
        assert lab.paths["two"].path.chains == ("rx:b >> tx:client", "rx:client >> mine")
        assert lab.paths["two"].path.node("mine").port == "b"
    lab.paths["two"].stop()
    lab.echo_server(a, ["10.0.0.2/24"], name="host")
    with lk.failover(a, b, PATIENT) as pair:
        pair.switch()
        macs = [n.params.get("mac") for n in lab.paths["host"].path.nodes if "mac" in n.params]
        assert set(macs) == {b.mac}
    assert {a_far.mac, b_far.mac}.isdisjoint(macs)


def _loop() -> None:
    for _ in itertools.count():
        pass


@contextmanager
def busy_machine() -> Iterator[None]:
    """Processes that take all the time they get."""
    loops = [mp.get_context("spawn").Process(target=_loop, daemon=True) for _ in range(4)]
    for loop in loops:
        loop.start()
    try:
        yield
    finally:
        for loop in loops:
            loop.kill()
            loop.join()


@pytest.mark.parametrize("is_busy", [False, True], ids=["quiet", "beside busy loops"])
def test_no_false_alarm(lab: lk.Lab, is_busy: bool) -> None:
    """Idle; under way; when the generator stops, pauses, goes on; at another rate."""
    p = pair_of(lab, rate=500)
    with lk.failover(p.a, p.b, PATIENT) as pair:
        time.sleep(0.3)
        if is_busy:
            with busy_machine():
                _run(p.flow)
        else:
            _run(p.flow)
        assert pair.switches == []
        assert pair.state == "watching"
    assert p.flow.counters["lost"] == 0


def _run(flow: lk.Flow) -> None:
    flow.start()
    time.sleep(1.5)
    flow.pause()
    time.sleep(1.5)
    flow.resume()
    flow.rate = 50
    time.sleep(1.5)
    flow.stop()
    time.sleep(1.5)


def test_too_many_fail_overs(lab: lk.Lab) -> None:
    """The limit holds for what is decided by itself, and is told; what is asked for is done."""
    p = pair_of(lab)
    few = lk.Watchdog(tx_progress=0.05, link=None, keep_alive=None, admin=None, resets=2)
    p.flow.start()
    with lk.failover(p.a, p.b, few) as pair:
        for number in (1, 2):
            before = p.flow.received or 0
            wait_until(lambda n=before: (p.flow.received or 0) > n + 20)
            pair.main.set_link(False)
            pair.wait(number, 30)
            wait_until(lambda: pair.state == "watching")
        before = p.flow.received or 0
        wait_until(lambda: (p.flow.received or 0) > before + 20)
        pair.main.set_link(False)
        wait_until(lambda: pair.state == "halted")
        assert "2 fail-overs in 600 s" in pair.notes[-1]
        with pytest.raises(lk.LabError, match="switch 3 was not seen: the pair is halted"):
            pair.wait(3, 5)
        assert pair.switch().alarm is None
        assert pair.main is p.b


def test_both_fail(lab: lk.Lab) -> None:
    """There is nothing to switch to until the other is back."""
    p = pair_of(lab)
    p.flow.start()
    broken = {"b": True}
    check = lk.Port.info.fget  # type: ignore[attr-defined]
    with lk.failover(p.a, p.b, QUICK) as pair:
        wait_until(lambda: p.flow.received_by_port["a_far"] > 50)

        def still_down(port: lk.Port) -> object:
            info = check(port)
            return replace(info, link_up=False) if port.name == "a" and broken["b"] else info

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(lk.Port, "info", property(still_down))
            p.a.set_link(False)
            wait_until(lambda: pair.main is p.b)
            wait_until(lambda: p.flow.received_by_port["b_far"] > 50)
            assert pair.state == "restoring"
            p.b.set_link(False)
            wait_until(lambda: pair.state == "alone")
            assert "port a cannot take over now" in pair.notes[-1]
            wait_until(lambda: any("not put back yet: its link is down" in n for n in pair.notes))
            broken["b"] = False
            second = pair.wait(2, 30)
        assert (second.old, second.new) == ("b", "a")
        assert pair.failures == {"a": 1, "b": 1}


def test_the_engine_of_both_dies(lab: lk.Lab) -> None:
    p = pair_of(lab)
    with lk.failover(p.a, p.b, QUICK) as pair:
        p.flow.start()
        wait_until(lambda: p.flow.received_by_port["a_far"] > 50)
        os.kill(lab.pid, signal.SIGKILL)
        wait_until(lambda: pair.state == "lost")
        assert "nothing to switch to" in pair.notes[-1]
        lab.restart()
        wait_until(lambda: pair.state == "watching")
        p.flow.start()
        wait_until(lambda: p.flow.received_by_port["a_far"] > 50)
        p.a.set_link(False)
        assert pair.wait(1, 30).new == "b"


def test_the_lab_is_closed_before_the_pair() -> None:
    lab = lk.Lab()
    p = pair_of(lab)
    pair = lk.failover(p.a, p.b, QUICK)
    lab.close()
    wait_until(lambda: pair.state == "stopped")
    assert pair.notes == ["the lab was closed"]
    pair.stop()
    assert len(pair.stitched) > 0


def test_leaving_it_leaves_the_traffic_where_it_is(lab: lk.Lab) -> None:
    p = pair_of(lab)
    p.flow.start()
    with lk.failover(p.a, p.b, QUICK) as pair:
        pair.switch()
    p.flow.clear()
    wait_until(lambda: p.flow.received_by_port["b_far"] > 50)
    with link_down(p.b):
        time.sleep(0.5)
    assert pair.main is p.b
    with pytest.raises(lk.LabError, match="watched no more"):
        pair.switch()


def wait_for_ever(pair: lk.Failover) -> None:
    while True:
        pair.wait(1, 30)


@pytest.mark.parametrize("seconds", [0.001, 0.01, 0.03, 0.06, 0.1])
def test_interrupted(lab: lk.Lab, seconds: float) -> None:
    """Ctrl-C at any time while it is waited for: the switch is made, and another one can be."""
    p = pair_of(lab)
    p.flow.start()
    with lk.failover(p.a, p.b, QUICK) as pair:
        wait_until(lambda: p.flow.received_by_port["a_far"] > 50)
        p.a.set_link(False)
        with interrupts(seconds) as struck, pytest.raises(KeyboardInterrupt):
            wait_for_ever(pair)
        assert struck.count == 1
        pair.wait(1, 30)
        assert "put back" in pair.switch().times
        assert pair.main is p.a
    p.flow.stop()
    assert lab.live is not None
    assert lab.live.ledger.is_balanced
