# SPDX-License-Identifier: BSD-3-Clause
"""Engines whose drivers hang, as real ones do: in the midst of a function of DPDK."""

import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import labkit as lk
from labkit.engine.hung import calls_under_way
from tests.patience import wait_until

SOURCE = Path(__file__).with_suffix(".c")


def build(folder: Path) -> Path:
    """A library that makes functions of DPDK hang."""
    library = folder / "hanging.so"
    command = ["cc", "-D_GNU_SOURCE", "-O1", "-shared", "-fPIC", "-o", library, SOURCE, "-ldl"]
    subprocess.run(command, check=True)
    return library


class Drivers:
    """Of all engines that start from now on."""

    def __init__(self, library: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._folder = folder
        monkeypatch.setenv("LD_PRELOAD", str(library))
        monkeypatch.setenv("LABKIT_TEST_HANGS", str(folder))

    @contextmanager
    def hang_in(self, function: str) -> Iterator[None]:
        """Whoever calls it meanwhile comes back in the end."""
        file = self._folder / function
        file.touch()
        try:
            yield
        finally:
            file.unlink()


def stop(lab: lk.Lab) -> None:
    """Returns when all threads of the engine stand still."""
    os.kill(lab.pid, signal.SIGSTOP)
    os.waitid(os.P_PID, lab.pid, os.WSTOPPED | os.WNOWAIT)


@contextmanager
def stopped(lab: lk.Lab) -> Iterator[None]:
    """The engine does nothing meanwhile, and is not dead."""
    stop(lab)
    try:
        yield
    finally:
        if lab.is_alive:
            os.kill(lab.pid, signal.SIGCONT)


@contextmanager
def ctrl_c_while_it_waits(lab: lk.Lab) -> Iterator[None]:
    """Ctrl-C once a command has been under way for a while, which the main thread waits for."""

    def strike() -> None:
        wait_until(lambda: lab.engine.busy_seconds > 0.1)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=strike)
    thread.start()
    try:
        yield
    finally:
        thread.join()


@contextmanager
def deadline_passes_in(lab: lk.Lab, function: str) -> Iterator[None]:
    """The time of a command is over once a driver hangs in this function. A short deadline would
    pass on a machine under load as well."""
    left = threading.Event()

    def is_over() -> bool:
        order = lab.engine._client.exchanges._under_way
        calls = calls_under_way(lab.engine.status)
        if order is not None and any(c.call == function and c.seconds > 1.0 for c in calls):
            order.seconds = 0.0
            return True
        return left.is_set()

    thread = threading.Thread(target=wait_until, args=(is_over, 300.0))
    thread.start()
    try:
        yield
    finally:
        left.set()
        thread.join()
