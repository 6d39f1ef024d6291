# SPDX-License-Identifier: BSD-3-Clause
"""The workers of a lab: those that its engine has, and the last ones of an engine that is gone."""

from typing import TYPE_CHECKING

from labkit.engine.answers import WorkerFacts
from labkit.engine.engine import Engine
from labkit.machine.cpus import numa_node_of

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ["lcore", "cpu", "paths", "loops", "busy_ns", "idle_ns"]


class LabWorkers:
    """What a lab has of workers."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._kept: list[WorkerFacts] | None = None

    @property
    def table(self) -> "pd.DataFrame":
        """See Lab.workers."""
        from labkit.tables.table import Table  # pandas is slow to load

        facts = self._engine.commands.describe_workers() if self._kept is None else self._kept
        table = Table(facts, columns=COLUMNS)
        cpus = [fact["cpu"] for fact in facts]
        table["numa_node"] = [None if cpu is None else numa_node_of(cpu) for cpu in cpus]
        return table.astype({"cpu": "Int64", "numa_node": "Int64"})

    def keep(self) -> None:
        """Keeps what they did, for when the engine is gone."""
        self._kept = self._engine.commands.describe_workers()

    def begin_anew(self) -> None:
        """In a new engine, which counts from 0."""
        self._kept = None
