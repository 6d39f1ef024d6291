# SPDX-License-Identifier: BSD-3-Clause
"""Readers of the frames that an engine hands to Python: each has its own position in the journal of
a port, and may have a filter."""

import os
import select
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from labkit._codec import ffi, lib
from labkit.lab.frame_rings import LOOK_SECONDS, MAX_FRAME, FrameRings
from labkit.packet.filter import Filter


class _Part:
    """A position in one journal, and the frame there when it was looked at."""

    __slots__ = ("ahead", "journal", "native")

    def __init__(self, journal: Any) -> None:
        self.journal = journal
        self.native = ffi.new("struct lk_frame_reader *")
        self.ahead: tuple[bytes, float] | None = None

    @property
    def has_more(self) -> bool:
        """Something has come that was not read."""
        return bool(lib.lk_codec_ring_has(self.journal, self.native))


class FrameReader:
    """A position in a port's journals, beginning with the next frame that arrives.

    Each lane of the path that receives has a journal of its own. Of the frames that are there, the
    earliest is read first. A filter passes over frames: they are read, and given to nobody.
    """

    def __init__(self, rings: FrameRings, filter: Filter | None = None) -> None:
        self._rings = rings
        self._parts = [_Part(journal.native) for journal in rings.journals]
        self._record = ffi.new("struct lk_record *")
        self._buffer = ffi.new("uint8_t[]", MAX_FRAME)
        self._reading = threading.Lock()
        self._slot: int | None = None
        self._watch: select.epoll | None = None
        self._program: Any = ffi.NULL
        self._is_filtered = False
        self.set_filter(filter)
        self.skip()

    @property
    def lost(self) -> int:
        """Frames that were overwritten before this reader came to them, whatever its filter makes
        of them."""
        return sum(int(part.native.lost) for part in self._parts)

    @property
    def has_frame(self) -> bool:
        """Whether there is a frame to read."""
        if not self._is_filtered:
            return any(part.ahead is not None or part.has_more for part in self._parts)
        with self._reading:
            found = [part for part in self._parts if self._look(part)]
            if not found and self._watch is not None:
                self._show()
            return bool(found)

    def set_filter(self, filter: Filter | None) -> None:
        """From now on it gives frames that the filter takes; None: every frame."""
        with self._reading:
            self._is_filtered = filter is not None
            if filter is None:
                self._program = ffi.NULL
                return
            self._program = ffi.from_buffer("struct lk_bpf_insn[]", filter.data)
            for part in self._parts:
                if part.ahead is not None and not filter.matches(part.ahead[0]):
                    part.ahead = None

    def skip(self) -> None:
        """Passes over everything that has arrived so far."""
        for part in self._parts:
            part.ahead = None
            lib.lk_codec_ring_from_now(part.journal, part.native)

    def read(self) -> tuple[bytes, float] | None:
        """The next frame and its time (s since the epoch); None when there is none yet."""
        with self._reading:
            found = self._next()
            if self._watch is not None and self._is_at_the_end:
                self._show()
            return found

    def wait(self, seconds: float | None, check: Callable[[], None]) -> bool:
        """Waits for a frame; False when none came within `seconds` (None: waits for ever).

        check: called now and then while waiting; raises when the port or the engine is gone
        """
        if self.has_frame:
            return True
        end = None if seconds is None else time.monotonic() + seconds
        poll = select.poll()
        poll.register(self.bell, select.POLLIN)
        while not self.has_frame:
            waits = self.listen()
            left = LOOK_SECONDS if end is None else min(LOOK_SECONDS, end - time.monotonic())
            if left <= 0:
                return self.has_frame
            if waits:
                poll.poll(left * 1e3)
            if not self.has_frame:
                check()
        return True

    @property
    def bell(self) -> int:
        """A descriptor that is readable some time after listen() has returned True: when a frame
        has come, or ring() was called."""
        if self._slot is None:
            self._slot = self._rings.claim_slot()
        return self._rings.bells[self._slot]

    def listen(self) -> bool:
        """Makes ready to wait on the bell. False: no need to, something has come."""
        return not self.has_frame and self._listen()

    def watch(self) -> int:
        """A descriptor that is readable from now on as long as there are frames to read, and once
        the engine has ended."""
        bell = self.bell
        with self._reading:
            if self._watch is None:
                self._watch = select.epoll()
                self._watch.register(bell, select.EPOLLIN)
                self._rings.watch_engines(self)
            self._show()
            return self._watch.fileno()

    def watch_engine(self, channel: int) -> None:
        """The channel leaves the watch by itself when it is closed."""
        if self._watch is not None:
            with suppress(FileExistsError):
                self._watch.register(channel, select.EPOLLHUP)

    def ring(self) -> None:
        """Ends a wait on the bell."""
        if self._slot is not None:
            with suppress(BlockingIOError):  # it is as loud as can be
                os.eventfd_write(self.bell, 1)

    def _next(self) -> tuple[bytes, float] | None:
        """Of the first frames of all journals the earliest."""
        first = self._parts[0]
        if len(self._parts) > 1:
            there = [part for part in self._parts if self._look(part)]
            first = min(there, key=_time_ahead, default=first)
        found, first.ahead = first.ahead, None
        return self._pull(first) if found is None else found

    def _look(self, part: _Part) -> bool:
        """Whether the part has a frame that the filter takes."""
        if part.ahead is None:
            part.ahead = self._pull(part)
        return part.ahead is not None

    def _pull(self, part: _Part) -> tuple[bytes, float] | None:
        """The next frame that the filter takes, if it has arrived."""
        length = lib.lk_codec_ring_pull(
            part.journal, part.native, self._record, self._buffer, MAX_FRAME, self._program
        )
        if length <= 0:
            return None
        return bytes(ffi.buffer(self._buffer, length)), self._record.time_ns / 1e9

    @property
    def _is_at_the_end(self) -> bool:
        """Nothing has come that was not read."""
        return not any(part.ahead is not None or part.has_more for part in self._parts)

    def _listen(self) -> bool:
        """False: something has come meanwhile to one of the journals; others may ring for nothing,
        which a reader bears."""
        self._hush()
        return all(
            lib.lk_codec_ring_listen(part.journal, part.native, self._slot) for part in self._parts
        )

    def _show(self) -> None:
        """Has the bell say whether there are frames."""
        if not self._is_at_the_end or not self._listen():
            self.ring()

    def _hush(self) -> None:
        with suppress(BlockingIOError):
            os.eventfd_read(self.bell)

    def __del__(self) -> None:
        if getattr(self, "_slot", None) is not None:
            self._rings.give_back(self._slot)  # type: ignore[arg-type]


def _time_ahead(part: _Part) -> float:
    assert part.ahead is not None
    return part.ahead[1]
