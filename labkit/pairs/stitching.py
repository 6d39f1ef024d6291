# SPDX-License-Identifier: BSD-3-Clause
"""The data of the main role over time, joined of both sides: nothing in a gap, nothing twice.

A counter of the role is the sum of what each side's counter has grown by in each of its times as
main (an epoch).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from labkit.sources import MISSING, Kind, Sample, Samples, Schema
from labkit.sources.base import Values, readonly

if TYPE_CHECKING:
    import pandas as pd

ROLE = "port/main/"
EPOCH = "epoch"


@dataclass(frozen=True)
class Epoch:
    """A time in which a side was main.

    Attributes
    ----------
    number: from 1
    side: name of its port
    instance: how often the side had been restarted before, from 0
    samples: of its engine, from the beginning of the watch
    prefix: of the counters that belong to it, such as "port/a/"; "" for all of its engine
    from_ns, to_ns: CLOCK_MONOTONIC; its first and last frame as main where they are known
    base_ns: when it became main; what it had counted by then is not the role's
    until_ns: when it was main no more; None: it is
    limit_ns: when it was restarted after that; None: not yet
    """

    number: int
    side: str
    instance: int
    samples: Sequence[Sample]
    prefix: str
    from_ns: int
    to_ns: int | None
    base_ns: int
    until_ns: int | None
    limit_ns: int | None

    def __iter__(self) -> Iterator[Sample]:
        """Samples from the last one before it began to the first one after it ended."""
        times = [sample.monotonic_ns for sample in self.samples]
        first = max(0, int(np.searchsorted(times, self.base_ns, "right")) - 1)
        last = len(times)
        if self.until_ns is not None:
            last = int(np.searchsorted(times, self.until_ns, "left")) + 1
        if self.limit_ns is not None:
            last = min(last, int(np.searchsorted(times, self.limit_ns, "left")))
        return iter(self.samples[first:last])

    def shows(self, sample: Sample) -> bool:
        """Whether a sample lies between its first frame and its last."""
        after = self.from_ns <= sample.monotonic_ns
        return after and (self.to_ns is None or sample.monotonic_ns <= self.to_ns)


class Stitched(Samples):
    """Counters of the main role over time, as samples; made by Failover.stitched.

    `epoch` tells which of the `epochs` a sample is from. In a gap there are no samples, and no rate
    leads over it.

    Attributes
    ----------
    epochs: a row an epoch: side, instance, begin and end (UTC), seconds, and gap_before_s: without
        any frame of either side
    """

    def __init__(self, label: str, hz: float, epochs: Sequence[Epoch]) -> None:
        self._epochs = list(epochs)
        super().__init__(label, hz, list(_joined(self._epochs)))

    @property
    def table(self) -> "pd.DataFrame":
        """As Samples.table, with the side that each sample is from in column `side`."""
        table = super().table
        sides = {epoch.number: epoch.side for epoch in self._epochs}
        table.insert(0, "side", table[EPOCH].map(sides))
        return table

    @property
    def epochs(self) -> "pd.DataFrame":
        """One row an epoch; what is not over has no end yet."""
        import pandas as pd

        from labkit.tables.table import Table

        offset = _wall_offset(self._epochs)
        rows: list[tuple[Any, ...]] = []
        last_ns: int | None = None
        for epoch in self._epochs:
            end = epoch.to_ns
            rows.append(
                (
                    *(epoch.number, epoch.side, epoch.instance),
                    pd.Timestamp(epoch.from_ns + offset, unit="ns", tz="UTC"),
                    pd.NaT if end is None else pd.Timestamp(end + offset, unit="ns", tz="UTC"),
                    None if end is None else (end - epoch.from_ns) / 1e9,
                    None if last_ns is None else (epoch.from_ns - last_ns) / 1e9,
                )
            )
            last_ns = end
        columns = [EPOCH, "side", "instance", "begin", "end", "seconds", "gap_before_s"]
        return Table(rows, columns=columns).set_index(EPOCH)


def _wall_offset(epochs: Sequence[Epoch]) -> int:
    """What leads from CLOCK_MONOTONIC to the time of day."""
    first = next((epoch.samples[0] for epoch in epochs if epoch.samples), None)
    return 0 if first is None else first.time_ns - first.monotonic_ns


def _joined(epochs: Sequence[Epoch]) -> Iterator[Sample]:
    """Samples of all epochs with the role's counters."""
    sums = _Sums()
    for epoch in epochs:
        parts: dict[Schema, _Part] = {}
        sums.begin()
        is_first = True
        for sample in epoch:
            part = parts.get(sample.schema)
            if part is None:
                part = parts[sample.schema] = _Part(sample.schema, epoch, sums)
            values = part.take(sample)
            if epoch.shows(sample) and sample.monotonic_ns > epoch.base_ns:
                schema = part.schema
                if is_first:  # no rate leads over the gap
                    schema = replace(schema, anew=frozenset(schema.names))
                is_first = False
                yield Sample(sample.monotonic_ns, sample.time_ns, values, schema)


class _Sums:
    """What the role has counted so far, by the place of a counter's name."""

    def __init__(self) -> None:
        self.places: dict[str, int] = {}
        self.sums = np.zeros(0, np.uint64)
        self.last = np.zeros(0, np.uint64)  # what the counter stood at, or MISSING

    def place(self, name: str) -> int:
        """Of a name, new ones included."""
        if name not in self.places:
            self.places[name] = len(self.places)
            self.sums = np.append(self.sums, np.uint64(0))
            self.last = np.append(self.last, np.uint64(MISSING))
        return self.places[name]

    def begin(self) -> None:
        """An epoch: what its side has counted before is not the role's."""
        self.last[:] = MISSING


class _Part:
    """The counters of a schema that belong to the role.

    Attributes
    ----------
    schema: theirs, by their names in the role
    """

    def __init__(self, whole: Schema, epoch: Epoch, sums: _Sums) -> None:
        picked = [name for name in whole.names if name.startswith(epoch.prefix)]
        role = {
            name: f"{ROLE}{name.removeprefix(epoch.prefix)}" if epoch.prefix else name
            for name in picked
        }
        kinds: dict[str, Kind] = {
            role[name]: whole.kinds[name] for name in picked if name in whole.kinds
        }
        units = {role[name]: whole.units[name] for name in picked if name in whole.units}
        drivers = {
            ROLE.rstrip("/") if epoch.prefix else of: driver
            for of, driver in whole.drivers.items()
            if not epoch.prefix or f"{of}/" == epoch.prefix
        }
        self.schema = Schema((EPOCH, *role.values()), units, {EPOCH: "state", **kinds}, drivers)
        self._number, self._sums = epoch.number, sums
        self._from = [whole.index[name] for name in picked]
        self._to = np.array([sums.place(name) for name in role.values()], dtype=np.intp)
        self._is_counter = whole.is_counter[self._from]

    def take(self, sample: Sample) -> Values:
        """The role's values at the next sample."""
        sums, values = self._sums, sample.values[self._from]
        last = sums.last[self._to]
        is_there = values != MISSING
        # Lower than it was: its path was run again, or its engine restarted, and it began at 0.
        grown = np.where(values >= last, values - last, values)
        sums.sums[self._to] += np.where(is_there & (last != MISSING), grown, 0).astype(np.uint64)
        sums.last[self._to] = np.where(is_there, values, last)
        told = np.where(self._is_counter & is_there, sums.sums[self._to], values)
        return readonly(np.concatenate((np.array([self._number], np.uint64), told)))
