# SPDX-License-Identifier: BSD-3-Clause
"""A run as a command asked for it: from the notebooks to the pages about them."""

import os
import signal
import tempfile
import threading
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from labkit.errors import LabError, ParameterError
from labkit.notebooks.report.baseline import Baseline, baseline_path, load_baseline
from labkit.notebooks.report.comparison import RunComparison
from labkit.notebooks.report.junit import write_junit
from labkit.notebooks.report.notebook_run import NotebookRun
from labkit.notebooks.report.results import TABLE_FILE, Run, notebooks_of, write_whole
from labkit.notebooks.report.site import INDEX_FILE, write_run_index
from labkit.notebooks.report.summary import markdown
from labkit.notebooks.report.verdicts import compare
from labkit.notebooks.run.jobs import Job
from labkit.notebooks.run.options import INTERRUPTED, TROUBLE, say
from labkit.notebooks.run.origin import origin
from labkit.notebooks.run.plan import JUNIT_FILE, SUMMARY_FILE, Settings, again, plan
from labkit.notebooks.run.progress import TerminalProgress
from labkit.notebooks.run.runner import RunFolder, run_all, run_folder
from labkit.notebooks.source import NotebookSource, find_notebooks, read_notebook
from labkit.text import near


@dataclass(frozen=True)
class RunOptions:
    """What `labkit run` was told, by the names of its options.

    Attributes
    ----------
    notebooks: files, or folders of them
    given: parameters, name and value
    report: folder that everything is kept in; None: nothing is
    junit: JUnit XML goes there
    tags: all of which a notebook must have
    jobs: notebooks at a time
    repeat: how often each is run
    cell_limit, limit: seconds that a cell, and a notebook, may take
    baseline: name of the one to compare with
    minimal_effect: percent; differences below are none
    confirm: times that a notebook runs again before a worse result of it is believed
    solutions: folder with solutions of exercises, which are put in their places; None: none are
    scheduler: address of a Dask cluster to run on; None: on this machine
    help_notebook: tell of the notebooks' parameters, and run nothing
    """

    notebooks: tuple[Path, ...]
    given: tuple[tuple[str, str], ...]
    report: Path | None
    junit: Path | None
    tags: tuple[str, ...]
    jobs: int
    repeat: int
    cell_limit: float
    limit: float
    baseline: str | None
    minimal_effect: float
    confirm: int
    solutions: Path | None
    scheduler: str | None
    help_notebook: bool

    @property
    def settings(self) -> Settings:
        """How each notebook is run; LabError for what cannot be."""
        for name, times in Counter(name for name, _ in self.given).items():
            if times > 1:
                raise ParameterError(f"{name} is given {times} times; once is enough")
        return Settings(
            dict(self.given),
            self.jobs,
            self.repeat,
            self.cell_limit,
            self.limit,
            self.solutions,
            self.report is not None,
        )


def carry_out(options: RunOptions) -> int:
    """Runs the notebooks, compares and writes what was asked for; the exit code."""
    sources = [read_notebook(path) for path in find_notebooks(options.notebooks)]
    sources = _tagged(sources, options.tags)
    if options.help_notebook:
        for source in sources:
            say(f"{source.path}\n{source.help}\n{source.parameters!r}\n")
        return 0
    if options.junit:
        _check_writable(options.junit)
    with ExitStack() as stack:
        return _run_all(options, sources, stack)


def _run_all(options: RunOptions, sources: Sequence[NotebookSource], stack: ExitStack) -> int:
    wanted = load_baseline(baseline_path(options.baseline)) if options.baseline else None
    settings = options.settings
    folder = options.report or Path(
        stack.enter_context(tempfile.TemporaryDirectory(prefix="labkit-"))
    )
    planned = plan(sources, folder, settings)
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    kept = stack.enter_context(run_folder(folder, origin(sources[0].path.parent)))
    if options.junit:  # what an earlier run left is not what comes of this one
        options.junit.resolve().unlink(missing_ok=True)
    kept.keep(_run(planned, options, kept))
    comparison = _compare(wanted, kept.run, options)
    may_confirm = options.confirm and kept.run.status != "cancelled"
    if comparison and comparison.doubted and may_confirm:
        say("worse than the baseline; running again before this is believed", err=True)
        more = again(planned, comparison.doubted, options.confirm)
        kept.keep([*kept.run.notebooks, *_run(more, options, kept)])
        comparison = _compare(wanted, kept.run, options)
    if comparison:
        kept.judge(comparison)
        say(repr(comparison))
    if options.report:
        _write_pages(kept.run, options.report, comparison)
    if options.junit:
        write_junit(kept.run, options.junit.resolve(), comparison)
    if kept.run.status == "cancelled":
        return INTERRUPTED
    return TROUBLE if kept.run.status != "passed" else 0


def _run(planned: Sequence[Job], options: RunOptions, kept: RunFolder) -> list[NotebookRun]:
    """Runs the jobs here or on a cluster; the outcomes are in the order of the jobs."""
    cancelled = threading.Event()
    kept.begin(planned)
    with TerminalProgress(planned, kept.add) as progress:
        if options.scheduler:
            from labkit.notebooks.run.remote import run_on_cluster  # late: Dask is slow

            return run_on_cluster(planned, options.scheduler, progress, cancelled)
        return run_all(planned, options.jobs, progress, cancelled)


def _compare(wanted: Baseline | None, run: Run, options: RunOptions) -> RunComparison | None:
    if wanted is None:
        return None
    title = f"baseline {wanted.name}"
    return compare(wanted.notebooks, notebooks_of([run]), title, options.minimal_effect / 100)


def _write_pages(run: Run, folder: Path, comparison: RunComparison | None) -> None:
    run.results.to_parquet(folder / TABLE_FILE)
    write_run_index(run, folder, comparison)
    write_whole(folder / SUMMARY_FILE, markdown(run, comparison))
    write_junit(run, folder / JUNIT_FILE, comparison)
    say(f"report: {folder / INDEX_FILE}")


def _tagged(sources: Sequence[NotebookSource], tags: Sequence[str]) -> list[NotebookSource]:
    """The notebooks that have all these tags; LabError when none has."""
    found = [source for source in sources if set(tags) <= source.tags]
    if sources and not found:
        there = sorted({tag for source in sources for tag in source.tags})
        for tag in tags:
            if tag not in there:
                why = f"none has the tag {tag!r}{near(tag, there)}"
                raise LabError(f"there is no notebook to run: {why}")
        why = f"none has all of the tags {', '.join(tags)}"
        raise LabError(f"there is no notebook to run: {why}")
    return found


def _check_writable(path: Path) -> None:
    """Before anything runs: hours later it is too late."""
    if path.exists() and not path.is_file():  # a device would be replaced, a pipe waited for
        what = "a folder" if path.is_dir() else "no plain file"
        raise LabError(f"{path} is {what}; name a file for the JUnit XML")
    if path.exists() and path.read_bytes()[:5] not in (b"", b"<?xml"):
        raise LabError(f"{path} exists already and is no XML; choose another name")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LabError(f"{path.parent} cannot be made: {error.strerror}") from None
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise LabError(f"{path} cannot be written: permission denied")
