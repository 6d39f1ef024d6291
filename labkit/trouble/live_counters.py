# SPDX-License-Identifier: BSD-3-Clause
"""What a source of counters has told in the last minute, as evidence."""

import time
from collections import deque
from collections.abc import Iterator, Sequence

from labkit.sources import Ethtool, Sample, Source, SourceError
from labkit.trouble.evidence import Moment, Place, Reading
from labkit.trouble.recorded import begins_anew, readings_of

AGES = (1.0, 5.0, 15.0, 60.0)  # of the readings that the newest one is compared with
KEPT_SECONDS = AGES[-1] + 2.0


class LiveCounters:
    """The samples of an open source.

    Attributes
    ----------
    count: samples that were read so far
    fault: why there is none now; "" while there is
    """

    def __init__(self, source: Source) -> None:
        self.source = source
        self.count = 0
        self.fault = ""
        self._kept: deque[Sample] = deque()

    def read(self) -> None:
        """Reads a sample, and forgets old ones."""
        try:
            sample = self.source.sample()
        except SourceError as error:
            sample, self.fault = None, str(error)
        else:
            self.fault = "" if sample is not None else self.source.reason
        if sample is None:
            return
        self.count += 1
        if self._kept and begins_anew(self._kept[-1], sample):
            self._kept.clear()
        self._kept.append(sample)
        while time.monotonic() - self._kept[0].monotonic_ns / 1e9 > KEPT_SECONDS:
            self._kept.popleft()

    def items(self) -> Iterator[Reading]:
        """The newest sample, and those that it is compared with, oldest first."""
        device = self.source.interface if isinstance(self.source, Ethtool) else ""
        for sample in _spread(self._kept):
            moment = Moment("wall", sample.time_ns / 1e9)
            yield from readings_of(sample, Place(self.source.label), device, moment)


def _spread(samples: Sequence[Sample]) -> list[Sample]:
    """The newest, and those before it that are about so old as AGES, oldest first."""
    if not samples:
        return []
    newest = samples[-1]
    chosen = {id(newest): newest}
    for age in AGES:
        wanted = newest.monotonic_ns - age * 1e9
        near = min(samples, key=lambda sample: abs(sample.monotonic_ns - wanted))
        chosen[id(near)] = near
    return sorted(chosen.values(), key=lambda sample: sample.monotonic_ns)
