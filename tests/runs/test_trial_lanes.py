# SPDX-License-Identifier: BSD-3-Clause
"""lk.trial() over several workers: shares that are together the stream, counted on any lane."""

from collections import Counter
from pathlib import Path as File

import pytest
from scapy.layers.inet import UDP
from scapy.utils import rdpcap

import labkit as lk
from tests.trials import QUICK, V4, WHOLE, assert_whole, flow

PORTS = range(2000, 2006)


def test_each_lane_sends_its_share(lab: lk.Lab) -> None:
    a, b = lab.cable(queues=2, ring_size=WHOLE)
    lab.run(lk.rx(b) >> lk.reflect() >> lk.tx(b))
    run = lk.trial(a, flow(), rate="20 kpps", duration=0.3, lanes=2, latency=True, **QUICK)
    assert_whole(run)
    assert (run.row["intended"], run.row["lost"]) == (6000, 0)
    assert run.row["reordered"] == run.row["duplicated"] == 0
    assert run.lanes["lane"].tolist() == [0, 1]
    assert run.lanes["intended"].tolist() == [3000, 3000]
    assert run.lanes["received"].tolist() == run.lanes["sent"].tolist()
    assert run.latency is not None
    assert run.latency.count == run.row["received"]
    assert "over 2 lanes" in repr(run)


def test_lanes_send_the_very_frames_of_the_stream(lab: lk.Lab, tmp_path: File) -> None:
    a, b = lab.cable(queues=3, ring_size=WHOLE)
    ports = lk.vary(UDP.sport, PORTS)
    streams = [lk.Stream(V4, size=[64, 128], vary=ports, burst=burst) for burst in (1, 6, 5)]
    with lab.capture(b, tmp_path / "all.pcap") as capture:
        run = lk.trial(a, streams, rate="6 kpps", duration=0.2, lanes=3, receive_on=b, **QUICK)
    assert_whole(run)
    assert run.row["intended"] == 1200
    # Bursts of five cannot be divided by three: one lane sends the third stream.
    assert run.lanes["intended"].tolist() == [268, 266, 666]
    if run.row["unsent"] == 0:
        sent = Counter((frame[UDP].sport, len(frame)) for frame in rdpcap(str(capture.file)))
        assert sent == Counter((PORTS[n % 6], (60, 124)[n % 2]) for n in range(400) for _ in "abc")


@pytest.mark.parametrize(("flows", "displacement"), [(64, 3), (6, 8)])
def test_order_counts_within_flows(lab: lk.Lab, flows: int, displacement: int) -> None:
    """A frame of 64 flows that few others pass is passed by none of its own."""
    a, b = lab.cable(ring_size=WHOLE)
    line = lk.impair(reorder=0.1, displacement=displacement, seed=1)
    dut = lab.run(lk.rx(b) >> line >> lk.reflect() >> lk.tx(b))
    of_flows = flow(vary=lk.vary(UDP.sport, range(2000, 2000 + flows)))
    run = lk.trial(a, of_flows, rate="20 kpps", duration=0.2, **QUICK)
    assert_whole(run)
    (passed,) = dut.counters.impairments.values()
    assert passed["reordered"] > 0
    assert (run.row["reordered"] > 0) == (flows == 6)
    assert run.row["lost"] == 0
    one_flow = lk.trial(a, flow(), rate="20 kpps", duration=0.2, **QUICK)
    (after,) = dut.counters.impairments.values()
    assert one_flow.row["reordered"] == after["reordered"] - passed["reordered"]


@pytest.mark.parametrize("lanes", [1, 2])
def test_flows_that_come_on_other_lanes(lab: lk.Lab, lanes: int) -> None:
    """A DUT that spreads flows over its queues loses and doubles some frames: all are counted."""
    a, b = lab.cable(queues=2, ring_size=WHOLE)
    line = lk.impair(loss=0.1, duplicate=0.1, seed=1)
    low = lk.filter("udp src portrange 2000-2002")
    spread = low >> lk.reflect(name="low") >> lk.tx(b, 0) | lk.reflect() >> lk.tx(b, 1)
    dut = lab.run(lk.rx(b) >> line >> spread, name="dut")
    of_flows = flow(vary=lk.vary(UDP.sport, PORTS))
    run = lk.trial(a, of_flows, rate="20 kpps", duration=0.3, lanes=lanes, **QUICK)
    assert_whole(run)
    counters = dut.counters
    (copies,) = counters.impairments.values()
    assert run.row["lost"] > 0
    assert 0 < run.row["duplicated"] <= copies["copied"]
    assert run.row["reordered"] == 0
    assert run.ledger.drops["drop_impair_loss"] == counters.drops["drop_impair_loss"]
    if lanes == 2:
        assert run.lanes["received"].min() > 0
        assert run.lanes["reordered"].tolist() == [0, 0]


def test_lanes_that_no_port_has(lab: lk.Lab) -> None:
    a, b = lab.cable(queues=2)
    for lanes in (0, 3):
        with pytest.raises(
            lk.LabError, match=rf"lanes is {lanes}; the range is 1 to 2, .* port client"
        ):
            lk.trial(a, flow(), rate="1 kpps", duration=0.1, receive_on=b, lanes=lanes, **QUICK)
