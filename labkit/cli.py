# SPDX-License-Identifier: BSD-3-Clause
"""The command `labkit`."""

import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from labkit.notebooks.run.commands import COMMANDS
from labkit.notebooks.run.options import (
    FILE,
    TEXT,
    THERE,
    CommandGroup,
    Number,
    exit_on_error,
    say,
)

if TYPE_CHECKING:
    from labkit.trouble.case import Case


@click.group(cls=CommandGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(version("labkit"), prog_name="labkit")
def main() -> None:
    """An interactive network lab on a real DPDK dataplane."""


@main.command()
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
@click.option("--nic", type=TEXT, metavar="INTERFACE", help="Look at this interface alone.")
def doctor(as_json: bool, nic: str | None) -> None:
    """Tell what works on this machine, what does not, and the fix of each.

    Exit code 0: a lab with ring ports works; 1: it does not. With --nic: 0: nothing is likely to be
    wrong with the interface or its settings; 1: something is.
    """
    from labkit.machine.doctor import doctor as examine  # late: `labkit --help` is quick

    if nic is not None:
        from labkit.trouble import nic_check

        _tell(lambda: nic_check.check(nic), as_json)
    with exit_on_error():
        report = examine()
        say(report.to_json() if as_json else repr(report))
    sys.exit(0 if report.ok else 1)


@main.group(cls=CommandGroup)
def trouble() -> None:
    """Sick NICs: collect what a machine tells, and judge what was collected."""


@trouble.command()
@click.option("--output", type=FILE, default=Path("case.zip"), show_default=True, metavar="ZIP")
@click.option(
    *("--seconds", "seconds"),
    type=Number(0),
    default=10.0,
    show_default=True,
    help="Between two readings of the counters.",
)
def collect(output: Path, seconds: float) -> None:
    """Put logs, counters and settings of this machine's interfaces into a zip.

    Nothing is changed, and what looks like a password or a key is left out.

    \b
    On Windows these give what `labkit trouble look` reads (as administrator, ENA's part of it):
      wevtutil epl System System.evtx
      Get-NetAdapter | Format-List * > adapter.txt
      Get-NetAdapterAdvancedProperty | Format-Table -Auto | Out-String -Width 300 > properties.txt
      Get-NetAdapterRss > rss.txt
      Get-NetAdapterStatistics | Format-List * > statistics.txt       (again, under load)
      Get-PnpDevice -Class Net > devices.txt
      pnputil /enum-drivers > drivers.txt
      systeminfo > systeminfo.txt
      (Get-Counter -ListSet 'ENA Packets Shaping').Paths | Get-Counter > allowances.txt
      Get-CimInstance Win32_ComputerSystem | Format-List NumberOfLogicalProcessors > cpus.txt

    \b
    On FreeBSD:
      dmesg > dmesg.txt; sysctl dev.ena hw.ena > sysctl.txt          (again, under load)

    \b
    Of EC2, from any machine:
      aws ec2 describe-instances --instance-ids BOTH ENDS > instances.json
      aws ec2 describe-instance-types --instance-types TYPE > type.json
    """
    from labkit.trouble import collect as collect_all

    with exit_on_error():
        say(str(collect_all(output, seconds)))


@trouble.command()
@click.argument("files", nargs=-1, required=True, type=THERE)
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
def look(files: tuple[Path, ...], as_json: bool) -> None:
    """Tell what troubles a NIC, from FILES: logs, outputs of commands, recordings, archives.

    Of counters that were read several times give the older file first. Exit code 0: nothing, or
    nothing above possible; 1: something is likely or certain.
    """
    from labkit.trouble import look as look_at

    _tell(lambda: look_at(*files), as_json)


def _tell(case_of: "Callable[[], Case]", as_json: bool) -> NoReturn:
    """Prints a case and exits: 1 where something is likely or certain."""
    with exit_on_error():
        case = case_of()
        say(case.to_json() if as_json else repr(case))
    sys.exit(1 if any(finding.level != "possible" for finding in case.findings) else 0)


for _command in COMMANDS:
    main.add_command(_command)
