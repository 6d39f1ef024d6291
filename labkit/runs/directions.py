# SPDX-License-Identifier: BSD-3-Clause
"""The directions of a trial: which port sends which streams, and on which port they arrive."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from labkit.arguments.checked import fitting
from labkit.arguments.hints import is_many
from labkit.errors import LabError
from labkit.lab.port import Port
from labkit.runs.schedule import ScheduledStream, Traffic, schedule
from labkit.text import shown
from labkit.traffic.placed import Placed
from labkit.traffic.rate import Rate

PortPair = tuple[Port, Port]  # that sends, and on which it arrives


@dataclass(frozen=True)
class Direction:
    """Streams from one port to another, or back to the same one."""

    port: Port
    back: Port
    scheduled: list[ScheduledStream]

    @property
    def name(self) -> str:
        """Such as "a to b"."""
        return f"{self.port.name} to {self.back.name}"

    @property
    def is_signed(self) -> bool:
        """Every frame is known by its signature."""
        return all(p.stream.signature for p in self.scheduled)

    @property
    def is_paced(self) -> bool:
        """Frames have times of their own; else the port takes as many as it can."""
        return self.scheduled[0].pps is not None

    def received(self, counts: dict[str, int]) -> int:
        """Frames that arrived for the first time, as far as that can be told."""
        return counts["received"] + (0 if self.is_signed else counts["unsigned_frames"])


def directions_of(
    port: Any, streams: Any, rate: Rate | str | float | None, receive_on: Port | None
) -> list[Direction]:
    """The directions of a trial, from what its user gave; LabError for what none can be made of."""
    if not is_placed(port):
        return [_one_way(port, streams, rate, receive_on)]
    check_alone(streams, receive_on)
    directions = [
        Direction(sender, receiver, schedule(sender, listed, rate))
        for (sender, receiver), listed in by_ports(port).items()
    ]
    _check_together(directions)
    return directions


def is_placed(given: Any) -> bool:
    """Whether streams that name their ports stand where a port may stand too."""
    return isinstance(given, Placed) or (is_many(given) and not isinstance(given, Port))


def by_ports(placed: Placed | Iterable[Any]) -> dict[PortPair, list[Traffic]]:
    """Streams by the ports that they are sent on and arrive on, in the order they were given."""
    every = [placed] if isinstance(placed, Placed) else list(placed)
    if not every:
        raise LabError("0 streams; a trial has one or more, such as [stream.on(a, to=b)]")
    found: dict[PortPair, list[Any]] = {}
    for one in every:
        if not isinstance(one, Placed):
            raise LabError(f"{shown(one)} is on no port; write stream.on(port), or on(port, to=b)")
        sender, receiver = (fitting("port", p, Port) for p in (one.port, one.to))
        for end in (sender, receiver):
            end.check_open()
        found.setdefault((sender, receiver), []).append(one.stream)
    _check_lab([end for pair in found for end in pair])
    return found


def _one_way(
    port: Any, streams: Any, rate: Rate | str | float | None, receive_on: Port | None
) -> Direction:
    sender: Port = fitting("port", port, Port)
    back = receive_on or sender
    if back.lab is not sender.lab:
        raise LabError(f"receive_on is a port of another lab; its clock is not {sender.name}'s")
    if streams is None:
        raise LabError(
            "streams is None; give the port something to send: lk.Stream or lk.Replay, one or "
            "several"
        )
    given = streams if isinstance(streams, Sequence) else [streams]
    if any(isinstance(stream, Placed) for stream in given):
        raise LabError(
            f"streams name a port already, and port {sender.name} is given too; write "
            "lk.trial([stream.on(a, to=b), ...]), or lk.trial(port, stream)"
        )
    return Direction(sender, back, schedule(sender, streams, rate))


def check_alone(streams: Any, receive_on: Port | None) -> None:
    """Raises LabError for what only a port needs, beside streams that name theirs."""
    if streams is not None:
        raise LabError(
            f"streams is {shown(streams)}, and the streams before it name their ports; give "
            "stream.on(port) of each in one list"
        )
    if receive_on is not None:
        raise LabError(
            f"receive_on is {receive_on.name}, and the streams name their ports; write "
            f"stream.on(port, to={receive_on.name})"
        )


def _check_lab(ports: Sequence[Port]) -> None:
    first = ports[0]
    for port in ports:
        if port.lab is not first.lab:
            raise LabError(
                f"ports {first.name} and {port.name} are of two labs, which share no clock; open "
                "both in one"
            )


def _check_together(directions: Sequence[Direction]) -> None:
    """What only several directions get wrong."""
    first, *others = directions
    for other in others:
        if other.is_paced is not first.is_paced:
            paced, flat_out = sorted((first, other), key=lambda d: not d.is_paced)
            raise LabError(
                f"{paced.name} has a rate, and {flat_out.name} has none; give each stream one, or "
                "give the trial one"
            )
    takers: dict[Port, Direction] = {}
    for direction in directions:
        if direction.is_signed:
            continue
        if direction.back in takers:
            raise LabError(
                f"{takers[direction.back].name} and {direction.name}: both have streams without a "
                "signature, whose frames cannot be told apart where they arrive; give them one, or "
                "another port each"
            )
        takers[direction.back] = direction
