# SPDX-License-Identifier: BSD-3-Clause
"""Our engine as a source: its recorder's rows in shared memory, read in place."""

import contextlib
import time
from bisect import bisect_right

import numpy as np

from labkit.arguments.checked import checked
from labkit.engine.commands import Commands, Descriptors
from labkit.errors import LabError
from labkit.lab.lab import Lab
from labkit.sources.base import MISSING, Sample, Schema, Source, SourceError
from labkit.sources.recorder_memory import (
    COUNT,
    GENERATION,
    MISSED,
    MONOTONIC,
    ROW_WORDS,
    TIME,
    Block,
    RecorderMemory,
)
from labkit.units import plain

SLOWEST_HZ, FASTEST_HZ = 1, 1000
MOST_COUNTERS = 16384  # rows are that wide; memory that is never written costs nothing
HISTORY_ROWS = 2048
FIRST_SECONDS = 5.0
SILENT_SECONDS = 3.0  # after which what was recorded last is no sample of now
KEPT_SCHEMAS = 64


@checked(SourceError)
class Engine(Source):
    """All counters of a lab's engine: ports (xstats), paths, workers, mempools, rings.

    A thread of the engine samples them `hz` times a second (1 to 1000); sample() gives the latest
    without asking the engine. Names: port/NAME/XSTAT, path/PATH/NODE/calls|objects|cycles and what
    the node counts itself (PathCounters.functions), path/PATH/drop_REASON,
    worker/LCORE/busy_cycles|idle_cycles|loops, pool/POOL/in_use|available,
    ring/PORT/qN/in_use|available, driver/PORT/NAME of a port that lk.fault has made sick. They
    change when ports and paths come and go. Gone while the engine is dead, ended when the lab was
    closed, live again after lab.restart().

    Attributes
    ----------
    hz: samples a second
    gaps: ticks that the recorder missed because one came late
    """

    def __init__(self, lab: Lab, hz: float = 10) -> None:
        if not SLOWEST_HZ <= hz <= FASTEST_HZ:
            raise SourceError(f"hz is {hz}; the recorder takes {SLOWEST_HZ} to {FASTEST_HZ}")
        super().__init__(f"engine {lab.pid}")
        self.lab = lab
        self.hz: float = hz
        self._memory: RecorderMemory | None = None
        self._commands: Commands | None = None  # of the process that the recorder runs in
        self._number = 0
        self._left_out = 0
        self._schemas: dict[int, Schema] = {}
        self._told: dict[str, list[int]] = {}  # places of what drivers of sick ports tell, by port
        self._unread: tuple[str, ...] = ()  # ports whose drivers cannot read their devices

    @property
    def gaps(self) -> int:
        """Ticks that were missed so far."""
        return 0 if self._memory is None else int(self._memory.header[MISSED])

    def at(self, hz: float) -> Source:
        """A recorder of its own at this rate."""
        return self if hz == self.hz else Engine(self.lab, hz)

    def history(self) -> list[Block]:
        """What the recorder's memory holds, oldest first: arrays in place, nothing copied.

        Their rows are overwritten in time (after 2,048 ticks); see Block.is_whole.
        """
        with self._lock:
            self._check_open()
            self._follow()
            if self._memory is None:
                return []
            return self._blocks(self._memory, self._memory.oldest)

    def since(self, previous: Sample | None) -> list[Sample]:
        """Every tick after `previous`; the latest one when `previous` is None.

        What a dead engine left behind is there too. Sample.sequence tells of ticks overwritten.
        """
        if previous is None:
            sample = self.sample()
            return [sample] if sample else []
        with self._lock:
            self._check_open()
            self._follow()
            memory = self._memory
            if memory is None:
                return []
            after = previous.monotonic_ns
            rows = range(memory.oldest, memory.written)
            skipped = bisect_right(rows, after, key=lambda n: int(memory.row(n)[MONOTONIC]))
            return [
                sample
                for block in self._blocks(memory, rows.start + skipped)
                for sample in block.samples()
            ]

    # Within

    def _connect(self) -> None:
        if not self.lab.is_alive:
            why = self._why_gone().partition(";")[0]
            raise SourceError(f"the lab's engine does not run ({why}); lab.restart() starts it")
        self._attach()
        self._wait_for_first()

    def _disconnect(self) -> None:
        if self._memory is not None and self._is_attached:
            with contextlib.suppress(LabError):  # it may go with its engine at this moment
                self.lab.engine.commands.stop_recorder(self._number)
        self._memory = None

    @property
    def _is_attached(self) -> bool:
        return self._commands is self.lab.engine.commands and self.lab.is_alive

    def _attach(self) -> None:
        memory, commands = RecorderMemory(HISTORY_ROWS, MOST_COUNTERS), self.lab.engine.commands
        self._number = commands.start_recorder(
            HISTORY_ROWS, MOST_COUNTERS, round(1e9 / self.hz), Descriptors((memory.descriptor,))
        )
        self._schemas = {}
        self._commands, self._memory = commands, memory

    def _wait_for_first(self) -> None:
        assert self._memory is not None
        end = time.monotonic() + FIRST_SECONDS
        while not self._memory.written:
            if not self._is_attached:
                raise SourceError("the engine ended before its recorder wrote")
            if time.monotonic() > end:
                self.lab.engine.check_answers()
                raise SourceError(
                    f"the recorder did not write within {FIRST_SECONDS} s; a driver of this lab is "
                    "slow to answer (see lab.log)"
                )
            time.sleep(2e-4)

    def _follow(self) -> None:
        """Looks after the engine: gone, ended, or back and to be recorded again."""
        if self.lab.is_alive:
            if self._is_attached and self._memory is not None and self.state == "live":
                return
            try:
                if not self._is_attached or self._memory is None:
                    self._attach()
                self._wait_for_first()
                self.label = f"engine {self.lab.pid}"
                self._state = ("live", self._describe())
            except LabError as error:
                self._state = ("gone", str(error).splitlines()[0])
        elif self.lab.is_closed:
            self._state = ("ended", "the lab was closed")
        else:
            self._state = ("gone", self._why_gone())

    def _why_gone(self) -> str:
        try:
            self.lab.engine.check_answers()
        except LabError as error:  # with the signal that ended it
            return str(error).splitlines()[0]
        return "the lab's engine has just started"

    def _read(self) -> Sample | None:
        self._follow()
        if self._memory is None or self.state != "live":
            return None
        latest = self._blocks(self._memory, self._memory.written - 1)
        if latest and self._is_silent(int(latest[-1].monotonic_ns[-1])):
            return None
        samples = latest[-1].samples() if latest else []
        if not samples:
            return None
        if samples[-1].schema is not self._schema:
            self._schema = samples[-1].schema
            self._told = {
                port: [at for at in told if "/fault/" not in self._schema.names[at]]
                for port, told in self._schema.places_by("driver/").items()
            }
            self._state = ("live", self._describe())
        values = samples[-1].values
        unread = tuple(p for p, told in self._told.items() if (values[told] == MISSING).all())
        if unread != self._unread:
            self._unread = unread
            self._state = ("live", self._describe())
        return samples[-1]

    def _is_silent(self, last_ns: int) -> bool:
        """Whether the recorder has written nothing for long; then the source is gone, and says why,
        until it writes again."""
        silence = (time.monotonic_ns() - last_ns) / 1e9
        if silence < max(SILENT_SECONDS, 3 / self.hz):
            return False
        hung = self.lab.engine.stands_still
        why = hung.reason if hung else "its recorder, or a driver that it asks, stands still"
        self._state = (
            "gone",
            f"the engine hangs: {why}; nothing was recorded for {plain(round(silence))} s",
        )
        return True

    def _describe(self) -> str:
        text = f"{self.label} is recorded at {plain(self.hz)} Hz"
        if self._left_out:
            text += f" and leaves out {self._left_out} counters over {MOST_COUNTERS}"
        return "; ".join([text, *map(self._why_unread, self._unread)])

    def _why_unread(self, port: str) -> str:
        """What its driver says, whose counters are missing."""
        try:
            self.lab.engine.commands.driver_xstats(port)
        except LabError as error:
            return str(error).removeprefix("driver xstats: ")
        return f"the driver of port {port} could not read its device a moment ago"

    def _blocks(self, memory: RecorderMemory, first: int) -> list[Block]:
        """Rows from `first` on, in pieces of one generation that lie together."""
        blocks: list[Block] = []
        end = memory.written
        while first < end:
            at = first % memory.rows
            rows = memory.table[at : min(memory.rows, at + end - first)]
            generations = rows[:, GENERATION].copy()
            other = np.flatnonzero(generations != generations[0])
            rows = rows[: other[0]] if other.size else rows
            count = int(rows[0, COUNT])
            if not memory.holds(first):  # it was overwritten while it was looked at
                first = memory.oldest
                continue
            schema = self._schema_of(int(generations[0]), count)
            if schema is not None:
                values = rows[:, ROW_WORDS : ROW_WORDS + count]
                times = rows[:, MONOTONIC], rows[:, TIME]
                blocks.append(Block(schema, *times, values, rows, memory, first))
            first += len(rows)
        return blocks

    def _schema_of(self, generation: int, count: int) -> Schema | None:
        """None for rows of a generation that the engine has forgotten, or took with it."""
        if generation not in self._schemas:
            try:
                names = self.lab.engine.commands.recorder_schema(generation)
            except LabError:
                return None
            if names is None:
                return None
            if len(self._schemas) == KEPT_SCHEMAS:
                del self._schemas[min(self._schemas)]
            self._schemas[generation] = Schema.of(names[:count], self._drivers())
            self._left_out = len(names) - count
        return self._schemas[generation]

    def _drivers(self) -> dict[str, str]:
        ports = dict(self.lab.ports)  # another thread may open one meanwhile
        return {f"port/{name}": port.last_info.driver for name, port in ports.items()}
