# SPDX-License-Identifier: BSD-3-Clause
"""Waiting for something that takes a moment."""

import time
from collections.abc import Callable

import labkit as lk


def wait_until(true: Callable[[], bool], seconds: float = 60.0) -> None:
    """Returns when it is true; fails when it does not become so."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, f"not so within {seconds} s"
        time.sleep(0.002)


def exactly(port: lk.Port, count: int) -> list[bytes]:
    """So many frames that a port receives, however long they take, and what else came with them."""
    return port.receive(count, timeout=60, raw=True) + port.receive(1, timeout=0.05, raw=True)
