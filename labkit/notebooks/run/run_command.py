# SPDX-License-Identifier: BSD-3-Clause
"""The command labkit run."""

import sys
from typing import Any

import click

from labkit.notebooks.run.options import FILE, TEXT, THERE, exit_on_error, minimal_effect_option


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
@click.option(
    "--tag",
    "tags",
    type=TEXT,
    multiple=True,
    metavar="TAG",
    help="Only notebooks whose metadata have this tag; given again, all of them.",
)
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
@click.option(
    "--baseline",
    type=TEXT,
    metavar="NAME",
    help="Fail when results are worse than this baseline.",
)
@minimal_effect_option
@click.option(
    "--confirm",
    type=click.IntRange(0),
    default=2,
    show_default=True,
    metavar="TIMES",
    help="Run a notebook so often again before a worse result of it is believed.",
)
@click.option(
    "--solutions",
    type=THERE,
    metavar="FOLDER",
    help="Put FOLDER/NOTEBOOK.json, solutions of exercises, in their places.",
)
@click.option(
    "--scheduler",
    type=TEXT,
    metavar="ADDRESS",
    help="Run on a Dask cluster whose workers have the resource `port`.",
)
@click.option("--help-notebook", is_flag=True, help="Show the notebooks' parameters and end.")
def run(**options: Any) -> None:
    """Run notebooks as tests, each with a kernel and engines of its own.

    Exit code 0: all passed; 1: a notebook or check failed, or a result is worse than the
    baseline's; 2: nothing was started, the message says why; 130: Ctrl-C.
    """
    # Late: `labkit --help` need not wait for what runs notebooks.
    from labkit.notebooks.run.whole_run import RunOptions, carry_out

    with exit_on_error():
        status = carry_out(RunOptions(**options))
    sys.exit(status)
