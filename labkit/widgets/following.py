# SPDX-License-Identifier: BSD-3-Clause
"""Pictures that are brought up to date below their cell while what they show goes on."""

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from IPython.display import display


def follow(
    parts: Callable[[], Mapping[str, Any]],
    state: Callable[[], tuple[Any, bool]],
    seconds: float,
    name: str,
) -> threading.Thread:
    """Displays it, and again each time that there is something new; on a thread, which ends with
    what is shown.

    parts: what a notebook keeps of it, by MIME type; state: what is new when it differs, and
    whether it goes on; seconds: between two looks
    """
    handle = display(parts(), raw=True, display_id=True)

    def look() -> None:
        shown, goes_on = None, True
        while goes_on:
            time.sleep(seconds)
            now, goes_on = state()
            if now != shown:
                shown = now
                handle.update(parts(), raw=True)

    thread = threading.Thread(target=look, name=name, daemon=True)
    thread.start()
    return thread
