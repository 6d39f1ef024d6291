# SPDX-License-Identifier: BSD-3-Clause
"""How long a trial lasts, and what it measures."""

from dataclasses import dataclass

from labkit._codec import lib
from labkit.arguments.hints import is_real
from labkit.errors import LabError
from labkit.text import shown
from labkit.units import plain

STILL_SECONDS = 3 * lib.LK_LONGEST_HOLD / 1e9  # longer than an impair node holds a frame back
SHORTEST_SECONDS = {"duration": 0.001, "warmup": 0.0, "drain": STILL_SECONDS, "interval": 0.001}
LONGEST_SECONDS = 86_400.0
MOST_INTERVALS = 100_000


@dataclass(frozen=True)
class TrialSettings:
    """Settings of a trial; see lk.trial. LabError for what is out of range.

    Attributes
    ----------
    duration, warmup: seconds of traffic, counted and not
    drain: seconds to wait at most for frames under way
    interval: of the time series, in seconds
    latency: stamp frames
    progress: show a bar
    lanes: workers of each port; None: see labkit/lab/lanes.py
    """

    duration: float
    warmup: float = 0.0
    drain: float = 2.0
    interval: float = 0.1
    latency: bool = False
    progress: bool = True
    lanes: int | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.latency, bool):
            raise LabError(f"latency is {shown(self.latency)}; it is True or False")
        for name, lowest in SHORTEST_SECONDS.items():
            object.__setattr__(self, name, seconds(name, getattr(self, name), lowest))
        if self.duration / self.interval > MOST_INTERVALS:
            raise LabError(
                f"interval is {self.interval} s; at most {MOST_INTERVALS:,} intervals, so give "
                f"{plain(self.duration / MOST_INTERVALS)} or more"
            )


def seconds(name: str, value: float, lowest: float) -> float:
    """A time as Python's own number, whatever kind it was; LabError for what is out of range."""
    is_number = is_real(value)
    if not is_number or not lowest <= value <= LONGEST_SECONDS:
        span = f"{plain(lowest)} to {plain(LONGEST_SECONDS)} s"
        raise LabError(
            f"{name} is {shown(value)}; the range is {span}" + ", as a number" * (not is_number)
        )
    return float(value)
