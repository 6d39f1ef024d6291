# SPDX-License-Identifier: BSD-3-Clause
"""What came of one notebook."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

from labkit.notebooks.records import Check, CheckList, Result

Status = Literal["passed", "failed", "error", "cancelled"]
T = TypeVar("T")


@dataclass(frozen=True)
class NotebookRun:
    """One notebook, run once.

    Attributes
    ----------
    name: of the notebook, unique within the run but for repeats
    repeat: 1, 2, … where the run repeats its notebooks
    status: passed; failed: a check failed; error: it did not come to its end; cancelled
    reason: of an error: exception, exit, dead kernel, time limit, disk, worker, report
    message: what failed, one line or a few
    traceback: of an exception, without colours
    cell: the execution that failed, as in [3]
    parameters: values of all parameters
    started_at: ISO 8601, UTC
    seconds: wall time
    cell_seconds: wall time of every execution
    checks, results: as the notebook recorded them
    tables: Parquet files of recorded tables by name
    ledgers: by engine: DPDK's version, how many CPUs its workers had for themselves, and the
        ledger of every path
    attachments: engine logs, captures and other files in its folder
    machine, environment: where it ran, and with what; worker_cpus as in ledgers
    folder: its files, relative to the run's folder
    """

    name: str
    source: str = ""
    repeat: int = 1
    status: Status = "passed"
    reason: str = ""
    message: str = ""
    traceback: str = ""
    cell: int | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    started_at: str = ""
    seconds: float = 0.0
    cell_seconds: tuple[float, ...] = ()
    checks: tuple[Check, ...] = ()
    results: tuple[Result, ...] = ()
    tables: Mapping[str, str] = field(default_factory=dict)
    ledgers: Mapping[str, Any] = field(default_factory=dict)
    attachments: tuple[str, ...] = ()
    machine: Mapping[str, Any] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    folder: str = ""

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> "NotebookRun":
        """From results.json; what is missing has its default, what is unknown is left out."""
        known = dict(_known(cls, document))
        for name, kind in (("checks", Check), ("results", Result)):
            known[name] = tuple(_tupled(kind, d) for d in document.get(name, ()))
        for name in ("cell_seconds", "attachments"):
            known[name] = tuple(document.get(name, ()))
        return cls(**known)

    @property
    def title(self) -> str:
        """Its name, and which repeat it is."""
        return self.name if self.repeat == 1 else f"{self.name} #{self.repeat}"

    @property
    def failed_checks(self) -> list[Check]:
        """Checks that failed."""
        return CheckList(self.checks).failed

    @property
    def tally(self) -> str:
        """How many checks passed, and how many exercises nobody answered; empty without any."""
        return CheckList(self.checks).tally

    @property
    def how_it_ended(self) -> str:
        """A line on a notebook that did not come to its end."""
        message = self.message.splitlines()[0] if self.message.strip() else ""
        repeat = f"repeat {self.repeat}: " if self.repeat > 1 else ""
        return f"{repeat}{self.status}" + (f": {message}" if message else "")


def _known(kind: type[Any], document: Mapping[str, Any]) -> dict[str, Any]:
    names = {f.name for f in dataclasses.fields(kind)}
    return {name: value for name, value in document.items() if name in names}


def _tupled(kind: type[T], document: Mapping[str, Any]) -> T:
    """A record whose lists are tuples."""
    known = _known(kind, document)
    return kind(**{k: tuple(v) if isinstance(v, list) else v for k, v in known.items()})
