# SPDX-License-Identifier: BSD-3-Clause
"""Engines behind the ports of a pair: killed, stopped, restarted, and their data joined."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

import labkit as lk
from tests.pairs.engines import engines_of
from tests.patience import wait_until

# Three engines share the CPUs of a small machine here, on purpose.
pytestmark = pytest.mark.filterwarnings("ignore:.*engines run here")

# Of the engine alone: a machine under load holds one up for less than this.
ENGINE = lk.Watchdog(tx_progress=None, link=None, admin=None, keep_alive=1.0)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "stopped"])
def test_an_engine_fails(lab: lk.Lab, how: signal.Signals) -> None:
    with engines_of(lab) as e, lk.failover(e.a, e.b, ENGINE, engines=e.behind) as pair:
        e.flow.start()
        wait_until(lambda: e.flow.received_by_port["a_far"] > 50)
        old = e.behind[e.a].pid
        os.kill(old, how)
        switch = pair.wait(1, 60)
        assert switch.alarm is not None
        assert switch.alarm.signal == "keep_alive"
        assert ("its process is gone" if how == signal.SIGKILL else "1 s") in switch.alarm.said
        assert pair.main is e.b
        assert e.behind[e.a].is_alive
        assert e.behind[e.a].pid != old
        wait_until(lambda: e.flow.received_by_port["b_far"] > 50)
        wait_until(lambda: pair.state == "watching")
        assert pair.switch(60).new == "a"  # the one that was restarted works
        before = e.flow.received_by_port["a_far"]
        wait_until(lambda: e.flow.received_by_port["a_far"] > before + 50)
        e.flow.stop()
        counted, arrived = e.flow.counters, e.flow.received_by_port
        assert sum(arrived.values()) + counted["lost"] == counted["sent"]
        assert counted["lost"] > 0
        stitched = pair.stitched
        sides = list(stitched.epochs["side"])
        wait_until(lambda: pair.stitched.table["port/out/tx_good_packets"].iloc[-1] > 0, 10)
    assert sides == ["a", "b", "a"]
    assert list(stitched.epochs["instance"]) == [0, 0, 1]
    table = stitched.table
    assert table["port/in/rx_good_packets"].is_monotonic_increasing
    # What the engine that failed had counted after its last sample is not known.
    assert 0 < table["port/out/tx_good_packets"].max() <= counted["received"]


def test_the_backups_engine_fails(lab: lk.Lab) -> None:
    """It is restarted, so that it can take over; main goes on."""
    with engines_of(lab) as e, lk.failover(e.a, e.b, ENGINE, engines=e.behind) as pair:
        e.flow.start()
        wait_until(lambda: e.flow.received_by_port["a_far"] > 50)
        old = e.behind[e.b].pid
        os.kill(old, signal.SIGKILL)
        wait_until(lambda: bool(pair.notes))
        assert "the engine behind the backup, port b, has failed" in pair.notes[0]
        wait_until(lambda: pair.state == "watching")
        assert e.behind[e.b].pid != old
        assert (pair.main, pair.switches) == (e.a, [])
        assert pair.switch(60).new == "b"
        wait_until(lambda: e.flow.received_by_port["b_far"] > 50)
        e.flow.stop()
        assert e.flow.counters["lost"] == 0


def test_engines_are_killed_again_and_again(lab: lk.Lab) -> None:
    """What went down with an engine is in no drop node; the numbers of the frames tell of it."""
    with engines_of(lab) as e:

        @contextmanager
        def killed(port: lk.Port) -> Iterator[None]:
            os.kill(e.behind[port].pid, signal.SIGKILL)
            yield

        with lk.failover(e.a, e.b, ENGINE, engines=e.behind, rehearse=killed) as pair:
            e.flow.start()
            wait_until(lambda: e.flow.received_by_port["a_far"] > 50)
            table = pair.rehearse(times=4)
            e.flow.stop()
            counted = e.flow.counters
    assert list(table["main"]) == ["a", "b"] * 2
    assert (table["signal"] == "keep_alive").all()
    assert (table["lost_frames"] == table["gap_frames"]).all(), table.to_string()
    assert counted["lost"] == table["lost_frames"].sum()
    assert counted["duplicated"] == table["duplicated_frames"].sum()  # and in no count of received
    assert counted["received"] + counted["lost"] == counted["sent"]
