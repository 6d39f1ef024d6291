# SPDX-License-Identifier: BSD-3-Clause
"""A trace that the page asked for: it waits for a frame on a thread of its own."""

import threading
from collections.abc import Callable
from typing import Any

from labkit.errors import LabError
from labkit.lab.lab import Lab
from labkit.lab.trace import trace_html

WAIT_SECONDS = 5.0


class Tracing:
    """Follows the next frame and sends the page its steps."""

    def __init__(self, lab: Lab, send: Callable[[dict[str, Any]], None]) -> None:
        self._lab = lab
        self._send = send
        self._thread: threading.Thread | None = None

    def begin(self) -> None:
        """Begins, unless one is under way."""
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self._run, name="labkit-trace", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        try:
            steps = self._lab.trace(1).wait(WAIT_SECONDS).steps
            text = "" if steps else f"no frame entered a path within {WAIT_SECONDS:g} s"
            shown = trace_html(steps) if steps else ""
        except LabError as error:
            steps, text, shown = [], str(error).splitlines()[0], ""
        nodes = [[step.path or "", step.node] for step in steps]
        self._send({"type": "trace", "html": shown, "text": text, "nodes": nodes})
