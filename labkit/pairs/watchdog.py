# SPDX-License-Identifier: BSD-3-Clause
"""What a watchdog waits for, and how long."""

from dataclasses import dataclass
from typing import Annotated, Literal

from labkit.arguments.checked import checked
from labkit.arguments.hints import Between
from labkit.errors import LabError

Signal = Literal["tx_progress", "keep_alive", "admin", "link"]
SIGNALS: tuple[Signal, ...] = ("tx_progress", "keep_alive", "admin", "link")

SHORTEST, LONGEST = 0.005, 3600.0
Limit = Annotated[float, Between(SHORTEST, LONGEST, "s")] | None

TICKS = 10  # of the recorder, in the shortest limit
SLOWEST_HZ, FASTEST_HZ = 10, 1000
LOOKS = 4  # at what was recorded, in the shortest limit
LONGEST_LOOK = 0.1


@checked()
@dataclass(frozen=True, kw_only=True)
class Watchdog:
    """When a port or an engine has failed. Limits are in seconds, 0.005 to 3600; None: not looked
    at. A signal needs two samples of counters at least, so a limit is kept to a tick of `hz`.

    Attributes
    ----------
    tx_progress: frames are offered to the port, and none of them is sent. A port to which nothing
        is offered is idle, and not stalled. Linux and ENA take 5 s
    keep_alive: the engine gives no sign of life. An engine that has ended, and a driver that says
        that it had to reset its device, need no such time. DPDK's ENA driver takes 3 s
    admin: the port's counters cannot be read, or hold what is no count. ENA takes 3 s
    link: the link is down
    grace: seconds, 0 or more, after the begin and after each switch in which the new main is not
        judged
    resets: fail-overs within `per` seconds, after which the watchdog switches no more: a pair that
        needs so many has another trouble
    """

    tx_progress: Limit = 5.0
    keep_alive: Limit = 3.0
    admin: Limit = 3.0
    link: Limit = 1.0
    grace: Annotated[float, Between(0, LONGEST, "s")] = 0.0
    resets: Annotated[int, Between(1, 1_000_000)] = 3
    per: Annotated[float, Between(0.001, 31 * 86_400.0, "s")] = 600.0

    def __post_init__(self) -> None:
        if not self.limits:
            raise LabError(
                f"this watchdog looks at nothing; give a limit to one of {', '.join(SIGNALS)}"
            )

    @property
    def limits(self) -> dict[Signal, float]:
        """Seconds by signal, of those that are looked at."""
        given = {name: getattr(self, name) for name in SIGNALS}
        return {name: limit for name, limit in given.items() if limit is not None}

    @property
    def shortest(self) -> float:
        """The shortest limit in seconds."""
        return min(self.limits.values())

    @property
    def hz(self) -> float:
        """Samples a second that fit the shortest limit."""
        return float(min(max(round(TICKS / self.shortest), SLOWEST_HZ), FASTEST_HZ))

    @property
    def look_seconds(self) -> float:
        """Between two looks at what was recorded."""
        return min(self.shortest / LOOKS, LONGEST_LOOK)
