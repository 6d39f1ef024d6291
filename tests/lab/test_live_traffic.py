# SPDX-License-Identifier: BSD-3-Clause
"""Live traffic: flows in the background, exact counts, states that can be trusted."""

import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from scapy.utils import wrpcap

import labkit as lk
from tests.live import assert_whole, stream
from tests.patience import wait_until


def test_flows_both_ways_and_one_that_ends(lab: lk.Lab) -> None:
    a, b = lab.cable()
    with lab.traffic() as t:
        up = t.add(stream(rate="50 kpps"), on=a, to=b, name="up")
        down = t.add(stream(), on=b, to=a, name="down", rate="10 kpps")
        once = t.add(stream(), on=a, count=1000, rate="20 kpps", name="once")
        assert up.state == down.state == once.state == "stopped"
        t.start()
        assert up.state == "started"
        once.wait()
        assert once.state == "done"
        assert (once.sent, once.received) == (1000, 1000)
        wait_until(lambda: down.sent > 200)
        t.stop()
        assert up.state == down.state == "stopped"
        assert once.state == "done"
        assert_whole(t)
        ledger = t.ledger
    assert t.is_closed
    assert t.ledger == ledger
    assert list(t.counters()["sent"]) == [up.sent, down.sent, 1000]
    assert not lab.paths


def test_a_flow_changes_while_it_runs(lab: lk.Lab) -> None:
    a, b = lab.cable(ring_size=16384)
    with lab.traffic() as t:
        flow = t.add(stream(rate="20 kpps"), on=a, to=b)
        flow.start()
        for rate, size in (("100 kpps", 64), ("5 kpps", lk.IMIX), ("40 kpps", 1518), (None, 64)):
            flow.rate, flow.size = rate, size
            before = flow.sent
            wait_until(lambda before=before: flow.sent > before + 50)
        assert flow.rate is None
        flow.stop()
        assert_whole(t)
        sizes = flow.counters["sent_bytes"] / flow.sent
        assert 64 < sizes < 1518


def test_a_thread_that_sets_a_flow_undoes_nothing_of_another(lab: lk.Lab) -> None:
    """A cell that sets the size, and a slider that is moved at that very moment."""
    a, _ = lab.cable()
    with lab.traffic() as t:
        flow = t.add(stream(), on=a, rate=1)
        flow.start()
        slider = threading.Thread(target=setattr, args=(flow, "rate", 9))

        def amid(frame: Any, event: str, _: object) -> None:
            """Where the system may give the CPU to another thread."""
            if event == "call" and frame.f_code.co_name == "_set" and slider.ident is None:
                slider.start()
                slider.join(1)

        before = sys.gettrace()
        sys.settrace(amid)
        try:
            flow.size = 512
        finally:
            sys.settrace(before)
        slider.join()
        assert (str(flow.rate), flow.size.mean) == ("9 pps", 512)
        assert flow.counters["target_pps"] == 9


def test_frames_of_all_sizes_of_a_new_mix_arrive(lab: lk.Lab) -> None:
    a, b = lab.cable()
    with lab.traffic() as t:
        flow = t.add(stream(), on=a, to=b, count=480, rate="50 kpps")
        flow.size = lk.IMIX
        flow.start()
        flow.wait()
        assert flow.counters["sent_bytes"] == 10 * sum(lk.IMIX.order)


def test_pause_goes_on_where_it_was(lab: lk.Lab) -> None:
    a, b = lab.cable()
    with lab.traffic() as t:
        flow = t.add(stream(), on=a, to=b, count=400, rate="2 kpps")
        flow.start()
        wait_until(lambda: flow.sent > 20)
        flow.pause()
        assert flow.state == "paused"
        paused = flow.sent
        other = t.add(stream(), on=a, to=b, count=100, rate="10 kpps")
        other.start()
        other.wait()
        assert flow.sent == paused < 400
        flow.resume()
        flow.wait()
        assert flow.sent == 400
        assert_whole(t)


def test_a_flow_that_starts_again_counts_on(lab: lk.Lab) -> None:
    a, b = lab.cable()
    with lab.traffic() as t:
        flow = t.add(stream(), on=a, to=b, count=300, rate="100 kpps")
        for runs in (1, 2, 3):
            flow.start()
            flow.wait()
            assert flow.sent == flow.received == 300 * runs
        flow.clear()
        assert flow.sent == flow.received == 0
        assert flow.latency is None
        flow.start()
        flow.wait()
        assert flow.sent == flow.received == 300
        assert flow.latency is not None
        assert flow.latency.count == 300
        assert t.ledger.sent == 1200
        assert_whole(t)


def test_clearing_one_that_runs_touches_no_other(lab: lk.Lab) -> None:
    a, b = lab.cable()
    with lab.traffic() as t:
        one = t.add(stream(), on=a, to=b, rate="50 kpps")
        other = t.add(stream(), on=a, to=b, count=2000, rate="50 kpps")
        t.start()
        for _ in range(20):
            one.clear()
            seen = one.counters
            assert seen["received"] <= seen["sent"]
        other.wait()
        assert other.sent == 2000
        one.stop()
        assert_whole(t)
        assert one.sent < t.ledger.sent - 2000


@pytest.mark.parametrize("rate", [0.5, 20, "1 kpps", "1 Mpps"])
def test_counted_frames_are_all_sent(lab: lk.Lab, rate: float | str) -> None:
    count = 2 if rate == 0.5 else 30 if rate == 20 else 3000
    a, b = lab.cable()
    with lab.traffic() as t:
        flow = t.add(stream(), on=a, to=b, count=count, rate=rate)
        flow.start()
        flow.wait()
        assert (flow.sent, flow.received, flow.counters["unsent"]) == (count, count, 0)
        assert_whole(t)


def test_bursts(lab: lk.Lab) -> None:
    a, b = lab.cable()
    with lab.traffic() as t:
        flow = t.add(
            stream(), on=a, to=b, burst=32, bursts=10, gap="2 ms", rate="1 Mpps", delay=0.01
        )
        flow.start()
        flow.wait()
        assert flow.sent == 320
        row = flow.counters
        # A generator that is held up catches up at twice the rate. When frames left is known by
        # their arrivals and ages: they lie together in the ring while the receiver is held up.
        arrived = row["last_ns"] - row["first_ns"]
        aged = row["latency_max_ns"] - row["latency_min_ns"]
        assert arrived + aged >= 9 * 2e6 / 2
        assert_whole(t)


def test_seconds_end_by_themselves(lab: lk.Lab) -> None:
    a, b = lab.cable()
    with lab.traffic() as t:
        flow = t.add(stream(), on=a, to=b, seconds=0.2, rate="1 kpps")
        flat_out = t.add(stream(), on=b, to=a, seconds=0.05)
        t.start()
        t.wait()
        assert flow.sent + flow.counters["unsent"] == 200
        assert flat_out.sent > 0
        assert flat_out.state == "done"
        assert_whole(t)


def test_a_port_that_takes_nothing_loses_nothing(lab: lk.Lab) -> None:
    a, b = lab.cable(ring_size=256)
    with lab.traffic() as t:
        flow = t.add(stream(), on=a, to=a, count=1000, rate="100 kpps")  # nobody reads b
        flow.start()
        wait_until(lambda: flow.sent == 255)
        with pytest.raises(lk.LabError, match=r"is not done after 0.2 s: 255 sent"):
            flow.wait(0.2)
        assert flow.counters["behind"] > 0
        flow.stop()
        assert flow.state == "stopped"
        assert t.ledger.is_balanced
        assert t.ledger.drops == {"still on the wire to server": 255}
    assert b.receive(1, timeout=0.1) == []  # what was left does not come out later


def test_drops_and_copies_on_the_way(lab: lk.Lab) -> None:
    a, b = lab.cable()
    c, d = lab.cable("c", "d")
    line = lk.impair(loss=0.1, duplicate=0.1, reorder=0.1, seed=3)
    lab.run(lk.rx(b) >> line >> lk.tx(c))
    with lab.traffic() as t:
        flow = t.add(stream(), on=a, to=d, count=5000, rate="100 kpps")
        flow.start()
        flow.wait()
        row = flow.counters
        # A worker that is held back may find its port full, which has a name too.
        assert row["lost"] == sum(t.ledger.drops.values())
        assert t.ledger.drops["drop_impair_loss"] > 300
        assert row["duplicated"] > 300
        assert row["reordered"] > 300
        assert t.ledger.is_balanced
        assert flow.received_by_port == {"d": row["received"]}


def test_a_bad_line_that_is_mended_meanwhile(lab: lk.Lab) -> None:
    """What a path dropped is told after it was stopped, and of another one of its name as well."""
    a, b = lab.cable(ring_size=16384)
    c, d = lab.cable("c", "d", ring_size=16384)

    def line(*nodes: lk.Path) -> None:
        chain = lk.rx(b)
        for node in nodes:
            chain = chain >> node
        lab.run(chain >> lk.tx(c), name="line")

    line(lk.impair(loss=1))
    a.send(stream().frames(10))  # before the traffic, and not its own
    wait_until(lambda: lab.paths["line"].drops.get("drop_impair_loss") == 10)
    with lab.traffic() as t:
        flow = t.add(stream(rate="20 kpps"), on=a, to=d)
        flow.start()
        wait_until(lambda: flow.sent > 300)
        for bad in (True, False, True):
            lab.paths["line"].stop()
            line(*([lk.impair(loss=0.2, duplicate=0.2, seed=5)] if bad else []))
            before = flow.sent
            wait_until(lambda before=before: flow.sent > before + 500)
        lab.paths["line"].stop()
        line()
        t.stop()
        assert flow.counters["lost"] == sum(t.ledger.drops.values()) > 300
        assert flow.counters["duplicated"] > 0
        assert t.ledger.is_balanced, t.ledger


def test_frames_that_arrive_on_two_ports(lab: lk.Lab) -> None:
    a, b = lab.cable()
    c, d = lab.cable("c", "d")
    lab.run(lk.rx(b) >> lk.tx(c))
    with lab.traffic() as t:
        flow = t.add(stream(), on=a, to=[d, a], count=500, rate="50 kpps")
        flow.start()
        flow.wait()
        assert flow.received_by_port == {"d": 500, "client": 0}
        assert_whole(t)


def test_a_dut_that_pads_gives_signatures_back(lab: lk.Lab) -> None:
    a, b = lab.cable()
    with lab.traffic() as t:
        flow = t.add(stream(), on=a, to=a, count=1, rate="1 kpps")
        flow.start()
        wait_until(lambda: flow.sent == 1)
        (frame,) = b.receive(1, timeout=60, raw=True)
        b.send(frame + bytes(7))
        wait_until(lambda: flow.received == 1)
        flow.wait()
        assert flow.counters["duplicated"] == 0


def test_flows_as_fast_as_it_goes_take_turns(lab: lk.Lab) -> None:
    """Whichever began first, and however long before."""
    a, b = lab.cable()
    with lab.traffic() as t:
        first = t.add(stream(), on=a, to=b)
        first.start()
        wait_until(lambda: first.sent > 200_000)
        later = t.add(stream(), on=a, to=b, delay=0.1)
        paced = t.add(stream(), on=a, to=b, rate="1 kpps")
        paced.rate = None
        t.start()
        wait_until(lambda: min(later.sent, paced.sent) > 20_000)
        before = first.sent
        wait_until(lambda: first.sent > before + 20_000)
        t.stop()
        assert_whole(t)


def test_no_gap_is_as_fast_as_it_goes(lab: lk.Lab) -> None:
    a, b = lab.cable()
    with lab.traffic() as t:
        flows = [t.add(stream(), on=a, to=b, gap=gap, burst=4, bursts=500) for gap in (0, 1e-15)]
        t.start()
        t.wait()
        assert [flow.sent for flow in flows] == [2000, 2000]
        assert_whole(t)


def test_a_rate_set_while_it_is_delayed_keeps_the_delay(lab: lk.Lab) -> None:
    a, b = lab.cable()
    with lab.traffic() as t:
        flow = t.add(stream(), on=a, to=b, rate="1 kpps", delay=600)
        other = t.add(stream(), on=a, to=b, rate="20 kpps", count=2000)
        t.start()
        flow.rate = "100 kpps"
        other.wait()
        assert (flow.state, flow.sent) == ("started", 0)


def test_frames_that_come_later_on_another_port(lab: lk.Lab) -> None:
    a, b = lab.cable()
    _, d = lab.cable("c", "d")
    with lab.traffic() as t:
        flow = t.add(stream(), on=a, to=b, count=300, rate="50 kpps")
        flow.start()
        flow.wait()
        t.add(stream(), on=a, to=d)  # frames of this port may arrive on d as well from now on
        flow.start()
        flow.wait()
        assert flow.received_by_port == {"server": 600, "d": 0}
        flow.clear()
        flow.start()
        flow.wait()
        assert flow.received_by_port == {"server": 300, "d": 0}


def test_waiting_for_all_waits_for_captures(lab: lk.Lab, tmp_path: Path) -> None:
    file = tmp_path / "few.pcap"
    wrpcap(str(file), stream().frames(40))
    a, b = lab.cable()
    with lab.traffic() as t:
        flow = t.add(lk.Replay(file, "1 kpps", repeat=2), on=a, to=b)
        flow.start()
        t.wait()
        assert (flow.state, flow.sent) == ("done", 80)


def test_a_dut_that_pads_loses_by_name(lab: lk.Lab) -> None:
    """A measured frame is known where it is dropped, too."""
    a, b = lab.cable()
    c, _ = lab.cable("c", "d")
    with lab.traffic() as t:
        flow = t.add(stream(), on=a, to=a, count=1, rate="1 kpps")
        flow.start()
        wait_until(lambda: flow.sent == 1)
        (frame,) = b.receive(1, timeout=60, raw=True)
        lab.run(lk.rx("d") >> lk.impair(loss=1))
        c.send(frame + bytes(7))
        wait_until(lambda: t.ledger.drops.get("drop_impair_loss") == 1)
        flow.stop()
        assert t.ledger.is_balanced


def test_rates_are_read(lab: lk.Lab) -> None:
    a, b = lab.cable()
    with lab.traffic() as t:
        t.add(stream(rate="20 kpps"), on=a, to=b, name="up")
        t.add(stream(rate="20 kpps"), on=a, to=b, name="still")
        t.start("up")
        rates = t.rates()
        assert rates.loc["up", "tx_pps"] > 0
        assert rates.loc["still", "tx_pps"] == 0
        assert (rates["tx_mbps"] == rates["tx_pps"] * 64 * 8 / 1e6).all()
