# SPDX-License-Identifier: BSD-3-Clause
"""The engine's commands: what the notebook may ask for, described once for both ends.

The server implements Commands; the notebook calls the methods of an object that `commands_over`
(`command_calls.py`) makes from the same description. Only what stands here goes over the wire.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

from labkit.engine.answers import (
    CaptureCounts,
    Clock,
    EngineFacts,
    Fields,
    FlowCounts,
    Histogram,
    LinkChange,
    PathCounts,
    PortFacts,
    PortLimits,
    Rows,
    RssFacts,
    TraceSteps,
    WorkerFacts,
)

F = TypeVar("F", bound=Callable[..., Any])
SECONDS_OF_ANY = 15.0  # none waits for traffic; a machine under load may be slow
SECONDS_OF_DRIVERS = 30.0  # which reset a device, or ask it several times
SECONDS_OF_MEMORY = 60.0  # of huge pages that are cleared, of files that are written


def given(
    seconds: float = SECONDS_OF_ANY, *, cleans: bool = False, undo: str = ""
) -> Callable[[F], F]:
    """What is special about a command.

    seconds: how long the engine may take, before EngineHung is raised of it (EalConfig.deadlines)
    cleans: it takes something away; an engine that hangs does it when it answers again
    undo: the command that takes back its answer where nobody waits for it any more
    """

    def mark(command: F) -> F:
        command.__dict__.update(seconds=seconds, cleans=cleans, undo=undo)
        return command

    return mark


class Descriptors(tuple[int, ...]):
    """File descriptors that travel along with a command (SCM_RIGHTS); who receives them owns
    them."""

    __slots__ = ()


class Commands(Protocol):
    """What an engine does. Arguments and answers are JSON values, apart from Descriptors.

    One command runs at a time, none waits for traffic. One that is refused raises EngineError
    where it was called; none is answered after the engine's death (EngineDied). Each has a deadline
    (`given`), after which EngineHung is raised.
    """

    @given(2 * SECONDS_OF_MEMORY)
    def start(self, arguments: Sequence[str], cpus: Sequence[int], max_workers: int) -> EngineFacts:
        """Starts DPDK with these EAL arguments; the first command, and once only."""

    def clock(self) -> Clock:
        """Reads the clock."""

    # Ports

    def ports_left(self) -> int:
        """How many more ports DPDK has room for."""

    @given(SECONDS_OF_DRIVERS)
    def cable(self, names: Sequence[str], queues: int, ring_size: int) -> None:
        """Makes the devices of a cable's ends, or of one ring port that hears itself."""

    @given(SECONDS_OF_DRIVERS)
    def attach_device(
        self, name: str, bus: str, device: str, arguments: str, fanout: bool
    ) -> PortLimits:
        """Attaches a device as a port. fanout: net_af_packet may join a fanout group."""

    def port_limits(self, name: str) -> PortLimits:
        """What the port's driver takes."""

    @given(SECONDS_OF_DRIVERS)
    def start_port(
        self,
        name: str,
        settings: Fields,
        offloads: Sequence[str],
        mac: str | None,
        for_driver: bool,
    ) -> PortFacts:
        """Configures and starts a port (struct lk_port_config), its device with these offloads of
        what it receives; nodes answer for `mac`, and the driver gets it too where it is
        for_driver."""

    def port_info(self, name: str) -> PortFacts:
        """The port as it is now."""

    def port_memory(self, name: str) -> Fields:
        """What the buffers of a port that did not start take (struct lk_port_memory)."""

    def link_changes(self, name: str) -> list[LinkChange]:
        """The newest changes of a port's link, and how it was at the start."""

    @given(SECONDS_OF_DRIVERS)
    def set_promiscuous(self, name: str, on: bool) -> None:
        """Receives frames for other MAC addresses too, or not."""

    @given(SECONDS_OF_DRIVERS)
    def set_link(self, name: str, up: bool) -> None:
        """Sets the link up or down."""

    def xstats(self, name: str) -> dict[str, int]:
        """All counters of the port under DPDK's names."""

    def unread(self, name: str, queues: Sequence[int]) -> list[int | None]:
        """Frames that wait in queues which no path reads; None: the driver does not tell."""

    def rss(self, name: str) -> RssFacts:
        """How the driver spreads frames over the port's queues."""

    def set_rss(self, name: str, key: str | None, fields: Sequence[str]) -> None:
        """Has the driver hash by these fields, with this key (hex text; None: its own)."""

    def set_rss_table(self, name: str, queues: Sequence[int]) -> None:
        """Which queue each entry of the redirection table leads to."""

    def waiting(self) -> dict[str, int]:
        """Frames on the wire to each port of a cable that no path has taken off it yet."""

    def attach_frames(self, name: str, sizes: Sequence[int], descriptors: Descriptors) -> None:
        """Maps the rings to and from the engine, whose memory the notebook made."""

    def listen_frames(self, name: str, slot: int, descriptors: Descriptors) -> None:
        """Signals an eventfd when there are frames for the reader of a slot (frame_ring.h)."""

    @given(SECONDS_OF_DRIVERS, cleans=True)
    def close_port(self, name: str) -> list[str]:
        """Closes a port unless paths use it, whose names it answers; nothing if there is none."""

    # Ports whose NIC is sick

    def make_sick(self, name: str, device: Mapping[str, Any]) -> None:
        """What the port's device does from now on: fields of struct lk_sick_config, `refusal` the
        name of a verdict."""

    @given(cleans=True)
    def cure_sick(self, name: str, sends: bool) -> None:
        """The device is sound again, and sends what it held, or loses it."""

    @given(cleans=True)
    def lose_held(self, name: str) -> None:
        """What the device holds is lost, as by a reset."""

    def sick_counts(self, name: str) -> Fields:
        """Reads struct lk_sick_counts."""

    def lost_by_sick(self) -> dict[str, int]:
        """Frames that devices took and lost, by port, of those that are or were sick."""

    def tell_driver(self, name: str, counters: Mapping[str, Sequence[Any]]) -> None:
        """Sets what its driver counts: by name of, xstat, value of struct lk_told."""

    def driver_xstats(self, name: str) -> dict[str, int]:
        """What its driver tells, by its own names."""

    def say(self, lines: Sequence[str]) -> None:
        """Writes what a driver says into the engine's log."""

    # Paths and workers

    @given(SECONDS_OF_DRIVERS)
    def run_path(self, name: str, path: Mapping[str, Any], lanes: int = 1) -> list[int]:
        """Builds a path from its plain data and starts it; the lcores that walk its lanes."""

    @given(SECONDS_OF_DRIVERS)
    def replace_path(self, name: str, path: Mapping[str, Any], lanes: int = 1) -> PathCounts:
        """Another path of this name from one walk of its workers to the next; the last counters of
        the one before."""

    @given(SECONDS_OF_DRIVERS, cleans=True)
    def stop_path(self, name: str) -> PathCounts | None:
        """Takes a path off its worker; its last counters, or nothing if there is none."""

    def counters(self, names: Sequence[str]) -> dict[str, PathCounts]:
        """Counters of these paths."""

    def change_node(self, name: str, node: Mapping[str, Any]) -> None:
        """Gives a node of a path other parameters while frames flow."""

    @given(SECONDS_OF_MEMORY)
    def read_rows(self, name: str, node: str, cursor: int, width: int) -> Rows:
        """The next rows of the table that a node of a path keeps, `width` cells each."""

    def clear_rows(self, name: str, node: str) -> None:
        """Empties that table."""

    def free_workers(self, going: Sequence[str]) -> int:
        """Workers with a CPU of their own that further paths would find, if these had gone."""

    def describe_workers(self) -> list[WorkerFacts]:
        """Every worker that has something to do."""

    # Nodes of users' own

    @given(SECONDS_OF_DRIVERS)
    def load_node(self, node: Mapping[str, Any]) -> None:
        """Knows this version of a node of a user's own (OwnNode.to_dict) from now on."""

    def attach_python(
        self, name: str, state: str, sizes: Sequence[int], descriptors: Descriptors
    ) -> None:
        """Maps the rings of a node in Python, by its state, for the path that is built next."""

    # Captures of ports

    @given(undo="stop_capture")
    def start_capture(self, port: str, params: Mapping[str, Any]) -> int:
        """Captures what a port receives and sends, with the parameters of a capture node; its
        number."""

    def read_capture(self, number: int) -> CaptureCounts | None:
        """What it has written so far; nothing once it was stopped."""

    @given(SECONDS_OF_MEMORY, cleans=True)
    def stop_capture(self, number: int) -> CaptureCounts | None:
        """Ends it; its last counts, or nothing if it was stopped before."""

    # Recorders

    @given(undo="stop_recorder")
    def start_recorder(
        self, rows: int, room: int, interval_ns: int, descriptors: Descriptors
    ) -> int:
        """A recorder that writes rows into the notebook's memory; its number."""

    def recorder_schema(self, generation: int) -> list[str] | None:
        """Names of the values of a row of this generation; None: too long ago."""

    @given(cleans=True)
    def stop_recorder(self, number: int) -> None:
        """Ends a recorder."""

    # Echo experiments

    def create_probe(self, run: str, frame: str, payload_length: int, settings: Fields) -> None:
        """A size of an echo experiment: the hex text of a probe's headers, and the other fields of
        struct lk_probe_config."""

    def probe_counts(self, run: str) -> Fields:
        """Reads struct lk_probe_counts."""

    def probe_round_trips(self, run: str, count: int) -> list[float]:
        """Up to `count` round trips in ns."""

    @given(cleans=True)
    def stop_probe(self, run: str) -> None:
        """Makes no more probes."""

    @given(SECONDS_OF_DRIVERS, cleans=True)
    def free_probe(self, run: str) -> None:
        """And stops its path, if an interrupt left it."""

    # Trials

    @given(SECONDS_OF_MEMORY)
    def create_trial(
        self, run: str, settings: Fields, streams: Sequence[Mapping[str, Any]]
    ) -> None:
        """A trial that waits: fields of struct lk_trial_config, compiled streams."""

    def start_trial(self, run: str) -> None:
        """Begins to send."""

    @given(cleans=True)
    def stop_trial(self, run: str) -> None:
        """Ends sending before its time."""

    def trial_counts(self, run: str) -> Fields:
        """Reads struct lk_trial_counts."""

    def trial_streams(self, run: str, streams: int) -> list[Fields]:
        """Reads struct lk_stream_counts of each stream."""

    def trial_lanes(self, run: str, lanes: int) -> list[Fields]:
        """Reads struct lk_lane_counts of each lane."""

    def trial_ticks(self, run: str, room: int) -> dict[str, list[int]]:
        """Reads struct lk_tick of every interval, as columns."""

    def trial_histogram(self, run: str, index: int) -> Histogram:
        """Latencies of a stream; of index -1 jitter."""

    @given(SECONDS_OF_DRIVERS, cleans=True)
    def free_trial(self, run: str) -> None:
        """And stops its paths, if an interrupt left some."""

    # Live traffic: a trial without an end, whose streams come and go

    @given(SECONDS_OF_MEMORY)
    def create_traffic(self, run: str, room: int, lanes: int, receivers: int) -> None:
        """Live streams of one port, at most so many, sent by so many lanes and received by so many;
        trial_histogram, free_trial as for a trial."""

    @given(SECONDS_OF_MEMORY)
    def change_traffic(
        self,
        changes: Mapping[str, Sequence[Mapping[str, Any]]],
        streams: Sequence[Mapping[str, Any]],
        is_shared: bool,
        wait_ns: int,
    ) -> list[str]:
        """Changes of flows by run: kind (enum lk_change_kind), index, and where it needs one its
        schedule and which of the compiled streams it has; those of all runs at one moment.
        is_shared: frames may arrive on ports of several workers. The runs whose changes are not
        done after that time."""

    def flow_counts(self, runs: Mapping[str, int]) -> FlowCounts:
        """struct lk_flow_counts of so many streams of each run, each a consistent reading."""

    # Traces

    def start_trace(self, packets: int, steps: int, snaplen: int) -> None:
        """Follows the next frames that enter a path."""

    def read_trace(self, first: int) -> TraceSteps:
        """Steps from number `first` on, and the frames seen."""

    @given(cleans=True)
    def stop_trace(self) -> None:
        """Follows no further."""
