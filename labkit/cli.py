# SPDX-License-Identifier: BSD-3-Clause
"""The command `labkit`."""

import sys
from importlib.metadata import version

import click

from labkit.notebooks.run.commands import COMMANDS
from labkit.notebooks.run.options import CommandGroup, exit_on_error, say


@click.group(cls=CommandGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(version("labkit"), prog_name="labkit")
def main() -> None:
    """An interactive network lab on a real DPDK dataplane."""


@main.command()
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
def doctor(as_json: bool) -> None:
    """Tell what works on this machine, what does not, and the fix of each.

    Exit code 0: a lab with ring ports works; 1: it does not.
    """
    from labkit.machine.doctor import doctor as examine  # late: `labkit --help` is quick

    with exit_on_error():
        report = examine()
        say(report.to_json() if as_json else repr(report))
    sys.exit(0 if report.ok else 1)


for _command in COMMANDS:
    main.add_command(_command)
