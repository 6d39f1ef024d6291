# SPDX-License-Identifier: BSD-3-Clause
"""The state of main's link, asked for on a thread of its own, because an engine that hangs does not
answer and who watches must not wait for it."""

import threading
from collections.abc import Callable

from labkit.errors import LabError
from labkit.lab.port import Port


class LinkLook:
    """Asks for the link of a port, time and again.

    Attributes
    ----------
    told: the last answer: whose link, and whether it is up; None: nobody knows
    """

    def __init__(self, port: Callable[[], Port], seconds: float) -> None:
        """port: the one to ask now; seconds: from one question to the next"""
        self.told: tuple[Port, bool] | None = None
        self._port = port
        self._seconds = seconds
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._run, name="labkit-link", daemon=True)

    def start(self) -> None:
        """Begins to ask."""
        self._thread.start()

    def stop(self) -> None:
        """Asks no more. A question that is under way ends by itself."""
        self._ends.set()

    def _run(self) -> None:
        while not self._ends.wait(self._seconds):
            port = self._port()
            try:
                self.told = port, port.info.link_up
            except LabError:
                self.told = None
