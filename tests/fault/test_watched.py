# SPDX-License-Identifier: BSD-3-Clause
"""A watch of a lab recognises what is made in it: by the engine's log and what the driver tells."""

import pytest

import labkit as lk
from labkit.fault import Fault
from tests.live import stream
from tests.patience import wait_until

RULES = {
    "keep_alive_lost": ("keep-alive-lost", "certain", {"timeout": 0.5, "reset": 0.5}),
    "admin_queue_hang": ("admin-queue-hung", "certain", {"timeout": 0.5, "poll": 0.5}),
    "tx_stall": ("virtio-tx-stalled", "certain", {"ring": 239}),
    "absurd_counters": ("absurd-counters", "certain", {}),
}


@pytest.mark.parametrize("name", RULES)
def test_a_fault_that_is_made_is_found(lab: lk.Lab, name: str) -> None:
    a, b = lab.cable("a", "b")
    rule, level, settings = RULES[name]
    fault: Fault = getattr(lk.fault, name)(a, **settings)
    with lab.traffic() as t, lk.trouble.watch(lab, kernel_log=False) as watch:
        t.add(stream(b), on=a, to=b, rate=2_000, overdue="skip")
        t.add(stream(a), on=b, to=a, rate=2_000, overdue="skip")
        t.start()
        with fault:
            wait_until(
                lambda: any((f.id, f.level) == (rule, level) for f in watch.findings), seconds=120
            )
    assert next(n.finding for n in watch.noticed.values() if n.finding.id == rule).device in (
        "a",
        "",  # of lines that name none
    )


def test_a_lab_without_a_fault_gives_no_finding(lab: lk.Lab) -> None:
    a, b = lab.cable("a", "b")
    with lab.traffic() as t, lk.trouble.watch(lab, kernel_log=False) as watch:
        t.add(stream(b), on=a, to=b, rate=2_000, overdue="skip").start()
        wait_until(lambda: watch.judged.sources[0].count >= 4)
        assert watch.findings == []
