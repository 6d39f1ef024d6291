# SPDX-License-Identifier: BSD-3-Clause
"""Live traffic: any number of flows over any ports of a lab."""

import threading
import time
import weakref
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from typing import TYPE_CHECKING, Annotated, Any

from labkit.arguments.checked import checked
from labkit.arguments.hints import Between
from labkit.arguments.names import Named
from labkit.errors import EngineDied, EngineHung, LabClosed, LabError, is_answered
from labkit.lab import stream_ids
from labkit.lab.exclusive import check_idle, occupy, vacate
from labkit.lab.flows import hooks
from labkit.lab.flows.adding import arrives_on, check_port, name_for
from labkit.lab.flows.changes import FlowChanges
from labkit.lab.flows.counts import MOST_PLACES
from labkit.lab.flows.flow import Flow, engine_state
from labkit.lab.flows.paths import PREFIX, TrafficPaths
from labkit.lab.flows.readings import Readings
from labkit.lab.flows.schedule import Overdue, Schedule
from labkit.lab.flows.table import rates_of
from labkit.lab.flows.waiting import wait_until_done
from labkit.lab.lanes import lanes_of, most_lanes
from labkit.lab.port import Port
from labkit.lab.port_frames import Closable
from labkit.path.ledger import Ledger
from labkit.text import shown
from labkit.traffic.rate import Rate
from labkit.traffic.replay import Replay
from labkit.traffic.stream import MOST_BURST, Stream

if TYPE_CHECKING:
    import pandas as pd

MOST_FLOWS = 10_000
SHARED_IDS = 16_384  # of 65,535 numbers of signatures; flows beyond go out by one lane each
MOST_KEPT = 256  # histograms of a traffic that was closed
RATE_SECONDS = 0.2
POLL_SECONDS = 0.01


class Traffic:
    """Flows that run in the background; made by Lab.traffic().

    A context manager: leaving it stops the flows and gives the ports back. A lab has one at a time.
    While it is open no trial or echo runs in the lab, whose drops could not be told apart.

    Attributes
    ----------
    flows: by name
    readings: what was counted, as arrays
    lanes: workers of each port, as far as it has queues for them
    is_closed: whether it was closed; what was counted last stays readable
    changing: held while flows change; controls in a page are worked on a thread
    """

    def __init__(self, lab: Any, lanes: int | None = None) -> None:  # a Lab, which has it
        check_idle(lab.engine)
        self.lab = lab
        self.lanes = max(lanes_of(lab, lab.ports.values(), lanes).values(), default=1)
        self.flows: dict[str, Flow] = Named("flow")
        self.is_closed = False
        self._runs: dict[str, str] = {}  # by sending port
        self._places: dict[str, list[str]] = {}  # receiving ports by run
        self._counts: dict[str, int] = {}  # of flows by run
        self._changes = FlowChanges(lab.engine)
        self._endings: weakref.WeakSet[Closable] = weakref.WeakSet()
        self.changing: AbstractContextManager[Any] = threading.RLock()
        self.readings = Readings(lab, self.flows, self._places)
        self._paths = TrafficPaths(lab, self._lanes_of)
        occupy(lab.engine, "live traffic")

    # Flows

    @checked(but=("stream", "rate"))
    def add(
        self,
        stream: Stream | Replay,
        *,
        on: Port,
        to: Port | Sequence[Port] | None = None,
        name: str | None = None,
        rate: Rate | str | float | None = None,
        count: Annotated[int, Between(1, 2**62, "frames")] | None = None,
        seconds: float | None = None,
        burst: Annotated[int, Between(1, MOST_BURST, "frames")] | None = None,
        gap: float | str | None = None,
        bursts: Annotated[int, Between(1, 2**40, "bursts")] | None = None,
        delay: float = 0.0,
        overdue: Overdue | None = None,
        latency: bool = True,
    ) -> Flow:
        """A flow, not started yet.

        stream: lk.Stream or lk.Replay
        on: the port that sends. It is a host meanwhile: it answers ARP, neighbour discovery and
            ping for the streams' source addresses
        to: the port or ports on which it arrives, 16 at most; None: the other end of a cable unless
            a path reads it already, else the port that sends
        rate: intended load; None: the stream's, or, where it has none, as fast as the port takes
            frames
        count, seconds, bursts: until it is done; none of them: until it is stopped
        burst: frames in a burst; None: the stream's
        gap: seconds, "10 us" or, at the link's speed, "1200 B" from the last frame of a burst to
            the first of the next; within a burst frames come at the rate. None: bursts come at the
            rate, their frames back to back
        delay: seconds from start() to the first frame
        overdue: of frames that a generator that was held up has not sent in time. "catch_up": all
            are sent, at twice the rate until it has caught up; "skip": what is more than 1 ms late
            is not sent at all, and is unsent. None: catch_up where frames or bursts are counted,
            else skip. A frame that the port does not take is sent again
        latency: stamp every frame when it is made, and record its age on arrival

        Raises LabError for what cannot be sent, and for a name that is taken.
        """
        self._check_open()
        if not isinstance(stream, (Stream, Replay)):
            raise LabError(f"{shown(stream)} is no stream; make one with lk.Stream or lk.Replay")
        check_port(self.lab, on)
        chosen = name_for(self.flows, name)
        wanted = stream.rate if rate is None else Rate.parse(rate)
        counted = count is not None or bursts is not None or isinstance(stream, Replay)
        schedule = Schedule(
            rate=wanted,
            count=count,
            seconds=seconds,
            burst=stream.burst if burst is None else burst,
            gap=gap,
            bursts=bursts,
            delay=delay,
            overdue=overdue or ("catch_up" if counted else "skip"),
        )
        arrives = arrives_on(self.lab, on, to)
        run = self._run_of(on)
        lanes = self._lanes_of(on) if len(self.flows) < SHARED_IDS // self.lanes else 1
        place = run, self._counts[run], stream_ids.claim(lanes)
        flow = Flow(
            self, chosen, stream, on, arrives, schedule, place, lanes=lanes, latency=latency
        )
        ports = list(dict.fromkeys([*self._places[run], *(port.name for port in arrives)]))
        if len(ports) > MOST_PLACES:
            raise LabError(
                f"frames of port {on.name} are to arrive on {len(ports)} ports; {MOST_PLACES} at "
                "most can be told apart"
            )
        self._places[run] = ports
        self.flows[chosen] = flow
        self._counts[run] += 1
        return flow

    def start(self, *names: str) -> None:
        """Starts these flows, or all of them, at one moment; returns when sending has begun."""
        self.change("LK_FLOW_START", self._named(names))

    def stop(self, *names: str) -> None:
        """Stops these flows, or all; returns when what was under way has had time to arrive."""
        flows = self._named(names)
        self.change("LK_FLOW_STOP", flows)
        self.wait_until_still(flows)

    def pause(self, *names: str) -> None:
        """Pauses these flows, or all."""
        self.change("LK_FLOW_PAUSE", self._named(names))

    def resume(self, *names: str) -> None:
        """These flows, or all, go on where they were paused."""
        self.change("LK_FLOW_RESUME", self._named(names))

    def clear(self, *names: str) -> None:
        """Counters of these flows, or all, begin at 0 with their next frame."""
        self.change("LK_FLOW_CLEAR", self._named(names))

    @checked()
    def wait(self, *names: str, timeout: float | None = None) -> None:
        """Until these flows, or all that have an end, are done; see Flow.wait()."""
        self.wait_for([flow for flow in self._named(names) if names or flow.has_end], timeout)

    # What was counted

    def counters(self) -> "pd.DataFrame":
        """One row a flow: port, state, target_pps, sent, unsent, behind, received, lost, reordered,
        duplicated, late, sent_bytes, received_bytes (with FCS), latency_min_ns, latency_avg_ns,
        latency_max_ns, first_ns, last_ns (arrivals, since the epoch); the time of the reading is in
        attrs["time"].

        A row is consistent in itself, and never has more received than sent. `behind` are frames
        that are overdue and will still be sent; `lost` of a flow that runs are numbers passed over
        by a later frame; `late` came more than 65,536 numbers behind, too late to be told from a
        duplicate. What is not known is missing.
        """
        import pandas as pd

        reading = self.readings.read()
        table = self.readings.told_in(list(self.flows.values()), reading)
        table.attrs["time"] = pd.Timestamp(reading.time_ns, unit="ns", tz="UTC").isoformat()
        return table

    def rates(self) -> "pd.DataFrame":
        """One row a flow: tx_pps, rx_pps, tx_mbps, rx_mbps (L2, with FCS), unsent_pps, lost_pps,
        over the last 0.2 s or more."""
        before, reading = self.readings.last, self.readings.read()
        if before is None or not RATE_SECONDS <= (reading.time_ns - before.time_ns) / 1e9 <= 2:
            before = reading
            time.sleep(RATE_SECONDS)
            reading = self.readings.read()
        flows = list(self.flows.values())
        seconds = max(1, reading.time_ns - before.time_ns) / 1e9
        return rates_of(flows, before.of_flows(flows), reading.of_flows(flows), seconds)

    def record(self, *names: str, hz: float = 10) -> Any:
        """Records the counters of its flows over time: lk.record(traffic, *names, hz=hz)."""
        return hooks.record[0](self, *names, hz=hz)

    @property
    def ledger(self) -> Ledger:
        """Where every frame went, of all flows with a signature, over all that ran: cleared
        counters too. It balances when all has stopped."""
        return self.readings.ledger

    # The life of it

    @checked()
    def close(self) -> None:
        """Stops the flows, waits until all is still, and gives the ports back. What was counted
        stays readable."""
        if self.is_closed:
            return
        with self.changing:
            self._close()
        for view in tuple(self._endings):
            view.close()

    def _close(self) -> None:
        waits = True
        try:
            if self.lab.is_alive and not self.lab.is_closed:
                self.stop()
                self.readings.keep()
        except (EngineDied, LabClosed):
            pass
        except BaseException as error:
            waits = is_answered(error)
            raise
        finally:
            self.is_closed = True
            self.readings.end()
            vacate(self.lab.engine)
            with nullcontext() if waits else self.lab.engine.unawaited():
                with suppress(EngineDied, EngineHung):
                    self._paths.end(takes_off=waits)
                with suppress(LabError):
                    for run in self._runs.values():
                        self.lab.engine.commands.free_trial(run)

    def begin_anew(self) -> None:
        """In a new engine: flows are there again, stopped, and counted from 0."""
        self._paths.forget()
        self.readings.begin_anew()
        self._paths = TrafficPaths(self.lab, self._lanes_of)
        for port, run in self._runs.items():
            self._create(run, self.lab.ports[port])

    def __enter__(self) -> "Traffic":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        if not self.flows:
            return "<Traffic: no flows; add(stream, on=port) makes one>"
        try:
            over = f" over {self.lanes} lanes" if self.lanes > 1 else ""
            table = self.counters().iloc[:, :8].to_string()
            return f"<Traffic: {len(self.flows)} flows{over}>\n{table}"
        except (EngineDied, EngineHung, LabClosed) as error:
            return f"<Traffic: {len(self.flows)} flows; {str(error).splitlines()[0]}>"

    @property
    def path_names(self) -> list[str]:
        """What its paths are called."""
        return [name for name in self.lab.paths if name.startswith(PREFIX)]

    # For its flows and views

    def ends_with_it(self, view: Closable) -> None:
        """Closes a view when this is closed, unless it is gone by then."""
        self._endings.add(view)

    def change(self, kind: str, flows: Iterable[Flow]) -> None:
        """Has the engine change flows, those of all ports at one moment."""
        with self.changing:
            self._change(kind, list(flows))

    def wait_for(self, flows: Sequence[Flow], timeout: float | None) -> None:
        """Until they are done."""
        wait_until_done(flows, self.readings.standing, timeout)

    def wait_until_still(self, flows: Iterable[Flow]) -> None:
        """Until what is under way of flows that send no more has had time to arrive."""
        self.readings.wait_until_still(flows)

    def places_of(self, flow: Flow) -> list[str]:
        """The ports that frames of its sending port may arrive on."""
        return self._places[flow.run]

    # Within

    def _change(self, kind: str, listed: list[Flow]) -> None:
        self._check_open()
        if kind == "LK_FLOW_START":
            rows = self.readings.read().of_flows(listed)
            starts = zip(listed, rows, strict=True)
            listed = [flow for flow, row in starts if engine_state(row) != "started"]
            for flow in listed:
                check_port(self.lab, flow.on)
            self._paths.fit(self.flows.values(), self._places)
        if not listed or not self._paths.is_running:  # no worker is there, and nothing ever ran
            return
        is_shared = any(len(names) > 1 for names in self._places.values())
        self._changes.make(kind, listed, is_shared=is_shared)

    def _named(self, names: Sequence[str]) -> list[Flow]:
        return [self.flows[name] for name in names] if names else list(self.flows.values())

    def _run_of(self, port: Port) -> str:
        if len(self.flows) >= MOST_FLOWS:
            raise LabError(f"there are {len(self.flows):,} flows; a lab's traffic has no more")
        if port.name not in self._runs:
            run = f"traffic-{port.name}-{time.monotonic_ns()}"
            self._create(run, port)
            self._runs[port.name] = run
            self._places[run] = []
            self._counts[run] = 0
        return self._runs[port.name]

    def _create(self, run: str, port: Port) -> None:
        lanes = self._lanes_of(port)
        self.lab.engine.commands.create_traffic(run, MOST_FLOWS, lanes, self.lanes)

    def _lanes_of(self, port: Port) -> int:
        return min(self.lanes, most_lanes(port))

    def _check_open(self) -> None:
        if self.is_closed:
            raise LabError("this traffic was closed; lab.traffic() makes another")
