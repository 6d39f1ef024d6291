# SPDX-License-Identifier: BSD-3-Clause
"""How a search measures: streams on a port or against a DUT, and every trial kept."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from MLRsearch import AbstractMeasurer, MeasurementResult

from labkit.dut.base import FarEnd
from labkit.errors import LabError
from labkit.hosts.far_port import FarPort
from labkit.lab.lab import Lab
from labkit.lab.port import Port
from labkit.progress import progress_bar
from labkit.results.results import Results
from labkit.runs.directions import PortPair, by_ports, check_alone, is_placed
from labkit.runs.dut_trial import dut_trial
from labkit.runs.schedule import Traffic, listed, mean_of
from labkit.runs.trial import trial
from labkit.traffic.placed import Placed
from labkit.traffic.rate import Rate
from labkit.units import plain

Measure = Callable[[float, float], Mapping[str, Any]]


@dataclass(frozen=True)
class Target:
    """What a search sends, and where.

    Attributes
    ----------
    far_end: of the DUT behind the port, where that is known
    directions: streams by the ports that they are sent on and arrive on
    lanes: workers of each port, as of lk.trial
    """

    far_end: FarEnd | None
    directions: Mapping[PortPair, list[Traffic]]
    lanes: int | None = None

    @classmethod
    def of(cls, port: Any, streams: Any, receive_on: Any, lanes: int | None = None) -> "Target":
        """From what a user gave; LabError for what no trial takes."""
        if is_placed(port):
            check_alone(streams, receive_on)
            placed = by_ports(port).items()
            return cls(None, {ports: listed(ports[0], several) for ports, several in placed}, lanes)
        far_end = port if isinstance(port, FarEnd) else None
        port = far_end.port if far_end else port
        for name, given in (("port", port), ("receive_on", receive_on or port)):
            if not isinstance(given, Port if name == "port" else (Port, FarPort)):
                raise LabError(
                    f"{name} is {given!r}; it is a port of a lab, as lab.port() gives one, or the "
                    "far end of a DUT"
                )
        return cls(far_end, {(port, receive_on or port): listed(port, streams)}, lanes)

    @property
    def lab(self) -> Lab:
        """Whose ports they are."""
        lab: Lab = next(iter(self.directions))[0].lab
        return lab

    @property
    def streams(self) -> list[Traffic]:
        """Of all directions."""
        return [stream for streams in self.directions.values() for stream in streams]

    @property
    def names(self) -> list[str]:
        """Of the directions, such as "a to b"."""
        return [f"{port.name} to {back.name}" for port, back in self.directions]

    @property
    def hosts(self) -> dict[str, Mapping[str, Any]]:
        """What run.json tells of other hosts that take part."""
        backs = [back for _, back in self.directions]
        there = {b.host: b.far.description for b in backs if isinstance(b, FarPort)}
        return {**(self.far_end.hosts if self.far_end else {}), **there}

    def pps(self, rate: Rate) -> float:
        """Frames a second of all directions, when each has this load or what of it all can have:
        each has as many frames as the others, of its own mean size on its own link."""
        of_each = [
            rate.pps(mean_of(streams), port.info.link_speed_mbps)
            for (port, _), streams in self.directions.items()
        ]
        return len(of_each) * min(of_each)

    def measure(self, pps: float, seconds: float) -> Mapping[str, Any]:
        """A trial with the rates of the streams scaled together; pps: of all directions."""
        load: dict[str, Any] = {"rate": pps / len(self.directions), "duration": seconds}
        load["lanes"] = self.lanes
        if len(self.directions) > 1:
            placed = [
                Placed(stream, port, back)
                for (port, back), streams in self.directions.items()
                for stream in streams
            ]
            return trial(placed, warmup=0, progress=False, **load).row
        (((port, back), streams),) = self.directions.items()
        if self.far_end is not None:
            return dut_trial(self.far_end, streams, receive_on=back, **load)
        return trial(port, streams, receive_on=back, warmup=0, progress=False, **load).row


class Measurer(AbstractMeasurer):  # type: ignore[misc]  # MLRsearch has no types
    """Measures for MLRsearch and keeps every trial."""

    def __init__(
        self, measure: Measure, run: Mapping[str, Any], most_seconds: float, progress: bool
    ) -> None:
        self._measure = measure
        self._run = run
        self._rows: list[Mapping[str, Any]] = []
        self._begin = time.monotonic()
        form = f"{{n}} trials, {{elapsed_s:.0f}} of at most {plain(most_seconds)} s{{postfix}}"
        self._bar = progress_bar(disable=not progress, bar_format=form)

    @property
    def seconds(self) -> float:
        """Since the search began."""
        return time.monotonic() - self._begin

    def measure(self, intended_duration: float, intended_load: float) -> MeasurementResult:
        """One trial, as MLRsearch asks for it."""
        load = f"{plain(intended_load)} pps for {plain(intended_duration)} s"
        self._bar.set_postfix_str(load)
        row = self._measure(intended_load, intended_duration)
        self._rows.append({**row, "target_pps": intended_load})
        lost = row["drop_percent"]
        said = "nothing was sent" if lost is None else f"{plain(lost, 3)} % lost"
        self._bar.update()
        self._bar.set_postfix_str(f"{load}: {said}")
        return MeasurementResult(
            intended_duration=intended_duration,
            intended_load=intended_load,
            intended_count=int(row["intended"]),
            offered_count=int(row["sent"]),
            loss_count=int(row["sent"]) - int(row["received"]),
        )

    def trials(self, **found: Any) -> Results:
        """Those that were measured, and what is known of the search."""
        return Results.from_rows(self._rows, {**self._run, **found})

    def __enter__(self) -> "Measurer":
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()
