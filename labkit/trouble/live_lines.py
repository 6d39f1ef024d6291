# SPDX-License-Identifier: BSD-3-Clause
"""What a source of lines has told in the last minutes, as evidence."""

import re
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

from labkit.sources.lines import LineSource
from labkit.trouble.evidence import Event, Item, Moment, Reading
from labkit.trouble.moments import Dater
from labkit.trouble.readers.logs import of_lines

_DIGITS = re.compile(r"\d+")
KEPT_SECONDS = 600.0
MOST_ALIKE = 200  # lines of one shape that are kept; those before stand as a number at the first
MOST_SHAPES = 1000


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
        self._kept: dict[str, deque[tuple[float, Item]]] = {}  # by their shape: all but the digits

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
            self._keep(at, item)
        self._forget(at - KEPT_SECONDS)

    def _keep(self, at: float, item: Item) -> None:
        shape = _DIGITS.sub("", item.text) if isinstance(item, Event) else type(item).__name__
        if shape not in self._kept and len(self._kept) >= MOST_SHAPES:
            del self._kept[min(self._kept, key=lambda one: self._kept[one][-1][0])]
        alike = self._kept.setdefault(shape, deque())
        alike.append((at, item))
        if len(alike) > MOST_ALIKE:
            _, first = alike.popleft()
            when, second = alike[0]
            if isinstance(first, Event) and isinstance(second, Event):
                alike[0] = when, replace(second, repeats=second.repeats + first.repeats + 1)

    def _forget(self, before: float) -> None:
        for shape, alike in tuple(self._kept.items()):
            while alike and alike[0][0] < before:
                alike.popleft()
            if not alike:
                del self._kept[shape]

    def items(self) -> Iterator[Item]:
        """What they tell, oldest first."""
        kept = (one for alike in self._kept.values() for one in alike)
        return (item for _, item in sorted(kept, key=lambda one: (one[0], one[1].place.line)))
