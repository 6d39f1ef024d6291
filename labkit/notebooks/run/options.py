# SPDX-License-Identifier: BSD-3-Clause
"""What commands share: arguments and options, exit codes, and errors as one line."""

import contextlib
import math
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from labkit.errors import LabError
from labkit.text import near

TROUBLE, USAGE, INTERRUPTED = 1, 2, 130


class NotEmpty(click.ParamType):  # type: ignore[type-arg]
    """A text that is not empty. A variable of a shell that is not set leaves one, which would else
    stand for the folder that one is in, or for nothing at all."""

    name = "text"

    def __init__(self, kind: Any = click.STRING) -> None:
        """kind: of what it is besides"""
        self.kind = kind

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """As its kind has it; fails for an empty one."""
        if value == "":
            self.fail("it is empty; is a variable of the shell not set?", param, ctx)
        return self.kind.convert(value, param, ctx)


TEXT = NotEmpty()
FILE = NotEmpty(click.Path(path_type=Path))
THERE = NotEmpty(click.Path(path_type=Path, exists=True))


class Number(click.FloatRange):
    """A number that is one: neither nan, which no comparison holds for, nor infinite."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The number; fails for what is none."""
        number = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value} is no number of use", param, ctx)
        return number


minimal_effect_option = click.option(
    "--minimal-effect",
    type=Number(0),
    default=5,
    show_default=True,
    metavar="PERCENT",
    help="Differences below this are none.",
)


class CommandGroup(click.Group):
    """Commands, of which the near miss is named."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command of the first argument."""
        if args and not args[0].startswith("-") and args[0] not in self.commands:
            ctx.fail(f"there is no command {args[0]!r}{near(args[0], self.commands)}")
        return super().resolve_command(ctx, args)


def say(text: str, err: bool = False) -> None:
    """Prints. Where nobody reads on, as behind `| head`, the command goes on without a word, so
    that its exit code and its files are what they are otherwise."""
    stream = sys.stderr if err else sys.stdout
    try:
        click.echo(text, file=stream)
    except UnicodeEncodeError:  # the terminal's encoding lacks a character
        click.echo(text.encode(stream.encoding, "backslashreplace"), file=stream)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


@contextlib.contextmanager
def exit_on_error() -> Iterator[None]:
    """Errors on purpose and of the file system become a line and exit code 2, or 1; Ctrl-C 130."""
    try:
        yield
    except LabError as error:
        say(f"Error: {error}", err=True)
        sys.exit(USAGE)
    except OSError as error:
        say(f"Error: {error}", err=True)
        sys.exit(TROUBLE)
    except KeyboardInterrupt:
        say("interrupted", err=True)
        sys.exit(INTERRUPTED)
