# SPDX-License-Identifier: BSD-3-Clause
"""Opens files of captures, compressed ones too: a descriptor that C reads."""

import fcntl
import os
import select
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from labkit.errors import LabError
from labkit.packet.capture_unpack import DamagedError, pieces
from labkit.text import reason

PIPE = 1 << 20  # bytes
LONGEST_WAIT_MS = 200
# What compressed files begin with
MAGICS = {
    b"\x1f\x8b": "gzip",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"\x04\x22\x4d\x18": "lz4",
    b"BZh": "bz2",
    b"\xfd7zXZ\x00": "xz",
}
SKIPPABLE = range(
    0x184D2A50, 0x184D2A60
)  # frames of zstd (RFC 8878 3.1.2), which pzstd begins with


def unreadable(file: Path, why: str) -> LabError:
    """What is said of a file that is no capture."""
    return LabError(f"{file} is no capture that can be read: {why}")


@contextmanager
def opened(file: Path) -> Iterator[int]:
    """A descriptor of a regular file; LabError for what is none."""
    try:
        # A FIFO has no beginning to go back to, and would keep us waiting for somebody who writes.
        descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except (OSError, ValueError) as error:  # ValueError: a NUL in its name
        raise unreadable(file, reason(error)) from None
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise unreadable(file, "it is no regular file")
        yield descriptor
    finally:
        os.close(descriptor)


def compression(descriptor: int) -> str | None:
    """How a file is compressed, whatever its name: "gzip", "zstd", "lz4", "bz2", "xz" or None."""
    try:
        begin = os.pread(descriptor, 6, 0)
    except OSError:  # which whoever reads it will meet, too
        return None
    if int.from_bytes(begin[:4], "little") in SKIPPABLE:
        return "zstd"
    return next((kind for magic, kind in MAGICS.items() if begin.startswith(magic)), None)


class Unpacked:
    """What a compressed file holds as a pipe that C reads, filled by a thread.

    Attributes
    ----------
    descriptor: the end to read; it stays open until close()
    failed: why unpacking ended early; "" when it did not
    """

    def __init__(self, file: int, kind: str) -> None:
        self.descriptor, self._out = os.pipe2(os.O_CLOEXEC)
        self.failed = ""
        with suppress(OSError):  # pipe-user-pages-soft; a small pipe is slower, and right
            fcntl.fcntl(self._out, fcntl.F_SETPIPE_SZ, PIPE)
        os.set_blocking(self._out, False)
        self._ends = False
        self._kind = kind
        self._file = os.dup(file)
        self._thread = threading.Thread(target=self._unpack, name="labkit-unpack", daemon=True)
        self._thread.start()

    def _unpack(self) -> None:
        try:
            for piece in pieces(self._file, self._kind):
                self._write(piece)
        except BrokenPipeError:
            pass  # nobody reads any more
        except DamagedError as error:
            self.failed = str(error)
        except MemoryError as error:
            self.failed = f"its {self._kind} data need too much memory ({error})"
        finally:
            os.close(self._out)
            os.close(self._file)

    def _write(self, piece: bytes) -> None:
        """Waits for room, but not for a fork of this process that still holds the other end."""
        left = memoryview(piece)
        room = select.poll()
        room.register(self._out, select.POLLOUT)
        while left:
            if self._ends:
                raise BrokenPipeError
            if room.poll(LONGEST_WAIT_MS):
                with suppress(BlockingIOError):
                    left = left[os.write(self._out, left) :]

    def close(self) -> None:
        """Ends the thread."""
        self._ends = True
        os.close(self.descriptor)
        self._thread.join()
