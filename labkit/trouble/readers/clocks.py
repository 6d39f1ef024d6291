# SPDX-License-Identifier: BSD-3-Clause
"""Jumps of a log's clocks: times that go back, and a wall clock that leaves the boot clock behind.

A line is written a while after the kernel said it, so that one line's two times prove nothing. Two
lines that agree with each other do.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from labkit.text import plural
from labkit.trouble.evidence import Event, Item, Moment, Note, Place

BACK_SECONDS = 1.0  # of times that go back
LEAST_STEP = 5.0  # seconds, of a wall clock against the boot clock
DRIFT = 0.0005  # of the boot clock, which nothing disciplines
AGREE_SECONDS = 1.5  # of two lines; syslog tells whole seconds
APART_SECONDS = 0.5  # that two such lines are at least, by the boot clock
MOST_STEPS = 20  # of one file that become events
_TOLD = re.compile(
    r"Clock jumped|clocksource: .*(?:skew|unstable)|Time has been changed|System clock was stepped"
    r"|time reset [+-]"
)


@dataclass(frozen=True)
class _Both:
    """A line with both times."""

    number: int
    moment: Moment
    boot: float

    @property
    def offset(self) -> float:
        return self.moment.seconds - self.boot


class Clocks:
    """Watches the times of one file's lines."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._last: dict[str, float] = {}  # by clock
        self._back: list[tuple[int, float]] = []  # lines, and by how much
        self._boots: list[int] = []  # lines with which the boot clock began anew
        self._told: list[tuple[int, str]] = []
        self._ahead = 0
        self._before: _Both | None = None
        self._steady: _Both | None = None
        self._steps = 0

    def see(self, number: int, moment: Moment, boot: float | None, text: str) -> Iterator[Item]:
        """A line: its time, the kernel's own beside it, its message. Gives steps as events."""
        if _TOLD.search(text):
            self._told.append((number, text))
        if not moment.clock:
            return
        before = self._last.get(moment.clock, moment.seconds)
        self._last[moment.clock] = moment.seconds
        self._ahead += moment.seconds > before
        if before - moment.seconds > BACK_SECONDS:
            if moment.clock == "boot":
                self._boots.append(number)
            else:
                self._back.append((number, before - moment.seconds))
        if moment.clock == "wall" and boot is not None:
            yield from self._compared(_Both(number, moment, boot))

    def _compared(self, line: _Both) -> Iterator[Item]:
        before, steady = self._before, self._steady
        if before is None or line.boot < before.boot - BACK_SECONDS:  # or another boot
            self._before, self._steady = line, None
            return
        elapsed = line.boot - before.boot
        if elapsed < APART_SECONDS and abs(line.offset - before.offset) <= AGREE_SECONDS:
            return  # of one burst
        self._before = line
        if elapsed < APART_SECONDS or abs(line.offset - before.offset) > _near(elapsed):
            return
        self._steady = line
        if steady is None:
            return
        step = before.offset - steady.offset
        if abs(step) > LEAST_STEP + DRIFT * (before.boot - steady.boot):
            self._steps += 1
            if self._steps <= MOST_STEPS:
                how = "leapt ahead" if step > 0 else "went back"
                text = f"the clock {how} by {abs(step):.1f} s"
                place = Place(self._name, before.number)
                yield Event(text, place, before.moment)
                yield Note(place, f"{text}: it was stepped, or the machine was paused")

    def notes(self) -> Iterator[Note]:
        """What there was, when the file is over."""
        if len(self._back) > self._ahead:
            yield Note(Place(self._name), "its newest lines stand first")
        elif self._back:
            number, seconds = max(self._back, key=lambda back: back[1])
            most = f", by up to {seconds:.1f} s" if len(self._back) > 1 else f" by {seconds:.1f} s"
            times = f"its times go back {plural(len(self._back), 'time')}{most}"
            yield Note(Place(self._name, number), f"{times}; its lines are taken as they stand")
        if self._boots:
            times = plural(len(self._boots), "time")
            told = f"the kernel's clock begins anew {times}: another boot, or another output"
            yield Note(Place(self._name, self._boots[0]), told)
        if self._told:
            number, text = self._told[0]
            more = f", and {len(self._told) - 1:,} more" if len(self._told) > 1 else ""
            yield Note(Place(self._name, number), f"tells of its clock: {text[:80]}{more}")


def _near(elapsed: float) -> float:
    return AGREE_SECONDS + DRIFT * elapsed
