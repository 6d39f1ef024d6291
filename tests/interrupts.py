# SPDX-License-Identifier: BSD-3-Clause
"""Ctrl-C at a time that a test chooses."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def interrupts(*seconds: float) -> Iterator[None]:
    """KeyboardInterrupt after so many seconds, and again so many after that one; none later on."""
    left = list(seconds)

    def interrupt(*_: object) -> None:
        signal.setitimer(signal.ITIMER_REAL, left.pop(0) if left else 0)
        raise KeyboardInterrupt

    handler = signal.signal(signal.SIGALRM, interrupt)
    try:
        signal.setitimer(signal.ITIMER_REAL, left.pop(0))
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, handler)
