# SPDX-License-Identifier: BSD-3-Clause
"""How a run goes, in a terminal: a bar over all cells, and a line for every notebook that ended."""

import sys
from collections.abc import Callable, Sequence
from types import TracebackType

from tqdm import tqdm

from labkit.notebooks.report.notebook_run import NotebookRun
from labkit.notebooks.run.jobs import Job

MARKS = {"passed": "✓", "failed": "✗", "error": "✗", "cancelled": "·"}


class TerminalProgress:
    """Watches a run. Where nobody looks at a terminal, only the lines are written.

    keep: takes each notebook that ended, after it was told
    """

    def __init__(self, jobs: Sequence[Job], keep: Callable[[NotebookRun], None]) -> None:
        self.keep = keep
        self.cells = {id(job): 0 for job in jobs}
        self.under_way: dict[int, str] = {}
        total = sum(_count_cells(job) for job in jobs)
        self.bar = tqdm(
            total=total,
            unit="cell",
            file=sys.stderr,
            disable=not sys.stderr.isatty(),
            leave=False,
            dynamic_ncols=True,
            bar_format="{percentage:3.0f} % |{bar:28}| {n_fmt} of {total_fmt} cells, "
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

    def cell(self, job: Job, number: int, total: int) -> None:
        """A cell starts."""
        self.under_way[id(job)] = f"{job.name} [{number}/{total}]"
        self.bar.update(number - 1 - self.cells[id(job)])
        self.cells[id(job)] = number - 1
        self.bar.set_postfix_str(", ".join(self.under_way.values()))

    def waits(self, job: Job, cpu: int) -> None:
        """A notebook waits for a CPU that another run on this machine has."""
        tqdm.write(f"· {job.name} waits for CPU {cpu}, which another run has", file=sys.stderr)

    def ended(self, job: Job, outcome: NotebookRun) -> None:
        """A notebook has ended."""
        self.under_way.pop(id(job), None)
        self.bar.update(_count_cells(job) - self.cells[id(job)])
        tqdm.write(line(outcome), file=sys.stderr)
        self.keep(outcome)


def line(outcome: NotebookRun) -> str:
    """What is said of a notebook that ended."""
    passed = sum(check.status == "passed" for check in outcome.checks)
    text = f"{MARKS[outcome.status]} {outcome.title}: {outcome.status}, {outcome.seconds:.1f} s"
    if outcome.checks:
        text += f", {passed} of {len(outcome.checks)} checks passed"
    if left := sum(check.status == "open" for check in outcome.checks):
        text += f", {left} not answered"
    said = outcome.message.splitlines() if outcome.status in ("error", "cancelled") else []
    for check in outcome.failed_checks:
        said += [f"✗ {check.name}", *(f"    {part}" for part in check.message.splitlines())]
    return "\n".join([text, *(f"    {part}" for part in said)])


def _count_cells(job: Job) -> int:
    cells = sum(
        1
        for cell in job.document["cells"]
        if cell["cell_type"] == "code" and "".join(cell["source"]).strip()
    )
    return cells + bool(job.parameters)
