# SPDX-License-Identifier: BSD-3-Clause
"""From streams and rates to what the generator is told: frames, intervals, bursts."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from labkit.errors import LabError
from labkit.lab.addresses import destination_mac
from labkit.lab.port import Port
from labkit.lab.stream_length import check_length
from labkit.text import shown
from labkit.traffic.program import Compiled
from labkit.traffic.rate import Rate
from labkit.traffic.replay import Playback, Replay
from labkit.traffic.sizes import MOST_LISTED
from labkit.traffic.stream import Stream
from labkit.units import plain

MOST_STREAMS = 256
TURN_NS = 10.0
MEAN_DIGITS = 6  # of bytes, behind the point

Traffic = Stream | Replay


@dataclass(frozen=True)
class ScheduledStream:
    """A stream with its rate in frames a second; None: as fast as the port takes frames.

    before_pps: rate of the streams before it
    """

    stream: Traffic
    compiled: Compiled | Playback
    pps: float | None
    before_pps: float
    share: float

    def intended(self, seconds: float) -> int | None:
        """Frames in that time; None when it is as many as can be."""
        if self.pps is None:
            return None
        if isinstance(self.compiled, Playback) and not self.compiled.is_even:
            frames = self.compiled.due(seconds)
        else:  # rounded so that the frames of all streams add up to those of the whole rate
            frames = round((self.before_pps + self.pps) * seconds)
            frames -= round(self.before_pps * seconds)
        if isinstance(self.compiled, Playback):
            frames = int(min(frames, self.compiled.most))
        return frames

    def target_pps(self, seconds: float) -> float | None:
        """Frames a second asked for; of a capture that is not due evenly, or ends, those of this
        time alone."""
        played = self.compiled
        if not isinstance(played, Playback) or (played.is_even and played.replay.repeat is True):
            return self.pps
        return (self.intended(seconds) or 0) / seconds

    def to_dict(self, seconds: float, number: int, count: int) -> dict[str, Any]:
        """What the engine is told; streams of one rate begin one after the other."""
        burst, intended = self.stream.burst, self.intended(seconds)
        # Without a pace an interval only tells how streams take turns.
        interval = burst * (TURN_NS / self.share if self.pps is None else 1e9 / self.pps)
        room = interval
        if intended is not None:  # the last burst is due before the end
            room = min(room, max(0.0, seconds * 1e9 - (-(-intended // burst) - 1) * interval))
        is_uneven = isinstance(self.compiled, Playback) and not self.compiled.is_even
        return self.compiled.to_dict() | {
            "intended": intended,
            "burst": burst,
            "interval_ns": interval,
            "first_ns": 0.0 if is_uneven else room * number / count,
        }


def schedule(
    port: Port, streams: Traffic | Sequence[Traffic], rate: Rate | str | float | None
) -> list[ScheduledStream]:
    """Compiles the streams for a port and shares the rate among them."""
    traffic = listed(port, streams)
    rates = _rates(port, traffic, rate)
    before = accumulate((pps or 0.0 for pps in rates[:-1]), initial=0.0)
    weights = sum(stream.weight for stream in traffic)
    return [
        ScheduledStream(
            stream,
            _compiled(port, stream, pps, rate),
            pps,
            before_pps,
            stream.weight / weights,
        )
        for stream, pps, before_pps in zip(traffic, rates, before, strict=True)
    ]


def _compiled(
    port: Port, stream: Traffic, pps: float | None, rate: Rate | str | float | None
) -> Compiled | Playback:
    destination = destination_mac(port, stream)
    if isinstance(stream, Stream):
        return stream.compile(port.mac, destination)
    return stream.play(pps or 0.0, stream.rate if rate is None else Rate.parse(rate))


def check_frames(scheduled: Sequence[ScheduledStream], seconds: float) -> None:
    """Raises LabError when the streams have not one frame to send in that time."""
    if all(p.intended(seconds) == 0 for p in scheduled):
        pps = math.fsum(p.pps or 0 for p in scheduled)
        raise LabError(
            f"rate {plain(pps)} pps is no frame in {plain(seconds)} s; send faster, or for longer "
            f"({plain(1 / pps, 3)} s or more)"
        )


def listed(port: Port, streams: Traffic | Sequence[Traffic]) -> list[Traffic]:
    """The streams of a trial as a list; LabError for what the port cannot send."""
    traffic = list(streams) if isinstance(streams, Sequence) else [streams]
    if not 1 <= len(traffic) <= MOST_STREAMS:
        raise LabError(f"{len(traffic)} streams; a trial has 1 to {MOST_STREAMS}")
    for stream in traffic:
        if not isinstance(stream, (Stream, Replay)):
            raise LabError(f"{shown(stream)} is no stream; make one with lk.Stream or lk.Replay")
        check_length(port, stream)
    return traffic


def mean_of(streams: Sequence[Traffic]) -> float:
    """Mean frame size of streams that share a rate by weight, in bytes with FCS."""
    return _mean([stream.sizes.mean for stream in streams], [stream.weight for stream in streams])


def _mean(values: Sequence[float], weights: Sequence[float]) -> float:
    return sum(v * w for v, w in zip(values, weights, strict=True)) / math.fsum(weights)


def _rates(
    port: Port, streams: list[Traffic], rate: Rate | str | float | None
) -> list[float | None]:
    link = port.info.link_speed_mbps
    if rate is None:
        if all(stream.rate is None and isinstance(stream, Stream) for stream in streams):
            return [None] * len(streams)
        return [_own_rate(stream, link) for stream in streams]
    total = sum(stream.weight for stream in streams)
    pps = Rate.parse(rate).pps(mean_of(streams), link)
    return [pps * stream.weight / total for stream in streams]


def _own_rate(stream: Traffic, link_mbps: int | None) -> float:
    if stream.rate is None:
        if isinstance(stream, Replay):
            return stream.own_pps
        raise LabError(
            f"{stream!r} has no rate, and other streams have; give it one, or give the trial one"
        )
    return stream.rate.pps(stream.sizes.mean, link_mbps)


def mean_size(scheduled: Sequence[ScheduledStream]) -> float:
    """Mean frame size of the mix in bytes with FCS."""
    weights = [p.pps if p.pps is not None else p.share for p in scheduled]
    sizes = [p.stream.sizes.mean for p in scheduled]
    # To the last bit the same at every rate: results are told apart by it.
    mean = sizes[0] if len(set(sizes)) == 1 else round(_mean(sizes, weights), MEAN_DIGITS)
    return round(mean) if mean == round(mean) else mean


def mix_name(scheduled: Sequence[ScheduledStream]) -> str | None:
    """What mix of sizes the streams send together; None: all frames have one size."""
    every = list(dict.fromkeys(p.stream.sizes for p in scheduled))
    names = list(dict.fromkeys(sizes.mix_name or str(sizes) for sizes in every))
    if len(names) == 1:
        return every[0].mix_name
    return " + ".join(names[:MOST_LISTED]) + (" + …" if names[MOST_LISTED:] else "")
