# SPDX-License-Identifier: BSD-3-Clause
"""A path that an engine runs, and its counters."""

import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from labkit.engine.engine import Engine
from labkit.errors import LabError
from labkit.path.counters import PathCounters, PathLedger, ledger_of
from labkit.path.drawing import path_svg
from labkit.path.path import Path
from labkit.path.svg import as_html

if TYPE_CHECKING:
    import pandas as pd


class RunningPath:
    """A path on a worker of a lab; made by Lab.run().

    Attributes
    ----------
    lab: the Lab that it runs in
    path: what it does
    """

    def __init__(
        self,
        lab: Any,  # a Lab, which has running paths
        engine: Engine,
        path: Path,
        declared: "Mapping[str, RunningPath]",
        stop: "Callable[[RunningPath], None]",
    ) -> None:
        """declared: the paths that run for the lab's user, by name; stop: what stop() does."""
        self.lab = lab
        self.path = path
        self._engine = engine
        self._declared = declared
        self._stop = stop

    @property
    def name(self) -> str:
        """The path's name."""
        return self.path.name

    @property
    def counters(self) -> PathCounters:
        """The path's counters now. They are read while frames flow: a sum over nodes may be off by
        the frames of one burst."""
        answer = self._engine.commands.counters([self.name])
        return PathCounters.from_engine(answer[self.name])

    @property
    def drops(self) -> Mapping[str, int]:
        """Frames by drop node."""
        return self.counters.drops

    @property
    def ledger(self) -> PathLedger:
        """Frames that entered the path against those that left it or were dropped by name; and what
        the ports that it receives from have lost before, which is no part of the balance."""
        counters = self.counters
        lost = {
            f"{name} {loss}": frames
            for name, port in self.lab.ports.items()
            if self.path.receives(name)
            for loss, frames in port.losses().items()
        }
        return ledger_of(self.path, counters, lost)

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
    def is_running(self) -> bool:
        """Whether it is on a worker."""
        return self._declared.get(self.name) is self

    def flush(self) -> None:
        """Writes what the path's captures hold to their files; OSError when that failed."""
        # The engine writes them out before it reads their counters.
        for node, counts in self.counters.captures.items():
            if counts["errno"]:
                file = str(self.path.node(node).params["file"])
                raise OSError(counts["errno"], os.strerror(counts["errno"]), file)

    def stop(self) -> None:
        """Takes the path off its worker. Its counters are gone with it."""
        self._stop(self)

    def __repr__(self) -> str:
        return f"<RunningPath {self.name}: {'; '.join(self.path.chains)}>"

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        svg = path_svg(self.path, self.counters if self.is_running else None)
        return {"text/plain": repr(self), "text/html": as_html(svg, f"path {self.path!r}")}


def start_path(engine: Engine, path: Path) -> None:
    """Has the engine run a path, or not when it is interrupted."""
    try:
        engine.commands.run_path(path.name, path.to_dict())
    except LabError:
        raise
    except BaseException:  # an interrupt ends the wait alone: the engine runs it all the same
        engine.commands.stop_path(path.name)
        raise
