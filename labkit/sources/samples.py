# SPDX-License-Identifier: BSD-3-Clause
"""Samples kept: as tables, as a picture, as a Parquet file."""

import os
from collections.abc import Iterator, Sequence
from itertools import groupby, pairwise
from typing import TYPE_CHECKING

import numpy as np

from labkit.sources.base import Sample, Schema, SourceError
from labkit.sources.course import Course
from labkit.sources.rates import Rates, rates
from labkit.sources.selection import Choice, select
from labkit.units import plain

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

GAP = 2.5  # ticks between samples from which on one is missing
CHOSEN = 6  # lines of a picture when nobody names any
# A rate's unit on an axis, and that of a level
SYMBOLS = {"packets": "packets/s", "bytes": "B/s", "cycles": "cycles/s", "": "1/s"}
LEVELS = {"bytes": "B", "": "value"}


class Samples:
    """Samples of one source in the order they were taken.

    Attributes
    ----------
    label: the source's
    hz: the rate that was asked for
    samples: all of them
    """

    def __init__(self, label: str, hz: float, samples: Sequence[Sample] = ()) -> None:
        self.label = label
        self.hz = hz
        self.samples = list(samples)

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, number: int) -> Sample:
        return self.samples[number]

    @property
    def names(self) -> tuple[str, ...]:
        """Every name that occurs, in the order of first appearance."""
        return tuple(dict.fromkeys(name for part in self._schemas() for name in part.names))

    @property
    def units(self) -> dict[str, str]:
        """Units by name, where known."""
        return {name: unit for part in self._schemas() for name, unit in part.units.items()}

    @property
    def seconds(self) -> float:
        """From the first sample to the last."""
        if not self.samples:
            return 0.0
        return (self.samples[-1].monotonic_ns - self.samples[0].monotonic_ns) / 1e9

    @property
    def gaps(self) -> int:
        """Ticks without a sample between the first and the last."""
        return max(0, round(self.seconds * self.hz) + 1 - len(self)) if self.samples else 0

    @property
    def table(self) -> "pd.DataFrame":
        """One row a sample, one column a counter; missing where it was not there or not readable.

        The index is the time (UTC).
        """
        from labkit.sources.parquet import as_arrow, as_frame  # late: pyarrow is slow
        from labkit.tables.table import Table

        return Table(as_frame(as_arrow(self.label, self.hz, self.samples.copy())))

    @property
    def rates(self) -> "pd.DataFrame":
        """As `table`: counters a second since the sample before, gauges and states as they were.

        NaN where there is no rate, faults included.
        """
        import pandas as pd

        from labkit.tables.table import Table

        pairs = list(self.each_rate())
        times = [sample.time_ns for sample, _ in pairs]
        index = pd.to_datetime(times, unit="ns", utc=True)
        return Table(self._rates_of(pairs).set_axis(index.rename("time")))

    @property
    def faults(self) -> "pd.DataFrame":
        """One row a fault: time, name, fault (a sentence)."""
        import pandas as pd

        from labkit.tables.table import Table

        rows = [
            (pd.Timestamp(sample.time_ns, unit="ns", tz="UTC"), name, sentence)
            for sample, found in self.each_rate()
            for name, sentence in found.faults.items()
        ]
        return Table(rows, columns=["time", "name", "fault"])

    def each_rate(self) -> Iterator[tuple[Sample, Rates]]:
        """Each sample but the first, with the rates since the one before."""
        return ((after, rates(before, after)) for before, after in pairwise(self.samples))

    def plot(self, *names: str) -> "Figure":
        """Course of counters (as rates) and gauges over time; names may hold * and ?.

        Without names, the packet counters that moved most. Red crosses are faults, grey is where
        samples are missing.
        """
        from labkit.sources.figure import time_figure  # late: matplotlib is slow

        now = Samples(self.label, self.hz, self.samples)  # more may come meanwhile
        if len(now) < 2:
            raise SourceError(
                f"{self.label}: {len(now)} samples make no picture; record for longer"
            )
        return time_figure(now._course(names))

    def only(self, *names: str) -> "Samples":
        """The same samples with the counters of these names, which may hold * and ?."""
        wanted = select(self.names, names)
        choice = Choice(wanted)
        return Samples(self.label, self.hz, [choice(sample) for sample in self.samples])

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes a Parquet file: times, one column a counter; labkit.sources.Recording reads it."""
        from labkit.sources.parquet import write  # late: pyarrow is slow

        write(os.fspath(path), self.label, self.hz, self.samples.copy())

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> "Samples":
        """Reads what save() wrote, or any Parquet file of its shape."""
        from labkit.sources.parquet import read  # late: pyarrow is slow

        return cls(*read(os.fspath(path)))

    def __repr__(self) -> str:
        return (
            f"<{type(self).__name__} of {self.label}: {len(self)} samples of {len(self.names)} "
            f"counters in {plain(self.seconds, 3)} s, {self.gaps} missing>"
        )

    # Within

    def _schemas(self) -> list[Schema]:
        return list(dict.fromkeys(sample.schema for sample in self.samples))

    def _rates_of(self, pairs: Sequence[tuple[Sample, Rates]]) -> "pd.DataFrame":
        import pandas as pd

        parts = [
            pd.DataFrame(np.stack([found.values for _, found in run]), columns=list(schema.names))
            for schema, run in groupby(pairs, key=lambda pair: pair[0].schema)
        ]
        return pd.concat([pd.DataFrame(columns=list(self.names), dtype=float), *parts])

    def _course(self, patterns: Sequence[str]) -> Course:
        """What a picture tells of the counters that patterns match, or of the busiest ones."""
        pairs = list(self.each_rate())
        moving = self._rates_of(pairs)
        names = select(self.names, patterns or self._most_moving(moving))
        start = self.samples[0]
        times = np.array([s.monotonic_ns - start.monotonic_ns for s in self.samples]) / 1e9
        faults: dict[str, list[float]] = {name: [] for name in names}
        for time, (_, change) in zip(times[1:], pairs, strict=True):
            for name in change.faults.keys() & faults.keys():
                faults[name].append(time)
        missing = f", {self.gaps} missing" if self.gaps else ""
        return Course(
            f"{self.label}: {len(self)} samples{missing}",
            start.time_ns,
            moving[names].set_axis(times[1:]),
            {name: self._axis_unit(name) for name in names},
            faults,
            [(times[i], times[i + 1]) for i in np.flatnonzero(np.diff(times) * self.hz > GAP)],
        )

    def _most_moving(self, moving: "pd.DataFrame") -> list[str]:
        """The packet counters with the highest rates; without any, the first counters."""
        highest, units = moving.max(), self.units
        packets = [name for name in self.names if units.get(name) == "packets"]
        moved = highest[packets][highest[packets] > 0].sort_values(ascending=False)
        return [str(name) for name in moved.index[:CHOSEN]] or list(self.names[:CHOSEN])

    def _axis_unit(self, name: str) -> str:
        schema = next(s.schema for s in self.samples if name in s.schema.index)
        unit = schema.units.get(name, "")
        if schema.kinds.get(name, "counter") == "counter":
            return SYMBOLS.get(unit, f"{unit}/s")
        return LEVELS.get(unit, unit)
