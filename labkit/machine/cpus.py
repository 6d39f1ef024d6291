# SPDX-License-Identifier: BSD-3-Clause
"""CPUs that one process has for itself among others of this machine.

Workers of an engine claim theirs against workers of other engines, and runs of notebooks, in which
those engines are, claim theirs against other runs.
"""

import os
import socket
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Literal

from labkit.errors import LabError

POLL_SECONDS = 0.2
NAMES = {"worker": "\0labkit-cpu-", "run": "\0labkit-run-cpu-"}


class CpuClaims:
    """Claims of one kind: each CPU has one holder on this machine.

    A claim is a bound abstract socket: other processes see it taken, and the kernel gives it back
    when the process ends, however it ends. Nothing listens on it.
    """

    def __init__(self, kind: Literal["worker", "run"]) -> None:
        self._name = NAMES[kind]
        self._held: dict[int, socket.socket] = {}

    def claim(self, cpu: int) -> bool:
        """Whether it could be had."""
        claim = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            claim.bind(f"{self._name}{cpu}")
        except OSError:
            claim.close()
            return False
        self._held[cpu] = claim
        return True

    def claim_one(self, cpus: Iterable[int]) -> int | None:
        """The first of these that nobody has; None when there is none."""
        return next((cpu for cpu in cpus if self.claim(cpu)), None)

    def give_back(self, cpu: int) -> None:
        """Another one may have it from now on."""
        self._held.pop(cpu).close()

    def close(self) -> None:
        """Gives back all of them."""
        for cpu in list(self._held):
            self.give_back(cpu)


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
        cores.setdefault(core_of(cpu), []).append(cpu)
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

    False when the wait was cancelled. `waits` is told once of each CPU that is waited for.
    """
    with closing(CpuClaims("run")) as claims:
        # All take them in the same order, so that no two wait for each other.
        for cpu in sorted(cpus) if sys.platform == "linux" else ():
            if claims.claim(cpu):
                continue
            waits(cpu)
            while not claims.claim(cpu):
                if cancelled.wait(POLL_SECONDS):
                    yield False
                    return
        yield True


def core_of(cpu: int) -> str:
    """What the CPUs of one core have in common: the list of them."""
    siblings = Path(f"/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list")
    try:
        return siblings.read_text()
    except OSError:
        return str(cpu)


def numa_node_of(cpu: int, root: Path = Path("/")) -> int | None:
    """The NUMA node of a CPU; None where the kernel does not tell."""
    nodes = (root / f"sys/devices/system/cpu/cpu{cpu}").glob("node[0-9]*")
    return next((int(node.name.removeprefix("node")) for node in nodes), None)
