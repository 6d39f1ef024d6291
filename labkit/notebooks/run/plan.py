# SPDX-License-Identifier: BSD-3-Clause
"""What is to be run: every notebook with its values checked and a folder of its own."""

import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from labkit.errors import LabError, ParameterError
from labkit.machine.cpus import deal, usable_cpus
from labkit.notebooks.exercises import solutions_of, solved
from labkit.notebooks.report.results import RUN_FILE, TABLE_FILE
from labkit.notebooks.report.site import INDEX_FILE
from labkit.notebooks.run.jobs import Job
from labkit.notebooks.source import NotebookSource
from labkit.text import first_free
from labkit.units import plain

SUMMARY_FILE, JUNIT_FILE = "summary.md", "junit.xml"
RESERVED = (RUN_FILE, TABLE_FILE, INDEX_FILE, SUMMARY_FILE, JUNIT_FILE)  # no notebook's folder


@dataclass(frozen=True)
class Settings:
    """How notebooks are run.

    Attributes
    ----------
    parameters: values by name; each must be a parameter of at least one of the notebooks
    jobs: notebooks at a time, 1 to the number of CPUs
    repeat: how often each is run
    cell_seconds, seconds: time limits of a cell and of a notebook; None: none
    solutions: folder with solutions of exercises, which are put in their places; None: none are
    report: write the HTML report of every notebook
    """

    parameters: Mapping[str, Any]
    jobs: int = 1
    repeat: int = 1
    cell_seconds: float | None = None
    seconds: float | None = None
    solutions: Path | None = None
    report: bool = True

    def __post_init__(self) -> None:
        deal(self.jobs, usable_cpus())
        if self.repeat < 1:
            raise LabError(f"repeat is {self.repeat}; it is 1 or more")
        for name, limit in (("cell limit", self.cell_seconds), ("limit", self.seconds)):
            if limit is not None and not limit >= 1:
                raise LabError(f"the time {name} is {plain(limit)} s; it is 1 s or more")


def plan(
    notebooks: Sequence[NotebookSource],
    folder: Path,
    settings: Settings,
    names: Sequence[str] | None = None,
) -> list[Job]:
    """The jobs, with every parameter checked; nothing has started.

    names: of the notebooks, unique within the folder; None: names_of them
    """
    if not notebooks:
        raise LabError("there is no notebook to run; name a notebook or a folder of them")
    names = names or names_of(notebooks)
    taken = {*names, *RESERVED}
    jobs: list[Job] = []
    unknown = dict.fromkeys(settings.parameters)
    for notebook, name in zip(notebooks, names, strict=True):
        declared = notebook.parameters
        given = {k: v for k, v in settings.parameters.items() if k in declared}
        values = notebook.values(given)
        for k in given:
            unknown.pop(k, None)
        document = notebook.tagged()
        job = Job(
            name,
            str(notebook.path),
            _with_solutions(document, notebook.path, settings.solutions),
            "",
            str(notebook.path.parent.absolute()),
            values,
            {k: p.default for k, p in declared.items()} | values,
            settings.cell_seconds,
            settings.seconds,
            measures=notebook.measures,
            report=settings.report,
        )
        jobs += _repeats(job, folder.absolute(), range(1, settings.repeat + 1), taken)
    for k in unknown:
        if len(notebooks) == 1:
            notebooks[0].parameters.find(k, notebooks[0].path.name)
        there = ", ".join(sorted({p for n in notebooks for p in n.parameters})) or "none"
        raise ParameterError(f"none of these notebooks has a parameter {k!r} (they have: {there})")
    return jobs


def again(jobs: Sequence[Job], names: Collection[str], count: int) -> list[Job]:
    """The notebooks of these names, `count` more times than the jobs have them."""
    last = max(job.repeat for job in jobs)
    taken = {*RESERVED, *(Path(job.folder).name for job in jobs)}
    numbers = range(last + 1, last + 1 + count)
    return [
        repeated
        for job in jobs
        if job.repeat == 1 and job.name in names
        for repeated in _repeats(job, Path(job.folder).parent, numbers, taken)
    ]


def names_of(notebooks: Sequence[NotebookSource]) -> list[str]:
    """Names that no two share, and so no two reports: file names without endings, with their
    folders in front where two files have the same, with a number where two still have."""
    stems = [_stem(notebook) for notebook in notebooks]
    taken = {*RESERVED, *(stem for stem in stems if stems.count(stem) == 1)}
    root = os.path.commonpath([n.path.absolute().parent for n in notebooks])
    names = []
    for notebook, stem in zip(notebooks, stems, strict=True):
        name = stem
        if stem in RESERVED or stems.count(stem) > 1:
            folders = notebook.path.absolute().parent.relative_to(root).parts
            name = first_free("-".join((*folders, stem)), taken)
            taken.add(name)
        names.append(name)
    return names


def _with_solutions(
    document: dict[str, Any], notebook: Path, folder: Path | None
) -> dict[str, Any]:
    return solved(document, solutions_of(notebook, folder)) if folder else document


def _stem(notebook: NotebookSource) -> str:
    """A notebook's name as that of a folder, which "." and ".." are not."""
    return notebook.name if notebook.name.strip(".") else f"notebook{notebook.name}"


def _repeats(job: Job, folder: Path, numbers: Iterable[int], taken: set[str]) -> Iterator[Job]:
    """The job, once a number, each with a place of its own."""
    for number in numbers:
        place = job.name if number == 1 else first_free(f"{job.name}-{number}", taken)
        taken.add(place)
        yield replace(job, folder=str(folder / place), repeat=number)
