# SPDX-License-Identifier: BSD-3-Clause
"""Samples kept: as tables, as a picture, as a Parquet file."""

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby, pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from labkit.sources.base import MISSING, Sample, Schema, SourceError, readonly, select
from labkit.sources.rates import Rates, rates

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa
    from matplotlib.figure import Figure

# The columns that are no counters; `schema` numbers schemas, which rates do not reach across
TIMES = ("monotonic_ns", "time_ns", "sequence", "schema")
METADATA = b"labkit"


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
        import pandas as pd

        table = self._arrow()
        columns: dict[str, Any] = {}
        for name in table.column_names[len(TIMES) :]:
            values = table[name].to_pandas(types_mapper={_uint64(): pd.UInt64Dtype()}.get)
            columns[name] = values.mask(values == MISSING)
        index = pd.to_datetime(table["time_ns"].to_numpy(), unit="ns", utc=True)
        return pd.DataFrame(columns).set_axis(index.rename("time"))

    @property
    def rates(self) -> "pd.DataFrame":
        """As `table`: counters a second since the sample before, gauges and states as they were.

        NaN where there is no rate, faults included.
        """
        import pandas as pd

        pairs = list(self.each_rate())
        parts = [
            pd.DataFrame(np.stack([found.values for _, found in run]), columns=list(schema.names))
            for schema, run in groupby(pairs, key=lambda pair: pair[0].schema)
        ]
        table = pd.concat([pd.DataFrame(columns=list(self.names), dtype=float), *parts])
        times = [sample.time_ns for sample, _ in pairs]
        return table.set_axis(pd.to_datetime(times, unit="ns", utc=True).rename("time"))

    @property
    def faults(self) -> "pd.DataFrame":
        """One row a fault: time, name, fault (a sentence)."""
        import pandas as pd

        rows = [
            (pd.Timestamp(sample.time_ns, unit="ns", tz="UTC"), name, sentence)
            for sample, found in self.each_rate()
            for name, sentence in found.faults.items()
        ]
        return pd.DataFrame(rows, columns=["time", "name", "fault"])

    def each_rate(self) -> Iterator[tuple[Sample, Rates]]:
        """Each sample but the first, with the rates since the one before."""
        return ((after, rates(before, after)) for before, after in pairwise(self.samples))

    def plot(self, *names: str) -> "Figure":
        """Course of counters (as rates) and gauges over time; names may hold * and ?.

        Without names, the packet counters that moved most. Red crosses are faults, grey is where
        samples are missing.
        """
        from labkit.sources.figure import most_moving, time_figure

        now = Samples(self.label, self.hz, self.samples)  # more may come meanwhile
        chosen = select(now.names, names or most_moving(now))
        return time_figure(now.only(*chosen), chosen)

    def only(self, *names: str) -> "Samples":
        """The same samples with the counters of these names, which may hold * and ?."""
        wanted = select(self.names, names)
        choice = Choice(wanted)
        return Samples(self.label, self.hz, [choice(sample) for sample in self.samples])

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes a Parquet file: times, one column a counter; labkit.sources.Recording reads it."""
        import pyarrow.parquet as pq

        pq.write_table(self._arrow(), os.fspath(path), compression="zstd")

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> "Samples":
        """Reads what save() wrote, or any Parquet file of its shape."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            table = pq.read_table(os.fspath(path))
        except FileNotFoundError:
            raise SourceError(f"there is no recording {os.fspath(path)}") from None
        except (pa.ArrowException, OSError) as error:
            raise SourceError(f"{os.fspath(path)} is no Parquet file ({error})") from None
        return cls._from_arrow(table, os.fspath(path))

    def __repr__(self) -> str:
        return (
            f"<{type(self).__name__} of {self.label}: {len(self)} samples of {len(self.names)} "
            f"counters in {self.seconds:.3g} s, {self.gaps} missing>"
        )

    # Within

    def _schemas(self) -> list[Schema]:
        return list(dict.fromkeys(sample.schema for sample in self.samples))

    def _arrow(self) -> "pa.Table":
        import pyarrow as pa

        tables = [pa.table({name: pa.array([], _uint64()) for name in TIMES})]
        samples = self.samples.copy()  # more may come meanwhile
        schemas = list(dict.fromkeys(sample.schema for sample in samples))
        for schema, run in groupby(samples, key=lambda sample: sample.schema):
            segment = list(run)
            values = np.stack([sample.values for sample in segment])
            columns = {
                time: pa.array([getattr(sample, time) for sample in segment], _uint64())
                for time in TIMES[:3]
            }
            columns["schema"] = pa.array([schemas.index(schema)] * len(segment), _uint64())
            for i, name in enumerate(schema.names):
                columns[name] = pa.array(values[:, i])
            tables.append(pa.table(columns))
        facts = {"label": self.label, "hz": self.hz}
        for what in ("units", "kinds", "drivers"):
            facts[what] = {k: v for s in schemas for k, v in getattr(s, what).items()}
        joined = pa.concat_tables(tables, promote_options="default").combine_chunks()
        return joined.replace_schema_metadata({METADATA: json.dumps(facts).encode()})

    @classmethod
    def _from_arrow(cls, table: "pa.Table", path: str) -> "Samples":
        absent = [name for name in TIMES[:2] if name not in table.column_names]
        if absent:
            raise SourceError(f"{path} is no recording: it has no column {absent[0]}")
        facts = json.loads((table.schema.metadata or {}).get(METADATA, b"{}"))
        names = [name for name in table.column_names if name not in TIMES]
        there = np.empty((len(table), len(names)), dtype=bool)
        values = np.empty((len(table), len(names)), dtype=np.uint64)
        for i, name in enumerate(names):
            column = _whole_numbers(table[name], name, path)
            there[:, i] = column.is_valid().to_numpy(zero_copy_only=False)
            values[:, i] = column.fill_null(0).to_numpy()
        times = [_whole_numbers(table[name], name, path).to_numpy() for name in TIMES[:2]]
        if np.any(np.diff(times[0].astype(np.int64)) <= 0):
            raise SourceError(f"{path} is no recording: monotonic_ns does not grow")
        optional = [
            table[name].to_pylist() if name in table.column_names else [0] * len(table)
            for name in TIMES[2:]
        ]
        schemas: dict[tuple[int, bytes], Schema] = {}
        samples = []
        for row in range(len(table)):
            mask = there[row]
            sequence, number = (column[row] for column in optional)
            schema = schemas.get((number, mask.tobytes()))
            if schema is None:
                kept = (name for name, is_there in zip(names, mask, strict=True) if is_there)
                schema = _schema(tuple(kept), facts)
                schemas[number, mask.tobytes()] = schema
            samples.append(
                Sample(
                    int(times[0][row]),
                    int(times[1][row]),
                    readonly(values[row][mask]),
                    schema,
                    sequence,
                )
            )
        return cls(facts.get("label", path), facts.get("hz", _median_hz(times[0])), samples)


class Choice:
    """Takes the counters that patterns match out of samples, whatever their schema."""

    def __init__(self, patterns: Sequence[str]) -> None:
        self._patterns = patterns
        self._parts: dict[Schema, tuple[Schema, list[int]]] = {}

    def __call__(self, sample: Sample) -> Sample:
        """The sample with fewer counters."""
        if sample.schema not in self._parts:
            whole = sample.schema
            names = select(whole.names, self._patterns, must=False)
            units = {name: whole.units[name] for name in names if name in whole.units}
            kinds = {name: whole.kinds[name] for name in names if name in whole.kinds}
            part = Schema(tuple(names), units, kinds, whole.drivers)
            self._parts[whole] = part, [whole.index[name] for name in names]
        part, columns = self._parts[sample.schema]
        return replace(sample, values=readonly(sample.values[columns]), schema=part)


def _schema(names: tuple[str, ...], facts: dict[str, Any]) -> Schema:
    """What the file says of these names; the catalogue fills in what it does not."""
    known = Schema.of(names)
    units, kinds = dict(known.units), dict(known.kinds)
    units.update({n: u for n, u in facts.get("units", {}).items() if n in known.index})
    kinds.update({n: k for n, k in facts.get("kinds", {}).items() if n in known.index})
    return Schema(names, units, kinds, facts.get("drivers", {}))


def _uint64() -> "pa.DataType":
    import pyarrow as pa

    return pa.uint64()


def _whole_numbers(column: Any, name: str, path: str) -> Any:
    import pyarrow as pa

    try:
        return column.combine_chunks().cast(pa.uint64())
    except pa.ArrowException as error:
        raise SourceError(
            f"{path}: column {name} does not hold counters, which are whole numbers of 0 or more "
            f"({error})"
        ) from None


def _median_hz(monotonic_ns: Any) -> float:
    if len(monotonic_ns) < 2:
        return 1.0
    return float(1e9 / np.median(np.diff(monotonic_ns.astype(np.int64))))
