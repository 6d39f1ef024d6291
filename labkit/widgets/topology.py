# SPDX-License-Identifier: BSD-3-Clause
"""A topology in a notebook: its links with what goes over them, while it runs."""

import threading
import time
from typing import Any

from labkit.lab.topology.network import Network
from labkit.widgets.following import follow

UPDATE_SECONDS = 1.0


class _Rates:
    """Frames a second of each direction, between two looks."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self._at, self._frames = time.monotonic(), network.went()
        self.now: dict[str, float] = {}

    def look(self) -> tuple[object, bool]:
        """What is new when it differs, and whether it goes on."""
        at, frames = time.monotonic(), self._network.went()
        seconds, before = at - self._at, self._frames
        self.now = {
            name: (count - before[name]) / seconds
            for name, count in frames.items()
            if count > before.get(name, count)
        }
        self._at, self._frames = at, frames
        return (self._network.seen, self.now), self._network.path.is_running

    def picture(self) -> dict[str, Any]:
        """With them."""
        return self._network.picture(self.now)


def show(network: Network) -> threading.Thread:
    """Displays it below the cell that runs, and brings that up to date on a thread, which ends with
    the topology."""
    rates = _Rates(network)
    return follow(rates.picture, rates.look, UPDATE_SECONDS, "labkit-topology")
