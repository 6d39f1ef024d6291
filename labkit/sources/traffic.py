# SPDX-License-Identifier: BSD-3-Clause
"""Live traffic as a source: what the engine counts of its flows."""

from collections import deque
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from labkit.arguments.checked import checked
from labkit.errors import LabError
from labkit.lab.flows.counts import AT, STATES, Reading, base_of
from labkit.lab.flows.flow import Flow
from labkit.lab.flows.stillness import ENDED, STILL_NS
from labkit.lab.flows.traffic import Traffic as LiveTraffic
from labkit.sources.base import MISSING, Sample, Schema, Source, SourceError, readonly

MEAN_NS = 1_100_000_000  # over which window() looks back: a second, and half a sample more

ALWAYS = ("sent", "unsent", "behind", "sent_bytes", "state")
SIGNED = ("received", "lost", "reordered", "duplicated", "late", "received_bytes")
TIMED = ("latency_avg_ns", "latency_min_ns", "latency_max_ns")
OVER = tuple(map(STATES.index, ENDED))

Rows = npt.NDArray[np.int64]  # flows × FIELDS


@checked(SourceError, but=("traffic",))
class Traffic(Source):
    """All flows of live traffic, or one of them, read together when a sample is asked for.

    FLOW/sent|received|unsent|lost|sent_bytes|received_bytes|reordered|duplicated|late count;
    FLOW/behind|latency_avg_ns|latency_min_ns|latency_max_ns are levels, FLOW/state is a code (0
    stopped, 1 started, 2 paused, 3 done); port/PORT/refusals counts what a sending port did not
    take at once. latency_avg_ns is the mean of what arrived since this source's sample before, and
    stays while nothing arrives; latencies are MISSING until a frame was measured.
    A flow whose frames bear no signature has no names of what arrives. `lost` of a flow that runs
    does not fall when a frame comes late; what is right is told when it is over.

    Counters of a flow that was cleared begin anew. Gone while the engine is dead, ended when the
    traffic was closed, live again after lab.restart().

    traffic: what lab.traffic() made, or one of its flows
    """

    def __init__(self, traffic: LiveTraffic | Flow) -> None:
        only = traffic if isinstance(traffic, Flow) else None
        live = traffic.traffic if isinstance(traffic, Flow) else traffic
        if not isinstance(live, LiveTraffic):
            raise SourceError(
                f"traffic is a {type(traffic).__name__}; it is what lab.traffic() made"
            )
        super().__init__(f"flow {only.name}" if only else "live traffic")
        self.traffic = live
        self.lab = live.lab
        self._only = only
        self._readings: deque[tuple[Reading, list[Flow], Rows]] = deque()
        self._marks: dict[str, int] = {}  # the most that was lost, by flow
        self._averages: dict[str, int] = {}
        self._unknown: set[str] = set()
        self._is_back = False  # it was gone: all counters begin anew

    @property
    def flows(self) -> list[Flow]:
        """The flows that it tells of."""
        return [self._only] if self._only else list(self.traffic.flows.values())

    @property
    def schema(self) -> Schema:
        """The schema of the latest sample; one is taken where a flow has come since."""
        with self._lock:
            known = len(self._readings[-1][1]) if self._readings else len(self.flows)
            if self.state == "live" and known < len(self.flows):
                self._read()
            return self._schema

    def window(self) -> tuple[Reading, Rows, Reading, Rows, list[Flow]] | None:
        """The readings about a second apart between which means are taken: both, with the rows of
        the flows that both have; None while there is but one."""
        with self._lock:
            if len(self._readings) < 2:
                return None
            (before, _, old), (after, flows, new) = self._readings[0], self._readings[-1]
        return before, old, after, new[: len(old)], flows[: len(old)]

    # Within

    def _connect(self) -> None:
        if self.traffic.is_closed:
            raise SourceError(
                "this traffic was closed, and counts no more; lab.traffic() makes another"
            )
        if not self.lab.is_alive:
            raise SourceError("the lab's engine does not run; lab.restart() starts it")

    def _disconnect(self) -> None:
        self._readings.clear()

    def _read(self) -> Sample | None:
        last = self._readings[-1][0].time_ns if self._readings else 0
        try:
            if not self.traffic.is_closed:
                self._check_alive()
            reading = self.traffic.readings.read()
        except LabError as error:
            self._readings.clear()
            self._is_back = True
            ended = self.lab.is_closed
            why = "the lab was closed" if ended else str(error).splitlines()[0]
            self._state = ("ended" if ended else "gone", why)
            return None
        if self.traffic.is_closed and reading.time_ns <= last:
            self._state = ("ended", "this traffic was closed")
            return None
        flows = self.flows
        rows = reading.of_flows(flows)
        values = self._values(reading, flows, rows)
        self._readings.append((reading, flows, rows))
        while len(self._readings) > 2 and reading.time_ns - self._readings[0][0].time_ns > MEAN_NS:
            self._readings.popleft()
        self._state = ("live", f"{self.label} is counted by engine {self.lab.pid}")
        return self._sample(readonly(values))

    def _check_alive(self) -> None:
        self.lab.engine.check_alive()

    def _values(self, reading: Reading, flows: Sequence[Flow], rows: Rows) -> list[int]:
        """In the order of the schema, made anew where names come or counters begin anew."""
        old = (
            {f.name: row for f, row in zip(*self._readings[-1][1:], strict=True)}
            if self._readings
            else {}
        )
        names: list[str] = []
        values: list[int] = []
        anew: set[str] = set()
        for flow, row in zip(flows, rows, strict=True):
            before = old.get(flow.name)
            if before is not None and base_of(before) != base_of(row):
                before = None
                anew.update(f"{flow.name}/{name}" for name in (*ALWAYS, *SIGNED))
                self._marks.pop(flow.name, None)
                self._averages.pop(flow.name, None)
            for name, value in self._of_flow(flow, row, before, anew).items():
                names.append(f"{flow.name}/{name}")
                values.append(value)
        ports = {flow.run: flow.on.name for flow in flows}
        for run, refusals in reading.refusals.items():
            if run in ports:
                names.append(f"port/{ports[run]}/refusals")
                values.append(refusals)
        if self._is_back:
            anew.update(names)
            self._is_back = False
        unknown = {name for name, value in zip(names, values, strict=True) if value == MISSING}
        is_new = tuple(names) != self._schema.names or unknown != self._unknown
        self._unknown = unknown
        if anew or is_new:
            made = Schema.of(names, {f"port/{port}": "" for port in ports.values()})
            self._schema = Schema(
                made.names, made.units, made.kinds, made.drivers, frozenset(anew | unknown)
            )
        return values

    def _of_flow(
        self, flow: Flow, row: Rows, before: Rows | None, anew: set[str]
    ) -> dict[str, int]:
        def of(name: str) -> int:
            return int(row[AT[name]])

        told = {name: of(name) for name in ALWAYS}
        if flow.stream.signature:
            is_over = of("state") in OVER and not of("behind") and of("still_ns") >= STILL_NS
            lost = of("sent") - of("received") if is_over else of("passed_over")
            most = self._marks.get(flow.name, 0)
            if is_over and lost < most:
                anew.add(f"{flow.name}/lost")
            self._marks[flow.name] = lost = lost if is_over else max(lost, most)
            told |= {name: lost if name == "lost" else of(name) for name in SIGNED}
        if not flow.times_frames:
            return told
        if of("latency_count"):
            grown = of("latency_count") - (
                int(before[AT["latency_count"]]) if before is not None else 0
            )
            spent = of("latency_sum_ns") - (
                int(before[AT["latency_sum_ns"]]) if before is not None else 0
            )
            if grown > 0:
                self._averages[flow.name] = spent // grown
            told["latency_avg_ns"] = self._averages.get(flow.name, 0)
            told |= {name: of(name) for name in TIMED if name != "latency_avg_ns"}
        else:
            told |= dict.fromkeys(TIMED, MISSING)
        return told
