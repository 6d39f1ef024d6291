# SPDX-License-Identifier: BSD-3-Clause
"""The command labkit run."""

import contextlib
import signal
import sys
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from labkit.notebooks.run.options import FILE, INTERRUPTED, TROUBLE, minimal_effect_option, told

if TYPE_CHECKING:
    from labkit.notebooks.report.baseline import Baseline
    from labkit.notebooks.report.comparison import RunComparison
    from labkit.notebooks.report.notebook_run import NotebookRun
    from labkit.notebooks.report.results import Run
    from labkit.notebooks.run.jobs import Job
    from labkit.notebooks.run.runner import RunFolder


@click.command()
@click.argument("notebooks", nargs=-1, required=True, type=FILE)
@click.option(
    "-p",
    "--param",
    "given",
    nargs=2,
    multiple=True,
    metavar="NAME VALUE",
    help="Set a parameter; lists as '[64,1400]'. Unknown names and wrong types end it.",
)
@click.option(
    "--report",
    type=FILE,
    metavar="FOLDER",
    help="Keep notebooks, reports, results.json and .parquet, junit.xml, summary.md.",
)
@click.option("--junit", type=FILE, metavar="FILE", help="Write JUnit XML there.")
@click.option("--tag", "tags", multiple=True, help="Only notebooks whose metadata have this tag.")
@click.option("-j", "--jobs", default=1, show_default=True, help="Notebooks at a time.")
@click.option("--repeat", default=1, show_default=True, help="Run each so often; tells the noise.")
@click.option(
    "--cell-limit",
    type=float,
    default=600,
    show_default=True,
    metavar="SECONDS",
    help="Time limit of a cell.",
)
@click.option(
    "--limit",
    type=float,
    default=3600,
    show_default=True,
    metavar="SECONDS",
    help="Time limit of a notebook.",
)
@click.option("--baseline", metavar="NAME", help="Fail when results are worse than this baseline.")
@minimal_effect_option
@click.option(
    "--confirm",
    type=click.IntRange(0),
    default=2,
    show_default=True,
    metavar="TIMES",
    help="Run a notebook so often again before a worse result of it is believed.",
)
@click.option("--solutions", is_flag=True, help="Put solutions of exercises in their places.")
@click.option(
    "--scheduler",
    metavar="ADDRESS",
    help="Run on a Dask cluster whose workers have the resource `port`.",
)
@click.option("--help-notebook", is_flag=True, help="Show the notebooks' parameters and end.")
def run(
    notebooks: tuple[Path, ...],
    given: tuple[tuple[str, str], ...],
    report: Path | None,
    junit: Path | None,
    tags: tuple[str, ...],
    jobs: int,
    repeat: int,
    cell_limit: float,
    limit: float,
    baseline: str | None,
    minimal_effect: float,
    confirm: int,
    solutions: bool,
    scheduler: str | None,
    help_notebook: bool,
) -> None:
    """Run notebooks as tests, each with a kernel and engines of its own.

    Exit code 0: all passed; 1: a notebook or check failed, or a result is worse than the
    baseline's; 2: nothing was started, the message says why; 130: Ctrl-C.
    """
    from labkit.notebooks.report.baseline import baseline_path, load_baseline
    from labkit.notebooks.report.junit import write_junit
    from labkit.notebooks.run.runner import Settings, again, plan, run_folder
    from labkit.notebooks.source import find_notebooks, read_notebook

    with told(), contextlib.ExitStack() as stack:
        sources = [read_notebook(path) for path in find_notebooks(notebooks)]
        sources = [source for source in sources if set(tags) <= source.tags]
        if help_notebook:
            for source in sources:
                click.echo(f"{source.path}\n{source.help}\n{source.parameters!r}\n")
            return
        wanted = load_baseline(baseline_path(baseline)) if baseline else None
        settings = Settings(
            dict(given), jobs, repeat, cell_limit, limit, solutions, report is not None
        )
        folder = report or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="labkit-")))
        planned = plan(sources, folder, settings)
        signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
        kept = stack.enter_context(run_folder(folder))
        kept.keep(_run(planned, jobs, scheduler, kept))
        comparison = _compare(wanted, kept.run, minimal_effect / 100)
        if comparison and comparison.doubted and confirm and kept.run.status != "cancelled":
            click.echo("worse than the baseline; running again before this is believed", err=True)
            more = again(planned, comparison.doubted, confirm)
            kept.keep([*kept.run.notebooks, *_run(more, jobs, scheduler, kept)])
            comparison = _compare(wanted, kept.run, minimal_effect / 100)
        if comparison:
            click.echo(repr(comparison))
        if report:
            _write_pages(kept.run, report, comparison)
        if junit:
            write_junit(kept.run, junit, comparison)
    if kept.run.status == "cancelled":
        sys.exit(INTERRUPTED)
    sys.exit(TROUBLE if kept.run.status != "passed" or (comparison and comparison.loud) else 0)


def _run(
    planned: Sequence["Job"], jobs: int, scheduler: str | None, kept: "RunFolder"
) -> list["NotebookRun"]:
    """Runs the jobs here or on a cluster; the outcomes are in the order of the jobs."""
    from labkit.notebooks.run.progress import TerminalProgress

    cancelled = threading.Event()
    with TerminalProgress(planned, kept.add) as progress:
        if scheduler:
            from labkit.notebooks.run.remote import run_on_cluster

            return run_on_cluster(planned, scheduler, progress, cancelled)
        from labkit.notebooks.run.runner import run_all

        return run_all(planned, jobs, progress, cancelled)


def _compare(
    wanted: "Baseline | None", run: "Run", minimal_effect: float
) -> "RunComparison | None":
    from labkit.notebooks.report.comparison import compare
    from labkit.notebooks.report.results import notebooks_of

    if wanted is None:
        return None
    title = f"baseline {wanted.name}"
    return compare(wanted.notebooks, notebooks_of([run]), title, minimal_effect)


def _write_pages(run: "Run", folder: Path, comparison: "RunComparison | None") -> None:
    from labkit.notebooks.report.junit import write_junit
    from labkit.notebooks.report.results import TABLE_FILE, write_whole
    from labkit.notebooks.report.site import INDEX_FILE, write_run_index
    from labkit.notebooks.report.summary import markdown

    run.results.to_parquet(folder / TABLE_FILE)
    write_run_index(run, folder, comparison)
    write_whole(folder / "summary.md", markdown(run, comparison))
    write_junit(run, folder / "junit.xml", comparison)
    click.echo(f"report: {folder / INDEX_FILE}")
