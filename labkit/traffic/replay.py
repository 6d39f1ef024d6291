# SPDX-License-Identifier: BSD-3-Clause
"""Frames of a capture, sent again."""

import math
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labkit.arguments.checked import checked
from labkit.arguments.hints import is_real
from labkit.errors import LabError
from labkit.text import shown
from labkit.traffic.placed import Placeable
from labkit.traffic.rate import L1_OVERHEAD, Rate
from labkit.traffic.replayed_file import CaptureSizes, ReplayedFile
from labkit.traffic.rewrite import Rewrite
from labkit.traffic.side import SideName, clients_of
from labkit.traffic.sizes import FCS
from labkit.traffic.stream import check_weight
from labkit.units import plain

IN_STEP = (
    "one side is played at the capture's own times, in step with the other (speed changes both)"
)
MOST_YEARS = 100
LONGEST_NS = MOST_YEARS * 365 * 86_400 * 10**9


@checked(but=("rate", "weight", "speed", "macs", "ips", "vlan", "clients"))
@dataclass(frozen=True, init=False)
class Replay(Placeable):
    """The frames of a pcap or pcapng file, byte for byte, at their own times or at a rate.

    The engine reads them from the file while it sends them: a capture may be of any length, and is
    left alone meanwhile. What the disk or the machine is late with comes later, and none is left
    out before the trial is over. They carry no signature: a trial counts them, but tells no loss
    from duplication and no latency.

    Attributes
    ----------
    file: frames that were captured whole; pcap or pcapng, also compressed (gzip, zstd, lz4, bz2,
        xz), which is unpacked into a temporary file as long as the replay is there. Ethernet is
        sent without its FCS. Raw IP, Linux cooked, BSD loopback and PPP become Ethernet with MAC
        addresses that are made up, but for the source of a cooked frame that tells it; a warning
        says so, and another one where the file ends within a frame
    rate: such as "100 kpps"; "1 Gbit/s" is so many bits over any stretch, the longer a frame the
        later the next one; None: when the capture's time stamps say, of which one that goes back
        counts as the latest before it
    weight: share among the streams that a trial's rate is given to
    repeat: True: begin again at the end, one mean gap later, until the trial is over; False: play
        it once; a number: so many times
    speed: of the capture's own times; 2 is twice as fast. A rate, also that of a trial, takes their
        place.
    capture: what the file holds. Given as `macs`, `ips` and `vlan`: other addresses,
        {old: new} of Ethernet and ARP, {"10.0.0.0/8": "192.168.0.0/8"} of IPv4, IPv6 and ARP, the
        longest prefix first; and the VLAN of the outermost tag, which is added where there is none,
        or False: tags are taken off. Checksums follow; what is inside a tunnel or an ICMP error
        stays.
        Given as `side`: the frames of one direction, "client" or "server", at their times in the
        whole capture, so that two ports play both. A client is who sends a SYN, else who sends
        first; where `clients` names networks, such as "10.0.0.0/8", who is in them.
    """

    file: Path
    rate: Rate | None
    weight: float
    repeat: bool | int
    speed: float
    capture: ReplayedFile

    signature = False
    burst = 1

    def __init__(
        self,
        file: str | os.PathLike[str],
        rate: Rate | str | float | None = None,
        *,
        weight: float = 1,
        repeat: bool | int = True,
        speed: float | None = None,
        macs: Mapping[str, str] | None = None,
        ips: Mapping[str, str] | None = None,
        vlan: int | None = None,
        side: SideName | None = None,
        clients: str | Iterable[str] | None = None,
    ) -> None:
        if clients is not None and side is None:
            raise LabError('clients tells who is on which side; give side="client" or "server" too')
        if side is not None and rate is not None:
            raise LabError(f"{IN_STEP}; leave rate out")
        check_weight(weight)
        if repeat is not False and repeat < 1:
            raise LabError(f"repeat is {repeat}; it is True, False, or how often: 1 or more")
        if speed is not None and not (is_real(speed) and speed > 0 and math.isfinite(speed)):
            raise LabError(f"speed is {shown(speed)}; it is a positive number, such as 2 or 0.5")
        if speed is not None and rate is not None:
            raise LabError(
                "speed is of the capture's own times, and rate in place of them; leave one out"
            )
        capture = ReplayedFile.of(
            Path(file), Rewrite.of(macs, ips, vlan), side, clients_of(clients)
        )
        if rate is None and capture.duration_ns == 0:
            raise LabError(f"{file}: its frames have no time between them; give a rate")
        if rate is None and capture.duration_ns > LONGEST_NS:
            raise LabError(
                f"{file}: its time stamps lie {capture.duration_ns / LONGEST_NS * MOST_YEARS:,.0f} "
                "years apart, as damaged ones do; give a rate"
            )
        values = {
            "file": Path(file),
            "rate": None if rate is None else Rate.parse(rate),
            "weight": float(weight),
            "repeat": repeat,
            "speed": 1.0 if speed is None else float(speed),
            "capture": capture,
        }
        for name, value in values.items():
            object.__setattr__(self, name, value)

    @property
    def sizes(self) -> CaptureSizes:
        """Of its frames with FCS, as in RFC 2544."""
        return self.capture.sizes

    @property
    def rounds(self) -> int | None:
        """How often it is played; None: until the trial is over."""
        return None if self.repeat is True else int(self.repeat or 1)

    @property
    def own_pps(self) -> float:
        """Frames a second at its own times, on the average of many rounds; 0: it has none."""
        ns = self.capture.duration_ns + self.capture.pause_ns
        return self.capture.frames / ns * 1e9 * self.speed if ns else 0.0

    def play(self, pps: float, rate: Rate | None) -> "Playback":
        """At its own times, or at a rate that is so many frames a second on the average."""
        if rate is None:
            return Playback(self)
        if self.capture.side is not None:
            raise LabError(f"{self!r}: {IN_STEP}; leave the trial's rate out")
        if rate.unit == "pps":
            return Playback(self, frames_rate=pps)
        overhead = FCS + (L1_OVERHEAD if rate.unit == "%" or rate.layer == 1 else 0)
        bits = 8 * (self.sizes.mean - FCS + overhead)
        return Playback(self, bits_rate=pps * bits, overhead=overhead)

    def to_engine(
        self, frames_rate: float = 0.0, bits_rate: float = 0.0, overhead: int = FCS
    ) -> dict[str, Any]:
        """Plain data for the engine; without a rate at its own times."""
        rewrite, side = self.capture.rewrite, self.capture.side
        return {
            "file": str(self.capture.played),
            "size": self.capture.size,
            "mtime_ns": self.capture.mtime_ns,
            "longest": self.capture.longest,
            "rounds": self.rounds,
            "frames": self.capture.all_frames,
            "duration_ns": self.capture.duration_ns,
            "pause_ns": self.capture.pause_ns,
            "speed": self.speed,
            "frames_rate": frames_rate,
            "bits_rate": bits_rate,
            "overhead": overhead,
            "side": None if side is None else side.to_dict(),
            "rewrite": None if rewrite is None else rewrite.to_dict(),
        }

    def __repr__(self) -> str:
        parts = [self.file.name, f"{self.capture.frames:,} frames"]
        if self.capture.side is not None:
            parts.append(f"{self.capture.side.name}s'")
        if self.rate is not None:
            parts.append(str(self.rate))
        elif self.speed != 1:
            parts.append(f"{plain(self.speed)} × its speed")
        if self.rounds is not None:
            parts.append("once" if self.rounds == 1 else f"{self.rounds:,} times")
        return f"<Replay {', '.join(parts)}>"


@dataclass(frozen=True)
class Playback:
    """A replay as the generator runs it; see Compiled."""

    replay: Replay
    frames_rate: float = 0.0
    bits_rate: float = 0.0
    overhead: int = FCS

    @property
    def longest(self) -> int:
        """Bytes of the longest frame, without FCS."""
        return self.replay.capture.longest

    @property
    def is_even(self) -> bool:
        """As much time from any frame to the next."""
        return self.frames_rate > 0

    @property
    def most(self) -> float:
        """Frames in all its rounds."""
        rounds = self.replay.rounds
        return math.inf if rounds is None else rounds * self.replay.capture.frames

    def due(self, seconds: float) -> int:
        """Frames within that time, the first one at once, however often it may be played."""
        capture = self.replay.capture
        if self.bits_rate:
            return capture.before_bits(_whole(self.bits_rate * seconds), self.overhead)
        return capture.before_time(_whole(seconds * 1e9 * self.replay.speed))

    def to_dict(self) -> dict[str, Any]:
        """Plain data for the engine."""
        rates = (self.frames_rate, self.bits_rate, self.overhead)
        return {
            "templates": [],
            "order": [0],
            "fields": [],
            "has_signature": 0,
            "replay": self.replay.to_engine(*rates),
        }


def _whole(number: float) -> int:
    """The next whole number; 1.1e9 is one, whatever the last bit of 1.1 says."""
    return math.ceil(round(number, 3))
