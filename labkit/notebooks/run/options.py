# SPDX-License-Identifier: BSD-3-Clause
"""What commands share: arguments and options, exit codes, and errors as one line."""

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from labkit.errors import LabError

FILE = click.Path(path_type=Path)
THERE = click.Path(path_type=Path, exists=True)
TROUBLE, USAGE, INTERRUPTED = 1, 2, 130
minimal_effect_option = click.option(
    "--minimal-effect",
    type=click.FloatRange(0),
    default=5,
    show_default=True,
    metavar="PERCENT",
    help="Differences below this are none.",
)


@contextlib.contextmanager
def exit_on_error() -> Iterator[None]:
    """Errors on purpose and of the file system become a line and exit code 2, or 1."""
    try:
        yield
    except LabError as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(USAGE)
    except OSError as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(TROUBLE)
