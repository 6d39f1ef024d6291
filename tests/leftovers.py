# SPDX-License-Identifier: BSD-3-Clause
"""What an engine must not leave behind: files, shared memory, hugepages, interfaces, processes."""

import os
import time
from pathlib import Path

import psutil

from labkit.engine.config import runtime_directory

SETTLE_SECONDS = 5.0
OTHERS = (".org.chromium", "sem.")  # made by programs that are no part of this


def runtime_directories(pid: int) -> set[str]:
    """Runtime directories of the engines that this process started."""
    base = runtime_directory("any").parent
    return {str(path) for path in base.glob(f"labkit-{pid}-*")}


def snapshot(pid: int | None = None) -> set[str]:
    """Everything that can be left over, as text. `pid` is the parent of the engines."""
    pid = pid or os.getpid()
    found = {f"runtime directory {name}" for name in runtime_directories(pid)}
    for directory in ("/dev/shm", "/dev/hugepages"):
        if Path(directory).is_dir():
            found |= {
                f"file {directory}/{name}"
                for name in os.listdir(directory)
                if not name.startswith(OTHERS)
            }
    found |= {f"interface {name}" for name in os.listdir("/sys/class/net")}
    if psutil.pid_exists(pid):
        found |= {
            f"process {child.pid}"
            for child in psutil.Process(pid).children()
            if child.status() != psutil.STATUS_ZOMBIE and "labkit.engine" in child.cmdline()
        }
    return found


def wait_for_none(before: set[str], pid: int | None = None) -> None:
    """Fails when what was made since `before` is still there after a while."""
    end = time.monotonic() + SETTLE_SECONDS
    while (left := snapshot(pid) - before) and time.monotonic() < end:
        time.sleep(0.02)
    assert not left
