# SPDX-License-Identifier: BSD-3-Clause
"""The commands labkit baseline, compare, index and new.

Each imports what it needs when it runs, so that `labkit --help` is quick.
"""

import sys
from pathlib import Path

import click

from labkit.errors import LabError
from labkit.notebooks.run.exercise_commands import exercises
from labkit.notebooks.run.options import (
    FILE,
    THERE,
    TROUBLE,
    CommandGroup,
    exit_on_error,
    minimal_effect_option,
    say,
)
from labkit.notebooks.run.run_command import run
from labkit.text import plural


@click.group(cls=CommandGroup)
def baseline() -> None:
    """Results that were accepted, as files to be committed."""


@baseline.command("accept")
@click.argument("runs", nargs=-1, required=True, type=THERE)
@click.option("--name", default="main", show_default=True, help="Of the baseline.")
@click.option("--add", is_flag=True, help="Add to the runs it has, so that noise is known better.")
def accept_baseline(runs: tuple[Path, ...], name: str, add: bool) -> None:
    """Accept the results of RUNS (folders or zips) as baselines/NAME.json."""
    from labkit.notebooks.report.baseline import accept, baseline_path, load_baseline
    from labkit.notebooks.report.results import load_run

    with exit_on_error():
        path = baseline_path(name)
        earlier = load_baseline(path) if path.exists() else None
        if earlier and not add:
            accepted = {n.name for r in runs for n in load_run(r).notebooks}
            kept = {n: v for n, v in earlier.notebooks.items() if n not in accepted}
            earlier = type(earlier)(earlier.name, kept)
        made = accept([load_run(path) for path in runs], Path(name).stem, earlier)
        made.save(path)
        results = sum(len(notebook.results) for notebook in made.notebooks.values())
        counted = f"{plural(results, 'result')} of {plural(len(made.notebooks), 'notebook')}"
        say(f"{path}: {counted}; commit it")


@baseline.command("show")
@click.argument("name", default="main")
def show_baseline(name: str) -> None:
    """Print a baseline's results."""
    from labkit.notebooks.report.baseline import baseline_path, load_baseline
    from labkit.notebooks.report.pages import number

    with exit_on_error():
        found = load_baseline(baseline_path(name))
        say(f"baseline {found.name}, accepted {found.accepted_at}")
        for title, notebook in found.notebooks.items():
            say(f"{title}: {plural(len(notebook.checks), 'check')}")
            for result, series in notebook.results.items():
                spread = f" ± {number(series.error[0])}" if series.error else ""
                runs = plural(len(series.runs), "run")
                say(f"  {result}: {number(series.mean)}{spread} {series.unit} ({runs})")


@click.command()
@click.argument("before", type=THERE)
@click.argument("now", type=THERE)
@click.option("--html", "page", type=FILE, metavar="FILE", help="Write a page with pictures.")
@minimal_effect_option
def compare(before: Path, now: Path, page: Path | None, minimal_effect: float) -> None:
    """Compare the results and checks of two runs (folders or zips).

    Exit code 1: one is worse, is missing, or cannot be compared; 2: nothing was compared.
    """
    from labkit.notebooks.report.results import load_run
    from labkit.notebooks.report.site import write_comparison

    with exit_on_error():
        old, new = load_run(before), load_run(now)
        comparison = new.compare(old, minimal_effect / 100, name=str(before))
        if page:
            write_comparison(comparison, old, new, page)
        say(repr(comparison))
        if page:
            say(f"page: {page}")
        if not {n.name for n in old.all_notebooks} & {n.name for n in new.all_notebooks}:
            raise LabError(f"{before} and {now} have no notebook in common")
    sys.exit(TROUBLE if comparison.loud else 0)


@click.command()
@click.argument("folder", type=THERE)
@click.option("--html", "page", type=FILE, metavar="FILE", help="Default: FOLDER/index.html.")
def index(folder: Path, page: Path | None) -> None:
    """Write a page over all runs in FOLDER: what failed when, and the trend of every result."""
    from labkit.notebooks.report.site import INDEX_FILE, write_history

    with exit_on_error():
        page = page or folder / INDEX_FILE
        count = write_history(folder, page, lambda reason: say(f"left out: {reason}", err=True))
        say(f"{page}: {plural(count, 'run')}")


@click.command()
@click.argument("name")
def new(name: str) -> None:
    """Make a notebook NAME.ipynb: parameters, set-up, experiment, checks, clean-up."""
    from labkit.notebooks.scaffold import make_notebook

    with exit_on_error():
        say(f"{make_notebook(name)}: open it in JupyterLab, or labkit run it")


COMMANDS = (run, baseline, compare, index, new, exercises)
