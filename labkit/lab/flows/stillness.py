# SPDX-License-Identifier: BSD-3-Clause
"""When a flow that sends no more has stopped: what was under way has had time to arrive."""

from collections.abc import Callable, Sequence

import numpy as np

from labkit.lab.flows.counts import AT, Row
from labkit.lab.flows.flow import Flow, State, engine_state

STILL_NS = 60_000_000  # longer than an impair node holds a frame back
MISSING_NS = 1_000_000_000  # before a frame is given up: a busy machine pauses a DUT
ENDED = ("stopped", "done", "failed")


def states_of(flows: Sequence[Flow], rows: Row, missing: Callable[[], int]) -> list[State]:
    """Their states; stopped, done and failed are said of what is still alone."""
    states = [engine_state(row) for row in rows]
    for n in not_still(flows, rows, missing):
        if states[n] in ENDED:
            states[n] = "started"
    return states


def not_still(flows: Sequence[Flow], rows: Row, missing: Callable[[], int]) -> list[int]:
    """Numbers of flows of which something may be under way still, as far as that can be told.

    missing: frames of all flows that no counter has seen again; asked where it decides
    """
    sent, still = rows[:, AT["total_sent"]], rows[:, AT["still_ns"]]
    signed = np.array([flow.stream.signature for flow in flows], dtype=bool)
    whole = (sent == 0) | (signed & (rows[:, AT["total_received"]] == sent))
    doubted = ~whole & (still < MISSING_NS)
    moving = doubted & (still < STILL_NS)
    if doubted.any() and not moving.any() and missing() == 0:
        return []
    return [int(n) for n in np.flatnonzero(doubted)]
