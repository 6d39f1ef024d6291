# SPDX-License-Identifier: BSD-3-Clause
"""Ctrl-C at a time that a test chooses, while labkit runs: never in the test or its runner."""

import math
import signal
import sys
import time
from pathlib import Path
from types import FrameType, TracebackType
from typing import Self

import labkit

PRODUCT = f"{Path(labkit.__file__).parent}/"
LATER_SECONDS = 0.0002
# Python drops what is raised in functions that it calls of its own accord: when an object ends
# (__del__, callbacks of weak references), or when garbage is collected (hypothesis has one).
CALLED_BY_PYTHON = {
    ("", "__del__"),
    ("weakref.py", "remove"),
    ("weakref.py", "__call__"),
    ("_weakrefset.py", "_remove"),
    ("<frozen importlib._bootstrap>", "cb"),
    ("", "gc_callback"),
}


class interrupts:  # noqa: N801 - reads as a function
    """KeyboardInterrupt after so many seconds, and again so many after that one; none later on.

    One that falls due while no code of labkit is being run, or where Python would drop it, comes as
    soon as it can: the runner is no part of what is tested, and an interrupt there proves nothing.

    count: how many have struck
    """

    def __init__(self, *seconds: float) -> None:
        self._left = list(seconds)
        self.count = 0

    def __enter__(self) -> Self:
        self._test = sys._getframe(1)
        self._last: KeyboardInterrupt | None = None
        self._unraisable = sys.unraisablehook
        # The runner's limit of the test's time is the same timer, and goes on.
        limit, _ = signal.setitimer(signal.ITIMER_REAL, 0)
        self._limit = time.monotonic() + limit if limit else math.inf
        self._handler = signal.signal(signal.SIGALRM, self._interrupt)
        sys.unraisablehook = self._dropped
        self._set()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._left.clear()
        signal.setitimer(signal.ITIMER_REAL, 0)  # before the runner's handler would hear of it
        signal.signal(signal.SIGALRM, self._handler)
        sys.unraisablehook = self._unraisable
        self._set()
        del self._test, self._last

    @property
    def is_pending(self) -> bool:
        """Whether one is still to come."""
        return bool(self._left)

    def _set(self) -> None:
        limit = self._limit - time.monotonic()
        seconds = min(self._left[0], limit) if self._left else limit
        signal.setitimer(signal.ITIMER_REAL, 0 if seconds == math.inf else max(seconds, 1e-6))

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        if time.monotonic() >= self._limit and callable(self._handler):
            self._handler(number, frame)
            return
        if not self._left:
            self._set()
            return
        if not self._is_in_product(frame):
            signal.setitimer(signal.ITIMER_REAL, LATER_SECONDS)
            return
        del self._left[0]
        self.count += 1
        self._set()
        self._last = KeyboardInterrupt()
        raise self._last

    def _is_in_product(self, frame: FrameType | None) -> bool:
        """Whether code of labkit is being run, and what is raised there reaches the test."""
        found = False
        while frame is not None and frame is not self._test:
            path, name = frame.f_code.co_filename, frame.f_code.co_name
            file = path.rpartition("/")[2]
            if {("", name), (file, name)} & CALLED_BY_PYTHON or "/_pytest/" in path:
                return False
            if path == __file__:
                return False
            found = found or path.startswith(PRODUCT)
            frame = frame.f_back
        return found and frame is not None

    def _dropped(self, args: "sys.UnraisableHookArgs") -> None:
        """Python dropped the interrupt all the same (generators end so, too): one more."""
        if args.exc_value is None or args.exc_value is not self._last:
            self._unraisable(args)
            return
        self.count -= 1
        self._left.insert(0, LATER_SECONDS)
        self._set()
