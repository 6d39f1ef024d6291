# SPDX-License-Identifier: BSD-3-Clause
"""What each lane of a trial sent, and what arrived on it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from labkit.runs.directions import Direction
from labkit.runs.trial_counted import Counted
from labkit.runs.trial_engine import TrialEngine

if TYPE_CHECKING:
    import pandas as pd

SENT = ("intended", "unsent", "sent")
CAME = ("received", "reordered", "duplicated")


def lanes_table(engine: TrialEngine, parts: Sequence[tuple[Direction, Counted]]) -> "pd.DataFrame":
    """One row a lane of each direction; missing is what its port has no lane for."""
    from labkit.tables.table import Table  # pandas is slow to load

    rows = [
        {"port": direction.port.name, "received_on": direction.back.name, "lane": lane}
        | _sent(counts, lane < engine.lanes[direction.port])
        | _came(direction, counts, lane < engine.lanes.get(direction.back, 1))
        for direction, counted in parts
        for lane, counts in enumerate(counted.lanes)
    ]
    return Table(rows).astype(dict.fromkeys((*SENT, *CAME), "Int64"))


def _sent(counts: dict[str, int], is_there: bool) -> dict[str, Any]:
    if not is_there:
        return dict.fromkeys(SENT)
    sent = counts["made"] - counts["refused"]
    intended = counts["made"] + counts["skipped"]
    return {"intended": intended, "unsent": intended - sent, "sent": sent}


def _came(direction: Direction, counts: dict[str, int], is_there: bool) -> dict[str, Any]:
    if not is_there:
        return dict.fromkeys(CAME)
    tracked = direction.is_signed or None
    return {
        "received": direction.received(counts),
        "reordered": tracked and counts["reordered"],
        "duplicated": tracked and counts["duplicated"],
    }
