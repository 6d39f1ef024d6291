# SPDX-License-Identifier: BSD-3-Clause
"""Counters over time: what several readings say of one device's counter."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from labkit.sources.catalogue import find
from labkit.trouble.derived import WORDS
from labkit.trouble.evidence import Moment, Place, Reading
from labkit.trouble.growth import grown

FEWEST_FALLEN = 3  # counters, by which an order is known


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
        """By how much it grew, all that it counted between resets together; None of a single
        reading."""
        if len(self.points) < 2:
            return None
        return sum(grown(a.value, b.value) for a, b in pairwise(self.points))

    def __str__(self) -> str:
        name = WORDS.get(self.name, self.name)
        of = f"{self.device} " if self.device else ""
        first, growth = self.points[0].value, self.growth
        if growth is None or (first == self.last and not growth):
            return f"{of}{name} {self.last:,}"
        is_plain = growth == self.last - first or is_level(self.name)
        began_anew = "" if is_plain else f", in all {growth:,}"
        return f"{of}{name} {first:,} to {self.last:,}{began_anew}"


class AllSeries:
    """Those of readings in their order, by device and name."""

    def __init__(self, readings: Iterable[Reading]) -> None:
        points: dict[tuple[str, str], list[Point]] = defaultdict(list)
        for reading in readings:
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


def in_order(readings: Iterable[Reading]) -> list[Reading]:
    """Those of each device by time where all of them have one; else as they were given, or the
    other way round where all that differs would have fallen."""
    devices: dict[str, list[Reading]] = defaultdict(list)
    for reading in readings:
        devices[reading.device].append(reading)
    ordered: list[Reading] = []
    for of_device in devices.values():
        clocks = {reading.moment.clock for reading in of_device}
        if len(clocks) == 1 and "" not in clocks:
            of_device.sort(key=lambda reading: reading.moment.seconds)
        elif clocks == {""} and _is_reversed(of_device):
            of_device.reverse()
        ordered += of_device
    return ordered


def _is_reversed(readings: Iterable[Reading]) -> bool:
    """Whether "after" was given in front of "before". Counters that began anew fall to little."""
    first: dict[str, int] = {}
    last: dict[str, int] = {}
    for reading in readings:
        last.update(reading.counters)
        for name, value in reading.counters.items():
            first.setdefault(name, value)
    counters = [name for name in last if last[name] != first[name] and not is_level(name)]
    fell = [name for name in counters if last[name] < first[name]]
    not_far = any(last[name] * 2 > first[name] for name in fell)
    return len(fell) >= FEWEST_FALLEN and len(fell) == len(counters) and not_far


def is_level(name: str) -> bool:
    """Whether it may fall: what the catalogue calls a level, and what was derived."""
    metric = find(name)
    return name.startswith("derived/") or (metric is not None and metric.kind != "counter")
