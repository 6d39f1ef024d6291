# SPDX-License-Identifier: BSD-3-Clause
"""Frames between Python and a port's path, through memory shared with the engine.

Frames to the engine wait in a queue: sending blocks while it is full. Frames from the engine stand
in a journal: each reader has its own position, and one that is overtaken counts what it lost.
"""

import mmap
import os
import threading
import time
from collections.abc import Callable, Sequence

from labkit._codec import ffi, lib
from labkit.errors import PortError
from labkit.machine.limits import limits_named

QUEUE_BYTES = 8 << 20
JOURNAL_BYTES = 32 << 20
MAX_FRAME = 65535
SHORTEST_WAIT = 50e-6
LONGEST_WAIT = 1e-3


class _Ring:
    """One ring in a memory file of its own."""

    def __init__(self, name: str, size: int, max_frame: int) -> None:
        self.bytes: int = lib.lk_codec_ring_bytes(size)
        self.descriptor = os.memfd_create(name, os.MFD_CLOEXEC)
        os.ftruncate(self.descriptor, self.bytes)
        self._memory = mmap.mmap(self.descriptor, self.bytes)
        self.native = ffi.cast("struct lk_frame_ring *", ffi.from_buffer(self._memory))
        if lib.lk_codec_ring_init(self.native, size, max_frame) != 0:
            raise ValueError(f"a ring of {size} bytes cannot hold frames of {max_frame}")

    def __del__(self) -> None:
        if hasattr(self, "descriptor"):
            os.close(self.descriptor)


class FrameRings:
    """The two rings of a port."""

    def __init__(self, port: str, max_frame: int) -> None:
        self.port = port
        self.max_frame = max_frame
        with limits_named(f"port {port} cannot be used from Python"):
            self.queue = _Ring("labkit-to-engine", QUEUE_BYTES, max_frame)
            self.journal = _Ring("labkit-from-engine", JOURNAL_BYTES, MAX_FRAME)
        self._sending = threading.Lock()

    def send(self, frames: Sequence[bytes], still_there: Callable[[], None]) -> None:
        """Hands frames to the engine and returns when it took them all.

        `still_there` is called now and then while waiting and raises when the engine is gone.
        """
        for number, frame in enumerate(frames):
            if not 0 < len(frame) <= self.max_frame:
                raise PortError(
                    f"frame {number} has {len(frame)} bytes; port {self.port} sends 1 to "
                    f"{self.max_frame} (its MTU with Ethernet header and two VLAN tags); "
                    "open the port with a larger mtu, or send shorter frames"
                )
        lengths = ffi.new("uint32_t[]", [len(frame) for frame in frames])
        data = ffi.from_buffer(b"".join(frames))
        with self._sending:
            done, at = 0, 0
            waits = _Waits(still_there)
            while done < len(frames):
                pushed = lib.lk_codec_ring_push(
                    self.queue.native, data + at, lengths + done, len(frames) - done
                )
                at += sum(lengths[done : done + pushed])
                done += pushed
                waits.wait(progress=pushed > 0)
            while lib.lk_codec_ring_unread(self.queue.native):
                waits.wait(progress=False)


class FrameReader:
    """A position in a port's journal, beginning with the next frame that arrives."""

    def __init__(self, rings: FrameRings) -> None:
        self._rings = rings
        self._native = ffi.new("struct lk_frame_reader *")
        self._record = ffi.new("struct lk_record *")
        self._buffer = ffi.new("uint8_t[]", MAX_FRAME)
        self._reading = threading.Lock()
        self.skip()

    @property
    def lost(self) -> int:
        """Frames that were overwritten before this reader came to them."""
        return int(self._native.lost)

    @property
    def has_frame(self) -> bool:
        """Whether there is a frame to read."""
        return bool(lib.lk_codec_ring_has(self._rings.journal.native, self._native))

    def skip(self) -> None:
        """Passes over everything that has arrived so far."""
        lib.lk_codec_ring_from_now(self._rings.journal.native, self._native)

    def read(self) -> tuple[bytes, float] | None:
        """The next frame and its time (s since the epoch); None when there is none yet."""
        with self._reading:
            length = lib.lk_codec_ring_pull(
                self._rings.journal.native, self._native, self._record, self._buffer, MAX_FRAME
            )
            if length <= 0:
                return None
            return bytes(ffi.buffer(self._buffer, length)), self._record.time_ns / 1e9

    def wait(self, seconds: float | None, still_there: Callable[[], None]) -> bool:
        """Waits for a frame; False when none came within `seconds` (None: waits for ever)."""
        end = None if seconds is None else time.monotonic() + seconds
        waits = _Waits(still_there)
        while not self.has_frame:
            if end is not None and time.monotonic() >= end:
                return False
            waits.wait(progress=False)
        return True


class _Waits:
    """Pauses that get longer while nothing happens, and look after the engine meanwhile."""

    def __init__(self, still_there: Callable[[], None]) -> None:
        self._still_there = still_there
        self._pause = SHORTEST_WAIT
        self._checked = time.monotonic()

    def wait(self, *, progress: bool) -> None:
        if progress:
            self._pause = SHORTEST_WAIT
            return
        time.sleep(self._pause)
        self._pause = min(self._pause * 1.5, LONGEST_WAIT)
        if time.monotonic() - self._checked > 0.05:
            self._checked = time.monotonic()
            self._still_there()
