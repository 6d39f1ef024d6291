# SPDX-License-Identifier: BSD-3-Clause
"""Counters over time: what several readings say of one device's counter."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from labkit.trouble.derived import WORDS
from labkit.trouble.evidence import Moment, Place, Reading


@dataclass(frozen=True)
class Point:
    """A value, where it stands, and when it was."""

    value: int
    place: Place
    moment: Moment


@dataclass(frozen=True)
class Series:
    """The values of a counter, in order."""

    device: str
    name: str
    points: tuple[Point, ...]

    @property
    def last(self) -> int:
        """The newest value."""
        return self.points[-1].value

    @property
    def growth(self) -> int | None:
        """By how much it grew; of one that fell, which began anew, what it counted since. None of a
        single reading."""
        if len(self.points) < 2:
            return None
        values = [point.value for point in self.points]
        return sum(b - a if b >= a else b for a, b in pairwise(values))

    def __str__(self) -> str:
        name = WORDS.get(self.name, self.name)
        of = f"{self.device} " if self.device else ""
        if len(self.points) == 1 or self.points[0].value == self.last:
            return f"{of}{name} {self.last:,}"
        return f"{of}{name} {self.points[0].value:,} to {self.last:,}"


class AllSeries:
    """Those of all readings, by device and name."""

    def __init__(self, readings: Iterable[Reading]) -> None:
        points: dict[tuple[str, str], list[Point]] = defaultdict(list)
        for reading in _in_order(readings):
            for name, value in reading.counters.items():
                points[reading.device, name].append(Point(value, reading.place, reading.moment))
        self._series = {key: Series(*key, tuple(values)) for key, values in points.items()}

    @property
    def devices(self) -> set[str]:
        """The devices that have counters."""
        return {device for device, _ in self._series}

    def matching(self, device: str, pattern: re.Pattern[str]) -> Iterator[Series]:
        """A device's series whose name is of this pattern, and those of the whole machine."""
        for (of, name), series in self._series.items():
            if of in (device, "") and pattern.fullmatch(name):
                yield series

    def get(self, device: str, name: str) -> Series | None:
        """A device's series."""
        return self._series.get((device, name))


def _in_order(readings: Iterable[Reading]) -> list[Reading]:
    """By time where all of a device have one, else as they were given."""
    listed = list(readings)
    timed = all(reading.moment.clock for reading in listed)
    clocks = {reading.moment.clock for reading in listed}
    if timed and len(clocks) == 1:
        return sorted(listed, key=lambda reading: reading.moment.seconds)
    return listed
