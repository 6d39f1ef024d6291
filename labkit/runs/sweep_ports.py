# SPDX-License-Identifier: BSD-3-Clause
"""A sweep over ports of a lab that is open: streams in one direction or several, at every load."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import InitVar, dataclass
from typing import TYPE_CHECKING, Any

from labkit.dut.base import LINK_OVERHEAD, Dut, FarEnd
from labkit.errors import LabError
from labkit.lab.lab import Lab
from labkit.runs.directions import by_ports, is_placed
from labkit.runs.sweep_grid import Load
from labkit.runs.trial import Trial, run_trial
from labkit.runs.trial_settings import TrialSettings
from labkit.traffic.placed import Placed
from labkit.traffic.stream import Stream

if TYPE_CHECKING:
    from scapy.packet import Packet


@dataclass(frozen=True)
class PortsUnderTest(Dut):
    """What lies between ports of a lab, as a sweep's DUT.

    Attributes
    ----------
    name: of the directions
    streams: what is sent in each, as run.json tells it
    """

    name: str
    streams: tuple[str, ...]
    given: InitVar[Sequence[Placed]]

    def __post_init__(self, given: Sequence[Placed]) -> None:
        super().__post_init__()
        object.__setattr__(self, "placed", tuple(given))

    @classmethod
    def of(cls, given: Any) -> "PortsUnderTest":
        """From what a user gave; LabError for what cannot be sent at every size."""
        placed = [given] if isinstance(given, Placed) else list(given)
        directions = by_ports(placed)
        for one in placed:
            if not isinstance(one.stream, Stream):
                raise LabError(f"{one.stream!r} has its own sizes; a sweep needs an lk.Stream")
        names = [f"{port.name} to {back.name}" for port, back in directions]
        return cls(" and ".join(names), tuple(repr(one) for one in placed), placed)

    @property
    def _placed(self) -> tuple[Any, ...]:
        placed: tuple[Any, ...] = vars(self)["placed"]
        return placed

    @property
    def lab(self) -> Lab:
        """Whose ports they are."""
        lab: Lab = self._placed[0].port.lab
        return lab

    @property
    def headers(self) -> "Packet":
        """Those of the first stream."""
        packet: Packet = self._placed[0].stream.packet
        return packet

    @property
    def min_size(self) -> int:
        """Shortest frame that all streams can have, in bytes with FCS."""
        return max(
            Stream(p.stream.packet, signature=p.stream.signature).sizes.order[0]
            for p in self._placed
        )

    @property
    def max_size(self) -> int:
        """Longest frame that all ports send, in bytes with FCS."""
        shortest: int = min(p.port.mtu for p in self._placed)
        return shortest + LINK_OVERHEAD

    def open(self, lab: Lab) -> AbstractContextManager[FarEnd]:
        """Nothing: it is there."""
        raise LabError(f"{self.name}: the ports are open in a lab already; it opens in no other")

    def at(self, load: Load) -> list[Placed]:
        """The streams with frames of a load's size."""
        return [Placed(_sized(p.stream, load), p.port, p.to) for p in self._placed]

    def trial(self, load: Load) -> Trial:
        """A trial in its lab; the load is that of each direction."""
        settings = TrialSettings(
            load.duration, warmup=load.warmup, latency=True, progress=False, lanes=load.lanes
        )
        return run_trial(self.at(load), None, settings, load.pps)


def names_ports(duts: Any) -> bool:
    """Whether streams on ports stand where DUTs may stand too."""
    if isinstance(duts, Placed):
        return True
    return is_placed(duts) and any(isinstance(one, Placed) for one in duts)


def row_of(done: Trial) -> Mapping[str, Any]:
    """As a sweep keeps it, with the latency of every frame."""
    if done.latency is None:
        return done.row
    return {**done.row, "latency_histogram": done.latency.export().decode()}


def _sized(stream: Stream, load: Load) -> Stream:
    return Stream(
        stream.packet,
        size=load.size,
        vary=load.vary or stream.vary,
        weight=stream.weight,
        burst=stream.burst,
        seed=stream.seed,
        signature=stream.signature,
    )
