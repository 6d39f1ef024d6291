# SPDX-License-Identifier: BSD-3-Clause
"""Which of two lines was first: by the clock, and across a clock that went back by their places."""

from collections import defaultdict
from collections.abc import Iterable
from itertools import pairwise

from labkit.trouble.evidence import Event, Moment, Place

BACK_SECONDS = 1.0  # from which on a clock went back
ERA_SECONDS = 60.0  # from which on times before and after have nothing to do with each other

Era = tuple[str, str, int]  # a clock, and where it went back, the file and how often it had


class Order:
    """Of all events."""

    def __init__(self, events: Iterable[Event]) -> None:
        files: dict[tuple[str, str], list[tuple[Place, Moment]]] = defaultdict(list)
        for event in events:
            if event.moment.clock and event.place.line:
                files[event.place.file, event.moment.clock].append((event.place, event.moment))
        self._epochs: dict[tuple[Place, str], int] = {}
        self._eras: dict[tuple[Place, str], int] = {}
        for (_, clock), lines in files.items():
            self._number(clock, sorted(lines, key=lambda line: line[0].line))

    def _number(self, clock: str, lines: list[tuple[Place, Moment]]) -> None:
        steps = [b.seconds - a.seconds for (_, a), (_, b) in pairwise(lines)]
        if sum(step < -BACK_SECONDS for step in steps) > sum(step > 0 for step in steps):
            return  # its newest lines stand first
        epoch = era = 0
        for (place, _), step in zip(lines, [0.0, *steps], strict=True):
            epoch += step < -BACK_SECONDS
            era += step < -(BACK_SECONDS if clock == "boot" else ERA_SECONDS)
            if epoch:
                self._epochs[place, clock] = epoch
                self._eras[place, clock] = era

    def is_before(self, place: Place, moment: Moment, other: Place, then: Moment) -> bool:
        """Whether one was before the other, as far as a clock or their common file tells."""
        if moment.clock and moment.clock == then.clock:
            if place.file == other.file:
                ours = self._epochs.get((place, moment.clock), 0), moment.seconds
                return ours < (self._epochs.get((other, then.clock), 0), then.seconds)
            return moment.seconds < then.seconds
        return place.file == other.file and place.line < other.line

    def era(self, event: Event) -> Era:
        """Times of the same one can be compared."""
        era = self._eras.get((event.place, event.moment.clock), 0)
        return event.moment.clock, event.place.file if era else "", era
