# SPDX-License-Identifier: BSD-3-Clause
"""Those frames of a capture that a filter takes, by their place among them."""

from collections.abc import Sequence
from typing import overload

import numpy as np

from labkit.captures.capture import Capture
from labkit.captures.columns import COLUMNS, Array
from labkit.captures.frame import CapturedFrame
from labkit.captures.reading import batches_of
from labkit.captures.taken_apart import Apart


class Chosen(Sequence[CapturedFrame]):
    """Found by one pass over the file; it keeps their numbers, and reads a frame when it is asked
    for."""

    def __init__(self, capture: Capture, where: str) -> None:
        self._capture = capture
        apart = Apart((COLUMNS["frame"],), where)
        parts = [apart.take(batch)[0][0] for batch in batches_of(capture.file)]
        self._numbers: Array = np.concatenate([np.empty(0, np.uint64), *parts])

    def __len__(self) -> int:
        return len(self._numbers)

    @overload
    def __getitem__(self, place: int) -> CapturedFrame: ...

    @overload
    def __getitem__(self, place: slice) -> list[CapturedFrame]: ...

    def __getitem__(self, place: int | slice) -> CapturedFrame | list[CapturedFrame]:
        if isinstance(place, slice):
            return [self._capture[int(number)] for number in self._numbers[place]]
        return self._capture[int(self._numbers[place])]
