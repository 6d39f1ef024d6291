# SPDX-License-Identifier: BSD-3-Clause
"""Frames of a capture, as they are or changed, into another file."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path

from labkit.captures.columns import COLUMNS, Array
from labkit.captures.reading import passed, tell
from labkit.captures.taken_apart import Apart
from labkit.packet.capture_options import CaptureInterface
from labkit.packet.capture_reader import CapturedBatch, CaptureReader
from labkit.packet.capture_writer import ETHERNET, CaptureWriter

Change = Callable[[CapturedBatch], CapturedBatch]


def write(
    source: Path,
    file: str | os.PathLike[str],
    where: str | None = None,
    change: Change | None = None,
    interfaces: Sequence[CaptureInterface] | None = None,
) -> Path:
    """Writes those that a filter takes, with their times, comments and interfaces.

    change: what becomes of a batch
    interfaces: that frames are of then; None: those of the file
    """
    wanted = Apart((COLUMNS["frame"],), where)
    known = interfaces_of(source) if interfaces is None else interfaces
    with CaptureReader(source) as reader:
        # A section that describes no interface has no frames.
        out = CaptureWriter(file, interfaces=known or (ETHERNET,), reads=[source])
        with out:
            for batch in passed(reader):
                ((numbers, _),) = wanted.take(batch)
                taken = chosen(batch, numbers - batch.first)
                if change is not None:
                    taken = change(taken)
                out.write(taken.buffer, taken.records, taken.comments)
            tell(reader)
    return out.file


def chosen(batch: CapturedBatch, numbers: Array) -> CapturedBatch:
    """The records of these numbers in the batch, with their comments."""
    if len(numbers) == len(batch):
        return batch
    comments = {}
    if batch.comments:
        places = {int(number): place for place, number in enumerate(numbers)}
        comments = {
            places[number]: texts for number, texts in batch.comments.items() if number in places
        }
    return CapturedBatch(batch.records[numbers], batch.buffer, -1, comments)


def interfaces_of(file: Path) -> tuple[CaptureInterface, ...]:
    """Those of a whole file, which may describe them anywhere: one pass over its records."""
    with CaptureReader(file) as reader:
        for _ in passed(reader):
            pass
        return reader.interfaces
