# SPDX-License-Identifier: BSD-3-Clause
"""The commands labkit run, baseline, compare, index, new and exercises."""

import contextlib
import signal
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from labkit.errors import LabError

if TYPE_CHECKING:
    from labkit.notebooks.comparison import Comparison
    from labkit.notebooks.jobs import Job
    from labkit.notebooks.results import NotebookRun, Run
    from labkit.notebooks.runner import RunFolder, Watcher

FILE = click.Path(path_type=Path)
THERE = click.Path(path_type=Path, exists=True)
TROUBLE, USAGE, INTERRUPTED = 1, 2, 130


@contextlib.contextmanager
def told() -> Iterator[None]:
    """Errors on purpose and of the file system become a line and exit code 2, or 1."""
    try:
        yield
    except LabError as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(USAGE)
    except OSError as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(TROUBLE)


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
@click.option(
    "--minimal-effect",
    type=click.FloatRange(0),
    default=5,
    show_default=True,
    metavar="PERCENT",
    help="Differences below this are none.",
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
    solutions: bool,
    scheduler: str | None,
    help_notebook: bool,
) -> None:
    """Run notebooks as tests, each with a kernel and engines of its own.

    Exit code 0: all passed; 1: a notebook or check failed, or a result is worse than the
    baseline's; 2: nothing was started, the message says why; 130: Ctrl-C.
    """
    from labkit.notebooks.baseline import baseline_path, load_baseline
    from labkit.notebooks.comparison import compare, notebooks_of
    from labkit.notebooks.junit import write_junit
    from labkit.notebooks.progress import TerminalProgress
    from labkit.notebooks.runner import Settings, plan, run_folder
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
        with TerminalProgress(planned) as progress:
            kept.keep(_run(planned, jobs, scheduler, Keeper(kept, progress)))
        comparison = None
        if wanted:
            now = notebooks_of([kept.run])
            comparison = compare(
                wanted.notebooks, now, f"baseline {wanted.name}", minimal_effect / 100
            )
            click.echo(repr(comparison))
        if report:
            _write_pages(kept.run, report, comparison)
        if junit:
            write_junit(kept.run, junit, comparison)
    if kept.run.status == "cancelled":
        sys.exit(INTERRUPTED)
    sys.exit(TROUBLE if kept.run.status != "passed" or (comparison and comparison.loud) else 0)


class Keeper:
    """Watches a run for the terminal, and keeps what ended."""

    def __init__(self, folder: "RunFolder", shown: "Watcher") -> None:
        self.folder = folder
        self.shown = shown

    def cell(self, job: "Job", number: int, total: int) -> None:
        """A cell starts."""
        self.shown.cell(job, number, total)

    def ended(self, job: "Job", outcome: "NotebookRun") -> None:
        """A notebook has ended."""
        self.shown.ended(job, outcome)
        self.folder.add(outcome)


def _run(
    planned: Sequence["Job"], jobs: int, scheduler: str | None, watcher: "Watcher"
) -> list["NotebookRun"]:
    cancelled = threading.Event()
    if scheduler:
        from labkit.notebooks.remote import run_on_cluster

        return run_on_cluster(planned, scheduler, watcher, cancelled)
    from labkit.notebooks.runner import run_all

    return run_all(planned, jobs, watcher, cancelled)


def _write_pages(run: "Run", folder: Path, comparison: "Comparison | None") -> None:
    from labkit.notebooks.junit import write_junit
    from labkit.notebooks.results import TABLE_FILE, write_whole
    from labkit.notebooks.site import INDEX_FILE, write_run_index
    from labkit.notebooks.summary import markdown

    run.results.to_parquet(folder / TABLE_FILE)
    write_run_index(run, folder, comparison)
    write_whole(folder / "summary.md", markdown(run, comparison))
    write_junit(run, folder / "junit.xml", comparison)
    click.echo(f"report: {folder / INDEX_FILE}")


@click.group()
def baseline() -> None:
    """Results that were accepted, as files to be committed."""


@baseline.command("accept")
@click.argument("runs", nargs=-1, required=True, type=THERE)
@click.option("--name", default="main", show_default=True, help="Of the baseline.")
@click.option("--add", is_flag=True, help="Add to the runs it has, so that noise is known better.")
def accept_baseline(runs: tuple[Path, ...], name: str, add: bool) -> None:
    """Accept the results of RUNS (folders or zips) as baselines/NAME.json."""
    from labkit.notebooks.baseline import accept, baseline_path, load_baseline
    from labkit.notebooks.results import load_run

    with told():
        path = baseline_path(name)
        earlier = load_baseline(path) if path.exists() else None
        if earlier and not add:
            accepted = {n.name for r in runs for n in load_run(r).notebooks}
            kept = {n: v for n, v in earlier.notebooks.items() if n not in accepted}
            earlier = type(earlier)(earlier.name, kept)
        made = accept([load_run(path) for path in runs], Path(name).stem, earlier)
        made.save(path)
        results = sum(len(notebook.results) for notebook in made.notebooks.values())
        click.echo(f"{path}: {results} results of {len(made.notebooks)} notebooks; commit it")


@baseline.command("show")
@click.argument("name", default="main")
def show_baseline(name: str) -> None:
    """Print a baseline's results."""
    from labkit.notebooks.baseline import baseline_path, load_baseline
    from labkit.notebooks.pages import number

    with told():
        found = load_baseline(baseline_path(name))
        click.echo(f"baseline {found.name}, accepted {found.accepted_at}")
        for title, notebook in found.notebooks.items():
            click.echo(f"{title}: {len(notebook.checks)} checks")
            for result, series in notebook.results.items():
                spread = f" ± {number(series.error[0])}" if series.error else ""
                runs = f"{len(series.runs)} run{'s' * (len(series.runs) > 1)}"
                click.echo(f"  {result}: {number(series.mean)}{spread} {series.unit} ({runs})")


@click.command()
@click.argument("before", type=THERE)
@click.argument("now", type=THERE)
@click.option("--html", "page", type=FILE, metavar="FILE", help="Write a page with pictures.")
@click.option(
    "--minimal-effect",
    type=click.FloatRange(0),
    default=5,
    show_default=True,
    metavar="PERCENT",
    help="Differences below this are none.",
)
def compare(before: Path, now: Path, page: Path | None, minimal_effect: float) -> None:
    """Compare the results of two runs (folders or zips). Exit code 1 when one is worse."""
    from labkit.notebooks.comparison import compare as compare_results
    from labkit.notebooks.comparison import notebooks_of
    from labkit.notebooks.results import load_run
    from labkit.notebooks.site import write_comparison

    with told():
        old, new = load_run(before), load_run(now)
        comparison = compare_results(
            notebooks_of([old]), notebooks_of([new]), str(before), minimal_effect / 100
        )
        click.echo(repr(comparison))
        if page:
            write_comparison(comparison, old, new, page)
            click.echo(f"page: {page}")
    sys.exit(TROUBLE if comparison.loud else 0)


@click.command()
@click.argument("folder", type=THERE)
@click.option("--html", "page", type=FILE, metavar="FILE", help="Default: FOLDER/index.html.")
def index(folder: Path, page: Path | None) -> None:
    """Write a page over all runs in FOLDER: what failed when, and the trend of every result."""
    from labkit.notebooks.site import INDEX_FILE, write_history

    with told():
        page = page or folder / INDEX_FILE
        count = write_history(folder, page)
        click.echo(f"{page}: {count} runs")


@click.command()
@click.argument("name")
def new(name: str) -> None:
    """Make a notebook NAME.ipynb: parameters, set-up, experiment, checks, clean-up."""
    from labkit.notebooks.scaffold import make_notebook

    with told():
        click.echo(f"{make_notebook(name)}: open it in JupyterLab, or labkit run it")


@click.group()
def exercises() -> None:
    """Versions of a notebook with exercises."""


@exercises.command("solve")
@click.argument("notebook", type=THERE)
@click.argument("output", type=FILE)
def solve(notebook: Path, output: Path) -> None:
    """Write the instructor's version of NOTEBOOK, with solutions, to OUTPUT."""
    from labkit.notebooks.exercises import solved
    from labkit.notebooks.source import read_notebook, write_notebook

    with told():
        write_notebook(solved(read_notebook(notebook).document), output)


@exercises.command("fold")
@click.argument("notebook", type=THERE)
@click.argument("output", type=FILE)
def fold(notebook: Path, output: Path) -> None:
    """Write the students' version of NOTEBOOK, an instructor's one that was edited, to OUTPUT."""
    from labkit.notebooks.exercises import folded
    from labkit.notebooks.source import read_notebook, write_notebook

    with told():
        write_notebook(folded(read_notebook(notebook).document), output)


COMMANDS = (run, baseline, compare, index, new, exercises)
