# SPDX-License-Identifier: BSD-3-Clause
"""Processes that have a file of /dev open, as /proc tells."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from labkit.machine.nics import ROOT, read

ENGINE = "labkit.engine"  # in the command line of a lab's engine


@dataclass(frozen=True)
class Holder:
    """A process that has a device open. `command` is its name, or "a lab's engine"."""

    pid: int
    command: str

    def __str__(self) -> str:
        return f"process {self.pid} ({self.command})"


def holders(node: Path, root: Path = ROOT) -> list[Holder]:
    """Processes that have a file of /dev open. Those of others are seen by root alone."""
    wanted = str(Path("/") / node.relative_to(root))
    found = []
    for process in (root / "proc").glob("[0-9]*"):
        if any(target == wanted for target in _open_files(process)):
            words = read(process / "cmdline").replace("\0", " ")
            command = "a lab's engine" if ENGINE in words else read(process / "comm")
            found.append(Holder(int(process.name), command or "of unknown name"))
    return sorted(found, key=lambda holder: holder.pid)


def _open_files(process: Path) -> Iterator[str]:
    try:
        for file in os.scandir(process / "fd"):
            yield os.readlink(file.path)
    except OSError:  # it ended, or is another user's
        return
