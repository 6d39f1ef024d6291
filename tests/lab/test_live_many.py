# SPDX-License-Identifier: BSD-3-Clause
"""Thousands of live flows: each exact, none of them at the cost of much memory."""

import psutil
import pytest

import labkit as lk
from tests.live import assert_whole, stream
from tests.patience import wait_until

FLOWS = 1500
COUNT = 20
MOST_BYTES = 150_000  # of memory a flow, with its latencies: a tenth of their range is in use


def test_thousands_of_flows_are_exact(lab: lk.Lab) -> None:
    """Of rates, sizes and fields that differ: which frame is next is found among all of them."""
    a, b = lab.cable(ring_size=16384)
    with lab.traffic() as t:
        for n in range(FLOWS):
            size = lk.IMIX if n % 7 == 0 else 64 + n % 100
            t.add(stream(size=size), on=a, to=b, count=COUNT, rate=20 + n % 40, name=f"f{n}")
        before = psutil.Process(lab.pid).memory_info().rss
        t.start()
        wait_until(lambda: bool((t.counters()["received"] > 0).all()), 30)
        t.wait()
        assert (psutil.Process(lab.pid).memory_info().rss - before) / FLOWS < MOST_BYTES
        table = t.counters()
        assert (table["state"] == "done").all()
        assert (table["sent"] == COUNT).all()
        assert_whole(t)


@pytest.mark.parametrize("number", [2, 63, 64, 65, 1024])
def test_flows_of_all_rates_keep_them(lab: lk.Lab, number: int) -> None:
    a, b = lab.cable(ring_size=16384)
    rates = [50 + 10 * (n % 13) for n in range(number)]
    with lab.traffic() as t:
        for n, rate in enumerate(rates):
            t.add(stream(), on=a, to=b, seconds=1, rate=rate, name=f"f{n}")
        t.start()
        t.wait()
        table = t.counters()
        assert list(table["sent"] + table["unsent"]) == rates
        assert_whole(t)
