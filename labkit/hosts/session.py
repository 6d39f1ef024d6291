# SPDX-License-Identifier: BSD-3-Clause
"""What runs on a worker: a session with an engine of its own, for one notebook at a time.

A session is a task that holds the worker's resource `port` as long as it lasts; what it is asked to
do comes as tasks beside it. It ends when it is told to, or when it has heard nothing for its lease:
whatever became of the notebook, the scheduler or the network, nothing stays behind.
"""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

from labkit.engine.config import EalConfig
from labkit.lab.lab import Lab
from labkit.units import plain

BEGIN_SECONDS = 0.2  # that a question waits for a session: others wait for the worker's thread

_sessions: dict[str, "Session"] = {}
_changed = threading.Condition()


class NoSession:
    """The answer of a worker that has no such session, or not yet."""


class Session:
    """The lab of a session, and what was made in it.

    Attributes
    ----------
    lab: its engine; another one's end is told as EngineDied
    stack: what is closed with it
    things: what later calls ask for, by name
    """

    def __init__(self, lease: float, pci: Sequence[str]) -> None:
        self.lab = Lab(EalConfig(pci=tuple(pci)))
        self.stack = ExitStack()
        self.things: dict[str, Any] = {}
        self._lease = lease
        self._heard = time.monotonic()
        self._under_way = 0
        self._ended = threading.Event()

    def wait(self) -> str:
        """Until it is to end; says why."""
        while not self._ended.wait(min(1.0, self._lease / 4)):
            if not self._under_way and time.monotonic() - self._heard > self._lease:
                return f"it heard nothing for {plain(self._lease)} s"
        return "it was told to"

    @contextmanager
    def hears(self) -> Iterator[None]:
        """A call is under way, and counts as a sign of life as long as it lasts."""
        self._under_way += 1
        try:
            yield
        finally:
            self._heard = time.monotonic()
            self._under_way -= 1

    def end(self) -> None:
        """Tells it to."""
        self._ended.set()

    def close(self) -> None:
        """Ends what was made in it, and its engine."""
        with self.lab, self.stack:
            pass


def hold(name: str, lease: float, pci: Sequence[str]) -> str:
    """The task of a session: holds the resource until it ends; returns why it did.

    lease: seconds without a sign of life; pci: addresses of the NICs that its engine may take
    """
    from distributed import secede  # late: Dask is slow

    secede()  # the worker's thread is for what the session is asked to do
    session = Session(lease, pci)
    try:
        with _changed:
            _sessions[name] = session
            _changed.notify_all()
        return session.wait()
    finally:
        with _changed:
            _sessions.pop(name, None)
        session.close()


def call(name: str, function: Callable[..., Any], arguments: Sequence[Any]) -> Any:
    """function(session, *arguments) in a session; NoSession where there is none."""
    with _changed:
        _changed.wait_for(lambda: name in _sessions, BEGIN_SECONDS)
        session = _sessions.get(name)
    if session is None:
        return NoSession()
    with session.hears():
        return function(session, *arguments)


def renew(session: Session) -> None:
    """A sign of life."""


def end(session: Session) -> None:
    """Ends a session."""
    session.end()
