# SPDX-License-Identifier: BSD-3-Clause
"""Where in a capture its frames are: every so-many-th by its byte, the others by going on from
there."""

import threading
from pathlib import Path
from typing import NamedTuple

import numpy as np

from labkit.captures.columns import Array
from labkit.captures.frame import CapturedFrame
from labkit.captures.reading import passed, tell
from labkit.packet.capture_copy import CaptureCopy, unpacked_copy
from labkit.packet.capture_reader import (
    MOST_KEPT,
    RECORD,
    CapturedBatch,
    CaptureReader,
)

STRIDE = 1024  # frames from one place that is known to the next


class Index:
    """Of a file as it is now; made by one pass over its records.

    Attributes
    ----------
    frames: how many there are
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._lock = threading.Lock()  # the reader is at one place at a time
        self._copy: CaptureCopy | None = None
        self._reader: CaptureReader | None = CaptureReader(file)
        self._places = _places(self._reader)
        self.frames = self._places.frames
        tell(self._reader)
        if self._reader.compression is not None:  # which is read from its beginning alone
            self._reader.close()
            self._reader = None

    def frames_from(self, first: int, last: int) -> list[CapturedFrame]:
        """Those with numbers from `first` to before `last`; of a compressed file, which is unpacked
        for that into a private temporary one."""
        if first >= last:
            return []
        with self._lock:
            return self._read(first, last)

    def _read(self, first: int, last: int) -> list[CapturedFrame]:
        if self._reader is None:
            self._copy = unpacked_copy(self._file)
            self._reader = CaptureReader(self._file if self._copy is None else self._copy.path)
            self._places = _places(self._reader)
        self._reader.seek(int(self._places.at[first // STRIDE]))
        return self._gathered(self._reader, first // STRIDE * STRIDE, first, last)

    @staticmethod
    def _gathered(reader: CaptureReader, number: int, first: int, last: int) -> list[CapturedFrame]:
        buffer, records = np.empty(16 * MOST_KEPT, np.uint8), np.empty(STRIDE, RECORD)
        found: list[CapturedFrame] = []
        while number < last and (count := reader.read(buffer, records)):
            batch = CapturedBatch(records[:count], buffer, number, reader.comments)
            wanted = range(max(first - number, 0), min(last - number, count))
            found += [frame_of(batch, n) for n in wanted]
            number += count
        return found


class _Places(NamedTuple):
    frames: int
    at: Array  # bytes of the unpacked file, of every STRIDE-th record


def _places(reader: CaptureReader) -> _Places:
    frames, places = 0, [np.empty(0, np.uint64)]
    for batch in passed(reader):
        places.append(batch.records["at"][-batch.first % STRIDE :: STRIDE].copy())
        frames += len(batch)
    return _Places(frames, np.concatenate(places))


def frame_of(batch: CapturedBatch, n: int) -> CapturedFrame:
    """One frame of a batch, with its bytes copied."""
    record = batch.records[n]
    at = int(record["offset"])
    return CapturedFrame(
        batch.first + n,
        batch.buffer[at : at + int(record["kept"])].tobytes(),
        int(record["length"]),
        int(record["time_ns"]) if record["has_time"] else None,
        int(record["interface"]),
        int(record["link_type"]),
        int(record["fcs"]),
        batch.comments.get(n, ()),
    )
