# SPDX-License-Identifier: BSD-3-Clause
"""What the engine counted of flows (struct lk_flow_counts), as arrays."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from labkit.engine.answers import FlowCounts

MOST_PLACES = 16
FIELDS = (
    *("sent", "sent_bytes", "unsent", "received", "received_bytes", "passed_over"),
    *("reordered", "duplicated", "late"),
    *("latency_count", "latency_sum_ns", "latency_min_ns", "latency_max_ns"),
    *("first_ns", "last_ns"),
    *(f"by_place_{n}" for n in range(MOST_PLACES)),
    *("total_sent", "total_unsent", "total_received", "total_reordered", "total_duplicated"),
    *("total_late", "state", "behind", "still_ns"),
)
AT = {name: n for n, name in enumerate(FIELDS)}
STATES = ("stopped", "started", "paused", "done", "failed")

Row = npt.NDArray[np.int64]


class HasPlace(Protocol):
    """What says where the engine has it."""

    run: str
    index: int


@dataclass(frozen=True)
class Reading:
    """All flows at one time.

    Attributes
    ----------
    time_ns: since the epoch
    rows: by run, one row a flow in the order of FIELDS
    refusals: frames that ports did not take at once, by run
    """

    time_ns: int
    rows: Mapping[str, Row]
    refusals: Mapping[str, int]

    @classmethod
    def of(cls, answer: FlowCounts) -> "Reading":
        """From the engine's answer."""
        return cls(
            answer["time_ns"],
            {
                run: np.frombuffer(base64.b64decode(rows), np.int64).reshape(-1, len(FIELDS))
                for run, rows in answer["rows"].items()
            },
            {run: totals["refusals"] for run, totals in answer["totals"].items()},
        )

    def row(self, run: str, index: int) -> Row:
        """The row of a flow; zeros of one that never was started."""
        row: Row = self.matrix([(run, index)])[0]
        return row

    def of_flows(self, flows: "Sequence[HasPlace]") -> Row:
        """The rows of flows."""
        return self.matrix([(flow.run, flow.index) for flow in flows])

    def matrix(self, places: Sequence[tuple[str, int]]) -> Row:
        """The rows of flows by their run and index."""
        found: Row = np.zeros((len(places), len(FIELDS)), np.int64)
        runs = np.array([run for run, _ in places])
        indices = np.array([index for _, index in places], dtype=np.int64)
        for run, rows in self.rows.items():
            here = np.flatnonzero((runs == run) & (indices < len(rows)))
            found[here] = rows[indices[here]]
        return found

    def without(self, places: Sequence[tuple[str, int]]) -> "Reading":
        """The same with these flows at 0."""
        rows = {run: of_run.copy() for run, of_run in self.rows.items()}
        for run, index in places:
            if run in rows and index < len(rows[run]):
                rows[run][index] = 0
        return Reading(self.time_ns, rows, self.refusals)


def growth(before: Row, after: Row, name: str) -> Row:
    """By how much a field of flows has grown; of one that was cleared meanwhile, since then."""
    cleared = base_of(before) != base_of(after)
    grown: Row = after[:, AT[name]] - np.where(cleared, 0, before[:, AT[name]])
    return grown


def base_of(rows: Row) -> Row:
    """What was sent before a flow was cleared last; another number after that, or in a new
    engine."""
    base: Row = rows[..., AT["total_sent"]] - rows[..., AT["sent"]]
    return base


def total(reading: Reading, name: str) -> int:
    """A field summed over all flows."""
    return sum(int(rows[:, AT[name]].sum()) for rows in reading.rows.values())
