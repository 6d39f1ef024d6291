# SPDX-License-Identifier: BSD-3-Clause
"""Several captures as one: merged by time, and frames that two of them saw."""

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd

from labkit.arguments.checked import checked
from labkit.captures.columns import Array, columns_of
from labkit.captures.matched import Matched, matched
from labkit.captures.reading import tell
from labkit.captures.written import interfaces_of
from labkit.errors import LabError
from labkit.packet.capture_options import CaptureInterface
from labkit.packet.capture_reader import BYTES, FRAMES, RECORD, CapturedBatch, CaptureReader
from labkit.packet.capture_writer import ETHERNET, CaptureWriter
from labkit.tables.table import Table
from labkit.text import plural

FEWEST = 2
NO_TIME = np.iinfo(np.int64).min


class Captured(Protocol):
    """What is joined: captures."""

    file: Path

    def table(self, columns: Sequence[str] | None = None, where: str | None = None) -> Table:
        """See Capture.table()."""


class Joined:
    """Captures in the order of their times; made by Capture.join().

    A frame whose time goes back, or that has none, comes when the latest one before it does.

    Attributes
    ----------
    captures: in the order in which they were given
    """

    def __init__(self, captures: Sequence[Captured]) -> None:
        if len(captures) < FEWEST:
            raise LabError(f"join() of {plural(len(captures), 'capture')}; it takes two or more")
        self.captures = tuple(captures)

    def table(self, columns: Sequence[str] | None = None, where: str | None = None) -> Table:
        """Their tables as one, with a column "capture" (the file's name) and their frames' numbers
        in it as "frame"; see Capture.table()."""
        wanted = [one.name for one in columns_of(columns) if one.name != "frame"]
        names = list(dict.fromkeys(("time_ns", *wanted)))
        parts, keys = [], []
        for capture, label in zip(self.captures, self._labels, strict=True):
            part = capture.table(names, where).reset_index()
            keys.append(_steady(part["time_ns"].fillna(NO_TIME).to_numpy(np.int64)))
            part.insert(0, "capture", label)
            parts.append(part)
        order = np.argsort(np.concatenate(keys), kind="stable")
        joined = pd.concat([pd.DataFrame(_plain(part)) for part in parts], ignore_index=True)
        for name in joined.columns:
            if name == "capture" or isinstance(parts[0][name].dtype, pd.CategoricalDtype):
                joined[name] = joined[name].astype("category")
        joined = joined.iloc[order].reset_index(drop=True)
        return Table(joined[["capture", "frame", *wanted]])

    @checked()
    def write(self, file: str | os.PathLike[str]) -> Path:
        """Writes all frames to one file, in the order of their times, each with its interface;
        returns where it is. Memory does not grow with the captures."""
        interfaces: list[CaptureInterface] = []
        firsts: list[int] = []
        for capture in self.captures:
            firsts.append(len(interfaces))
            interfaces += interfaces_of(capture.file)
        files = [capture.file for capture in self.captures]
        known = interfaces or [ETHERNET]
        with ExitStack() as stack:
            out = stack.enter_context(CaptureWriter(file, interfaces=known, reads=files))
            readers = [stack.enter_context(CaptureReader(one)) for one in files]
            heads = [_Head(reader, first) for reader, first in zip(readers, firsts, strict=True)]
            for batch in _merged(heads):
                out.write(batch.buffer, batch.records, batch.comments)
            for reader in readers:
                tell(reader)
        return out.file

    def match(self, where: str | None = None) -> Matched:
        """Frames of the first capture that the second one saw, too: what was lost on the way, how
        long it took, and what overtook what. Of two captures.

        A frame is known by its innermost packet without TTL, traffic class, flow label and header
        checksum (column "digest"); of equal ones the first is the first, and so on. Both captures
        have to keep equally many bytes of a frame, and their clocks have to agree for times.
        """
        if len(self.captures) != FEWEST:
            raise LabError(
                f"match() of {len(self.captures)} captures; it is of two: join([before, after])"
            )
        columns = ["time_ns", "digest", "length"]
        first, second = (capture.table(columns, where) for capture in self.captures)
        return matched(first, second, self._labels)

    def __repr__(self) -> str:
        return f"<Joined {', '.join(self._labels)}>"

    @property
    def _labels(self) -> list[str]:
        """Names of the files; with numbers where they are alike."""
        names = [capture.file.name for capture in self.captures]
        return [
            name if names.count(name) == 1 else f"{name} ({number})"
            for number, name in enumerate(names)
        ]


def _steady(times: Array) -> Array:
    """The running maximum: no frame is told before one that stands before it."""
    steady: Array = np.maximum.accumulate(times) if len(times) else times
    return steady


def _plain(part: Table) -> dict[str, Any]:
    """Categories of several captures differ; their texts do not."""
    return {
        str(name): column.astype(object)
        if isinstance(column.dtype, pd.CategoricalDtype)
        else column
        for name, column in part.items()
    }


class _Head:
    """The frames of a capture that are next."""

    def __init__(self, reader: CaptureReader, first_interface: int) -> None:
        self._reader, self._first = reader, first_interface
        self._buffer, self._records = np.empty(BYTES, np.uint8), np.empty(FRAMES, RECORD)
        self._latest = NO_TIME
        self._at = 0
        self.batch: CapturedBatch | None = None
        self.keys = np.empty(0, np.int64)

    def fill(self) -> bool:
        """Whether there are frames."""
        if self.batch is not None and self._at < len(self.batch):
            return True
        count = self._reader.read(self._buffer, self._records)
        if not count:
            self.batch = None
            return False
        records = self._records[:count]
        times = np.where(records["has_time"] == 1, records["time_ns"], NO_TIME)
        self.keys = np.maximum(_steady(times), self._latest)
        self._latest, self._at = int(self.keys[-1]), 0
        records["interface"] += self._first
        self.batch = CapturedBatch(records, self._buffer, 0, self._reader.comments)
        return True

    @property
    def last(self) -> int:
        return int(self.keys[-1])

    def take(self, until: int) -> tuple[CapturedBatch, Array]:
        """Frames up to a time."""
        assert self.batch is not None
        end = int(np.searchsorted(self.keys, until, side="right"))
        first, self._at = self._at, max(end, self._at)
        records = self.batch.records[first : self._at].copy()
        comments = {
            number - first: texts
            for number, texts in self.batch.comments.items()
            if first <= number < self._at
        }
        begin = int(records["offset"][0]) if len(records) else 0
        last = int(records["offset"][-1]) + int(records["kept"][-1]) if len(records) else 0
        records["offset"] -= np.uint64(begin)
        part = CapturedBatch(records, self.batch.buffer[begin:last], 0, comments)
        return part, self.keys[first : self._at]


def _merged(heads: Sequence[_Head]) -> Iterator[CapturedBatch]:
    """Frames of all captures in their order, as far as it is known by what is read of each."""
    while there := [head for head in heads if head.fill()]:
        until = min(head.last for head in there)
        parts = [head.take(until) for head in there]
        order = np.argsort(np.concatenate([keys for _, keys in parts]), kind="stable")
        records, offset, first = [], 0, 0
        comments: dict[int, tuple[str, ...]] = {}
        for batch, _ in parts:
            moved = batch.records
            moved["offset"] += np.uint64(offset)
            records.append(moved)
            comments |= {first + number: texts for number, texts in batch.comments.items()}
            offset += batch.buffer.size
            first += len(moved)
        places = np.empty(len(order), np.int64)
        places[order] = np.arange(len(order))
        yield CapturedBatch(
            np.concatenate(records)[order].astype(RECORD),  # which concatenate() packs
            np.concatenate([batch.buffer for batch, _ in parts]),
            0,
            {int(places[number]): texts for number, texts in comments.items()},
        )
