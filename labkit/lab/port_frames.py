# SPDX-License-Identifier: BSD-3-Clause
"""The frames of a port, as Python has them: what it sends, and readers of what arrives."""

import time
import weakref
from collections.abc import Callable, Sequence
from typing import Protocol

from labkit.engine.engine import Engine
from labkit.errors import PortError
from labkit.lab.frame_reader import FrameReader
from labkit.lab.frame_rings import FrameRings
from labkit.packet.filter import Filter

LOOK_SECONDS = 0.01  # a sender of single frames looks that often whether the engine lives


class Closable(Protocol):
    """What is closed with something else."""

    def close(self) -> None: ...  # noqa: D102


class PortFrames:
    """Sends frames on a port and makes readers of it. Nothing is set up before the first of them.

    Attributes
    ----------
    port: the port's name
    max_frame: the longest frame that it sends, in bytes
    rx_queues: how many the port has
    engine: the one that the port is in
    sockets: those of the port, which are closed with it
    """

    def __init__(
        self,
        port: str,
        max_frame: int,
        rx_queues: int,
        engine: Engine,
        attach: "Callable[[PortFrames, bool], FrameRings]",
        check_open: Callable[[], None],
    ) -> None:
        """attach: gives the port's rings, with paths that serve them; told whether it listens."""
        self.port = port
        self.max_frame = max_frame
        self.rx_queues = rx_queues
        self.engine = engine
        self.check_open = check_open
        self.sockets: weakref.WeakSet[Closable] = weakref.WeakSet()
        self._attach = attach
        self._reader: FrameReader | None = None
        self._rings: FrameRings | None = None
        self._looked = 0.0

    def begin(self, rings: FrameRings) -> None:
        """Makes the default reader: before a path can bring the first frame."""
        self._reader = FrameReader(rings)

    def default_reader(self, *, listens: bool) -> FrameReader:
        """The reader behind Port.receive(); it has been there since Python first used the port."""
        self._attach(self, listens)
        assert self._reader is not None
        return self._reader

    def new_reader(self, filter: Filter | None = None) -> FrameReader:
        """A reader of its own, of what arrives from now on and its filter takes."""
        return FrameReader(self._attach(self, True), filter)

    def send(self, frames: Sequence[bytes]) -> None:
        """Puts frames into the queue to the engine; waits only while that is full."""
        self.engine.check_alive()
        self._attach(self, False).send(frames, self.check)

    def send_one(self, frame: bytes) -> None:
        """The same for one frame, in about a microsecond.

        One that is sent at the moment the engine dies is lost with it; a later call tells of that.
        """
        # Once a port has been attached, whatever ends its path sees to the next one.
        rings = self._rings
        now = time.monotonic()
        if rings is None or now - self._looked > LOOK_SECONDS:
            self.check()
            self._looked = now
            rings = self._rings = rings or self._attach(self, False)
        rings.send_one(frame, self.check)

    def flush(self) -> None:
        """Waits until the engine has taken what was sent."""
        self._attach(self, False).flush(self.check)

    def wait(self, reader: FrameReader, seconds: float) -> bool:
        """Waits for a frame; False when none came within `seconds` though the engine lives."""
        if reader.wait(seconds, self.check):
            return True
        self.check_answers()
        return reader.has_frame

    @property
    def is_open(self) -> bool:
        """The port was not closed."""
        try:
            self.check_open()
        except PortError:
            return False
        return True

    def check(self) -> None:
        """Raises PortError when the port was closed, EngineDied when its engine is gone."""
        self.check_open()
        self.engine.check_alive()

    def check_answers(self) -> None:
        """The same, of an engine that may be dying at this moment: it is asked."""
        self.check_open()
        self.engine.check_answers()
