# SPDX-License-Identifier: BSD-3-Clause
"""A capture of a port in a notebook: its newest frames, while it goes on."""

import threading
import time
from collections.abc import Mapping
from typing import Any

from IPython.display import display

from labkit.lab.port_capture import PortCapture

UPDATE_SECONDS = 0.5


def show(capture: PortCapture) -> threading.Thread:
    """Displays it below the cell that runs, and brings that up to date on a thread, which ends with
    the capture."""
    handle = display(capture._repr_mimebundle_(), raw=True, display_id=True)

    def follow() -> None:
        shown: Mapping[str, Any] = {}
        while not shown.get("ended"):
            time.sleep(UPDATE_SECONDS)
            counts = capture.counts
            if counts != shown:
                shown = counts
                handle.update(capture._repr_mimebundle_(), raw=True)

    thread = threading.Thread(target=follow, name="labkit-capture", daemon=True)
    thread.start()
    return thread
