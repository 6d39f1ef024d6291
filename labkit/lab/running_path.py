# SPDX-License-Identifier: BSD-3-Clause
"""A path that an engine runs, and its counters."""

import warnings
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Any

from labkit.arguments.checked import fitting
from labkit.engine.engine import Engine
from labkit.errors import LabError, PathError, is_answered
from labkit.lab.capture_flush import flush
from labkit.path.chain import Chain, Node
from labkit.path.counters import PathCounters, PathLedger, ledger_of
from labkit.path.lanes import Lanes
from labkit.path.path import Path

if TYPE_CHECKING:
    import pandas as pd

    from labkit.lab.node_tables import NodeTables


class RunningPath:
    """A path on a worker of a lab; made by Lab.run().

    Attributes
    ----------
    lab: the Lab that it runs in
    path: what it does
    lane_count: how many lanes it runs in; wanted_lanes: as lab.run was told
    kept: the last counters of a path that was stopped or whose lab was closed
    """

    def __init__(
        self,
        lab: Any,  # a Lab, which has running paths
        engine: Engine,
        path: Path,
        lane_count: int,
        declared: "Mapping[str, RunningPath]",
        stop: "Callable[[RunningPath], None]",
        replace: "Callable[[RunningPath, Path | Chain | Node, Lanes | None], RunningPath]",
    ) -> None:
        """declared: the paths that run for the lab's user, by name; stop, replace: what stop() and
        replace() do."""
        self.lab = lab
        self.path = path
        self.lane_count = lane_count
        self.wanted_lanes: Lanes = "all"
        self.kept: PathCounters | None = None
        self._seen: PathCounters | None = None  # those read last
        self._tables: NodeTables | None = None
        self._is_stopped = False
        self._has_warned = False  # that frames do not spread
        self._engine = engine
        self._declared = declared
        self._stop = stop
        self._replace = replace

    @property
    def name(self) -> str:
        """The path's name."""
        return self.path.name

    @property
    def counters(self) -> PathCounters:
        """The path's counters now; the last ones when it was stopped or its lab closed.

        They are read while frames flow: a sum over nodes may be off by the frames of one burst.
        """
        if self.kept is None and self._is_stopped:
            raise LabError(f"path {self.name!r} was stopped, and its counters were not read before")
        if self.kept is None:
            answer = self._engine.commands.counters([self.name])
            self._seen = PathCounters.from_engine(answer[self.name])
            return self._seen
        return self.kept

    @property
    def drops(self) -> Mapping[str, int]:
        """Frames by drop node."""
        return self.counters.drops

    @property
    def ledger(self) -> PathLedger:
        """Frames that entered the path against those that left it or were dropped by name; and what
        is no part of the balance: what ports that it receives from have lost before, and what waits
        in queues of theirs that no path reads."""
        counters = self.counters
        self._warn_of_one_queue(counters)
        lost = {
            f"{name} {loss}": frames
            for name, port in self.lab.ports.items()
            if self.path.receives(name)
            for loss, frames in port.losses().items()
        }
        lost |= self._unread()
        return ledger_of(self.path, counters, lost, counters)

    def _warn_of_one_queue(self, counters: PathCounters) -> None:
        """Of frames that a driver put into one of several queues; once a path."""
        if self._has_warned or len(counters.lanes) < 2:
            return
        from labkit.lab.spread import one_queue  # pandas is slow to load

        for name in self.path.ports:
            port = self.lab.ports.get(name)
            frames = {
                queue: n
                for lane in counters.lanes
                for (of, queue), n in lane.queues.items()
                if of == name
            }
            if port is not None and (told := one_queue(port, frames)):
                self._has_warned = True
                warnings.warn(told, stacklevel=3)  # who asked for the ledger

    def _unread(self) -> dict[str, int]:
        """Frames that wait in queues of its ports which no path reads, as far as drivers tell."""
        if self.kept is not None:
            return {}
        waiting: dict[str, int] = {}
        for name in self.path.ports:
            queues = self.lab.unread_queues(name) if self.path.receives(name) else []
            counts = self._engine.commands.unread(name, queues) if queues else []
            for queue, frames in zip(queues, counts, strict=True):
                if frames:
                    waiting[f"{name} queue {queue} unread"] = frames
        return waiting

    @property
    def table(self) -> "pd.DataFrame":
        """One row a node and drop node: calls, objects, cycles, cycles_per_packet."""
        from labkit.tables.table import Table  # pandas is slow to load

        counters = self.counters
        rows: list[tuple[str, int | None, int, int | None, float | None]] = [
            (name, c.calls, c.objects, c.cycles, c.cycles_per_packet)
            for name, c in counters.nodes.items()
        ]
        rows += [(name, None, frames, None, None) for name, frames in counters.drops.items()]
        columns = ["node", "calls", "objects", "cycles", "cycles_per_packet"]
        return Table(rows, columns=columns).astype({"calls": "Int64", "cycles": "Int64"})

    @property
    def tables(self) -> "NodeTables":
        """Tables that its nodes keep, such as `tables["switch"]`, each as it is now."""
        from labkit.lab.node_tables import NodeTables  # numpy is slow to load

        if self._is_stopped or self.lab.is_closed:
            raise LabError(f"path {self.name!r} was stopped, and the tables of its nodes with it")
        if self._tables is None:
            self._tables = NodeTables(self.path, self._read_rows, self._clear_rows)
        return self._tables

    def _read_rows(self, *which: Any) -> Mapping[str, Any]:
        return self._engine.commands.read_rows(*which)  # of the engine that there is now

    def _clear_rows(self, *which: Any) -> None:
        self._engine.commands.clear_rows(*which)

    @property
    def lanes(self) -> "pd.DataFrame":
        """One row a lane: lcore of its worker, queues that it receives from, frames that entered,
        left and were dropped, cycles_per_packet of all its nodes."""
        from labkit.lab.lane_table import lane_table  # pandas is slow to load

        return lane_table(self.path, self.counters)

    @property
    def is_running(self) -> bool:
        """Whether it is on a worker."""
        return self._declared.get(self.name) is self

    def flush(self) -> None:
        """Writes what the path's captures hold to their files; OSError when that failed."""
        for node in self.counters.captures:
            flush(partial(self._capture, node))

    def captured_files(self) -> list[FilePath]:
        """The newest file of each of its captures, as far as that is known, else the given one."""
        counters, _ = self.last_counters()
        newest = [c["file"] for c in counters.captures.values()] if counters else self.path.files
        return list(map(FilePath, newest))

    def _capture(self, node: str) -> Mapping[str, Any]:
        return self.counters.captures[node]

    def stop(self) -> None:
        """Takes the path off its worker. Its last counters stay readable."""
        try:
            self._stop(self)
        finally:
            self._is_stopped = not self.is_running

    def replace(self, path: "Path | Chain | Node", lanes: Lanes | None = None) -> "RunningPath":
        """Puts another path in its place, between two bursts: nothing that arrives meanwhile is
        missed. This one is stopped then; the other has its name, and counts from 0.

        lanes: as for Lab.run; None: as this one was run. Where they differ in number, all lanes
        meet on one worker for a moment, and frames wait in the queues meanwhile.

        Raises PathError for a path that cannot run, which leaves this one running, and where either
        has a capture, whose file has one writer.
        """
        after = self._replace(self, path, lanes)
        self._is_stopped = True
        return after

    def switch(self, fault: str, *, on: bool) -> None:
        """Begins or ends a fault of the path, a node of lk.fault, while frames flow; it begins at
        once, whatever `after` it has. fault: the node's name.

        Raises PathError for a node that is none.
        """
        on = fitting("on", on, bool, PathError)
        node = self.path.node(fault)
        of = node.params.get("of")
        if node.kind != "fault" or not isinstance(of, Mapping):
            raise PathError(
                f"path {self.name!r}, node {fault}: {node.kind} is no fault; lk.fault makes those"
            )
        if self._is_stopped:
            raise PathError(f"path {self.name!r} was stopped, and its faults with it")
        nic = str(node.params["nic"])
        if on:
            self._engine.commands.make_sick(nic, {**of["device"], "after_bytes": 0})
        else:
            self._engine.commands.cure_sick(nic, True)

    def keep(self, answer: Mapping[str, Any] | None) -> None:
        """Keeps the counters that the engine answered when it stopped the path."""
        if answer is not None:
            self.kept = self._seen = PathCounters.from_engine(answer)

    def end_with_engine(self) -> None:
        """Its engine is gone, and no other is to run it: what was read last stays."""
        self.kept, self._is_stopped = self._seen, True

    def begin_anew(self) -> None:
        """In a new engine, which counts from 0."""
        self.kept = self._seen = None

    def __repr__(self) -> str:
        state = "; stopped" if self._is_stopped else ""
        lanes = f" in {self.lane_count} lanes" if self.lane_count > 1 else ""
        return f"<RunningPath {self.name}{lanes}: {'; '.join(self.path.chains)}{state}>"

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        from labkit.path.drawing import path_picture  # late: few paths are drawn

        counters, told = self.last_counters()
        shown = path_picture(self.path, counters, told)
        return {"text/plain": f"{self!r}\n{told}".strip(), **shown}

    def last_counters(self) -> tuple[PathCounters | None, str]:
        """Those known last, if any, and what to tell of counters that are not of now."""
        try:
            counters = self.counters
        except LabError as error:
            seen = "the counters are those read last" if self._seen else "no counters were read"
            return self._seen, f"{seen}: {str(error).splitlines()[0]}"
        if self.kept is None:
            return counters, ""
        why = "the path was stopped" if self._is_stopped else "the lab was closed"
        return counters, f"{why}: these are its last counters"


def start_path(engine: Engine, path: Path, lanes: int) -> None:
    """Has the engine run a path, or not when it is interrupted."""
    try:
        engine.commands.run_path(path.name, path.to_dict(), lanes)
    except BaseException as error:
        if not is_answered(error):  # the wait alone has ended: the engine runs it all the same
            with engine.unawaited(), suppress(LabError):
                engine.commands.stop_path(path.name)
        raise
