# SPDX-License-Identifier: BSD-3-Clause
"""What was counted of live traffic, read now; the last of it when it was closed."""

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from labkit.lab.flows.counts import AT, Reading, Row
from labkit.lab.flows.flow import Flow, State, engine_state
from labkit.lab.flows.ledger import Drops, ledger_of
from labkit.lab.flows.paths import PREFIX
from labkit.lab.flows.stillness import not_still, states_of
from labkit.lab.flows.table import counters_of, row_of
from labkit.path.ledger import Ledger
from labkit.results.latency import LatencyHistogram

if TYPE_CHECKING:
    import pandas as pd

MOST_KEPT = 256  # histograms of a traffic that was closed
MOST_SECONDS = 60.0  # of waiting for frames that do not come to rest
POLL_SECONDS = 0.01


class Readings:
    """Of all flows of a traffic.

    Attributes
    ----------
    last: the reading before the next one
    is_kept: whether the last one stands, because the traffic was closed
    """

    def __init__(self, lab: Any, flows: Mapping[str, Flow], runs: Mapping[str, Any]) -> None:
        """runs: by name, those of the sending ports."""
        self.last: Reading | None = None
        self.is_kept = False
        self._lab, self._flows, self._runs = lab, flows, runs
        self._drops = Drops(lab, PREFIX)
        self._ledger: Ledger | None = None
        self._histograms: dict[str, LatencyHistogram | None] = {}

    def read(self) -> Reading:
        """All counters at one time."""
        if self.is_kept:
            return self.last or Reading(0, {}, {})
        counts = dict.fromkeys(tuple(self._runs), 0)
        for flow in tuple(self._flows.values()):  # another thread may add one meanwhile
            counts[flow.run] = counts.get(flow.run, 0) + 1
        self.last = Reading.of(self._lab.engine.commands.flow_counts(counts))
        return self.last

    def told_in(self, flows: Sequence[Flow], reading: Reading) -> "pd.DataFrame":
        """The table of flows in a reading."""
        rows = reading.of_flows(flows)
        return counters_of(flows, rows, self._states(flows, rows))

    def row_of(self, flow: Flow) -> Row:
        """What was counted of a flow, now."""
        return self.read().row(flow.run, flow.index)

    def counters_of(self, flow: Flow) -> dict[str, Any]:
        """As a row of the table."""
        return dict(row_of(self.told_in([flow], self.read())))

    def standing(self, flows: Sequence[Flow]) -> tuple[list[State], list[int]]:
        """Of each flow, now: its state, and frames sent since it was cleared."""
        rows = self.read().of_flows(flows)
        return self._states(flows, rows), rows[:, AT["sent"]].tolist()

    def wait_until_still(self, flows: Iterable[Flow]) -> None:
        """Until what is under way of flows that send no more has had time to arrive; frames that go
        in circles are never still."""
        listed, end = list(flows), time.monotonic() + MOST_SECONDS
        while not_still(listed, self.read().of_flows(listed), self._missing):
            if time.monotonic() > end:
                return
            time.sleep(POLL_SECONDS)

    def histogram_of(self, flow: Flow) -> LatencyHistogram | None:
        """Its latencies."""
        if self.is_kept:
            return self._histograms.get(flow.name)
        if not self.row_of(flow)[AT["latency_count"]]:
            return None
        answer = self._lab.engine.commands.trial_histogram(flow.run, flow.index)
        return LatencyHistogram.from_engine(answer)

    @property
    def ledger(self) -> Ledger:
        """Of all flows with a signature, over all that ran."""
        if self._ledger is not None:
            return self._ledger
        return ledger_of(self._tracked(), self._drops.read())

    def keep(self) -> None:
        """Reads what is to stay."""
        self._ledger = self.ledger
        self.read()
        if len(self._flows) <= MOST_KEPT:
            self._histograms = {name: self.histogram_of(f) for name, f in self._flows.items()}

    def end(self) -> None:
        """Reads nothing any more."""
        self.is_kept = True
        self._drops.end()

    def begin_anew(self) -> None:
        """In a new engine, which counts from 0."""
        self._drops.end()
        self.last = None
        self._drops = Drops(self._lab, PREFIX)

    def _states(self, flows: Sequence[Flow], rows: Row) -> list[State]:
        if self.is_kept:
            return [engine_state(row) for row in rows]
        return states_of(flows, rows, self._missing)

    def _missing(self) -> int:
        """Frames that no counter has seen again; those that wait on a wire will come yet."""
        drops, _, copied = self._drops.read()
        return ledger_of(self._tracked(), (drops, {}, copied)).unexplained

    def _tracked(self) -> Reading:
        """Of flows whose frames bear a signature."""
        unsigned = [(f.run, f.index) for f in self._flows.values() if not f.stream.signature]
        return self.read().without(unsigned)
