# SPDX-License-Identifier: BSD-3-Clause
"""Fail-overs rehearsed: a hundred of them, each frame of which is accounted for."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

import labkit as lk
import labkit.pairs.rehearsal  # an interrupt amid an import would be the affair of Python
from tests.interrupts import interrupts
from tests.pairs.topology import QUICK, assert_in_turn, link_down, pair_of
from tests.patience import wait_until

FAST = lk.Watchdog(tx_progress=0.02, link=None, keep_alive=None, admin=None)


def test_a_hundred_times(lab: lk.Lab) -> None:
    """Nothing is counted twice, and what is missing is what the gap took."""
    p = pair_of(lab)
    with lk.failover(p.a, p.b, FAST, rehearse=link_down) as pair:
        p.flow.start()
        wait_until(lambda: p.flow.received_by_port["a_far"] > 20)
        table = pair.rehearse(times=100)
        p.flow.stop()
        counted = p.flow.counters
        time.sleep(1)  # until all of it is recorded
        assert pair.stitched[-1]["port/main/tx_good_packets"] == counted["received"]
        switches, stitched = pair.switches, pair.stitched
    assert len(table) == len(switches) == 100
    for switch in switches:
        assert_in_turn(switch)
        assert switch.times["fault begun"] <= switch.times["detected"]
    assert list(table["main"]) == ["a", "b"] * 50
    assert (table["signal"] == "tx_progress").all()
    assert table["is_whole"].all(), table.to_string()
    assert (table["lost_frames"] > 0).all()
    assert (table["gap_frames"] == table["refused_frames"]).all()
    assert (table["duplicated_frames"] == 0).all()
    assert table["detection_s"].min() >= 0.02
    assert (table["gap_s"] > 0).all()
    assert counted["lost"] == table["lost_frames"].sum()
    assert sum(p.flow.received_by_port.values()) + counted["lost"] == counted["sent"]
    assert lab.live is not None
    assert lab.live.ledger.is_balanced
    assert len(stitched.epochs) == 101
    assert stitched.table["port/main/tx_good_packets"].is_monotonic_increasing
    assert table.percentiles.loc["p50", "detection_s"] == table["detection_s"].median()
    assert "100 fail-overs rehearsed" in table._repr_html_()


def test_without_traffic_of_the_lab(lab: lk.Lab) -> None:
    """What no flow tells is missing."""
    p = pair_of(lab)
    assert lab.live is not None
    lab.live.close()
    told = r"a frame from port a .*was not seen within 0\.5 s"
    with lk.failover(p.a, p.b, QUICK) as pair, pytest.raises(lk.LabError, match=told):
        pair.rehearse(link_down, timeout=0.5)
    assert pair.switches == []


def test_a_fault_that_is_not_seen(lab: lk.Lab) -> None:
    p = pair_of(lab)
    p.flow.start()
    ended = []

    @contextmanager
    def nothing(port: lk.Port) -> Iterator[None]:
        yield
        ended.append(port.name)

    with lk.failover(p.a, p.b, QUICK, rehearse=nothing) as pair:
        with pytest.raises(lk.LabError, match=r"switch 1 was not seen within 0\.5 s: .* watching"):
            pair.rehearse(timeout=0.5)
        assert ended == ["a"]
        with pytest.raises(lk.LabError, match="fault gave 5; it returns a context manager"):
            pair.rehearse(lambda _: 5)  # type: ignore[arg-type, return-value]
        assert pair.rehearse(link_down)["is_whole"].all()


@pytest.mark.parametrize("seconds", [0.02, 0.1, 0.2, 0.4, 0.8])
def test_interrupted(lab: lk.Lab, seconds: float) -> None:
    """No fault and no paused flow stays behind."""
    p = pair_of(lab)
    p.flow.start()
    with lk.failover(p.a, p.b, QUICK, rehearse=link_down) as pair:
        wait_until(lambda: p.flow.received_by_port["a_far"] > 20)
        with interrupts(seconds), pytest.raises(KeyboardInterrupt):
            pair.rehearse(times=1000)
        assert p.flow.state == "started"
        wait_until(lambda: pair.state == "watching")  # what is restarted is down for a moment
        wait_until(lambda: p.a.info.link_up and p.b.info.link_up)
        table = pair.rehearse(times=2)
        assert table["is_whole"].all(), table.to_string()
