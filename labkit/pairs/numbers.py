# SPDX-License-Identifier: BSD-3-Clause
"""What live flows of a lab counted, summed: by the numbers that their frames bear."""

import time
from dataclasses import dataclass

from labkit.errors import LabError
from labkit.lab.flows.counts import AT, total
from labkit.lab.lab import Lab

POLL_SECONDS = 0.005
MOST_SECONDS = 5.0  # that a machine under load holds a frame up


@dataclass(frozen=True)
class FlowNumbers:
    """Of all flows whose frames bear a signature, over all that ran.

    Attributes
    ----------
    sent, received: frames; each that came, once
    passed_over: numbers that did not come, though a later one did
    duplicated: frames that came again
    """

    sent: int
    received: int
    passed_over: int
    duplicated: int

    def since(self, before: "FlowNumbers") -> "FlowNumbers":
        """By how much they have grown."""
        return FlowNumbers(
            self.sent - before.sent,
            self.received - before.received,
            self.passed_over - before.passed_over,
            self.duplicated - before.duplicated,
        )


def flow_numbers(lab: Lab) -> FlowNumbers | None:
    """Now; None: no flow of the lab tells."""
    live = lab.live
    if live is None or live.is_closed or not live.flows:
        return None
    try:
        reading = live.readings.read()
    except LabError:
        return None
    unsigned = [(f.run, f.index) for f in live.flows.values() if not f.stream.signature]
    if len(unsigned) == len(live.flows):
        return None
    signed = reading.without(unsigned)
    rows = signed.rows.values()
    return FlowNumbers(
        total(signed, "total_sent"),
        total(signed, "total_received"),
        sum(int(of_run[:, AT["passed_over"]].sum()) for of_run in rows),
        total(signed, "total_duplicated"),
    )


def still_numbers(lab: Lab) -> FlowNumbers | None:
    """The same of flows that are paused, when nothing is under way any more: each frame has arrived
    or was passed over. What never came after the last arrival is waited for, for 5 s."""
    end = time.monotonic() + MOST_SECONDS
    while True:
        now = flow_numbers(lab)
        if now is None or now.sent == now.received + now.passed_over or time.monotonic() > end:
            return now
        time.sleep(POLL_SECONDS)
