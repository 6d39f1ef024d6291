# SPDX-License-Identifier: BSD-3-Clause
"""The link of a port: waited for when a NIC is opened, and what became of it."""

import time
import warnings
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from labkit.engine.answers import LinkChange, LinkState
from labkit.units import plain

if TYPE_CHECKING:
    from labkit.lab.port import Port

LOOK_SECONDS = 0.05


@dataclass(frozen=True)
class LinkEvent:
    """What a link became.

    Attributes
    ----------
    time: when, in UTC; a driver that tells of it tells at once, others are looked at every 50 ms
    state: "up", "down" or "gone": the interface was deleted, the NIC unplugged
    speed_mbps: Mbit/s; None when the driver does not know it
    """

    time: datetime
    state: LinkState
    speed_mbps: int | None

    def __str__(self) -> str:
        speed = "" if self.speed_mbps is None else f" at {self.speed_mbps:,} Mbit/s"
        return f"{self.time:%H:%M:%S.%f} {self.state}{speed}"


def event_of(change: LinkChange) -> LinkEvent:
    """A change as the engine tells it."""
    at = datetime.fromtimestamp(change["time_ns"] / 1e9, UTC)
    return LinkEvent(at, change["state"], change["speed_mbps"])


def await_link(port: "Port", seconds: float, stacklevel: int) -> None:
    """Waits for the link of a NIC, which its start may have taken down; warns when it stays down.

    stacklevel: of who is to be warned, as warnings.warn() counts
    """
    if port.last_info.is_virtual:
        return
    end = time.monotonic() + seconds
    while not (info := port.info).link_up and not info.is_gone:
        if time.monotonic() >= end:
            warnings.warn(
                f"port {port.name}: no link after {plain(seconds)} s; what it sends is lost until "
                "there is one, which port.link_events tells. Look at the cable, at the other end, "
                "and at speed_mbps=; link_timeout= waits longer",
                stacklevel=stacklevel + 1,
            )
            return
        time.sleep(LOOK_SECONDS)
