# SPDX-License-Identifier: BSD-3-Clause
"""The IPython extension that a run loads into a notebook's kernel.

It keeps ledgers as labs have them after every cell, copies captures at the first failure, lets
figures leave vector graphics behind, and ends the kernel when the process that started it is gone.
"""

import contextlib
import ctypes
import json
import shutil
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from labkit import progress
from labkit.errors import LabError
from labkit.lab import open_labs
from labkit.notebooks import watching
from labkit.notebooks.records import recorder
from labkit.text import first_free

PR_SET_PDEATHSIG = 1  # prctl(2)
LEDGERS_FILE = "ledgers.json"
PROGRESS_FILE = ".progress"  # what is measured now, as a line
MOST_CAPTURE_BYTES = 20 << 20
PROGRESS_SECONDS = 0.5


class Evidence:
    """What labs of this kernel can tell about a run; kept in its folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ledgers: dict[str, Any] = {}
        self.has_captures = False

    def look(self) -> None:
        """Reads every open lab."""
        for lab in list(open_labs.labs):
            self.look_at(lab)

    def look_at(self, lab: Any) -> None:
        """Keeps the ledgers of a lab's paths.

        No type, because an installation without native modules runs notebooks and has no Lab.
        """
        if not lab.is_alive:
            return
        with contextlib.suppress(LabError):  # an engine that dies now is told of by the notebook
            paths = {name: dict(path.ledger.rows) for name, path in list(lab.paths.items())}
            pinned = len(lab.workers.cpu.dropna())
            now = {"dpdk": lab.dpdk_version, "worker_cpus": pinned, "paths": paths}
            if paths and now != self.ledgers.get(str(lab.pid)):
                self.ledgers[str(lab.pid)] = now
                # In one step: a kernel that is killed meanwhile leaves those from before.
                whole = self.folder / f"{LEDGERS_FILE}.new"
                whole.write_text(json.dumps(self.ledgers, indent=1))
                whole.replace(self.folder / LEDGERS_FILE)

    def keep_captures(self) -> None:
        """Copies what running paths and ports have captured; once, at the first failure."""
        if self.has_captures:
            return
        self.has_captures = True
        for lab in list(open_labs.labs):
            files = []
            for capture in list(lab.captures):
                with contextlib.suppress(LabError):
                    files.append(capture.file)
            for running in list(lab.paths.values()):
                with contextlib.suppress(LabError, OSError):
                    running.flush()
                files += running.captured_files()
            for file in files:
                if file.exists() and file.stat().st_size <= MOST_CAPTURE_BYTES:
                    there = [path.name for path in self.folder.iterdir()]
                    shutil.copy(file, self.folder / first_free(file.name, there))


class Swallowed:
    """Errors of cells within a cell: %%capture runs what it captures as a cell, and keeps to itself
    what that raises."""

    def __init__(self) -> None:
        self.depth = 0
        self.error: BaseException | None = None

    def begins(self, _: Any) -> None:
        """A cell begins."""
        self.depth += 1

    def ends(self, result: Any) -> None:
        """A cell has ended; the outermost one with what was raised within it."""
        self.depth -= 1
        self.error = self.error or result.error_before_exec or result.error_in_exec
        if self.depth <= 0:
            if result.success:
                result.error_in_exec = self.error
            self.depth, self.error = 0, None


def load_ipython_extension(shell: Any) -> None:
    """Called by IPython when the kernel starts."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    shell.display_formatter.formatters["image/svg+xml"].for_type_by_name(
        "matplotlib.figure", "Figure", _svg
    )
    assert recorder.folder is not None
    evidence = Evidence(recorder.folder)
    recorder.on_first_failure.append(evidence.keep_captures)

    swallowed = Swallowed()

    def after_cell(result: Any) -> None:
        swallowed.ends(result)
        evidence.look()
        if not result.success:
            evidence.keep_captures()

    shell.events.register("pre_run_cell", swallowed.begins)
    shell.events.register("post_run_cell", after_cell)
    watching.install(shell)
    progress.listeners.append(_keeps_progress(recorder.folder / PROGRESS_FILE))
    # exit() and quit() only ask for the end, which cells that follow may or may not meet.
    shell.ask_exit = sys.exit
    # A lab that lives and ends within one cell is read before its engine ends.
    open_labs.before_close.append(evidence.look_at)


def _keeps_progress(file: Path) -> Callable[[str], None]:
    """A listener that keeps the text of bars, a few times a second, for who waits for this run."""
    written = 0.0

    def keep(text: str) -> None:
        nonlocal written
        if not text or time.monotonic() - written >= PROGRESS_SECONDS:
            written = time.monotonic()
            with contextlib.suppress(OSError):  # a full disk is told by who has more to lose
                file.write_text(text, encoding="utf-8", errors="backslashreplace")

    return keep


def _svg(figure: Any) -> str:
    from IPython.core.pylabtools import print_figure  # late: IPython is slow

    return str(print_figure(figure, fmt="svg"))
