# SPDX-License-Identifier: BSD-3-Clause
"""What an engine must not leave behind: files, shared memory, hugepages, interfaces, processes."""

import os
import re
import time
from contextlib import suppress
from pathlib import Path

import psutil

from labkit.machine.runtime import runtime_directory

SETTLE_SECONDS = 30.0
OTHERS = (".org.chromium", "sem.")  # made by programs that are no part of this
SHARED_MEMORY = ("/dev/shm", "/dev/hugepages")
# How labkit and these tests name interfaces
NAMED_AFTER_A_PROCESS = re.compile(r"lk[a-z]+(\d+)x\d+")


def runtime_directories(pid: int) -> set[str]:
    """Runtime directories of the engines that this process started."""
    base = runtime_directory("any").parent
    return {str(path) for path in base.glob(f"labkit-{pid}-*")}


def interfaces(pid: int) -> set[str]:
    """All but those of processes that live and were not started from here: another run of the tests
    may be under way on this machine."""
    ours = {pid, os.getpid(), *(child.pid for child in psutil.Process().children(recursive=True))}

    def is_anothers(name: str) -> bool:
        named = NAMED_AFTER_A_PROCESS.fullmatch(name)
        maker = int(named[1]) if named else pid
        return maker not in ours and psutil.pid_exists(maker)

    return {name for name in os.listdir("/sys/class/net") if not is_anothers(name)}


def others_files() -> set[str]:
    """Files in shared memory that living processes have which were not started from here."""
    here = {os.getpid(), *(child.pid for child in psutil.Process().children(recursive=True))}
    found = set()
    for process in Path("/proc").glob("[0-9]*"):
        if int(process.name) in here:
            continue
        with suppress(OSError):  # it may end, or be another user's
            mapped = (process / "maps").read_text().split()
            found |= {part for part in mapped if part.startswith(SHARED_MEMORY)}
            found |= {os.readlink(descriptor) for descriptor in (process / "fd").iterdir()}
    return found


def snapshot(pid: int | None = None) -> set[str]:
    """Everything that can be left over, as text. `pid` is the parent of the engines."""
    pid = pid or os.getpid()
    found = {f"runtime directory {name}" for name in runtime_directories(pid)}
    for directory in SHARED_MEMORY:
        if Path(directory).is_dir():
            found |= {
                f"file {directory}/{name}"
                for name in os.listdir(directory)
                if not name.startswith(OTHERS)
            }
    found |= {f"interface {name}" for name in interfaces(pid)}
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
    left -= {f"file {path}" for path in others_files()}
    assert not left, left
