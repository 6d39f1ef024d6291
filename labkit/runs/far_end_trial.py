# SPDX-License-Identifier: BSD-3-Clause
"""A trial against a DUT whose drops its ledger names, wherever the DUT is."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from labkit.arguments.names import Named
from labkit.dut.base import DutCounters, FarEnd
from labkit.path.ledger import Ledger

UNEXPLAINED = "unexplained"


Run = Callable[[Callable[[], int], Callable[[], None]], Any]


def far_end_trial(far_end: FarEnd, run: Run) -> Any:
    """The Trial that run(dropped_outside, on_begin) makes, with what the DUT counted meanwhile.

    on_begin: to be called when frames are about to be sent, those of a warm-up and of the trial

    Raises DutDied, or HostLost, when the DUT is gone.
    """
    before = far_end.counters()

    def begin() -> None:
        nonlocal before
        before = far_end.counters()

    done = run(lambda: far_end.counters().since(before).outside, begin)
    far_end.check()
    return _with(done, far_end, far_end.counters().since(before))


def _with(done: Any, far_end: FarEnd, grown: DutCounters) -> Any:
    ours, host = done.ledger, next(iter(far_end.hosts), None)
    extra = dict(ours.extra)
    if host is not None:  # where on the way frames went missing
        ways = {"received": "rx_good_packets", "sent": "tx_good_packets"}
        extra |= {f"{host} {did}": grown.nic.get(name, 0) for did, name in ways.items()}
    drops = {**ours.drops, **grown.outside_by_name}
    ledger = Ledger(ours.intended, ours.sent, ours.received, drops, extra)
    problems = [told for told in done.problems if UNEXPLAINED not in told]
    if not ledger.is_balanced:
        problems.insert(0, f"{ledger.unexplained:,} frames are {UNEXPLAINED}")
    row = {
        "config": far_end.name or None,
        "host": host,
        **done.row,
        **grown.columns,
        UNEXPLAINED: ledger.unexplained,
        "balanced": not problems,
    }
    return replace(done, row=Named("column", row), ledger=ledger, problems=tuple(problems))
