# SPDX-License-Identifier: BSD-3-Clause
"""Processes that began below this one: counted, and ended."""

import contextlib
import os
import signal
from pathlib import Path

ROUNDS = 200  # of ending what begins anew meanwhile


def descendants(root: int) -> set[int]:
    """Processes below one, as /proc tells."""
    below: dict[int, list[int]] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with contextlib.suppress(OSError, ValueError, IndexError):
                # The name in brackets may have brackets and spaces itself.
                parent = int(
                    (folder / "stat").read_text(errors="replace").rpartition(")")[2].split()[1]
                )
                below.setdefault(parent, []).append(int(folder.name))
    found: set[int] = set()
    left = [root]
    while left:
        children = below.get(left.pop(), [])
        left += [child for child in children if child not in found]
        found.update(children)
    return found


def task_count(pids: set[int]) -> int:
    """Threads of processes, which is what RLIMIT_NPROC counts."""
    count = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            count += sum(1 for _ in Path(f"/proc/{pid}/task").iterdir())
    return count


def end_all_but(kept: set[int]) -> bool:
    """Ends what began below this process but for those named; False where more begin than end."""
    for _ in range(ROUNDS):
        strays = descendants(os.getpid()) - kept
        for number in (signal.SIGSTOP, signal.SIGKILL):  # a stopped one begins nothing new
            for pid in strays:
                with contextlib.suppress(OSError):
                    os.kill(pid, number)
        for pid in strays:
            with contextlib.suppress(OSError):
                os.waitpid(pid, 0)
        if not strays:
            return True
    return False
