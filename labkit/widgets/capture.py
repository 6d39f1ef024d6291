# SPDX-License-Identifier: BSD-3-Clause
"""A capture of a port in a notebook: its newest frames, while it goes on."""

import threading

from labkit.lab.port_capture import PortCapture
from labkit.widgets.following import follow

UPDATE_SECONDS = 0.5


def show(capture: PortCapture) -> threading.Thread:
    """Displays it below the cell that runs, and brings that up to date on a thread, which ends with
    the capture."""

    def state() -> tuple[object, bool]:
        counts = capture.counts
        return counts, not counts.get("ended")

    return follow(capture._repr_mimebundle_, state, UPDATE_SECONDS, "labkit-capture")
