# SPDX-License-Identifier: BSD-3-Clause
"""Live traffic over several workers: shares that start, change and stop as one flow."""

from collections import Counter
from pathlib import Path as File

import pytest
from scapy.layers.inet import UDP
from scapy.utils import rdpcap, wrpcap

import labkit as lk
from tests.live import assert_whole, stream
from tests.patience import wait_until

PORTS = range(2000, 2006)


def test_a_flow_over_two_lanes_is_one_flow(lab: lk.Lab) -> None:
    a, b = lab.cable(queues=2, ring_size=4096)
    with lab.traffic(lanes=2) as t:
        once = t.add(stream(), on=a, to=b, count=1001, rate="20 kpps", name="once")
        back = t.add(stream(rate="10 kpps"), on=b, to=a, name="back")
        t.start()
        once.wait()
        assert (once.state, once.sent, once.received) == ("done", 1001, 1001)
        assert once.counters["latency_min_ns"] > 0
        assert once.latency is not None
        assert once.latency.count == 1001
        wait_until(lambda: back.sent > 200)
        back.pause()
        assert back.state == "paused"
        at = back.sent
        back.rate, back.size = "40 kpps", 512
        assert back.sent == at
        back.resume()
        wait_until(lambda: back.sent > at + 200)
        back.clear()
        wait_until(lambda: 0 < back.received < back.sent + 1)
        t.stop()
        assert back.state == "stopped"
        assert_whole(t)
        assert "over 2 lanes" in repr(t)


def test_the_frames_are_those_of_the_stream(lab: lk.Lab) -> None:
    """Of each port and size as many as one worker would have sent; bursts that two cannot divide
    and what comes from a capture go out by one."""
    a, b = lab.cable(queues=2, ring_size=4096)
    varied = stream(size=[64, 128], vary=lk.vary(UDP.sport, PORTS))
    with lab.traffic(lanes=2) as t, lab.capture(b) as capture:
        for burst in (1, 4, 3):
            t.add(varied, on=a, to=b, count=600, rate="20 kpps", burst=burst)
        t.start()
        t.wait()
        assert_whole(t)
        assert list(t.counters()["sent"]) == [600] * 3
        sent = Counter((frame[UDP].sport, len(frame)) for frame in rdpcap(str(capture.file)))
    assert sent == Counter((PORTS[n % 6], (60, 124)[n % 2]) for n in range(600) for _ in "abc")


def test_a_capture_is_played_by_one_lane(lab: lk.Lab, tmp_path: File) -> None:
    a, b = lab.cable(queues=2, ring_size=4096)
    file = str(tmp_path / "played.pcap")
    wrpcap(file, [stream().packet / bytes(18)] * 50)
    with lab.traffic(lanes=2) as t:
        for _ in range(2):
            t.add(lk.Replay(file, rate="10 kpps", repeat=1), on=a, to=b)
        t.start()
        t.wait()
        assert list(t.counters()["sent"]) == [50, 50]
        assert list(t.counters()["state"]) == ["done", "done"]
        assert lab.paths["traffic:client"].lanes["entered"].tolist() == [50, 50]


@pytest.mark.parametrize("queues", [1, 2])
def test_lanes_by_default_are_no_more_than_queues(lab: lk.Lab, queues: int) -> None:
    a, b = lab.cable(queues=queues)
    with lab.traffic() as t:
        assert 1 <= t.lanes <= queues
        flow = t.add(stream(), on=a, to=b, count=100, rate="10 kpps")
        flow.start()
        flow.wait()
        assert_whole(t)
    with pytest.raises(lk.LabError, match=f"lanes is 3; the range is 1 to {queues}"):
        lab.traffic(lanes=3)


def test_order_is_that_within_flows_of_what_it_sends_now(lab: lk.Lab) -> None:
    """Frames pass each other, but none of its own flow, also when it starts again amid its fields,
    or sends other ones."""
    a, b = lab.cable(ring_size=4096)
    line = lk.impair(reorder=0.1, displacement=3, seed=1)
    dut = lab.run(lk.rx(b) >> line >> lk.reflect() >> lk.tx(b))
    with lab.traffic() as t:
        flow = t.add(
            stream(vary=lk.vary(UDP.sport, range(64))), on=a, to=a, count=1001, rate="20 kpps"
        )
        for _ in range(2):
            flow.start()
            flow.wait()
        assert (flow.received, flow.counters["reordered"]) == (2002, 0)
        flow.stream = stream(vary=lk.vary(UDP.dport, range(100), random=True))
        flow.start()
        flow.wait()
        some = flow.counters["reordered"]
        flow.stream = stream()
        flow.start()
        flow.wait()
        (passed,) = dut.counters.impairments.values()
        assert passed["reordered"] > 200
        assert some < 50 < flow.counters["reordered"] - some
        assert flow.received == 4004
