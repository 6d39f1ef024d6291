# SPDX-License-Identifier: BSD-3-Clause
"""What a source of lines has told in the last minutes, as evidence."""

import time
from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

from labkit.sources.lines import LineSource
from labkit.trouble.evidence import Event, Item, Moment, Reading
from labkit.trouble.moments import Dater
from labkit.trouble.readers.logs import of_lines

KEPT_SECONDS = 600.0
MOST_KEPT = 5000


class LiveLines:
    """The lines of an open source, as they come.

    All are given times of this machine's clock: their own, the kernel's turned into it, and the one
    at which they came to lines that say no time, or not of which zone.

    Attributes
    ----------
    count: lines that were read so far
    fault: why no lines come; "" while they may
    told: what else there is to know of it
    """

    def __init__(self, source: LineSource) -> None:
        self.source = source
        self.count = 0
        self.fault = self.told = ""
        self._read_at = time.time()
        self._kept: deque[tuple[float, Item]] = deque(maxlen=MOST_KEPT)

    def read(self) -> None:
        """Reads what is new, and forgets what is old."""
        before, now, at = self._read_at, time.time(), time.monotonic()
        self._read_at = now
        lines = self.source.read()
        is_live = self.source.state == "live"
        self.told, self.fault = (self.source.reason, "") if is_live else ("", self.source.reason)
        dater = Dater(datetime.now(UTC))
        items = list(of_lines(lines, self.source.label, self.count + 1, dater))
        self.count += len(lines)
        since_boot = now - at
        for item in items:
            if isinstance(item, Event | Reading):
                moment = item.moment
                if moment.clock == "boot":  # by a clock that may go a little differently
                    moment = Moment("wall", min(max(before, since_boot + moment.seconds), now))
                elif not moment.clock or dater.assumed_zone:
                    moment = Moment("wall", now)
                item = replace(item, moment=moment)
            self._kept.append((at, item))
        while self._kept and at - self._kept[0][0] > KEPT_SECONDS:
            self._kept.popleft()

    def items(self) -> Iterator[Item]:
        """What they tell, oldest first."""
        return (item for _, item in self._kept)
