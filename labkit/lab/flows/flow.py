# SPDX-License-Identifier: BSD-3-Clause
"""A flow: a stream that runs in the background, and the handle to change it."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any, Literal, Protocol

from labkit.arguments.checked import checked
from labkit.errors import LabError
from labkit.lab.flows.counts import AT, STATES, Row
from labkit.lab.flows.schedule import Schedule
from labkit.lab.port import Port
from labkit.lab.stream_length import check_length
from labkit.results.latency import LatencyHistogram
from labkit.traffic.rate import Rate
from labkit.traffic.replay import Replay
from labkit.traffic.replayed_file import CaptureSizes
from labkit.traffic.sizes import Sizes
from labkit.traffic.stream import Stream

State = Literal["stopped", "started", "paused", "done", "failed"]


class Counted(Protocol):
    """What was counted of flows."""

    def row_of(self, flow: "Flow") -> Row:
        """What was counted of it, now."""

    def counters_of(self, flow: "Flow") -> dict[str, Any]:
        """As a row of the table."""

    def standing(self, flows: "Sequence[Flow]") -> tuple[list[State], list[int]]:
        """Of each flow, now: its state, and frames sent."""

    def histogram_of(self, flow: "Flow") -> LatencyHistogram | None:
        """Its latencies."""


class Owner(Protocol):
    """What a flow asks of its traffic.

    Attributes
    ----------
    changing: held while flows change: a page's slider and a cell may do that at once
    """

    changing: AbstractContextManager[Any]

    @property
    def readings(self) -> Counted:
        """What was counted."""

    def change(self, kind: str, flows: "Iterable[Flow]") -> None:
        """Has the engine start, stop, set … flows."""

    def wait_for(self, flows: "Sequence[Flow]", timeout: float | None) -> None:
        """Until they are done."""

    def wait_until_still(self, flows: "Iterable[Flow]") -> None:
        """Until what is under way of stopped flows has had time to arrive."""

    def places_of(self, flow: "Flow") -> list[str]:
        """The ports that it may arrive on."""


class Flow:
    """A stream on a port, in the background; made by Traffic.add().

    Attributes
    ----------
    name: unique in its traffic
    on: the port that sends
    to: the ports that it is to arrive on
    run, index: where the engine has it
    id: number in its frames' signatures, of its first lane; those of the others follow
    lanes: of its port that send it, each its share; 1: one of them sends all of it
    """

    def __init__(
        self,
        owner: Owner,
        name: str,
        stream: Stream | Replay,
        on: Port,
        to: tuple[Port, ...],
        schedule: Schedule,
        place: tuple[str, int, int],
        *,
        lanes: int = 1,
        latency: bool,
    ) -> None:
        self.name = name
        self.on = on
        self.to = to
        self.run, self.index, self.id = place
        self.lanes = lanes
        self._owner = owner
        self._stream = stream
        self._schedule = schedule
        self._latency = latency
        check_length(on, stream)
        schedule.interval_ns(stream, on)  # what is wrong with it is told now

    @property
    def traffic(self) -> Any:
        """The Traffic that it is one of."""
        return self._owner

    @property
    def times_frames(self) -> bool:
        """Whether its frames are stamped, and their age is recorded on arrival."""
        return self._latency and self._stream.signature

    # What it sends

    @property
    def stream(self) -> Stream | Replay:
        """The frames. Another one may be set while it runs: no gap, and numbers go on; fields that
        vary go on where they are."""
        return self._stream

    @stream.setter
    def stream(self, stream: Stream | Replay) -> None:
        with self._owner.changing:
            self._set(stream, self._schedule)

    @property
    def size(self) -> Sizes | CaptureSizes:
        """Frame sizes; may be set while it runs, as of lk.Stream: 64, [64, 1518], lk.IMIX."""
        return self._stream.sizes

    @size.setter
    def size(self, size: "Sizes | int | str | Mapping[int, int] | Iterable[int]") -> None:
        with self._owner.changing:
            if not isinstance(self._stream, Stream):
                raise LabError(
                    f"flow {self.name!r} replays a capture, whose frames have their sizes"
                )
            self._set(self._stream.resized(size), self._schedule)

    @property
    def rate(self) -> Rate | None:
        """Intended load; may be set while it runs. None: as fast as the port takes frames."""
        return self._schedule.rate

    @rate.setter
    def rate(self, rate: Rate | str | float | None) -> None:
        parsed = None if rate is None else Rate.parse(rate)
        with self._owner.changing:
            self._set(self._stream, replace(self._schedule, rate=parsed))

    @property
    def schedule(self) -> Schedule:
        """When it sends."""
        return self._schedule

    @property
    def has_end(self) -> bool:
        """Whether it is done by itself, after its frames, its time, or its capture."""
        is_played_out = isinstance(self._stream, Replay) and self._stream.rounds is not None
        s = self._schedule
        return s.frames is not None or s.seconds is not None or is_played_out

    @property
    def pps(self) -> float | None:
        """The intended load in frames a second; None: as fast as it goes."""
        return self._schedule.pps(self._stream, self.on)

    def _set(self, stream: Stream | Replay, schedule: Schedule) -> None:
        check_length(self.on, stream)
        schedule.interval_ns(stream, self.on)
        before = self._stream, self._schedule
        self._stream, self._schedule = stream, schedule
        try:
            if self.state in ("started", "paused"):
                if isinstance(before[0], Replay) or isinstance(stream, Replay):
                    raise LabError(
                        f"flow {self.name!r} plays a capture, which is not changed amid its "
                        "frames; stop it first"
                    )
                self._owner.change("LK_FLOW_SET", [self])
        except BaseException:
            self._stream, self._schedule = before
            raise

    def to_engine(self, number: int, of: int) -> dict[str, Any]:
        """What the engine is told of it, beside its frames, when it starts together with others."""
        timed = self._schedule.to_engine(self._stream, self.on, number=number, of=of)
        timed["live"] |= {
            "id": self.id,
            "whole": int(self.lanes == 1),
            "latency": int(self._latency),
            "places": len(self._owner.places_of(self)),
        }
        return timed

    # What it does

    def start(self) -> None:
        """Sends from the beginning; returns when sending has begun. Counters go on."""
        self._owner.change("LK_FLOW_START", [self])

    def stop(self) -> None:
        """Sends no more; returns when what was under way has had time to arrive."""
        self._owner.change("LK_FLOW_STOP", [self])
        self._owner.wait_until_still([self])

    def pause(self) -> None:
        """Sends no more until resume()."""
        self._owner.change("LK_FLOW_PAUSE", [self])

    def resume(self) -> None:
        """Goes on where it was paused; starts one that was stopped."""
        kind = "LK_FLOW_RESUME" if self.state in ("paused", "started") else "LK_FLOW_START"
        self._owner.change(kind, [self])

    def clear(self) -> None:
        """Its counters begin at 0 with the next frame; it sends on, and no other is touched."""
        self._owner.change("LK_FLOW_CLEAR", [self])

    @checked()
    def wait(self, timeout: float | None = None) -> None:
        """Until it is done: all sent, and what was under way has had time to arrive.

        timeout: seconds. LabError after that time, for a flow without an end, and for one that does
        not get on.
        """
        self._owner.wait_for([self], timeout)

    @property
    def state(self) -> State:
        """stopped, started, paused, done, or failed: its capture could not be read on. It is
        started until its last frame has left and what was under way has had time to arrive: then
        its counters stand."""
        return self._owner.readings.standing([self])[0][0]

    # What was counted

    @property
    def counters(self) -> dict[str, Any]:
        """Its row of Traffic.counters()."""
        return self._owner.readings.counters_of(self)

    @property
    def sent(self) -> int:
        """Frames that the port took, since it was cleared."""
        return int(self._owner.readings.row_of(self)[AT["sent"]])

    @property
    def received(self) -> int | None:
        """Frames that arrived, each once; None for one whose frames bear no signature."""
        value: int | None = self.counters["received"]
        return value

    @property
    def latency(self) -> LatencyHistogram | None:
        """Latencies since it was cleared, in ns; None: nothing was measured."""
        return self._owner.readings.histogram_of(self)

    @property
    def received_by_port(self) -> dict[str, int]:
        """Frames that arrived, by port."""
        row = self._owner.readings.row_of(self)
        first = AT["by_place_0"]
        return {port: int(row[first + n]) for n, port in enumerate(self._owner.places_of(self))}

    def __repr__(self) -> str:
        rate = "as fast as it goes" if self.rate is None else str(self.rate)
        to = ", ".join(port.name for port in self.to)
        return f"<Flow {self.name}: {self.on.name} to {to}, {rate}, {self.size}, {self.state}>"


def engine_state(row: Row) -> State:
    """What the engine says."""
    state: Any = STATES[int(row[AT["state"]])]
    return state  # type: ignore[no-any-return]
