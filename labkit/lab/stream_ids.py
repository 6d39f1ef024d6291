# SPDX-License-Identifier: BSD-3-Clause
"""Stream numbers of signatures: runs that follow one another must not take each other's frames."""

import os
import secrets
import threading

LAST = 0xFFFF


class _Numbers:
    """Numbers 1 to 65535, then 1 again."""

    def __init__(self) -> None:
        self._begin()
        os.register_at_fork(after_in_child=self._begin)

    def _begin(self) -> None:
        self._lock = threading.Lock()
        # Another process on the same wire begins elsewhere: its frames are not taken for ours.
        self._next = 1 + secrets.randbelow(LAST)

    def claim(self, count: int = 1) -> int:
        """The first of `count` numbers in a row, that no run of late has had."""
        with self._lock:
            first = self._next if self._next + count - 1 <= LAST else 1
            self._next = first + count
            return first


claim = _Numbers().claim
