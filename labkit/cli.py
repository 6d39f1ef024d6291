# SPDX-License-Identifier: BSD-3-Clause
"""The command `labkit`."""

import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from labkit.manual.command import docs
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
    from labkit.machine.nic import UserDriver
    from labkit.trouble.case import Case


dry_run_option = click.option(
    "--dry-run", is_flag=True, help="Only tell what would be done, as lines for a shell."
)


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
def nic() -> None:
    """NICs: list them, bind them to DPDK, and give them back to the kernel."""


@nic.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print the NICs as JSON.")
def list_nics(as_json: bool) -> None:
    """Tell which NICs there are, who has them, and whether a lab could open them."""
    from labkit.machine import nic as nics  # late: `labkit --help` is quick

    with exit_on_error():
        found = nics.list()
        say(found.to_json() if as_json else repr(found))


@nic.command()
@click.argument("nics", nargs=-1, required=True, type=TEXT, metavar="ADDRESS|INTERFACE...")
@click.option(
    "--driver",
    type=click.Choice(["vfio-pci", "uio_pci_generic"]),
    help="Default: vfio-pci where there is an IOMMU, else uio_pci_generic.",
)
@click.option("--user", type=TEXT, help="Let this user open them (chown of /dev/vfio/GROUP).")
@click.option("--force", is_flag=True, help="Also cut off addresses, routes and connections.")
@dry_run_option
def bind(
    nics: tuple[str, ...], driver: "UserDriver | None", user: str | None, force: bool, dry_run: bool
) -> None:
    """Take NICs from the kernel and hand them to DPDK.

    Needs root. A NIC that carries the default route or this SSH session, or that a bridge, a bond
    or a VLAN works through, is never taken. Exit code 0: they are bound; 2: they are not, and an
    error says why and what to do.
    """
    from labkit.machine import nic as taker  # late, too

    with exit_on_error():
        say(taker.bind(*nics, driver=driver, user=user, force=force, dry_run=dry_run))


@nic.command()
@click.argument("nics", nargs=-1, required=True, type=TEXT, metavar="ADDRESS...")
@dry_run_option
def unbind(nics: tuple[str, ...], dry_run: bool) -> None:
    """Give NICs back to the kernel drivers that they had.

    Needs root. Exit code 0: the kernel has them; 2: it has not, and an error says why.
    """
    from labkit.machine import nic as giver  # late, too

    with exit_on_error():
        say(giver.unbind(*nics, dry_run=dry_run))


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


for _command in (docs, *COMMANDS):
    main.add_command(_command)
