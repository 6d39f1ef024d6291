# SPDX-License-Identifier: BSD-3-Clause
"""Measurements: one at a time in a lab's engine, on a thread that Ctrl-C does not reach."""

import _thread
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Any, Generic, TypeVar
from weakref import WeakKeyDictionary

from labkit.engine.engine import Engine
from labkit.errors import LabError

T = TypeVar("T")
Pause = Callable[[float], None]
POLL_SECONDS = 0.1
CLEANUP_SECONDS = 10.0
STUCK_SECONDS = 3.0  # of one command


class Interrupted(BaseException):
    """Raised in a measurement of which Ctrl-C has ended the wait."""


def measure(
    engine: Engine, what: str, work: Callable[[Pause], T], *, beside_traffic: bool = False
) -> T:
    """Runs work(pause), a measurement such as "a trial", and returns what it returns.

    work: sleeps by pause(seconds), which raises Interrupted after Ctrl-C, and cleans up then.
        KeyboardInterrupt could strike anywhere in it, in its cleaning up too, so it runs on another
        thread, which the main one waits for however often it is interrupted.
    beside_traffic: live traffic of the lab may go on

    Raises LabError when another measurement runs in the lab.
    """
    measurement = _Measurement(engine, what, work, beside_traffic)
    try:
        # Thread.start() is Python, and an interrupt may leave it half done.
        _thread.start_new_thread(measurement.run, ())
        measurement.wait()
    except BaseException as error:
        try:
            measurement.wait_out()
        except BaseException:  # again, before it had begun to wait
            measurement.wait_out()
        if not measurement.is_done:
            error.add_note(f"{what} still cleans up; lab.restart() ends an engine that is stuck")
        raise
    return measurement.result()


def check_idle(engine: Engine) -> None:
    """Raises LabError while a measurement runs in the lab."""
    running = _running.get(engine)
    if running is not None:
        raise LabError(
            f"{running.what} is running in this lab; wait for it, interrupt it, or use a lab of "
            "its own"
        )


def check_may_end(engine: Engine) -> None:
    """The same, unless it was interrupted, and only cleans up."""
    running = _running.get(engine)
    if running is None or not running.is_interrupted:
        check_idle(engine)


def _check_vacant(engine: Engine) -> None:
    if engine in _occupied:
        raise LabError(
            f"{_occupied[engine]} is open in this lab, and drops of its frames could not be told "
            "from others; end it with lab.live.close(), or use a lab of its own"
        )


def occupy(engine: Engine, what: str) -> None:
    """Keeps measurements away from a lab until vacate(): `what` is their loss."""
    _occupied[engine] = what


def vacate(engine: Engine) -> None:
    """Measurements may run again."""
    _occupied.pop(engine, None)


class _Measurement(Generic[T]):
    def __init__(
        self, engine: Engine, what: str, work: Callable[[Pause], T], beside_traffic: bool
    ) -> None:
        self.what = what
        self.is_interrupted = False
        self.is_done = False
        self._engine = engine
        self._work = work
        self._beside_traffic = beside_traffic
        self._results: list[T] = []
        self._error: BaseException | None = None
        self._end: SimpleQueue[None] = SimpleQueue()

    def run(self) -> None:
        """The body of the thread."""
        try:
            with _lock:
                check_idle(self._engine)
                if not self._beside_traffic:
                    _check_vacant(self._engine)
                _running[self._engine] = self
            try:
                self._results.append(self._work(self._pause))
            finally:
                del _running[self._engine]
        except BaseException as error:  # the thread that waits raises it
            self._error = error
        self.is_done = True
        self._end.put(None)

    def wait(self) -> None:
        """Until it has ended."""
        while not self.is_done:
            with suppress(Empty):
                self._end.get(timeout=POLL_SECONDS)

    def wait_out(self) -> None:
        """Until an interrupted one has ended, whatever comes in between; not for ever."""
        try:
            self.is_interrupted = True
            end = time.monotonic() + CLEANUP_SECONDS
            while not self.is_done and time.monotonic() < end and not self._is_stuck:
                with suppress(Empty):
                    self._end.get(timeout=POLL_SECONDS)
        except BaseException:  # anywhere in the above: the wait begins anew
            self.wait_out()

    @property
    def _is_stuck(self) -> bool:
        """It waits for an engine that does not get on, and no cleaning up helps."""
        return self._engine.busy_seconds > STUCK_SECONDS or self._engine.hung is not None

    def result(self) -> T:
        """What the work returned; raises what it raised."""
        if self._error is not None:
            raise self._error
        return self._results[0]

    def _pause(self, seconds: float) -> None:
        time.sleep(seconds)
        if self.is_interrupted:
            raise Interrupted


_running: "WeakKeyDictionary[Engine, _Measurement[Any]]" = WeakKeyDictionary()
_occupied: "WeakKeyDictionary[Engine, str]" = WeakKeyDictionary()
_lock = threading.Lock()
