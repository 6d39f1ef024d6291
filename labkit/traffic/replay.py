# SPDX-License-Identifier: BSD-3-Clause
"""Frames of a capture, sent again."""

import os
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from labkit.arguments.checked import checked
from labkit.errors import LabError
from labkit.text import reason
from labkit.traffic.placed import Placeable
from labkit.traffic.program import Compiled, Template
from labkit.traffic.rate import Rate
from labkit.traffic.sizes import FCS, Sizes
from labkit.traffic.stream import check_weight

MOST_FRAMES = 10_000
SHORTEST_FRAME = 14  # an Ethernet header


@checked(but=("rate", "weight"))
@dataclass(frozen=True, init=False)
class Replay(Placeable):
    """The frames of a pcap or pcapng file, byte for byte, at their own times or at a rate.

    They carry no signature: a trial counts them, but tells no loss from duplication and no latency.

    Attributes
    ----------
    file: up to 10,000 Ethernet frames
    rate: such as "100 kpps"; None: when the capture's time stamps say
    weight: share among the streams that a trial's rate is given to
    repeat: begin again at the end, one mean gap later, until the trial is over
    """

    file: Path
    rate: Rate | None
    weight: float
    repeat: bool
    sizes: Sizes
    data: tuple[bytes, ...] = field(repr=False)
    gaps_ns: tuple[float, ...] | None = field(repr=False)

    signature = False
    burst = 1

    def __init__(
        self,
        file: str | os.PathLike[str],
        rate: Rate | str | float | None = None,
        *,
        weight: float = 1,
        repeat: bool = True,
    ) -> None:
        frames, times = _read(Path(file))
        check_weight(weight)
        gaps = [max(0, after - before) for before, after in pairwise(times)]
        mean = sum(gaps) / len(gaps) if gaps else 0.0
        if rate is None and mean == 0:
            raise LabError(f"{file}: its frames have no time between them; give a rate")
        values = {
            "file": Path(file),
            "rate": None if rate is None else Rate.parse(rate),
            "weight": float(weight),
            "repeat": repeat,
            "sizes": Sizes(tuple(len(frame) + FCS for frame in frames), Path(file).name),
            "data": tuple(frames),
            "gaps_ns": (*gaps, mean) if rate is None else None,
        }
        for name, value in values.items():
            object.__setattr__(self, name, value)

    def compile(self, source: str | None = None, destination: str | None = None) -> Compiled:
        """The frames as the generator sends them; MACs stay as they were captured."""
        templates = tuple(Template(frame, len(frame), ()) for frame in self.data)
        return Compiled(templates, tuple(range(len(templates))), (), False)


def _read(file: Path) -> tuple[list[bytes], list[int]]:
    """Frames, and their times in ns."""
    from scapy.error import Scapy_Exception
    from scapy.utils import PcapReader

    frames: list[bytes] = []
    times: list[int] = []
    try:
        with PcapReader(str(file)) as reader:
            if getattr(reader, "linktype", 1) != 1:
                raise LabError(
                    f"{file}: its link type is {reader.linktype}; Ethernet (1) is needed"
                )
            while len(frames) <= MOST_FRAMES:
                try:
                    packet = reader.read_packet()
                except EOFError:
                    break
                frame = packet.original or bytes(packet)
                if (packet.wirelen or 0) > len(frame):
                    raise LabError(
                        f"{file}: of frame {len(frames) + 1} only {len(frame)} of "
                        f"{packet.wirelen} bytes were captured; capture whole frames (tcpdump -s 0)"
                    )
                frames.append(frame)
                times.append(int(packet.time * 10**9))
    except (OSError, Scapy_Exception) as error:
        raise LabError(f"{file} is no capture that can be read: {reason(error)}") from None
    if not frames:
        raise LabError(f"{file}: there are no frames in it")
    if len(frames) > MOST_FRAMES:
        raise LabError(f"{file}: more than {MOST_FRAMES:,} frames; cut it with editcap -c")
    for number, frame in enumerate(frames):
        if len(frame) < SHORTEST_FRAME:
            raise LabError(f"{file}: frame {number + 1} has {len(frame)} bytes, no Ethernet header")
    return frames, times
