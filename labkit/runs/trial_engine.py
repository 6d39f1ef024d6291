# SPDX-License-Identifier: BSD-3-Clause
"""The engine's side of a trial: paths made, frames sent, stillness awaited, counters read."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import Any

from labkit._codec import lib
from labkit.errors import LabError
from labkit.lab import stream_ids
from labkit.lab.exclusive import Pause
from labkit.lab.lab import Lab
from labkit.lab.lanes import lanes_of
from labkit.lab.port import Port
from labkit.lab.reading import Loops, Reading
from labkit.path.counters import REFUSED_BY_TX
from labkit.results.latency import LatencyHistogram
from labkit.runs.directions import Direction
from labkit.runs.trial_counted import Counted
from labkit.runs.trial_paths import Runs, trial_path, trial_path_name
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
    directions: of each, in their order
    drops: frames of all directions by drop node
    port_losses: frames that ports of the lab lost, as {"client rx_missed_errors": 3}
    waiting: frames on cables that no path had taken off when the drain was over, by port
    port_sent, port_received: what the ports say themselves that they sent and received, by name
    """

    directions: list[Counted]
    drops: dict[str, int]
    port_losses: dict[str, int]
    waiting: dict[str, int]
    port_sent: dict[str, int]
    port_received: dict[str, int]
    copies: int
    tick_seconds: float

    @property
    def total(self) -> Counted:
        """All directions in sum."""
        return reduce(add, self.directions)


@dataclass(frozen=True)
class _Times:
    """How long a trial sends, and how many intervals of which length it has."""

    seconds: float
    tick: float

    @property
    def ticks(self) -> int:
        """The last one holds what comes after the end."""
        # 1.1 / 0.1 is a little above 11.
        return max(1, math.ceil(self.seconds / self.tick - ROUNDING)) + 1


class TrialEngine:
    """Streams between ports of a lab, ready to run for any time.

    Attributes
    ----------
    elsewhere: asked while it waits: how many of its frames others than this lab know of so far
    on_begin: called before it sends, with the number of its first stream, its seconds, and those of
        an interval
    """

    def __init__(
        self,
        directions: Sequence[Direction],
        settings: TrialSettings,
        dropped_outside: Callable[[], int] | None,
    ) -> None:
        self.directions = directions
        self.lab: Lab = directions[0].port.lab
        self.lanes = lanes_of(self.lab, [*self.senders, *self.receivers], settings.lanes)
        self.latency = settings.latency
        self.drain = settings.drain
        self.elsewhere = dropped_outside or (lambda: 0)
        self.on_begin: Callable[[int, float, float], object] = lambda first, seconds, tick: None
        self.is_signed = all(d.is_signed for d in directions)

    @property
    def senders(self) -> list[Port]:
        """The ports that send."""
        return list(dict.fromkeys(d.port for d in self.directions))

    @property
    def receivers(self) -> list[Port]:
        """The ports on which frames arrive."""
        return list(dict.fromkeys(d.back for d in self.directions))

    def run(
        self, seconds: float, tick: float, report: Callable[[float], object], pause: Pause
    ) -> Measured:
        """Sends for that time, drains, and reads every counter."""
        lab, times = self.lab, _Times(seconds, tick)
        firsts = [stream_ids.claim(len(d.scheduled) * self.lanes[d.port]) for d in self.directions]
        names = [f"trial{first}-{time.monotonic_ns()}" for first in firsts]
        runs = dict(zip(names, self.directions, strict=True))
        try:
            for (run, direction), first in zip(runs.items(), firsts, strict=True):
                self._create(run, direction, first, times)
            self.on_begin(firsts[0], seconds, tick)
            before = self._read()
            try:
                for port, lanes in self.lanes.items():
                    lab.run(trial_path(port, runs), lanes=lanes)
                for run in runs:
                    lab.engine.commands.start_trial(run)
                self._until_done(runs, seconds, report, pause)
                self._until_still(runs, before, pause)
                after = self._read()
            finally:
                lab.stop_measurement()
            self._check_played(runs)
            # Nobody counts any more, so these are of one moment. What the paths counted, which goes
            # with them, was read before: the same unless frames still came. Ports go on.
            return Measured(
                [self._counted(run, direction, times) for run, direction in runs.items()],
                self._drops(before, after),
                after.losses_since(before),
                after.waiting_since(before),
                {port.name: before.grown(port, "tx_good_packets") for port in self.senders},
                {port.name: before.grown(port, "rx_good_packets") for port in self.receivers},
                copies(after.paths) - copies(before.paths),
                tick,
            )
        finally:
            for run in runs:
                lab.engine.commands.free_trial(run)

    def _create(self, run: str, direction: Direction, first: int, times: _Times) -> None:
        scheduled = direction.scheduled
        settings = {
            "lanes": self.lanes[direction.port],
            "receivers": self.lanes[direction.back],
            "first_stream": first,
            "latency": int(self.latency),
            "takes_unsigned": int(not direction.is_signed),
            "paced": int(direction.is_paced),
            "longest": max(p.compiled.longest for p in scheduled),
            "ticks": times.ticks,
            "tick_ns": round(times.tick * 1e9),
            "duration_ns": round(times.seconds * 1e9),
        }
        streams = [p.to_dict(times.seconds, n, len(scheduled)) for n, p in enumerate(scheduled)]
        self.lab.engine.commands.create_trial(run, settings, streams)

    def _counted(self, run: str, direction: Direction, times: _Times) -> Counted:
        commands, count = self.lab.engine.commands, len(direction.scheduled)
        return Counted.of(
            direction,
            commands.trial_counts(run),
            commands.trial_streams(run, count),
            commands.trial_ticks(run, times.ticks),
            [self._histogram(run, n) for n in range(count)],
            self._histogram(run, -1),
            commands.trial_lanes(run, max(self.lanes[p] for p in (direction.port, direction.back))),
            is_spread=self.lanes[direction.back] > 1,
        )

    def _check_played(self, runs: Runs) -> None:
        for run, direction in runs.items():
            self._check_files(run, direction)

    def _check_files(self, run: str, direction: Direction) -> None:
        streams = direction.scheduled
        counted = self.lab.engine.commands.trial_streams(run, len(streams))
        for scheduled, counts in zip(streams, counted, strict=True):
            if counts["failed"]:
                raise LabError(
                    f"{scheduled.stream!r}: the file could not be read to its end while it was "
                    "sent; leave a capture alone while it is played"
                )

    def _until_done(
        self, runs: Runs, seconds: float, report: Callable[[float], object], pause: Pause
    ) -> None:
        """Leaves the engine alone until its time is over: each question costs a CPU some µs."""
        begin = time.monotonic()
        try:
            while (left := begin + seconds - time.monotonic()) > 0:
                self.lab.engine.check_alive()
                self.lab.engine.check_walks()
                report(seconds - left)
                pause(min(left, REPORT_SECONDS))
            for run, direction in runs.items():
                while self.lab.engine.commands.trial_counts(run)["state"] != lib.LK_TRIAL_DONE:
                    if time.monotonic() > begin + seconds + OVERDUE_SECONDS:
                        raise _overdue(direction)
                    pause(POLL_SECONDS)
        except BaseException:
            if self.lab.is_alive:
                for run in runs:
                    self.lab.engine.commands.stop_trial(run)
            raise

    def _until_still(self, runs: Runs, before: Reading, pause: Pause) -> None:
        """Waits until no counter has moved for a while, longer while frames are missing, and every
        worker has looked at its ports since."""
        end = time.monotonic() + self.drain
        seen, looked, still, loops = None, 0.0, 0.0, Loops()
        while True:
            every = [self.lab.engine.commands.trial_counts(run) for run in runs]
            reading = self._read()
            drops = self._drops(before, reading) | reading.losses_since(before)
            outside = self.elsewhere()
            now = time.monotonic()
            if (every, drops, outside) != seen:
                seen, still, loops = (every, drops, outside), 0.0, reading.loops
            else:
                still += min(now - looked, POLL_COUNTS_SECONDS)
            looked = now
            copied = copies(reading.paths) - copies(before.paths)
            is_missing = sum(drops.values()) + outside < self._under_way(every, copied)
            patience = MISSING_SECONDS if is_missing else STILL_SECONDS
            if now >= end or (still >= patience and reading.loops.have_passed(loops)):
                return
            pause(POLL_SECONDS)

    def _under_way(self, every: list[dict[str, int]], copied: int) -> int:
        """Frames that did not arrive so far, copies of impair nodes too."""
        missing = copied - min(sum(counts["duplicated"] for counts in every), copied)
        for direction, counts in zip(self.directions, every, strict=True):
            missing += counts["made"] - counts["refused"] - counts["too_old"]
            missing -= direction.received(counts)
        return missing

    def _read(self) -> Reading:
        return Reading.of(self.lab)

    def _drops(self, before: Reading, after: Reading) -> dict[str, int]:
        """Frames of this run by the drop node that refused them."""
        senders = {trial_path_name(port) for port in self.senders}
        total: dict[str, int] = {}
        for path, counters in after.paths.items():
            now = counters.measured_drops if self.is_signed else counters.drops
            then: Mapping[str, int] = {}
            if path in before.paths:
                earlier = before.paths[path]
                then = earlier.measured_drops if self.is_signed else earlier.drops
            for name, frames in now.items():
                if path in senders and name in REFUSED_BY_TX:
                    continue
                if frames != then.get(name, 0):
                    total[name] = total.get(name, 0) + frames - then.get(name, 0)
        return total

    def _histogram(self, run: str, index: int) -> LatencyHistogram | None:
        return LatencyHistogram.from_engine(self.lab.engine.commands.trial_histogram(run, index))


def _overdue(direction: Direction) -> LabError:
    return LabError(
        f"the generator did not end within {OVERDUE_SECONDS:g} s after its time; was the path "
        f"{trial_path_name(direction.port)} stopped? Leave it to the trial"
    )


def copies(counters: dict[str, Any]) -> int:
    """Frames that impair nodes have doubled."""
    return sum(i["copied"] for c in counters.values() for i in c.impairments.values())
