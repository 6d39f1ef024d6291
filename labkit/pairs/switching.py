# SPDX-License-Identifier: BSD-3-Clause
"""One fail-over: what was decided and why, and when each step of it was done."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from labkit.pairs.signs import Alarm

Step = Literal[
    "fault begun",
    "last frame",
    "detected",
    "decided",
    "switched",
    "first frame",
    "restarted",
    "put back",
]
STEPS: tuple[Step, ...] = (
    *("fault begun", "last frame", "detected", "decided"),
    *("switched", "first frame", "restarted", "put back"),
)


@dataclass(eq=False)
class Switch:
    """From a main port to its backup.

    Times are CLOCK_MONOTONIC in ns; a step that was not done, or not yet, is missing.

    Attributes
    ----------
    number: from 1
    old, new: names of the main port before and after
    alarm: the decision; None: it was asked for
    times: by step. "last frame" and "first frame" are those of the old and the new main, to a tick
        of the recorder; "fault begun" is known in a rehearsal alone
    failures: how often the old main has failed so far, this time included
    refused_frames: that the old main's tx nodes dropped by name while it was main
    gap_frames: numbers of live flows that were passed over meanwhile; None: no flow tells
    duplicated_frames: of live flows, that came twice meanwhile; None: no flow tells
    counts: whether it counts for Watchdog.resets
    notes: what went wrong, in sentences
    """

    number: int
    old: str
    new: str
    alarm: Alarm | None
    failures: int = 0
    times: dict[Step, int] = field(default_factory=dict)
    refused_frames: int | None = None
    gap_frames: int | None = None
    duplicated_frames: int | None = None
    counts: bool = False
    notes: list[str] = field(default_factory=list)

    @property
    def detection_s(self) -> float | None:
        """From the begin of the fault, or from the last frame where that is not known."""
        begun = self.times.get("fault begun", self.times.get("last frame"))
        return None if self.alarm is None else self._between(begun, "detected")

    @property
    def switch_s(self) -> float | None:
        """From the decision until every path was on the new main."""
        return self._between(self.times.get("decided"), "switched")

    @property
    def gap_s(self) -> float | None:
        """From the last frame of the old main to the first of the new one."""
        return self._between(self.times.get("last frame"), "first frame")

    @property
    def is_over(self) -> bool:
        """Whether frames come from the new main, and the old one is its backup."""
        return "first frame" in self.times and "put back" in self.times

    def steps(self) -> Iterator[tuple[Step, int, str]]:
        """What was done, in the order of time: step, when, port."""
        new = ("decided", "switched", "first frame")
        done = [(step, self.times[step]) for step in STEPS if step in self.times]
        for step, when in sorted(done, key=lambda pair: pair[1]):
            yield step, when, self.new if step in new else self.old

    def _between(self, begun: int | None, step: Step) -> float | None:
        ended = self.times.get(step)
        return None if begun is None or ended is None else (ended - begun) / 1e9

    def __str__(self) -> str:
        times = ""
        if self.failures > 1:
            times = f" (failure {self.failures} of this interface)"
        why = f": {self.alarm}" if self.alarm else ", as asked"
        return f"{self.number}. {self.old} → {self.new}{why}{times}"
