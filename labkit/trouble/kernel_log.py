# SPDX-License-Identifier: BSD-3-Clause
"""The kernel's log as it is written: /dev/kmsg (Documentation/ABI/testing/dev-kmsg)."""

import errno
import os
from pathlib import Path

from labkit.sources import SourceError
from labkit.sources.lines import LineSource
from labkit.text import plural, reason

KMSG = Path("/dev/kmsg")
LONGEST = 8192  # of a record
MOST_AT_ONCE = 10_000


class KernelLog(LineSource):
    """Lines that the kernel writes from the moment it is opened on, as `dmesg` shows them.

    SourceError where it may not be read.
    """

    def __init__(self, path: Path = KMSG) -> None:
        super().__init__("kernel log")
        self._path = path
        self._file = -1
        self._lost = 0  # times that the kernel overwrote records before they were read

    def _connect(self) -> None:
        try:
            self._file = os.open(self._path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            os.lseek(self._file, 0, os.SEEK_END)
        except OSError as error:
            raise SourceError(
                f"the kernel's log, {self._path}, may not be read ({reason(error)}); run as root, "
                "or set kernel.dmesg_restrict=0"
            ) from None

    def _disconnect(self) -> None:
        os.close(self._file)

    def _read(self) -> list[str]:
        lines: list[str] = []
        while len(lines) < MOST_AT_ONCE:
            try:
                record = os.read(self._file, LONGEST).decode("utf-8", errors="replace")
            except BlockingIOError:
                break
            except OSError as error:
                if error.errno != errno.EPIPE:
                    raise
                self._lost += 1
                times = plural(self._lost, "time")
                self._state = ("live", f"lines were overwritten before they were read, {times}")
                continue
            head, _, text = record.partition(";")
            microseconds = int(head.split(",")[2])
            message = text.split("\n", 1)[0]  # what follows are its properties
            lines.append(f"[{microseconds / 1e6:13.6f}] {message}")
        return lines
