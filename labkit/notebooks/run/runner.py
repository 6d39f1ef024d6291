# SPDX-License-Identifier: BSD-3-Clause
"""Runs notebooks, several at once, and keeps what they leave."""

import fcntl
import os
import queue
import shutil
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from time import monotonic
from typing import Any, Protocol

from labkit.errors import LabError
from labkit.machine.cpus import claimed, deal, usable_cpus
from labkit.notebooks.report.comparison import RunComparison
from labkit.notebooks.report.notebook_run import NotebookRun
from labkit.notebooks.report.results import Run, is_run, load_run
from labkit.notebooks.run.jobs import Job, run_job

WAIT_SECONDS = 0.2

# Takes a method of the watcher and its arguments, from any thread.
News = Callable[..., None]


class Watcher(Protocol):
    """Is told how a run goes; called from one thread."""

    def cell(self, job: Job, number: int, total: int, what: str) -> None:
        """A cell starts, or does something else now."""

    def tick(self) -> None:
        """Nothing may have happened; called several times a second."""

    def waits(self, job: Job, cpu: int) -> None:
        """A notebook waits for a CPU that another run on this machine has."""

    def ended(self, job: Job, outcome: NotebookRun) -> None:
        """A notebook has ended."""


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
                tell_cell = lambda *what: news(watcher.cell, job, *what)  # noqa: E731
                return run_job(own, cancelled, tell_cell)
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
            watcher.tick()
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
def run_folder(folder: Path, where: Mapping[str, Any] | None = None) -> Iterator["RunFolder"]:
    """The folder of a run that begins now. An earlier run in it is replaced; anything else is left
    alone with an error.

    where: the origin of the notebooks
    """
    with _held(folder):
        _clear(folder)
        yield RunFolder(folder, where)


@contextmanager
def _held(folder: Path) -> Iterator[None]:
    """Makes the folder, and keeps it from other runs until this one has ended."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise LabError(f"{folder} cannot be made: {error.strerror}") from None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise LabError(f"another run writes to {folder} now; choose another folder") from None
    finally:
        os.close(handle)


def _clear(folder: Path) -> None:
    """Removes an earlier run."""
    if any(folder.iterdir()):
        if not is_run(folder):
            raise LabError(f"{folder} is not empty and holds no run; choose another folder")
        earlier = load_run(folder)
        for notebook in earlier.all_notebooks:
            inside = (folder / notebook.folder).resolve()
            if inside.parent == folder.resolve():  # whatever the file says, nothing else goes
                shutil.rmtree(inside, ignore_errors=True)


class RunFolder:
    """Keeps a run's results as notebooks end, so that nothing that ended is lost."""

    def __init__(self, folder: Path, where: Mapping[str, Any] | None = None) -> None:
        self.folder = folder
        self.started = monotonic()
        now = datetime.now(UTC).isoformat(timespec="seconds")
        self.run = Run((), now, 0.0, version("labkit"), folder, origin=where or {})
        self.run.save(folder)

    def begin(self, jobs: Sequence[Job]) -> None:
        """Writes down what is going to run, so that a run that is killed does not look whole."""
        text = "the run ended before it did"
        pending = tuple(job.ended(status="error", message=text) for job in jobs)
        self._save(pending=pending)

    def add(self, outcome: NotebookRun) -> None:
        """Keeps one more."""
        left = tuple(n for n in self.run.pending if n.folder != outcome.folder)
        self._save(notebooks=(*self.run.notebooks, outcome), pending=left)

    def keep(self, notebooks: Sequence[NotebookRun]) -> None:
        """Keeps these, of which none is left to run."""
        self._save(notebooks=tuple(notebooks), pending=())

    def judge(self, comparison: RunComparison) -> None:
        """Keeps which results fail the run."""
        self._save(regressions=tuple(map(str, comparison.loud)))

    def _save(self, **changed: Any) -> None:
        self.run = replace(self.run, seconds=monotonic() - self.started, **changed)
        self.run.save(self.folder)


def _result(future: "Future[NotebookRun]", job: Job) -> NotebookRun:
    try:
        return future.result()
    except Exception as error:  # whatever keeps one notebook from running, the others go on
        text = f"{type(error).__name__}: {error}"
        return job.ended(status="error", reason="worker", message=text)
