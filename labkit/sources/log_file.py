# SPDX-License-Identifier: BSD-3-Clause
"""A log file that grows, as a source of lines; one that is rotated or truncated is followed."""

import os
import stat
from pathlib import Path

from labkit.arguments.checked import checked
from labkit.sources.base import SourceError
from labkit.sources.lines import MOST_BYTES, LineBuffer, LineSource
from labkit.text import reason


class Tail:
    """What is written into an open file, from its beginning or its end on.

    The descriptor is its own from then on.
    """

    def __init__(self, descriptor: int, *, from_its_end: bool = False) -> None:
        self._file = descriptor
        self._place = os.fstat(descriptor).st_size if from_its_end else 0
        self._lines = LineBuffer()

    @property
    def behind(self) -> int:
        """Bytes that were written and not read yet."""
        return os.fstat(self._file).st_size - self._place

    def is_of(self, status: os.stat_result) -> bool:
        """Whether it is this file."""
        mine = os.fstat(self._file)
        return (mine.st_dev, mine.st_ino) == (status.st_dev, status.st_ino)

    def read(self) -> list[str]:
        """New lines, some at a time."""
        if self.behind < 0:  # it was truncated, and begins anew
            self._place, self._lines = 0, LineBuffer()
        data = os.pread(self._file, MOST_BYTES, self._place)
        self._place += len(data)
        return self._lines.add(data)

    def rest(self) -> list[str]:
        """What is left of a file that grows no more; of very much the end alone."""
        self._place = max(self._place, self._place + self.behind - MOST_BYTES)
        return [*self.read(), *self._lines.end()]

    def close(self) -> None:
        """Reads no more."""
        os.close(self._file)


@checked(SourceError)
class LogFile(LineSource):
    """A log file that is written while it is read: lk.sources.LogFile("/var/log/app.log").

    Lines from the moment on that it is opened. Where another file takes its place, or it is
    truncated, that is read from its beginning. Gone while there is none.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path).expanduser().absolute()  # whatever folder is the current one later
        super().__init__(os.fspath(path))
        self._tail: Tail | None = None

    def _connect(self) -> None:
        self._tail = Tail(self._opened(), from_its_end=True)

    def _disconnect(self) -> None:
        if self._tail is not None:
            self._tail.close()
            self._tail = None

    def _read(self) -> list[str]:
        assert self._tail is not None
        try:
            is_replaced = not self._tail.is_of(self.path.stat())
            new = Tail(self._opened()) if is_replaced else self._tail
        except (OSError, SourceError) as error:
            # Who writes may go on for a while in a file that was moved away.
            self._state = ("gone", f"{self.path} went away ({reason(error)})")
            return self._tail.read()
        lines: list[str] = []
        if new is not self._tail:
            lines = self._tail.rest()
            self._tail.close()
            self._tail = new
        lines += new.read()
        waits = f"{new.behind / 1e6:.1f} MB wait, for it grows faster than it is read"
        self._state = ("live", waits if new.behind > MOST_BYTES else "is read")
        return lines

    def _opened(self) -> int:
        try:
            descriptor = os.open(self.path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            raise SourceError(
                f"{self.path} cannot be read ({reason(error)}); name a log that there is and that "
                "this user may read"
            ) from None
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise SourceError(f"{self.path} is no plain file; name a log file")
        return descriptor
