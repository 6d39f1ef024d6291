# SPDX-License-Identifier: BSD-3-Clause
"""Limits of a process and of this machine, named where something ran into one."""

import errno
import math
import os
import re
import resource
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from labkit.errors import EngineError, LabError
from labkit.text import reason

FULL_BYTES = 1 << 20  # with less than that left a file system is full
STACK_BYTES = 1 << 20  # less than that no engine lives on
DESCRIPTORS, DESCRIPTORS_PER_WORKER = 32, 4  # open files of an engine with a few ports
FEW_DESCRIPTORS = 1024
FEW_THREADS = 4096  # a larger limit is hardly reached


@dataclass(frozen=True)
class _Limit:
    """A limit of setrlimit(2).

    Attributes
    ----------
    name: such as "NOFILE"
    option: of the shell's ulimit, and its unit in bytes
    what: what it limits
    signs: pattern of what is said where it was reached
    below: it is to blame only where it is lower than this
    """

    name: str
    option: str
    unit: int
    what: str
    signs: str
    below: float = math.inf

    def told(self, said: str) -> str:
        """A sentence, if it is set and what was said looks like it."""
        soft, hard = resource.getrlimit(getattr(resource, f"RLIMIT_{self.name}"))
        is_to_blame = soft != resource.RLIM_INFINITY and soft < self.below
        if not is_to_blame or not re.search(self.signs, said):
            return ""
        most = "unlimited" if hard == resource.RLIM_INFINITY else str(hard // self.unit)
        return (
            f"RLIMIT_{self.name} is {soft // self.unit}, {self.what}; raise it by `ulimit "
            f"-{self.option} NUMBER`, without root up to {most}, where Jupyter is started"
        )


_MEMORY = (
    r"[Cc]annot allocate memory|ENOMEM|MemoryError|Cannot get a virtual area|std::bad_alloc"
    r"|cannot be mapped"
)
_THREADS = (
    r"can't start new thread|pthread_create|Cannot create (worker|control )?thread|EAGAIN"
    r"|Resource temporarily unavailable"
)
_LIMITS = (
    _Limit(
        "NOFILE",
        "n",
        1,
        "the files that a process may have open, of which an engine wants about "
        f"{DESCRIPTORS} and {DESCRIPTORS_PER_WORKER} for each of EalConfig(max_workers=)",
        r"Cannot create pipe|Too many open files|EMFILE",
    ),
    _Limit(
        "NPROC", "u", 1, "the processes and threads that a user may have", _THREADS, FEW_THREADS
    ),
    _Limit(
        "AS", "v", 1024, "the KiB of addresses that a process may have", _MEMORY + "|" + _THREADS
    ),
    _Limit("DATA", "d", 1024, "the KiB of data that a process may have", _MEMORY + "|" + _THREADS),
    _Limit(
        "MEMLOCK",
        "l",
        1024,
        "the KiB of memory that a process may lock, which AF_XDP and vfio-pci do",
        r"Failed to create umem|DMA remapping|cannot map vaddr for DMA|mlock(all)? *failed",
    ),
    _Limit("FSIZE", "f", 1024, "the KiB that a file may have", r"File too large|EFBIG|SIGXFSZ"),
    _Limit("STACK", "s", 1024, "the KiB of stack that a process may have", "SIGSEGV", STACK_BYTES),
    _Limit("CPU", "t", 1, "the seconds that a process may compute", r"SIGXCPU|SIGKILL"),
)


def limits_told(said: str) -> str:
    """The limits that something seems to have run into, by what was said of it; "" for none."""
    told = [limit.told(said) for limit in _LIMITS]
    told += [_group(said), _full(said)]
    return ". ".join(filter(None, told))


@contextmanager
def limits_named(what: str) -> Iterator[None]:
    """Has an error of the system that a limit explains say so.

    what: was tried, such as "the engine cannot be started"
    """
    try:
        yield
    except LabError:
        raise
    except (OSError, RuntimeError, MemoryError) as error:
        code = errno.errorcode.get(getattr(error, "errno", None) or 0, type(error).__name__)
        told = limits_told(f"{code} {error}")
        if not told:
            raise
        raise EngineError(f"{what}: {reason(error) or code}. {told}") from error


def raise_soft_limits() -> None:
    """Has this process open as many files as an engine may want, where it is allowed to."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = FEW_DESCRIPTORS if hard == resource.RLIM_INFINITY else min(FEW_DESCRIPTORS, hard)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _group(said: str) -> str:
    """The limits of a container (control groups, version 2)."""
    most = _of_group("pids.max")
    if re.search(_THREADS, said) and most not in ("", "max"):
        return f"pids.max of this container is {most}, the processes and threads that it may have"
    most, events = _of_group("memory.max"), _of_group("memory.events")
    was_killed = "SIGKILL" in said and re.search(r"^oom_kill [1-9]", events, re.MULTILINE)
    if most not in ("", "max") and (was_killed or re.search(_MEMORY, said)):
        return f"memory.max of this container is {int(most) >> 20} MiB of memory"
    return ""


def _of_group(file: str) -> str:
    """What a file of this process's control group holds; "" where there is none."""
    try:
        group = Path("/proc/self/cgroup").read_text().rsplit("::", 1)[1].strip()
        return Path("/sys/fs/cgroup", group.lstrip("/"), file).read_text().strip()
    except (OSError, IndexError):
        return ""


def _full(said: str) -> str:
    """File systems without room."""
    if not re.search(r"No space left on device|ENOSPC", said):
        return ""
    folders = dict.fromkeys([tempfile.gettempdir(), "/dev/shm", "/var/run", os.getcwd()])
    full = [folder for folder in folders if _is_full(folder)]
    return f"no room in {', '.join(full)}: remove files there, or set TMPDIR" if full else ""


def _is_full(folder: str) -> bool:
    try:
        room = os.statvfs(folder)
    except OSError:
        return False
    return room.f_bavail * room.f_frsize < FULL_BYTES or (room.f_files > 0 and room.f_favail == 0)
