# SPDX-License-Identifier: BSD-3-Clause
"""What a lab's engine and DPDK's drivers print, as a source of lines."""

from labkit.lab.lab import Lab
from labkit.sources.lines import LineSource
from labkit.sources.log_file import Tail


class EngineLog(LineSource):
    """lab.log from the moment on that it is opened, and that of the next engine after a restart."""

    def __init__(self, lab: Lab) -> None:
        super().__init__("lab.log")
        self.lab = lab
        self._tail: Tail | None = None
        self._process = 0

    def _connect(self) -> None:
        self._follow(from_its_end=True)

    def _disconnect(self) -> None:
        if self._tail is not None:
            self._tail.close()
            self._tail = None

    def _follow(self, *, from_its_end: bool) -> None:
        self._process = self.lab.pid
        self._tail = Tail(self.lab.engine.open_log(), from_its_end=from_its_end)

    def _read(self) -> list[str]:
        assert self._tail is not None
        lines: list[str] = []
        if self.lab.pid != self._process:  # restarted: a new process with a log of its own
            lines = self._tail.rest()
            self._tail.close()
            self._follow(from_its_end=False)
        lines += self._tail.read()
        ended = f"the engine, process {self._process}, has ended; lab.restart() starts another"
        self._state = ("live", "is read") if self.lab.is_alive else ("gone", ended)
        return lines
