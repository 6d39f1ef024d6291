# SPDX-License-Identifier: BSD-3-Clause
"""Frames between Python and a port's path, through memory shared with the engine.

Frames to the engine wait in a queue: sending waits only while it is full. Frames from the engine
stand in journals, one for each receive queue of the port, since lanes of a path share nothing: each
reader has its own position, and one that is overtaken counts what it lost.
Who waits for a frame does so on a descriptor, which the engine signals.
"""

import mmap
import os
import threading
import time
import weakref
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Protocol

from labkit._codec import ffi, lib
from labkit.errors import PortError
from labkit.machine.limits import limits_named

QUEUE_BYTES = 8 << 20
JOURNAL_BYTES = 32 << 20
MANY_JOURNALS = 4  # more of them have a quarter of the size each
MOST_JOURNALS = 64  # lanes beyond share them
MAX_FRAME = 65535
LOOK_SECONDS = 0.05  # who waits looks that often whether the engine and the port are still there
PATIENCE_SECONDS = 10.0  # of a sender, while the engine takes nothing

_send_one = lib.lk_codec_ring_send


class EngineWatcher(Protocol):
    """A reader that wants to hear of the end of an engine."""

    def watch_engine(self, channel: int) -> None: ...  # noqa: D102


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
    """The rings of a port.

    Attributes
    ----------
    queue: to the engine
    journals: from it
    bells: eventfds that readers of the journals wait on, by their slot
    """

    def __init__(
        self, port: str, max_frame: int, journals: int, listen: Callable[[int, int], None]
    ) -> None:
        """listen: has the engine signal an eventfd for the readers of a slot."""
        size = JOURNAL_BYTES if journals <= MANY_JOURNALS else JOURNAL_BYTES // 4
        self.port = port
        self.max_frame = max_frame
        with limits_named(f"port {port} cannot be used from Python"):
            self.queue = _Ring("labkit-to-engine", QUEUE_BYTES, max_frame)
            self.journals = [
                _Ring("labkit-from-engine", size, MAX_FRAME)
                for _ in range(min(journals, MOST_JOURNALS))
            ]
        self.bells: list[int] = []
        self._native = self.queue.native
        self._status: Any = ffi.NULL
        self._listen = listen
        self._channel = -1
        self._watched: weakref.WeakSet[EngineWatcher] = weakref.WeakSet()
        self._free: list[int] = []
        self._sending = threading.Lock()
        self._waiting = threading.Lock()
        self._adding = threading.Lock()

    def serve(self, status: Any, channel: int) -> None:
        """An engine has mapped the rings. What another has left in the queue went down with it.

        status: its struct lk_status; channel: a descriptor that hangs up when it ends
        """
        lib.lk_codec_ring_empty(self._native)
        self._status = status
        with self._adding:
            self._channel = channel
            for reader in self._watched:
                reader.watch_engine(channel)
        for slot, bell in enumerate(self.bells):
            self._listen(slot, bell)

    def send_one(self, frame: bytes, check: Callable[[], None]) -> None:
        """As send() of one frame, as fast as Python can."""
        with self._sending:
            if _send_one(self._native, self._status, frame, len(frame)):
                return
        self.send([frame], check)

    def send(self, frames: Sequence[bytes], check: Callable[[], None]) -> None:
        """Puts frames into the queue, and waits where it is full.

        check: called now and then while waiting; raises when the port or the engine is gone
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
            while True:
                pushed = lib.lk_codec_ring_push(
                    self._native, self._status, data + at, lengths + done, len(frames) - done
                )
                at += sum(lengths[done : done + pushed])
                done += pushed
                if done == len(frames):
                    return
                written = lib.lk_codec_ring_written(self._native)
                self._wait(written - QUEUE_BYTES // 2, check)

    def flush(self, check: Callable[[], None]) -> None:
        """Waits until the engine has taken what is in the queue now."""
        self._wait(lib.lk_codec_ring_written(self._native), check)

    def watch_engines(self, reader: EngineWatcher) -> None:
        """Has the end of an engine, of this one and of later ones, end a reader's watch."""
        with self._adding:
            self._watched.add(reader)
            reader.watch_engine(self._channel)

    def claim_slot(self) -> int:
        """A slot for one reader, with its bell; given back with give_back()."""
        with self._adding:
            with suppress(IndexError):
                return self._free.pop()
            slot = len(self.bells)
            if slot == lib.LK_RING_LISTENERS:
                raise PortError(
                    f"port {self.port}: {slot} readers wait for its frames already, and there is "
                    "room for no more; close sockets of the port that are not needed"
                )
            bell = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
            self.bells.append(bell)
            try:
                self._listen(slot, bell)
            except BaseException:
                os.close(self.bells.pop())
                raise
            return slot

    def give_back(self, slot: int) -> None:
        """May be called by the garbage collector, on any thread."""
        self._free.append(slot)

    def _wait(self, position: int, check: Callable[[], None]) -> None:
        """Until the queue was read up to there; not for ever without progress."""
        left = None
        end = time.monotonic() + PATIENCE_SECONDS
        while not self._is_read(position):
            check()
            now_left = lib.lk_codec_ring_unread(self._native)
            if now_left != left:
                left, end = now_left, time.monotonic() + PATIENCE_SECONDS
            elif time.monotonic() > end:
                raise PortError(
                    f"port {self.port}: the engine took no frame for {PATIENCE_SECONDS:g} s, and "
                    f"{left:,} bytes wait in its queue; the path that sends them stands still, or "
                    "the port's buffers are all in queues (mbufs= of lab.port() gives it more): "
                    "lab.counters() shows who reads the other end of a cable and does not get on, "
                    "lab.log what a driver says; lab.restart() ends it"
                )

    def _is_read(self, position: int) -> bool:
        """Waits a moment for it; one thread at a time, as the ring knows of one that waits."""
        with self._waiting:
            ns = int(LOOK_SECONDS * 1e9)
            return bool(lib.lk_codec_ring_wait(self._native, position, ns))

    def __del__(self) -> None:
        for bell in getattr(self, "bells", ()):
            os.close(bell)
