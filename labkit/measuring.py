# SPDX-License-Identifier: BSD-3-Clause
"""One measurement at a time in a lab: drop nodes do not tell whose frames they dropped."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from labkit.errors import LabError

if TYPE_CHECKING:
    from labkit.lab import Lab

_running: "WeakKeyDictionary[Lab, str]" = WeakKeyDictionary()
_lock = threading.Lock()


@contextmanager
def measuring(lab: "Lab", what: str) -> Iterator[None]:
    """Keeps others away while a measurement, such as "a trial", runs; LabError when one does."""
    with _lock:
        check_idle(lab)
        _running[lab] = what
    try:
        lab._stop_measurement()  # what one left that was interrupted again while it cleaned up
        yield
    finally:
        del _running[lab]


def check_idle(lab: "Lab") -> None:
    """Raises LabError while a measurement runs in the lab."""
    if lab in _running:
        raise LabError(
            f"{_running[lab]} is running in this lab; wait for it, interrupt it, or use a lab of "
            "its own"
        )
