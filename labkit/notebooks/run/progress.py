# SPDX-License-Identifier: BSD-3-Clause
"""How a run goes: a bar over all cells, what runs now, and a line for every notebook that ended."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import monotonic
from types import TracebackType

from tqdm import tqdm

from labkit.notebooks.report.notebook_run import NotebookRun
from labkit.notebooks.run.jobs import Job
from labkit.notebooks.run.options import say
from labkit.notebooks.source import is_executed
from labkit.text import without_escapes

MARKS = {"passed": "✓", "failed": "✗", "error": "✗", "cancelled": "·"}
TICK_SECONDS = 1.0  # between two pictures of the bar
LOG_SECONDS = 30.0  # between two lines on a notebook in a log


class TerminalProgress:
    """Watches a run: a bar in a terminal; elsewhere, as in the log of a CI job, a line when a
    notebook starts, and one now and then while it runs.

    keep: takes each notebook that ended, after it was told
    """

    def __init__(self, jobs: Sequence[Job], keep: Callable[[NotebookRun], None]) -> None:
        self.keep = keep
        self.cells = {id(job): 0 for job in jobs}
        self.under_way: dict[int, UnderWay] = {}
        self.is_terminal = sys.stderr.isatty()
        self.last_tick = monotonic()
        self.bar = tqdm(
            total=sum(_count_cells(job) for job in jobs),
            unit="cell",
            file=sys.stderr,
            disable=not self.is_terminal,
            leave=False,
            dynamic_ncols=True,
            bar_format="{percentage:3.0f} % |{bar:20}| {n_fmt} of {total_fmt} cells, "
            "{elapsed}{postfix}",
        )

    def __enter__(self) -> "TerminalProgress":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.bar.close()

    def cell(self, job: Job, number: int, total: int, what: str) -> None:
        """A cell starts, or does something else now."""
        before = self.under_way.get(id(job))
        began = before.began if before and before.number == number else monotonic()
        self.under_way[id(job)] = now = UnderWay(job, number, total, what, began)
        if before is None:
            self._say_in_log(f"· {now}")
        self.bar.update(number - 1 - self.cells[id(job)])
        self.cells[id(job)] = number - 1
        self._refresh()

    def tick(self) -> None:
        """Shows how long cells have run."""
        if monotonic() - self.last_tick >= (TICK_SECONDS if self.is_terminal else LOG_SECONDS):
            self.last_tick = monotonic()
            for now in self.under_way.values():
                self._say_in_log(f"· {now}")
            self._refresh()

    def waits(self, job: Job, cpu: int) -> None:
        """A notebook waits for a CPU that another run on this machine has."""
        self._say(f"· {job.name} waits for CPU {cpu}, which another run has")

    def ended(self, job: Job, outcome: NotebookRun) -> None:
        """A notebook has ended."""
        self.under_way.pop(id(job), None)
        self.bar.update(_count_cells(job) - self.cells[id(job)])
        self._say(line(outcome))
        self.keep(outcome)

    def _refresh(self) -> None:
        self.bar.set_postfix_str(", ".join(map(str, self.under_way.values())))

    def _say_in_log(self, text: str) -> None:
        if not self.is_terminal:
            self._say(text)

    def _say(self, text: str) -> None:
        with self.bar.external_write_mode(file=sys.stderr):
            say(text, err=True)


@dataclass(frozen=True)
class UnderWay:
    """A cell that runs; as text: notebook, cell, seconds, and what it does."""

    job: Job
    number: int
    total: int
    what: str
    began: float

    def __str__(self) -> str:
        name = self.job.name if self.job.repeat == 1 else f"{self.job.name} #{self.job.repeat}"
        seconds = f"{monotonic() - self.began:.0f} s"
        where = f"{name} [{self.number}/{self.total}] {seconds}"
        return f"{where}, {self.what}" if self.what else where


def line(outcome: NotebookRun) -> str:
    """What is said of a notebook that ended."""
    text = f"{MARKS[outcome.status]} {outcome.title}: {outcome.status}, {outcome.seconds:.1f} s"
    if outcome.checks:
        text += f", checks: {outcome.tally}"
    said = outcome.message.splitlines() if outcome.status in ("error", "cancelled") else []
    for check in outcome.failed_checks:
        said += [f"✗ {check.name}", *(f"    {part}" for part in check.message.splitlines())]
    return without_escapes("\n".join([text, *(f"    {part}" for part in said)]))


def _count_cells(job: Job) -> int:
    return sum(map(is_executed, job.document["cells"])) + bool(job.parameters)
