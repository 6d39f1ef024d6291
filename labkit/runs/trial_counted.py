# SPDX-License-Identifier: BSD-3-Clause
"""What the engine counted of a trial's frames: of one direction, or of several in sum."""

from dataclasses import dataclass
from operator import add
from typing import TYPE_CHECKING, Any

from labkit.results.latency import LatencyHistogram
from labkit.runs.directions import Direction
from labkit.runs.schedule import ScheduledStream

if TYPE_CHECKING:
    import numpy as np

# What is no number of frames is not added up.
JOINS: dict[str, Any] = {"elapsed_ns": max, "latency_max_ns": max, "start_realtime_ns": min}

Ticks = dict[str, list[int]]


@dataclass(frozen=True)
class Counted:
    """Counters, and what they are of.

    Attributes
    ----------
    counts: arrived and arrived_bytes are those that count as received, unsigned ones where the
        streams have no signature
    streams: counts of each stream
    ticks: counts of each interval; arrived as above, lost by the time that it was sent
    latencies: of each stream
    lanes: what each lane of the port sent, and what arrived on each lane of the other
    """

    scheduled: tuple[ScheduledStream, ...]
    is_signed: bool
    is_paced: bool
    counts: dict[str, int]
    streams: list[dict[str, int]]
    ticks: Ticks
    latencies: list[LatencyHistogram | None]
    jitter: LatencyHistogram | None
    lanes: list[dict[str, int]]

    @classmethod
    def of(
        cls,
        direction: Direction,
        counts: dict[str, int],
        streams: list[dict[str, int]],
        ticks: Ticks,
        latencies: list[LatencyHistogram | None],
        jitter: LatencyHistogram | None,
        lanes: list[dict[str, int]],
        *,
        is_spread: bool,
    ) -> "Counted":
        """From what the engine tells of one direction.

        is_spread: its frames arrive on several lanes
        """
        arrived_bytes = sum(s["received_bytes"] for s in streams)
        arrived_bytes += 0 if direction.is_signed else counts["unsigned_bytes"]
        counts = {
            **counts,
            "arrived": direction.received(counts),
            "arrived_bytes": arrived_bytes,
            "sent_bytes": sum(s["sent_bytes"] for s in streams),
        }
        others = [0] * len(ticks["received"]) if direction.is_signed else ticks["unsigned_frames"]
        arrived = [a + b for a, b in zip(ticks["received"], others, strict=True)]
        sent = [a - b for a, b in zip(ticks["made"], ticks["refused"], strict=True)]
        if is_spread:  # a lane does not know which of the numbers that it misses another one got
            lost = _settled([a - b for a, b in zip(sent, arrived, strict=True)])
        else:
            lost = _lost(ticks, sum(sent) - counts["arrived"])
        return cls(
            tuple(direction.scheduled),
            direction.is_signed,
            direction.is_paced,
            counts,
            streams,
            {**ticks, "arrived": arrived, "lost": lost},
            latencies,
            jitter,
            lanes,
        )

    @property
    def sent(self) -> int:
        """Frames that the port took."""
        return self.counts["made"] - self.counts["refused"]

    @property
    def received(self) -> int:
        """Frames that arrived for the first time, as far as that can be told."""
        return self.counts["arrived"]

    @property
    def intended(self) -> int:
        """Frames to send."""
        return self.counts["made"] + self.counts["skipped"]

    @property
    def latency(self) -> LatencyHistogram | None:
        """Of all streams."""
        total = None
        for latency in self.latencies:
            total = _both(total, latency)
        return total

    def __add__(self, other: "Counted") -> "Counted":
        return Counted(
            self.scheduled + other.scheduled,
            self.is_signed and other.is_signed,
            self.is_paced and other.is_paced,
            {name: _joined(name, n, other.counts[name]) for name, n in self.counts.items()},
            self.streams + other.streams,
            {
                name: [_joined(name, *pair) for pair in zip(ns, other.ticks[name], strict=True)]
                for name, ns in self.ticks.items()
            },
            self.latencies + other.latencies,
            _both(self.jitter, other.jitter),
            self.lanes + other.lanes,
        )


def _joined(name: str, one: int, other: int) -> int:
    joined: int = JOINS.get(name, add)(one, other)
    return joined


def _both(one: LatencyHistogram | None, other: LatencyHistogram | None) -> LatencyHistogram | None:
    if one is None or other is None:
        return one or other
    return one + other


def _lost(ticks: Ticks, lost: int) -> list[int]:
    """Losses by the interval in which their frames were sent.

    A gap in sequence numbers shows when the frame behind it arrives; frames that the port refused
    are gaps too. What nothing arrived behind was lost when the last frames were sent.
    """
    import numpy as np

    made, refused, missing = (np.array(ticks[n], np.int64) for n in ("made", "refused", "missing"))
    missing -= refused
    missing[np.flatnonzero(made - refused)[-1:]] += lost - missing.sum()
    return _settled(missing)


def _settled(lost: "Any") -> list[int]:
    import numpy as np

    settled: list[int] = settled_losses(np.asarray(lost, np.int64)).tolist()
    return settled


def settled_losses(lost: "np.ndarray[Any, Any]") -> "np.ndarray[Any, Any]":
    """Losses by interval without those below 0, of the same sum.

    A frame that the port refused is taken off before the gap behind it shows: what is too much goes
    to the intervals behind. A frame that comes late was no loss of the intervals before.
    """
    settled = lost.copy()
    for these in (settled, settled[::-1]):
        for i in range(len(these) - 1):
            owed = min(0, these[i])
            these[i] -= owed
            these[i + 1] += owed
    return settled
