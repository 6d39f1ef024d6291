# SPDX-License-Identifier: BSD-3-Clause
"""Where in a capture its frames are: every so-many-th by its byte, the others by going on from
there."""

from pathlib import Path

import numpy as np

from labkit.captures.frame import CapturedFrame
from labkit.captures.reading import passed, tell
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
        self._reader = CaptureReader(file)
        self.frames = 0
        places: list[np.ndarray] = []
        for batch in passed(self._reader):
            places.append(batch.records["at"][-batch.first % STRIDE :: STRIDE].copy())
            self.frames += len(batch)
        self._places = np.concatenate(places) if places else np.empty(0, np.uint64)
        self._is_packed = self._reader.compression is not None
        tell(self._reader)
        if self._is_packed:
            self._reader.close()

    def frames_from(self, first: int, last: int) -> list[CapturedFrame]:
        """Those with numbers from `first` to before `last`."""
        found: list[CapturedFrame] = []
        if self._is_packed:  # which can be read from its beginning alone
            with CaptureReader(self._reader.file) as reader:
                return self._gathered(reader, 0, first, last)
        number = first // STRIDE * STRIDE
        if first < last:
            self._reader.seek(int(self._places[first // STRIDE]))
            found = self._gathered(self._reader, number, first, last)
        return found

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
