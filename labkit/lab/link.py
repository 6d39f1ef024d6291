# SPDX-License-Identifier: BSD-3-Clause
"""The link of a port: waited for when a NIC is opened, and what became of it."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from labkit.engine.answers import LinkChange, LinkState

if TYPE_CHECKING:
    pass

LOOK_SECONDS = 0.05


@dataclass(frozen=True)
class LinkEvent:
    """What a link became.

    Attributes
    ----------
    time: when it was seen, in UTC; links are looked at every 50 ms
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
