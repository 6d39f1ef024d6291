# SPDX-License-Identifier: BSD-3-Clause
"""CPUs for notebooks that run at the same time, so that those that measure never share one."""

import os
import socket
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from labkit.errors import LabError


class CpuClaims:
    """CPUs that this engine's workers have for themselves.

    A claim is a bound abstract socket: other engines on this machine see it taken, and the kernel
    gives it back when the process ends, however it ends. Nothing listens on it.
    """

    def __init__(self, cpus: tuple[int, ...]) -> None:
        self.cpus = cpus
        self.held: dict[int, socket.socket] = {}

    def take(self) -> int | None:
        """A CPU that no other engine's worker has, the highest first; None when there is none."""
        for cpu in reversed(self.cpus):
            if cpu in self.held:
                continue
            claim = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            try:
                claim.bind(f"\0labkit-cpu-{cpu}")
            except OSError:
                claim.close()
                continue
            self.held[cpu] = claim
            return cpu
        return None

    def give_back(self, cpu: int) -> None:
        """Another worker may have it from now on."""
        self.held.pop(cpu).close()


POLL_SECONDS = 0.2


def usable_cpus() -> tuple[int, ...]:
    """CPUs that this process may use."""
    if sys.platform == "linux":
        return tuple(sorted(os.sched_getaffinity(0)))
    return tuple(range(os.cpu_count() or 1))


def deal(jobs: int, cpus: Sequence[int]) -> list[tuple[int, ...]]:
    """The CPUs of each of `jobs` notebooks at a time. Threads of one core stay together while there
    are cores enough."""
    if not 1 <= jobs <= len(cpus):
        raise LabError(
            f"jobs is {jobs}; the range is 1 to {len(cpus)}, the CPUs of this process, because "
            "notebooks that measure never share one"
        )
    cores: dict[str, list[int]] = {}
    for cpu in cpus:
        cores.setdefault(_core(cpu), []).append(cpu)
    units = list(cores.values()) if len(cores) >= jobs else [[cpu] for cpu in cpus]
    shares: list[list[int]] = [[] for _ in range(jobs)]
    for unit in units:
        min(shares, key=len).extend(unit)
    return [tuple(sorted(share)) for share in shares]


@contextmanager
def claimed(
    cpus: Sequence[int],
    cancelled: threading.Event,
    waits: Callable[[int], None] = lambda cpu: None,
) -> Iterator[bool]:
    """Holds CPUs against other runs on this machine, after waiting for those that have them.

    Like the engine's own claims these are bound abstract sockets, which the kernel gives back when
    the process ends, however it ends. False when the wait was cancelled. `waits` is told once of
    each CPU that is waited for.
    """
    with ExitStack() as stack:
        # All take them in the same order, so that no two wait for each other.
        for cpu in sorted(cpus) if sys.platform == "linux" else ():
            claim = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
            name = f"\0labkit-run-cpu-{cpu}"
            if not _bind(claim, name):
                waits(cpu)
            while not claim.getsockname() and not _bind(claim, name):
                if cancelled.wait(POLL_SECONDS):
                    yield False
                    return
        yield True


def _bind(claim: socket.socket, name: str) -> bool:
    try:
        claim.bind(name)
    except OSError:
        return False
    return True


def _core(cpu: int) -> str:
    siblings = Path(f"/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list")
    try:
        return siblings.read_text()
    except OSError:
        return str(cpu)
