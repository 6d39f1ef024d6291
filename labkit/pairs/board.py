# SPDX-License-Identifier: BSD-3-Clause
"""What a pair does, told by its threads to whoever asks and waits."""

import threading
import time
from collections.abc import Callable
from typing import Literal

from labkit.errors import LabError
from labkit.units import plain

State = Literal["watching", "restoring", "alone", "halted", "lost", "stopped"]
MOST_NOTES = 1000
POLL_SECONDS = 0.005


class Board:
    """What there is to tell.

    Attributes
    ----------
    state: see Failover.state
    notes: what happened beside switches, in sentences
    is_asked: whether a switch was asked for, and is not made yet
    ends: set when the watch ends
    """

    def __init__(self) -> None:
        self.state: State = "watching"
        self.notes: list[str] = []
        self.is_asked = False
        self.ends = threading.Event()
        self._changed = threading.Condition()
        self._error: BaseException | None = None

    def become(self, state: State) -> None:
        """The pair is something else now."""
        self.state = state
        self.tell()

    def note(self, text: str) -> None:
        """Something to be told, once in a row."""
        if text not in self.notes[-1:] and len(self.notes) < MOST_NOTES:
            self.notes.append(text)
        self.tell()

    def tell(self) -> None:
        """Wakes who waits."""
        with self._changed:
            self._changed.notify_all()

    def fail(self, error: BaseException) -> None:
        """What ended the watch; raised where somebody asks."""
        self._error = error
        self.become("stopped")

    def check(self) -> None:
        """Raises what ended the watch."""
        if self._error is not None:
            error, self._error = self._error, None
            raise LabError(f"the watch of the pair has ended: {error!r}") from error

    def wait(
        self,
        is_so: Callable[[], bool],
        timeout: float,
        what: str,
        pause: Callable[[float], object] | None = None,
    ) -> None:
        """Until it is so; LabError when it is not in time, or cannot be any more.

        pause: sleeps so many seconds; None: until something was done, at most so many
        """
        end = time.monotonic() + timeout
        while not is_so():
            self.check()
            is_late = time.monotonic() > end
            is_over = self.state == "stopped" or (self.state == "halted" and not self.is_asked)
            if is_late or is_over:
                last = f"; {self.notes[-1]}" if self.notes else ""
                when = f" within {plain(timeout)} s" if is_late else ""
                raise LabError(f"{what} was not seen{when}: the pair is {self.state}{last}")
            (pause or self._wait_for_change)(POLL_SECONDS)

    def _wait_for_change(self, seconds: float) -> None:
        with self._changed:
            self._changed.wait(seconds)
