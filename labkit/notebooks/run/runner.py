# SPDX-License-Identifier: BSD-3-Clause
"""Runs notebooks, several at once, and keeps what they leave."""

import os
import queue
import shutil
import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from time import monotonic
from typing import Any, Protocol

from labkit.errors import LabError, ParameterError
from labkit.machine.cpus import claimed, deal, usable_cpus
from labkit.notebooks.exercises import solved
from labkit.notebooks.report.notebook_run import NotebookRun
from labkit.notebooks.report.results import Run, is_run, load_run
from labkit.notebooks.run.jobs import Job, run_job
from labkit.notebooks.source import NotebookSource
from labkit.units import plain

WAIT_SECONDS = 0.2

# Takes a method of the watcher and its arguments, from any thread.
News = Callable[..., None]


@dataclass(frozen=True)
class Settings:
    """How notebooks are run.

    Attributes
    ----------
    parameters: values by name; each must be a parameter of at least one of the notebooks
    jobs: notebooks at a time, 1 to the number of CPUs
    repeat: how often each is run
    cell_seconds, seconds: time limits of a cell and of a notebook; None: none
    solutions: put the solutions of exercises in their places
    report: write the HTML report of every notebook
    """

    parameters: Mapping[str, Any]
    jobs: int = 1
    repeat: int = 1
    cell_seconds: float | None = None
    seconds: float | None = None
    solutions: bool = False
    report: bool = True

    def __post_init__(self) -> None:
        deal(self.jobs, usable_cpus())
        if self.repeat < 1:
            raise LabError(f"repeat is {self.repeat}; it is 1 or more")
        for name, limit in (("cell limit", self.cell_seconds), ("limit", self.seconds)):
            if limit is not None and limit < 1:
                raise LabError(f"the time {name} is {plain(limit)} s; it is 1 s or more")


class Watcher(Protocol):
    """Is told how a run goes; called from one thread."""

    def cell(self, job: Job, number: int, total: int) -> None:
        """A cell starts."""

    def waits(self, job: Job, cpu: int) -> None:
        """A notebook waits for a CPU that another run on this machine has."""

    def ended(self, job: Job, outcome: NotebookRun) -> None:
        """A notebook has ended."""


def plan(notebooks: Sequence[NotebookSource], folder: Path, settings: Settings) -> list[Job]:
    """The jobs, with every parameter checked; nothing has started."""
    if not notebooks:
        raise LabError("there is no notebook to run; name a notebook or a folder of them")
    names = _names(notebooks)
    jobs = []
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
            solved(document) if settings.solutions else document,
            "",
            str(notebook.path.parent.absolute()),
            values,
            {k: p.default for k, p in declared.items()} | values,
            settings.cell_seconds,
            settings.seconds,
            measures=notebook.measures,
            report=settings.report,
        )
        for number in range(1, settings.repeat + 1):
            place = name if number == 1 else f"{name}-{number}"
            jobs.append(replace(job, folder=str(folder.absolute() / place), repeat=number))
    for k in unknown:
        if len(notebooks) == 1:
            notebooks[0].parameters.find(k, notebooks[0].path.name)
        there = ", ".join(sorted({p for n in notebooks for p in n.parameters})) or "none"
        raise ParameterError(f"none of these notebooks has a parameter {k!r} (they have: {there})")
    return jobs


def again(jobs: Sequence[Job], names: Collection[str], count: int) -> list[Job]:
    """The notebooks of these names, `count` more times than the jobs have them."""
    last = max(job.repeat for job in jobs)
    return [
        replace(job, repeat=number, folder=f"{job.folder}-{number}")
        for job in jobs
        if job.repeat == 1 and job.name in names
        for number in range(last + 1, last + 1 + count)
    ]


def run_all(
    jobs: Sequence[Job], at_once: int, watcher: Watcher, cancelled: threading.Event
) -> list[NotebookRun]:
    """Runs the jobs on this machine, each with a kernel and engines of its own.

    Notebooks that run at once have CPUs of their own; other runs on this machine are waited for.
    KeyboardInterrupt stops them in order and marks them as cancelled.
    """
    at_once = min(at_once, len(jobs))
    shares: queue.SimpleQueue[tuple[int, ...]] = queue.SimpleQueue()
    for share in deal(at_once, usable_cpus()):
        shares.put(share)

    def run(job: Job, news: News) -> NotebookRun:
        share = shares.get()
        try:
            own = replace(job, cpus=share if at_once > 1 else None)
            tell_wait = lambda cpu: news(watcher.waits, job, cpu)  # noqa: E731
            with claimed(share if job.measures else (), cancelled, tell_wait):
                return run_job(own, cancelled, lambda n, of: news(watcher.cell, job, n, of))
        finally:
            shares.put(share)

    with ThreadPoolExecutor(at_once, thread_name_prefix="labkit-notebook") as pool:
        return follow(jobs, lambda job, news: pool.submit(run, job, news), watcher, cancelled)


def follow(
    jobs: Sequence[Job],
    submit: "Callable[[Job, News], Future[NotebookRun]]",
    watcher: Watcher,
    cancelled: threading.Event,
) -> list[NotebookRun]:
    """Submits all jobs and waits for them, on this machine or another; in the order of the jobs."""
    told: queue.SimpleQueue[tuple[Any, ...]] = queue.SimpleQueue()
    waiting: dict[Future[NotebookRun], Job] = {}
    for job in jobs:
        waiting[submit(job, lambda *what: told.put(what))] = job
    order = {id(job): number for number, job in enumerate(jobs)}
    outcomes: dict[int, NotebookRun] = {}
    while waiting:
        try:
            done, _ = wait(waiting, WAIT_SECONDS, FIRST_COMPLETED)
            while not told.empty():
                tell, *what = told.get()
                tell(*what)
            for future in done:
                job = waiting[future]
                outcomes[order[id(job)]] = outcome = _result(future, job)
                del waiting[future]
                watcher.ended(job, outcome)
        except KeyboardInterrupt:
            cancelled.set()
        except BaseException:
            cancelled.set()  # whoever keeps the outcomes cannot, so the others need not go on
            raise
    return [outcomes[number] for number in sorted(outcomes)]


@contextmanager
def run_folder(folder: Path) -> Iterator["RunFolder"]:
    """The folder of a run that begins now. An earlier run in it is replaced; anything else is left
    alone with an error."""
    if folder.exists() and any(folder.iterdir()):
        if not is_run(folder):
            raise LabError(f"{folder} is not empty and holds no run; choose another folder")
        for notebook in load_run(folder).notebooks:
            inside = (folder / notebook.folder).resolve()
            if inside.parent == folder.resolve():  # whatever the file says, nothing else goes
                shutil.rmtree(inside, ignore_errors=True)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LabError(f"{folder} cannot be made: {error.strerror}") from None
    yield RunFolder(folder)


class RunFolder:
    """Keeps a run's results as notebooks end, so that nothing that ended is lost."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.started = monotonic()
        self.run = Run(
            (), datetime.now(UTC).isoformat(timespec="seconds"), 0.0, version("labkit"), folder
        )
        self.run.save(folder)

    def add(self, outcome: NotebookRun) -> None:
        """Keeps one more."""
        self.keep([*self.run.notebooks, outcome])

    def keep(self, notebooks: Sequence[NotebookRun]) -> None:
        """Writes the run as it is now."""
        self.run = replace(self.run, notebooks=tuple(notebooks), seconds=monotonic() - self.started)
        self.run.save(self.folder)


def _result(future: "Future[NotebookRun]", job: Job) -> NotebookRun:
    try:
        return future.result()
    except Exception as error:  # whatever keeps one notebook from running, the others go on
        return job.ended(status="error", reason="worker", message=f"{error}")


def _names(notebooks: Sequence[NotebookSource]) -> list[str]:
    """File names without endings; with their folders where two are the same."""
    stems = [notebook.name for notebook in notebooks]
    if len(set(stems)) == len(stems):
        return stems
    root = os.path.commonpath([n.path.absolute().parent for n in notebooks])
    return ["-".join(n.path.absolute().with_suffix("").relative_to(root).parts) for n in notebooks]
