# SPDX-License-Identifier: BSD-3-Clause
"""When a flow sends, as it is asked for and as the engine is told."""

import math
from dataclasses import dataclass
from typing import Any, Literal

from labkit.arguments.hints import is_real
from labkit.errors import LabError
from labkit.lab.port import Port
from labkit.text import shown
from labkit.traffic.rate import Rate
from labkit.traffic.replay import Replay
from labkit.traffic.stream import Stream
from labkit.units import parse_quantity, plain

Overdue = Literal["catch_up", "skip"]
STAGGER_NS = 1e6  # at most, between flows of one port that start together
MOST_SECONDS = 86_400.0
FLAT_OUT_NS = 10.0  # without a pace an interval only tells how flows take turns


@dataclass(frozen=True)
class Schedule:
    """When a flow sends.

    Attributes
    ----------
    rate: intended load; None: as fast as the port takes frames
    count, bursts: frames or bursts until it is done; None: no such end
    seconds: until it is done; None: no such end
    burst: frames in a burst
    gap: between the last frame of a burst and the first of the next: seconds, or bytes at the
        link's speed such as "1200 B"; None: bursts come at the flow's rate
    delay: seconds before the first frame
    overdue: what happens to frames that a generator that was held up has not sent in time:
        "catch_up" sends all of them, at twice the rate until it has caught up; "skip" leaves out
        what is more than 1 ms late
    """

    rate: Rate | None
    count: int | None = None
    seconds: float | None = None
    burst: int = 1
    gap: float | str | None = None
    bursts: int | None = None
    delay: float = 0.0
    overdue: Overdue = "skip"

    def __post_init__(self) -> None:
        ends = [n for n in ("count", "seconds", "bursts") if getattr(self, n) is not None]
        if len(ends) > 1:
            raise LabError(f"{' and '.join(ends)} are both given; a flow has one end, so give one")
        for name, value in (("seconds", self.seconds), ("delay", self.delay)):
            if value is not None and not (is_real(value) and 0 <= value <= MOST_SECONDS):
                raise LabError(
                    f"{name} is {shown(value)}; the range is 0 to {plain(MOST_SECONDS)} s"
                )
        if self.seconds == 0:
            raise LabError("seconds is 0; a flow that ends at once sends nothing")

    @property
    def frames(self) -> int | None:
        """Frames until it is done, where they are counted."""
        return self.bursts * self.burst if self.bursts is not None else self.count

    def pps(self, stream: Stream | Replay, port: Port) -> float | None:
        """The intended rate in frames a second; None: as fast as it goes, or at a capture's times.

        A capture at its own times has its mean rate.
        """
        link = port.last_info.link_speed_mbps
        if self.gap is not None:
            interval = self.interval_ns(stream, port)
            return self.burst * 1e9 / interval if interval else None
        if self.rate is None:
            return stream.own_pps if isinstance(stream, Replay) else None
        return self.rate.pps(stream.sizes.mean, link)

    def within_ns(self, stream: Stream | Replay, port: Port) -> float:
        """Between the frames of a burst; 0: back to back."""
        if self.gap is None or self.rate is None:
            return 0.0
        return 1e9 / self.rate.pps(stream.sizes.mean, port.last_info.link_speed_mbps)

    def interval_ns(self, stream: Stream | Replay, port: Port) -> float:
        """From burst to burst."""
        if self.gap is not None:
            return self.burst * self.within_ns(stream, port) + self._gap_ns(port)
        pps = self.pps(stream, port)
        return self.burst * (FLAT_OUT_NS if pps is None else 1e9 / pps)

    def _has_gap(self, port: Port) -> bool:
        return self.gap is not None and self._gap_ns(port) > 0

    def _gap_ns(self, port: Port) -> float:
        gap: Any = self.gap
        if isinstance(gap, str):
            quantity = parse_quantity(gap, ("s", "B"), bare="s")
            if quantity.unit == "s":
                return quantity.value * 1e9
            speed = port.last_info.link_speed_mbps
            if not speed:
                raise LabError(
                    f"gap is {gap!r}, but the speed of port {port.name} is not known; give the gap "
                    'as a time, such as "10 us"'
                )
            return quantity.value * 8e3 / speed
        if not (is_real(gap) and gap >= 0 and math.isfinite(gap)):
            raise LabError(f'gap is {shown(gap)}; give seconds, or a text such as "10 us", "96 B"')
        return float(gap) * 1e9

    def to_engine(
        self, stream: Stream | Replay, port: Port, *, number: int = 0, of: int = 1
    ) -> dict[str, Any]:
        """What the engine is told beside the frames; flow `number` of so many that start together
        begin one after the other."""
        interval = self.interval_ns(stream, port)
        # Without any time between its frames a flow is as fast as the port takes them.
        has_pace = self.rate is not None or self._has_gap(port)
        is_paced = has_pace or isinstance(stream, Replay)
        if interval > MOST_SECONDS * 1e9:
            raise LabError(
                f"rate is {self.rate}, with {plain(interval / 1e9)} s between bursts of "
                f"{self.burst}; at most {plain(MOST_SECONDS)} s, so send faster"
            )
        return {
            "intended": self.frames,
            "burst": self.burst,
            "interval_ns": interval,
            "first_ns": self.delay * 1e9 + min(interval, STAGGER_NS) * number / of,
            "live": {
                "paced": int(is_paced),
                "catches_up": int(self.overdue == "catch_up"),
                "within_ns": self.within_ns(stream, port),
                "duration_ns": round((self.seconds or 0) * 1e9),
            },
        }
