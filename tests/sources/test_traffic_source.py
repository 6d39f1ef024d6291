# SPDX-License-Identifier: BSD-3-Clause
"""Live traffic as a source: names and values are the flows', and it follows them."""

import os
import signal
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

import labkit as lk
from labkit.sources import Sample, as_source, catalogue, rates
from labkit.sources.rates import Rates
from tests.patience import wait_until
from tests.trials import flow


@pytest.fixture
def traffic(lab: lk.Lab) -> Iterator[Any]:
    a, b = lab.cable("a", "b")
    with lab.traffic() as made:
        made.add(flow(), on=a, to=b, name="up", rate="20 kpps")
        made.add(flow(), on=b, to=a, name="down", rate="1 kpps")
        yield made


def some(source: lk.sources.Source) -> Sample:
    sample = source.sample()
    assert sample is not None, source.reason
    return sample


def steps(source: lk.sources.Source, first: Sample) -> Rates:
    second = some(source)
    while second.monotonic_ns == first.monotonic_ns:
        second = some(source)
    return rates(first, second)


def test_counts_what_the_flows_count(traffic: Any) -> None:
    with as_source(traffic) as source:
        traffic.start()
        wait_until(lambda: traffic.flows["up"].received > 1000)
        running = some(source)
        assert running["up/state"] == 1
        traffic.stop()
        sample = some(source)
        told = traffic.counters().loc["up"]
    for name in ("sent", "received", "unsent", "lost", "reordered", "duplicated", "late"):
        assert sample[f"up/{name}"] == told[name], name
    for name in ("sent_bytes", "received_bytes", "behind", "latency_min_ns", "latency_max_ns"):
        assert sample[f"up/{name}"] == told[name], name
    assert told["latency_min_ns"] <= running["up/latency_avg_ns"] <= told["latency_max_ns"]
    assert sample["up/state"] == 0
    assert sample["port/a/refusals"] >= 0
    assert source.kinds["up/behind"] == source.kinds["up/latency_avg_ns"] == "gauge"
    assert source.kinds["up/sent"] == "counter"
    assert source.units["up/sent_bytes"] == "bytes"
    unknown = [name for name in source.names if catalogue.find(name) is None]
    assert unknown == []


def test_latencies_are_unknown_and_no_fault_until_there_are_some(traffic: Any) -> None:
    with as_source(traffic) as source:
        before = some(source)
        told = steps(source, before)
        assert np.isnan(told["up/latency_avg_ns"])
        assert not told.faults
        traffic.start()
        wait_until(lambda: traffic.flows["up"].received > 10)
        assert rates(before, some(source))["up/latency_avg_ns"] > 0


def test_a_cleared_flow_begins_anew(traffic: Any) -> None:
    with as_source(traffic) as source:
        traffic.start()
        wait_until(lambda: traffic.flows["up"].sent > 100)
        before = some(source)
        traffic.clear("up")
        wait_until(lambda: traffic.flows["up"].sent > before["up/sent"])  # it did not fall
        after = some(source)
        told = rates(before, after)
        assert not told.faults
        assert np.isnan(told["up/sent"])
        assert not np.isnan(told["down/sent"])
        wait_until(lambda: traffic.flows["up"].sent > after["up/sent"])
        assert steps(source, after)["up/sent"] > 0


def test_frames_that_come_late_are_no_fault(lab: lk.Lab) -> None:
    a, b = lab.cable("a", "b")
    c, d = lab.cable("c", "d")
    lab.run(lk.rx(b) >> lk.impair(reorder=0.3, loss=0.1) >> lk.tx(c), name="line")
    with lab.traffic() as traffic, as_source(traffic) as source:
        up = traffic.add(flow(), on=a, to=d, name="up", rate="20 kpps", count=4000)
        samples = [some(source)]
        up.start()
        while up.state != "done":
            samples.append(some(source))
        samples.append(some(source))
        told = [rates(*pair) for pair in pairwise(samples)]
        assert [one.faults for one in told if one.faults] == []
        assert samples[-1]["up/lost"] == up.counters["lost"] > 0
        assert samples[-1]["up/reordered"] > 0


def test_flows_come_and_unsigned_ones_know_no_arrivals(traffic: Any, lab: lk.Lab) -> None:
    with as_source(traffic) as source:
        names = source.names
        traffic.add(flow(signature=False), on=lab.ports["a"], name="plain", rate="1 kpps")
        assert "plain/sent" in source.schema.names  # without waiting for a sample
        assert "plain/latency_avg_ns" not in source.names
        assert "plain/received" not in source.names
        assert set(names) < set(source.names)


def test_one_flow_and_a_record(traffic: Any) -> None:
    with as_source(traffic.flows["up"]) as source:
        assert {name.split("/")[0] for name in source.names} == {"up", "port"}
    traffic.start()
    with traffic.record("*/sent", hz=100) as record:
        wait_until(lambda: len(record.samples) > 5)
        traffic.close()
        wait_until(lambda: not record.is_running)  # it ends with the traffic
    assert list(record.table.columns) == ["up/sent", "down/sent"]
    assert record.samples[-1]["up/sent"] == traffic.flows["up"].sent > 0


def test_gone_live_again_and_ended(traffic: Any, lab: lk.Lab) -> None:
    with lk.sources.Traffic(traffic) as source:
        traffic.start()
        wait_until(lambda: some(source)["up/sent"] > 0)
        before = some(source)
        os.kill(lab.pid, signal.SIGKILL)
        wait_until(lambda: source.sample() is None)
        assert source.state == "gone"
        assert "SIGKILL" in source.reason
        lab.restart()
        after = some(source)
        assert source.state == "live"
        assert (after["up/sent"], after["up/state"]) == (0, 0)
        assert not rates(before, after).faults
        traffic.start("up")
        wait_until(lambda: some(source)["up/sent"] > 0)
        traffic.close()
        assert some(source)["up/sent"] == traffic.flows["up"].sent  # the last there is
        assert source.sample() is None
        assert source.state == "ended"
    with pytest.raises(lk.LabError, match="closed"):
        lk.sources.Traffic(traffic).open()


def test_what_is_no_traffic(lab: lk.Lab) -> None:
    with pytest.raises(lk.LabError, match=r"lab\.traffic"):
        lk.sources.Traffic(lab)  # type: ignore[arg-type]
