# SPDX-License-Identifier: BSD-3-Clause
"""Samples as an Arrow table, which Parquet files hold: times, and one column a counter."""

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any, BinaryIO

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from labkit.sources.base import MISSING, Sample, Schema, SourceError, readonly
from labkit.text import reason

# The columns that are no counters; `schema` numbers schemas, which rates do not reach across
TIMES = ("monotonic_ns", "time_ns", "sequence", "schema")
METADATA = b"labkit"
UINT64 = pa.uint64()


def write(path: str, label: str, hz: float, samples: Sequence[Sample]) -> None:
    """Writes a file that read() reads."""
    pq.write_table(as_arrow(label, hz, samples), path, compression="zstd")


def read(
    path: str, stream: BinaryIO | None = None, passed_over: dict[str, str] | None = None
) -> tuple[str, float, list[Sample]]:
    """Label, rate and samples of a file that write() wrote, or of any of its shape.

    stream: where its bytes are, if not in the file
    passed_over: takes columns that hold no counters, with the reason, instead of refusing the file
    """
    source = path if stream is None else stream
    try:
        columns = None if passed_over is None else _of_numbers(source, passed_over)
        table = pq.read_table(source, columns=columns)
    except FileNotFoundError:
        raise SourceError(f"there is no recording {path}") from None
    except (pa.ArrowException, OSError) as error:
        raise SourceError(f"{path} is no Parquet file ({reason(error)})") from None
    absent = [name for name in TIMES[:2] if name not in table.column_names]
    if absent:
        raise SourceError(f"{path} is no recording: it has no column {absent[0]}")
    facts = _facts(table.schema.metadata or {}, path)
    for name in TIMES[:2]:
        if table[name].null_count:
            raise SourceError(f"{path} is no recording: {name} is missing in some rows")
    times = [_whole_numbers(table[name], name, path).to_numpy() for name in TIMES[:2]]
    if np.any(np.diff(times[0].astype(np.int64)) <= 0):
        raise SourceError(f"{path} is no recording: monotonic_ns does not grow")
    if passed_over is not None:
        table = _only_counters(table, path, passed_over)
    samples = list(_samples(table, times, facts, path))
    return facts.get("label", path), facts.get("hz", _median_hz(times[0])), samples


def values_of(data: bytes) -> int:
    """How many values a file holds: rows times columns."""
    try:
        found = pq.ParquetFile(pa.BufferReader(data)).metadata
    except (pa.ArrowException, OSError) as error:
        raise SourceError(f"it is no Parquet file ({reason(error)})") from None
    return int(found.num_rows * found.num_columns)


def _facts(metadata: Mapping[bytes, bytes], path: str) -> dict[str, Any]:
    """What labkit wrote beside the columns."""
    try:
        facts = json.loads(metadata.get(METADATA, b"{}"))
    except ValueError:
        facts = None
    shapes: dict[str, Any] = {"label": str, "hz": (int, float)}
    shapes |= dict.fromkeys(("units", "kinds", "drivers"), dict)
    if not isinstance(facts, dict) or any(
        name in facts and not isinstance(facts[name], shape) for name, shape in shapes.items()
    ):
        raise SourceError(f"{path} is no recording: what it says of itself is not what labkit says")
    return facts


def _of_numbers(source: str | BinaryIO, passed_over: dict[str, str]) -> list[str]:
    """The columns of numbers, which alone are read: others may be of any size."""
    numbers = []
    for field in pq.read_schema(source):
        if pa.types.is_integer(field.type) or pa.types.is_floating(field.type):
            numbers.append(field.name)
        else:
            passed_over[field.name] = f"it holds {field.type}"
    return numbers


def _only_counters(table: pa.Table, path: str, passed_over: dict[str, str]) -> pa.Table:
    """Without columns that hold none, which are told."""
    for name in table.column_names:
        try:
            if name not in TIMES[:2]:
                _whole_numbers(table[name], name, path)
        except SourceError as error:
            passed_over[name] = str(error)
    return table.drop_columns([name for name in table.column_names if name in passed_over])


def as_arrow(label: str, hz: float, samples: Sequence[Sample]) -> pa.Table:
    """One row a sample; a counter that a sample does not have is missing."""
    tables = [pa.table({name: pa.array([], UINT64) for name in TIMES})]
    schemas = list(dict.fromkeys(sample.schema for sample in samples))
    for schema, run in groupby(samples, key=lambda sample: sample.schema):
        segment = list(run)
        values = np.stack([sample.values for sample in segment])
        columns = {
            time: pa.array([getattr(sample, time) for sample in segment], UINT64)
            for time in TIMES[:3]
        }
        columns["schema"] = pa.array([schemas.index(schema)] * len(segment), UINT64)
        for i, name in enumerate(schema.names):
            columns[name] = pa.array(values[:, i])
        tables.append(pa.table(columns))
    facts: dict[str, Any] = {"label": label, "hz": hz}
    for what in ("units", "kinds", "drivers"):
        facts[what] = {k: v for s in schemas for k, v in getattr(s, what).items()}
    joined = pa.concat_tables(tables, promote_options="default").combine_chunks()
    return joined.replace_schema_metadata({METADATA: json.dumps(facts).encode()})


def as_frame(table: pa.Table) -> pd.DataFrame:
    """Its counters, indexed by time; missing where one was not there or not readable."""
    columns: dict[str, Any] = {}
    for name in table.column_names[len(TIMES) :]:
        values = table[name].to_pandas(types_mapper={UINT64: pd.UInt64Dtype()}.get)
        columns[name] = values.mask(values == MISSING)
    index = pd.to_datetime(table["time_ns"].to_numpy(), unit="ns", utc=True)
    return pd.DataFrame(columns).set_axis(index.rename("time"))


def _samples(
    table: pa.Table, times: Sequence[Any], facts: dict[str, Any], path: str
) -> Iterator[Sample]:
    names = [name for name in table.column_names if name not in TIMES]
    there = np.empty((len(table), len(names)), dtype=bool)
    values = np.empty((len(table), len(names)), dtype=np.uint64)
    for i, name in enumerate(names):
        column = _whole_numbers(table[name], name, path)
        there[:, i] = column.is_valid().to_numpy(zero_copy_only=False)
        values[:, i] = column.fill_null(0).to_numpy()
    optional = [
        table[name].to_pylist() if name in table.column_names else [0] * len(table)
        for name in TIMES[2:]
    ]
    schemas: dict[tuple[int, bytes], Schema] = {}
    for row in range(len(table)):
        mask = there[row]
        sequence, number = (column[row] for column in optional)
        schema = schemas.get((number, mask.tobytes()))
        if schema is None:
            kept = (name for name, is_there in zip(names, mask, strict=True) if is_there)
            schema = schemas[number, mask.tobytes()] = _schema(tuple(kept), facts)
        monotonic_ns, time_ns = (int(time[row]) for time in times)
        yield Sample(monotonic_ns, time_ns, readonly(values[row][mask]), schema, sequence)


def _schema(names: tuple[str, ...], facts: dict[str, Any]) -> Schema:
    """What the file says of these names; the catalogue fills in what it does not."""
    known = Schema.of(names)
    units, kinds = dict(known.units), dict(known.kinds)
    units.update({n: u for n, u in facts.get("units", {}).items() if n in known.index})
    kinds.update({n: k for n, k in facts.get("kinds", {}).items() if n in known.index})
    return Schema(names, units, kinds, facts.get("drivers", {}))


def _whole_numbers(column: Any, name: str, path: str) -> Any:
    try:
        return column.combine_chunks().cast(UINT64)
    except pa.ArrowException as error:
        raise SourceError(
            f"{path}: column {name} does not hold counters, which are whole numbers of 0 or more "
            f"({error})"
        ) from None


def _median_hz(monotonic_ns: Any) -> float:
    if len(monotonic_ns) < 2:
        return 1.0
    return float(1e9 / np.median(np.diff(monotonic_ns.astype(np.int64))))
