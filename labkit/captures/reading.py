# SPDX-License-Identifier: BSD-3-Clause
"""Passes over a capture: batches in arrays that are used again, a bar of progress, and the warnings
that belong to what was read."""

import sys
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

import numpy as np

from labkit.packet.capture_reader import BYTES, FRAMES, RECORD, CapturedBatch, CaptureReader
from labkit.progress import progress_bar

PATIENCE = 1.0  # seconds without a bar


def batches_of(file: Path) -> Iterator[CapturedBatch]:
    """All frames, many at a time; the arrays of a batch are those of the next one, too."""
    with CaptureReader(file) as reader:
        yield from passed(reader)
        tell(reader)


def passed(reader: CaptureReader) -> Iterator[CapturedBatch]:
    """The same, of a reader that is at its beginning."""
    buffer, records = np.empty(BYTES, np.uint8), np.empty(FRAMES, RECORD)
    total = None if reader.compression else reader.file.stat().st_size
    begin, first, bar = time.monotonic(), 0, None
    try:
        while count := reader.read(buffer, records):
            yield CapturedBatch(records[:count], buffer, first, reader.comments)
            first += count
            if bar is None and time.monotonic() - begin > PATIENCE:
                bar = progress_bar(
                    total=total, unit="B", unit_scale=True, desc=f"reading {reader.file.name}"
                )
            if bar is not None:
                bar.update(reader.at - bar.n)
    finally:
        if bar is not None:
            bar.close()


def tell(reader: CaptureReader) -> None:
    """Warns of what the reader met, where we were called."""
    for text in reader.warnings:
        warnings.warn(text, stacklevel=_calls_of_ours() + 1)


def _calls_of_ours() -> int:
    """How many calls up there is code that is not labkit's; one pass has several ways to it."""
    calls, frame = 0, sys._getframe()
    while frame.f_back is not None and _is_ours(frame):
        calls, frame = calls + 1, frame.f_back
    return calls - 1


def _is_ours(frame: FrameType) -> bool:
    return str(frame.f_globals.get("__name__")).partition(".")[0] == "labkit"
