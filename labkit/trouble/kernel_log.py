# SPDX-License-Identifier: BSD-3-Clause
"""The kernel's log as it is written: /dev/kmsg (Documentation/ABI/testing/dev-kmsg)."""

import errno
import os
from pathlib import Path

from labkit.errors import LabError
from labkit.text import reason

KMSG = Path("/dev/kmsg")
LONGEST = 8192  # of a record
MOST_AT_ONCE = 10_000


class KernelLog:
    """Lines that the kernel writes from the moment it is opened on.

    Raises LabError where it may not be read.
    """

    def __init__(self, path: Path = KMSG) -> None:
        try:
            self._file = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            os.lseek(self._file, 0, os.SEEK_END)
        except OSError as error:
            raise LabError(
                f"the kernel's log, {path}, may not be read ({reason(error)}); run as root, or set "
                "kernel.dmesg_restrict=0"
            ) from None
        self.lost = 0  # times that the kernel overwrote records before they were read

    def read(self) -> list[str]:
        """The lines since the last call, as `dmesg` shows them."""
        lines: list[str] = []
        while len(lines) < MOST_AT_ONCE:
            try:
                record = os.read(self._file, LONGEST).decode("utf-8", errors="replace")
            except BlockingIOError:
                break
            except OSError as error:
                if error.errno != errno.EPIPE:
                    raise
                self.lost += 1
                continue
            head, _, text = record.partition(";")
            microseconds = int(head.split(",")[2])
            message = text.split("\n", 1)[0]  # what follows are its properties
            lines.append(f"[{microseconds / 1e6:13.6f}] {message}")
        return lines

    def close(self) -> None:
        """Reads no more."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
