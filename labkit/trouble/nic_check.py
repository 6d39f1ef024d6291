# SPDX-License-Identifier: BSD-3-Clause
"""One interface of this machine, looked at now: its settings, and its counters twice."""

import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from labkit.errors import LabError
from labkit.text import near
from labkit.trouble.case import Case
from labkit.trouble.collect import CLASS, OF_INTERFACE, kernel_files, output_of
from labkit.trouble.evidence import Evidence, Note, Place
from labkit.trouble.gathered import counted, outputs
from labkit.trouble.judge import judge

SECONDS = 2.0


def check(interface: str, seconds: float = SECONDS) -> Case:
    """What is wrong with an interface of this network namespace, or could be set better, as far as
    it can be seen within so many seconds.

    Raises LabError for one that there is not.
    """
    there = sorted(entry.name for entry in CLASS.iterdir())
    if interface not in there:
        raise LabError(f"there is no interface {interface!r}{near(interface, there)}")
    evidence = Evidence()
    for command in _settings(interface):
        _add(evidence, command)
    _add(evidence, kernel_files(interface), "the kernel's files")
    for begins in (True, False):
        for command in _counters(interface):
            _add(evidence, command)
        if begins:
            time.sleep(seconds)
    return Case(evidence, judge(evidence))


def _settings(interface: str) -> Iterator[Sequence[str]]:
    yield "cat", "/sys/class/dmi/id/product_name"
    yield "uname", "-a"
    yield "nproc", "--all"
    for option in OF_INTERFACE:
        yield "ethtool", option, interface


def _counters(interface: str) -> Iterator[Sequence[str]]:
    yield "ethtool", "-S", interface
    yield "ip", "-s", "link", "show", "dev", interface
    yield "tc", "-s", "qdisc", "show", "dev", interface
    yield "cat", "/proc/net/softnet_stat"
    yield "cat", "/proc/interrupts"
    yield "cat", "/proc/net/snmp"


def _add(evidence: Evidence, command: Sequence[str], name: str = "") -> None:
    name = name or " ".join(command)
    text, why = output_of(command)
    if why:
        evidence.add(Note(Place(name), f"not known: {why}"))
        return
    for item in counted(outputs(text, name, datetime.now(UTC)), name):
        evidence.add(item)
