# SPDX-License-Identifier: BSD-3-Clause
"""A DUT in a process of its own: started, spoken to, watched, and ended."""

import contextlib
import select
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from labkit.errors import DutDied

EXIT_SECONDS = 5.0
ANSWER_SECONDS = 20.0
LINES_SHOWN = 8


class DutProcess:
    """A child that ends when its standard input does; what it prints is kept in a file."""

    def __init__(self, name: str, command: Sequence[str], *, answers: bool = False) -> None:
        self.name = name
        self._log = tempfile.TemporaryFile(prefix="labkit-dut-")  # noqa: SIM115  # lives as we do
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE if answers else self._log,
            stderr=self._log,
            bufsize=0,  # what is not read yet can be waited for
        )

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def say(self, line: str) -> None:
        """Writes a line to its standard input."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(f"{line}\n".encode())
            self._process.stdin.flush()
        except OSError:
            self.check(gone=True)

    def hear(self) -> str:
        """The next line that it prints; for one that answers. Raises DutDied when none comes."""
        assert self._process.stdout is not None
        poll = select.poll()
        poll.register(self._process.stdout, select.POLLIN)
        has_come = poll.poll(ANSWER_SECONDS * 1e3)
        line = self._process.stdout.readline().decode() if has_come else ""
        if not line:
            self.check(gone=True)
        return line.strip()

    def check(self, *, gone: bool = False) -> None:
        """Raises DutDied, with the last lines it printed, when it has ended.

        gone: it did not answer, so that it is as good as ended
        """
        if gone:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(EXIT_SECONDS)
        code = self._process.poll()
        if code is None and not gone:
            return
        if code is None:
            raise DutDied(
                self.name,
                f"it does not answer within {ANSWER_SECONDS:g} s; its threads: {self._threads()}",
                self.log,
            )
        how = f"signal {-code}" if code < 0 else f"exit code {code}"
        raise DutDied(self.name, f"its process ended ({how})", self.log)

    def _threads(self) -> str:
        """What each of them does, as the kernel tells it: "kernel_echo sleeping in futex_wait"."""
        told = []
        for task in sorted(Path(f"/proc/{self.pid}/task").glob("*")):
            with contextlib.suppress(OSError):
                lines = (task / "status").read_text().splitlines()
                facts = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
                state = facts["State"].partition("(")[2].rstrip(")")
                place = (task / "wchan").read_text().strip("0")
                told.append(f"{facts['Name']} {state}{f' in {place}' if place else ''}")
        return ", ".join(told) or "none"

    @property
    def log(self) -> tuple[str, ...]:
        """The last lines it printed."""
        return tuple(self._text.splitlines()[-LINES_SHOWN:])

    def has_said(self, words: str) -> bool:
        """Whether it has printed these words."""
        return words in self._text

    @property
    def _text(self) -> str:
        return Path(f"/proc/self/fd/{self._log.fileno()}").read_bytes().decode(errors="replace")

    def stop(self, *farewell: str) -> None:
        """Says the farewell and closes its standard input; kills it when it does not listen."""
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            self._process.stdin.write("".join(f"{line}\n" for line in farewell).encode())
            self._process.stdin.close()
        try:
            self._process.wait(EXIT_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._log.close()
