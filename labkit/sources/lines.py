# SPDX-License-Identifier: BSD-3-Clause
"""What every source of lines has in common: logs that are read while they are written."""

from abc import ABC, abstractmethod
from typing import Self

from labkit.sources.base import SourceError, Stated

MOST_BYTES = 1 << 20  # of one read(): the rest waits for the next one
LONGEST_LINE = 64 << 10  # bytes; a longer one comes in pieces


class LineSource(Stated, ABC):
    """Lines of a log, from the moment on that it is opened.

    Opened by one reader at a time, which open() returns and close() lets go: a line is read once.

    Attributes
    ----------
    label: what findings call it
    """

    def __init__(self, label: str) -> None:
        self.label = label
        self._is_open = False
        self._state = ("gone", "not opened yet")

    def open(self) -> Self:
        """Begins to follow it. SourceError when there is nothing to follow, or somebody does."""
        if self._is_open:
            raise SourceError(f"{self.label} is read by somebody else; make another one")
        self._state = ("live", "is read")
        self._connect()
        self._is_open = True
        return self

    def read(self) -> list[str]:
        """The lines since the last call, about a megabyte at most; `state` tells of the others."""
        if not self._is_open:
            raise SourceError(f"{self.label} is not open; use `with source:` or source.open()")
        return self._read()

    def close(self) -> None:
        """Follows it no more. One that is not open stays so."""
        if self._is_open:
            self._is_open = False
            self._disconnect()
            self._state = ("gone", "closed")

    def __enter__(self) -> Self:
        return self.open()

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.label}: {self.state}, {self.reason}>"

    # What a source of lines is made of

    @abstractmethod
    def _connect(self) -> None:
        """Opens it or raises SourceError."""

    @abstractmethod
    def _disconnect(self) -> None:
        """Closes it."""

    @abstractmethod
    def _read(self) -> list[str]:
        """New lines of an open source; sets _state when none follow."""


class LineBuffer:
    """Bytes as they come, lines as they are whole."""

    def __init__(self) -> None:
        self._rest = b""

    def add(self, data: bytes) -> list[str]:
        """The lines that this ends."""
        *whole, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > LONGEST_LINE:
            whole.append(self._rest)
            self._rest = b""
        return [_text(line) for line in whole]

    def end(self) -> list[str]:
        """What was left without an end, where nothing follows."""
        rest, self._rest = self._rest, b""
        return [_text(rest)] if rest else []


def _text(line: bytes) -> str:
    return line.decode("utf-8", errors="replace").rstrip("\r")
