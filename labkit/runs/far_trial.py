# SPDX-License-Identifier: BSD-3-Clause
"""A trial whose frames arrive on another host: sent here, received and counted there."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from labkit.errors import LabError
from labkit.hosts.far_port import FarPort
from labkit.lab.exclusive import Pause
from labkit.results.latency import LatencyHistogram
from labkit.runs.directions import Direction
from labkit.runs.far_clock import Clocks, apart_ns, asked_clocks, stated_clocks, wire_clocks
from labkit.runs.halves import Received, receive_there, received_there, seen_there, stop_there
from labkit.runs.trial_counted import Counted
from labkit.runs.trial_engine import Measured, TrialEngine
from labkit.runs.trial_settings import TrialSettings
from labkit.traffic.stream import Stream
from labkit.units import plain

if TYPE_CHECKING:
    import numpy as np

FINE_TICKS = 4000  # of a receiver's time series, from which the trial's is put together
BEFORE_SECONDS = 5.0  # that the receiver may begin before the sender
# Of the engine's intervals: what the receiver counts; arrivals are added by the direction
RECEIVED = (
    "received",
    "missing",
    "reordered",
    "duplicated",
    "too_old",
    "unsigned_frames",
    "latency_count",
    "latency_sum_ns",
    "latency_max_ns",
)
COUNTS = ("received", "duplicated", "reordered", "too_old", "unsigned_frames", "unsigned_bytes")
OF_STREAMS = ("received", "received_bytes", "reordered", "duplicated", "too_old")


@dataclass(frozen=True)
class Latencies:
    """What may be said of the time from one host to the other: whether at all, and how surely."""

    error_ns: float | None
    note: str
    is_told: bool


class FarReceiver:
    """The receiving half of a trial, on another host."""

    def __init__(self, engine: TrialEngine, far: FarPort, settings: TrialSettings) -> None:
        self._far, self._engine, self._settings = far, engine, settings
        (self._direction,) = engine.directions
        _check(self._direction, far)
        self._clocks: Clocks | None = None
        self._fine_ns = 0
        engine.on_begin = self._begin
        engine.elsewhere = self._seen

    def run(self, work: Callable[[], Measured], pause: Pause) -> tuple[Measured, Latencies]:
        """The measurement with both halves; work: runs the half here."""
        before = self._clocks = self._compared(pause)
        try:
            measured = work()
            received: Received = self._far.far.call(received_there)
        except BaseException:
            if not self._far.far.is_lost:
                with suppress(LabError):  # the first one is told
                    self._far.far.call(stop_there)
            raise
        after = self._compared(pause) if self._settings.latency else before
        latencies = self._judged(before, after, received)
        self._engine.directions = [replace(self._direction, back=self._far)]  # type: ignore[arg-type]
        return self._joined(measured, received, latencies), latencies

    def _compared(self, pause: Pause) -> Clocks:
        lab, port, far = self._engine.lab, self._direction.port, self._far
        clocks = asked_clocks(lab, far.far)
        if not self._settings.latency:
            return clocks
        return stated_clocks(far.far, wire_clocks(lab, port, far, clocks, pause))

    def _begin(self, first: int, seconds: float, tick: float) -> None:
        """Called when the streams have their numbers, before they are sent."""
        assert self._clocks is not None
        scheduled = self._direction.scheduled
        whole = seconds + BEFORE_SECONDS
        self._fine_ns = round(min(tick, whole / FINE_TICKS) * 1e9)
        settings = {
            "first_stream": first,
            "latency": int(self._settings.latency),
            "takes_unsigned": int(not self._direction.is_signed),
            "paced": 0,
            "longest": max(p.compiled.longest for p in scheduled),
            "ticks": int(whole * 1e9 / self._fine_ns) + 2,
            "tick_ns": self._fine_ns,
            "duration_ns": round(whole * 1e9),
            **self._clocks.there(),
        }
        streams = [p.to_dict(seconds, n, len(scheduled)) for n, p in enumerate(scheduled)]
        # That of a warm-up before it ends here.
        self._far.far.call(stop_there)
        self._far.far.call(receive_there, settings, streams)

    def _seen(self) -> int:
        seen: int = self._far.far.call(seen_there)
        return seen

    def _judged(self, before: Clocks, after: Clocks, received: Received) -> Latencies:
        """Latencies are told where the clocks agree better than that."""
        total = None
        for latency in received.latencies:
            total = latency if total is None or latency is None else total + latency
        if total is None:
            return Latencies(None, "", False)
        # What one host's clock gained on the other meanwhile is part of what is not known.
        error = max(before.error_ns, after.error_ns) + apart_ns(before, after)
        known = f"the clocks of this host and {self._far.host} agree to ± {_us(error)}"
        median = total.percentile(50.0)
        if error >= median:
            note = (
                f"One-way latency is not told: {known} ({before.how}), and the median would be "
                f"{_us(median)}. Keep the clocks with PTP or chrony, or measure the round trip: "
                "lk.dut.Remote"
            )
            return Latencies(None, note, False)
        return Latencies(error, f"latency one way, ± {_us(error)}: {known}, {before.how}", True)

    def _joined(self, here: Measured, there: Received, latencies: Latencies) -> Measured:
        (sent,) = here.directions
        host, name = self._far.host, self._far.name
        counts = {**sent.counts, **{n: there.counts[n] for n in COUNTS}}
        streams = [
            {**ours, **{n: theirs[n] for n in OF_STREAMS}}
            for ours, theirs in zip(sent.streams, there.streams, strict=True)
        ]
        ticks = self._ticks(sent, there, here.tick_seconds)
        timed: list[LatencyHistogram | None] = list(there.latencies)
        if not latencies.is_told:
            timed = [None] * len(streams)
            ticks |= {name: [0] * len(ticks[name]) for name in ticks if name.startswith("latency")}
            self._engine.latency = False
        counted = Counted.of(
            self._direction,
            counts,
            streams,
            {**sent.ticks, **ticks},
            timed,
            sent.jitter,
            [{**sent.lanes[0], **{n: there.counts[n] for n in COUNTS if n in sent.lanes[0]}}],
            is_spread=False,
        )
        drops = {f"{host}: {drop}": n for drop, n in there.drops.items()}
        losses = {f"{_at(loss, host)}": n for loss, n in there.losses.items()}
        return replace(
            here,
            directions=[counted],
            drops={**here.drops, **drops},
            port_losses={**here.port_losses, **losses},
            port_received={name: there.port_received},
        )

    def _ticks(self, sent: Counted, there: Received, tick: float) -> dict[str, list[int]]:
        """The receiver's fine intervals, put into those of the sender by the time between their
        starts. What may have come before the end, as far as the clocks tell, did."""
        import numpy as np

        assert self._clocks is not None
        count = len(sent.ticks["made"])
        began_ns = there.counts["start_realtime_ns"] - self._clocks.realtime_ns
        ahead_ns = sent.counts["start_realtime_ns"] - began_ns
        fine = there.ticks["received"]
        at_ns = (np.arange(len(fine)) + 0.5) * self._fine_ns - ahead_ns
        end_ns = self._duration_ns(count, tick) + self._clocks.error_ns + self._fine_ns
        places = np.clip(np.floor_divide(at_ns, tick * 1e9), 0, count - 2).astype(int)
        places[at_ns >= end_ns] = count - 1
        return {
            name: _summed(np.array(there.ticks[name]), places, count, name) for name in RECEIVED
        }

    def _duration_ns(self, count: int, tick: float) -> float:
        whole = (count - 1) * tick
        return 1e9 * min(whole, max(self._settings.duration, self._settings.warmup))


def _summed(values: "np.ndarray[Any, Any]", places: Any, count: int, name: str) -> list[int]:
    import numpy as np

    joined = np.zeros(count, dtype=np.int64)
    (np.maximum if name.endswith("_max_ns") else np.add).at(joined, places, values)
    told: list[int] = joined.tolist()
    return told


def _check(direction: Direction, far: FarPort) -> None:
    far.check_open()
    for planned in direction.scheduled:
        if not isinstance(planned.stream, Stream):
            raise LabError(
                f"{planned.stream!r} is a capture of this host; what another host receives is an "
                "lk.Stream"
            )
        longest = planned.compiled.longest
        if longest - 14 > far.mtu:
            raise LabError(
                f"{planned.stream!r} has packets of {longest - 14} bytes, and port {far.name} "
                f"takes {far.mtu}; send shorter ones, or raise its MTU"
            )


def _at(loss: str, host: str) -> str:
    """ "wire rx_errors" on host b as "wire@b rx_errors"."""
    port, _, counter = loss.partition(" ")
    return f"{port}@{host} {counter}"


def _us(ns: float) -> str:
    return f"{plain(ns / 1e3, 3)} µs"
