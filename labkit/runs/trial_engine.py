# SPDX-License-Identifier: BSD-3-Clause
"""The engine's side of a trial: paths made, frames sent, stillness awaited, counters read."""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Any

from labkit._codec import lib
from labkit.errors import LabError
from labkit.lab.addresses import source_addresses
from labkit.lab.exclusive import Pause
from labkit.lab.lab import Lab
from labkit.lab.port import Port
from labkit.lab.reading import Loops, Reading
from labkit.path import nodes
from labkit.path.chain import Chain, Node, as_chain
from labkit.path.counters import REFUSED_BY_TX
from labkit.path.hosts import host
from labkit.path.path import Path
from labkit.results.latency import LatencyHistogram
from labkit.runs import stream_ids
from labkit.runs.schedule import ScheduledStream
from labkit.runs.trial_settings import STILL_SECONDS, TrialSettings

REPORT_SECONDS = 0.1
POLL_SECONDS = 0.01
MISSING_SECONDS = 1.0  # stillness before a frame is given up: a busy machine pauses a DUT
POLL_COUNTS_SECONDS = 0.05  # of stillness at most: while nobody looked, this process was paused too
OVERDUE_SECONDS = 50 * lib.LK_TRIAL_GRACE / 1e9  # a busy machine pauses a generator too
ROUNDING = 1e-6


@dataclass(frozen=True)
class Measured:
    """What the engine counted.

    Attributes
    ----------
    drops: frames by drop node
    port_losses: frames that ports of the lab lost, as {"client rx_missed_errors": 3}
    waiting: frames on cables that no path had taken off when the drain was over, by port
    port_sent, port_received: what the two ports say themselves that they sent and received
    """

    counts: dict[str, int]
    streams: list[dict[str, int]]
    ticks: dict[str, list[int]]
    latencies: list[LatencyHistogram | None]
    jitter: LatencyHistogram | None
    drops: dict[str, int]
    port_losses: dict[str, int]
    waiting: dict[str, int]
    port_sent: int
    port_received: int
    copies: int
    tick_seconds: float


class TrialEngine:
    """Streams between two ports, ready to run for any time."""

    def __init__(
        self,
        port: Port,
        back: Port,
        scheduled: list[ScheduledStream],
        settings: TrialSettings,
        dropped_outside: Callable[[], int] | None,
    ) -> None:
        self.port = port
        self.back = back
        self.lab: Lab = port.lab
        self.scheduled = scheduled
        self.latency = settings.latency
        self.drain = settings.drain
        self._dropped_outside = dropped_outside or (lambda: 0)
        self.is_signed = all(p.stream.signature for p in scheduled)
        self.is_paced = scheduled[0].pps is not None

    def run(
        self, seconds: float, tick: float, report: Callable[[float], object], pause: Pause
    ) -> Measured:
        """Sends for that time, drains, and reads every counter."""
        lab, count = self.lab, len(self.scheduled)
        first = stream_ids.claim(count)
        run = f"trial{first}-{time.monotonic_ns()}"
        # 1.1 / 0.1 is a little above 11.
        ticks = max(1, math.ceil(seconds / tick - ROUNDING)) + 1
        settings = {
            "first_stream": first,
            "latency": int(self.latency),
            "takes_unsigned": int(not self.is_signed),
            "paced": int(self.is_paced),
            "longest": max(p.compiled.longest for p in self.scheduled),
            "ticks": ticks,
            "tick_ns": round(tick * 1e9),
            "duration_ns": round(seconds * 1e9),
        }
        streams = [p.to_dict(seconds, n, count) for n, p in enumerate(self.scheduled)]
        paths = self._paths(run)
        try:
            lab.engine.commands.create_trial(run, settings, streams)
            before = self._read()
            try:
                for path in paths:
                    lab.run(path)
                lab.engine.commands.start_trial(run)
                self._until_done(run, seconds, report, pause)
                self._until_still(run, before, paths[0].name, pause)
                after = self._read()
            finally:
                lab.stop_measurement()
            counted = lab.engine.commands.trial_streams(run, count)
            self._check_played(counted)
            # Nobody counts any more, so these are of one moment. What the paths counted, which goes
            # with them, was read before: the same unless frames still came. Ports go on.
            return Measured(
                lab.engine.commands.trial_counts(run),
                counted,
                lab.engine.commands.trial_ticks(run, ticks),
                [self._histogram(run, n) for n in range(count)],
                self._histogram(run, -1),
                self._drops(before, after, paths[0].name),
                after.losses_since(before),
                after.waiting_since(before),
                before.grown(self.port, "tx_good_packets"),
                before.grown(self.back, "rx_good_packets"),
                copies(after.paths) - copies(before.paths),
                tick,
            )
        finally:
            lab.engine.commands.free_trial(run)

    def _check_played(self, counted: list[dict[str, int]]) -> None:
        for scheduled, counts in zip(self.scheduled, counted, strict=True):
            if counts["failed"]:
                raise LabError(
                    f"{scheduled.stream!r}: the file could not be read to its end while it was "
                    "sent; leave a capture alone while it is played"
                )

    def _paths(self, run: str) -> list[Path]:
        """Frames out and in; a port is a host meanwhile, and Python still hears."""
        own = source_addresses([p.stream for p in self.scheduled])
        paths = []
        for port in dict.fromkeys((self.port, self.back)):
            tx = nodes.tx(port)
            is_host = bool(own) and port is self.port
            takers: list[Node | Chain] = [host(own)] if is_host else []
            if port is self.back:
                # It knows its own frames; where it does not, it takes what no host answers.
                takers.insert(0 if self.is_signed else len(takers), nodes.receive(run))
            taken: Chain = reduce(or_, map(as_chain, [*takers, nodes.collect(port)]))
            taken = taken >> tx if is_host else taken
            chains = [nodes.generate(run, port) >> tx] if port is self.port else []
            # A NIC may spread what comes back over all of its queues.
            chains += [nodes.rx(port, queue) >> taken for queue in range(port.info.rx_queues)]
            paths.append(Path(*chains, nodes.inject(port) >> tx, name=f"trial:{port.name}"))
        return paths

    def _until_done(
        self, run: str, seconds: float, report: Callable[[float], object], pause: Pause
    ) -> None:
        """Leaves the engine alone until its time is over: each question costs a CPU some µs."""
        begin = time.monotonic()
        try:
            while (left := begin + seconds - time.monotonic()) > 0:
                self.lab.engine.check_alive()
                report(seconds - left)
                pause(min(left, REPORT_SECONDS))
            while self.lab.engine.commands.trial_counts(run)["state"] != lib.LK_TRIAL_DONE:
                if time.monotonic() > begin + seconds + OVERDUE_SECONDS:
                    raise LabError(
                        f"the generator did not end within {OVERDUE_SECONDS:g} s after its time; "
                        f"was the path trial:{self.port.name} stopped? Leave it to the trial"
                    )
                pause(POLL_SECONDS)
        except BaseException:
            if self.lab.is_alive:
                self.lab.engine.commands.stop_trial(run)
            raise

    def _until_still(self, run: str, before: Reading, sender: str, pause: Pause) -> None:
        """Waits until no counter has moved for a while, longer while frames are missing, and every
        worker has looked at its ports since."""
        end = time.monotonic() + self.drain
        seen, looked, still, loops = None, 0.0, 0.0, Loops()
        while True:
            counts: dict[str, int] = self.lab.engine.commands.trial_counts(run)
            reading = self._read()
            drops = self._drops(before, reading, sender) | reading.losses_since(before)
            outside = self._dropped_outside()
            now = time.monotonic()
            if (counts, drops, outside) != seen:
                seen, still, loops = (counts, drops, outside), 0.0, reading.loops
            else:
                still += min(now - looked, POLL_COUNTS_SECONDS)
            looked = now
            copied = copies(reading.paths) - copies(before.paths)
            gone = self.received(counts) + sum(drops.values()) + counts["too_old"] + outside
            gone += min(counts["duplicated"], copied)
            is_missing = gone < counts["made"] - counts["refused"] + copied
            patience = MISSING_SECONDS if is_missing else STILL_SECONDS
            if now >= end or (still >= patience and reading.loops.have_passed(loops)):
                return
            pause(POLL_SECONDS)

    def received(self, counts: dict[str, int]) -> int:
        """Frames that arrived for the first time, as far as that can be told."""
        return counts["received"] + (0 if self.is_signed else counts["unsigned_frames"])

    def _read(self) -> Reading:
        return Reading.of(self.lab)

    def _drops(self, before: Reading, after: Reading, sender: str) -> dict[str, int]:
        """Frames of this run by the drop node that refused them."""
        total: dict[str, int] = {}
        for path, counters in after.paths.items():
            now = counters.measured_drops if self.is_signed else counters.drops
            then: Mapping[str, int] = {}
            if path in before.paths:
                earlier = before.paths[path]
                then = earlier.measured_drops if self.is_signed else earlier.drops
            for name, frames in now.items():
                if path == sender and name in REFUSED_BY_TX:
                    continue
                if frames != then.get(name, 0):
                    total[name] = total.get(name, 0) + frames - then.get(name, 0)
        return total

    def _histogram(self, run: str, index: int) -> LatencyHistogram | None:
        return LatencyHistogram.from_engine(self.lab.engine.commands.trial_histogram(run, index))


def copies(counters: dict[str, Any]) -> int:
    """Frames that impair nodes have doubled."""
    return sum(i["copied"] for c in counters.values() for i in c.impairments.values())
