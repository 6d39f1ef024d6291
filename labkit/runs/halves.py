# SPDX-License-Identifier: BSD-3-Clause
"""The halves of a trial between two hosts: one lab sends, another one receives.

The same classes work in the lab of the notebook and in that of another host's worker, where the
functions below are called.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from labkit._codec import lib
from labkit.errors import LabError
from labkit.hosts.far_port import PORT
from labkit.lab.lab import Lab
from labkit.lab.port import Port
from labkit.lab.reading import Reading
from labkit.path import nodes
from labkit.path.path import Path
from labkit.results.latency import LatencyHistogram

if TYPE_CHECKING:
    from labkit.hosts.session import Session

RECEIVER = "receiver"
SENDING_SECONDS = 10.0  # longer than its time, after which a sender is given up
POLL_SECONDS = 0.005

Settings = Mapping[str, Any]  # fields of struct lk_trial_config
Streams = Sequence[Mapping[str, Any]]  # as ScheduledStream.to_dict gives them


@dataclass(frozen=True)
class Received:
    """What the receiving half has counted.

    Attributes
    ----------
    counts, streams, ticks: as the engine tells them; made and its like are 0
    latencies: of each stream
    drops, losses: of its lab by drop node, and of its port by xstat, since it began
    port_received: what its port says itself
    """

    counts: dict[str, int]
    streams: list[dict[str, int]]
    ticks: dict[str, list[int]]
    latencies: list[LatencyHistogram | None]
    drops: dict[str, int]
    losses: dict[str, int]
    port_received: int


class Receiver:
    """Receives from now on, until it is closed."""

    def __init__(self, lab: Lab, port: Port, settings: Settings, streams: Streams) -> None:
        self._lab, self._port = lab, port
        self._streams, self._ticks = len(streams), settings["ticks"]
        self._is_signed = not settings["takes_unsigned"]
        self._run = f"receive{settings['first_stream']}-{time.monotonic_ns()}"
        commands = lab.engine.commands
        commands.create_trial(self._run, dict(settings), streams)
        try:
            self._before = Reading.of(lab)
            taken = nodes.receive(self._run) | nodes.collect(port)
            queues = range(port.info.rx_queues)
            chains = [nodes.rx(port, queue) >> taken for queue in queues]
            self._path = lab.run(Path(*chains, name=f"trial:{port.name}"))
            commands.start_trial(self._run)
        except BaseException:
            self.close()
            raise

    def seen(self) -> int:
        """Frames that arrived or were dropped so far."""
        counts = self._lab.engine.commands.trial_counts(self._run)
        now = Reading.of(self._lab)
        others = 0 if self._is_signed else counts["unsigned_frames"]
        lost = sum(self._drops(now).values()) + sum(now.losses_since(self._before).values())
        return counts["received"] + counts["too_old"] + others + lost

    def result(self) -> Received:
        """All that was counted."""
        commands, now = self._lab.engine.commands, Reading.of(self._lab)
        return Received(
            commands.trial_counts(self._run),
            commands.trial_streams(self._run, self._streams),
            commands.trial_ticks(self._run, self._ticks),
            [
                LatencyHistogram.from_engine(commands.trial_histogram(self._run, n))
                for n in range(self._streams)
            ],
            self._drops(now),
            now.losses_since(self._before),
            self._before.grown(self._port, "rx_good_packets"),
        )

    def close(self) -> None:
        """Ends it."""
        try:
            for path in tuple(self._lab.paths.values()):
                if path.name == f"trial:{self._port.name}":
                    path.stop()
        finally:
            self._lab.engine.commands.free_trial(self._run)

    def _drops(self, now: Reading) -> dict[str, int]:
        grown: dict[str, int] = {}
        for name, counters in now.paths.items():
            then = self._before.paths.get(name)
            for drop, frames in counters.measured_drops.items():
                before = then.measured_drops.get(drop, 0) if then else 0
                if frames != before:
                    grown[drop] = grown.get(drop, 0) + frames - before
        return grown


def send(lab: Lab, port: Port, settings: Settings, streams: Streams) -> int:
    """The sending half: sends the streams and waits until they are sent; how many frames were."""
    run = f"send{settings['first_stream']}-{time.monotonic_ns()}"
    commands = lab.engine.commands
    commands.create_trial(run, dict(settings), streams)
    path = None
    try:
        chain = nodes.generate(run, port) >> nodes.tx(port)
        path = lab.run(Path(chain, name=f"send:{port.name}"))
        commands.start_trial(run)
        end = time.monotonic() + settings["duration_ns"] / 1e9 + SENDING_SECONDS
        while commands.trial_counts(run)["state"] != lib.LK_TRIAL_DONE:
            if time.monotonic() > end:
                raise LabError(f"port {port.name} did not send its frames in time")
            time.sleep(POLL_SECONDS)
        counts = commands.trial_counts(run)
        return counts["made"] - counts["refused"]
    finally:
        if path is not None:
            path.stop()
        commands.free_trial(run)


def receive_there(session: "Session", settings: Settings, streams: Streams) -> None:
    """On a worker: begins to receive on the session's port."""
    session.things[RECEIVER] = Receiver(session.lab, session.things[PORT], settings, streams)


def seen_there(session: "Session") -> int:
    """On a worker: Receiver.seen()."""
    seen: int = session.things[RECEIVER].seen()
    return seen


def received_there(session: "Session") -> Received:
    """On a worker: what was received; ends it."""
    receiver: Receiver = session.things.pop(RECEIVER)
    try:
        return receiver.result()
    finally:
        receiver.close()


def stop_there(session: "Session") -> None:
    """On a worker: ends a receiver that nobody asks any more."""
    if RECEIVER in session.things:
        session.things.pop(RECEIVER).close()


def send_there(session: "Session", settings: Settings, streams: Streams) -> int:
    """On a worker: sends on the session's port; how many frames it took."""
    return send(session.lab, session.things[PORT], settings, streams)


def clock_there(session: "Session") -> dict[str, Any]:
    """On a worker: the engine's clock."""
    return dict(session.lab.engine.commands.clock())
