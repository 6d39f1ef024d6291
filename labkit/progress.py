# SPDX-License-Identifier: BSD-3-Clause
"""Progress bars that Ctrl-C leaves harmless."""

import threading
from typing import Any, ClassVar
from weakref import WeakSet


def progress_bar(**options: Any) -> Any:
    """A tqdm of a class of its own, and so with a lock of its own and without tqdm's monitor.

    Bars of one class share a lock, and an interrupted one may keep it: the next waits forever.
    """
    from tqdm import tqdm

    class Bar(tqdm):  # type: ignore[type-arg]
        _lock = threading.RLock()
        _instances: ClassVar[WeakSet[Any]] = WeakSet()
        monitor_interval = 0

    return Bar(**options)
