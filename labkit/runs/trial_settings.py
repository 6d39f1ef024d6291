# SPDX-License-Identifier: BSD-3-Clause
"""How long a trial lasts, and what it measures."""

from dataclasses import dataclass
from numbers import Real

from labkit._codec import lib
from labkit.errors import LabError
from labkit.units import plain

STILL_SECONDS = 3 * lib.LK_LONGEST_HOLD / 1e9  # longer than an impair node holds a frame back
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
    """

    duration: float
    warmup: float = 0.0
    drain: float = 2.0
    interval: float = 0.1
    latency: bool = False
    progress: bool = True

    def __post_init__(self) -> None:
        if not isinstance(self.latency, bool):
            raise LabError(f"latency is {self.latency!r}; it is True or False")
        _check_seconds("duration", self.duration, 0.001)
        _check_seconds("warmup", self.warmup, 0.0)
        _check_seconds("drain", self.drain, STILL_SECONDS)
        _check_seconds("interval", self.interval, 0.001)
        if self.duration / self.interval > MOST_INTERVALS:
            raise LabError(
                f"interval is {self.interval} s; at most {MOST_INTERVALS:,} intervals, so give "
                f"{plain(self.duration / MOST_INTERVALS)} or more"
            )


def _check_seconds(name: str, value: float, lowest: float) -> None:
    is_number = isinstance(value, Real) and not isinstance(value, bool)
    if not is_number or not lowest <= value <= LONGEST_SECONDS:
        span = f"{plain(lowest)} to {plain(LONGEST_SECONDS)} s"
        raise LabError(f"{name} is {value!r}; the range is {span}")
