# SPDX-License-Identifier: BSD-3-Clause
"""Queues of the host: `tc -s qdisc`, /proc/net/softnet_stat, /proc/interrupts.

Counters have the names of the live source (labkit/sources/ethtool.py).
"""

import re
from collections.abc import Iterator, Sequence

from labkit.sources.ethtool import SOFTNET_COLUMNS
from labkit.trouble.evidence import Item, Place, Reading
from labkit.trouble.readers.asked import Asked
from labkit.trouble.readers.numbers import is_count

_HEAD = re.compile(
    r"^\s*qdisc (?P<kind>\S+) (?P<handle>\S+) (?:dev (?P<device>\S+) )?"
    r"(?:(?P<root>root)|parent (?P<parent>\S+))"
)
_SENT = re.compile(
    r"^\s*Sent (?P<bytes>\d{1,20}) bytes (?P<packets>\d{1,20}) pkt \(dropped (?P<drops>\d{1,20}), "
    r"overlimits (?P<overlimits>\d{1,20}) requeues (?P<requeues>\d{1,20})\)"
)
_BACKLOG = re.compile(
    r"^\s*backlog (?P<bytes>\d{1,20})(?P<unit>[KMG]?b) (?P<packets>\d{1,20})p"
    r"(?: requeues (?P<requeues>\d{1,20}))?"
)
_OVER_MEMORY = re.compile(r"^\s+maxpacket \d+ .*\bdrop_overmemory (?P<dropped>\d{1,20})\b")
_UNITS = {"b": 1, "Kb": 1024, "Mb": 1024**2, "Gb": 1024**3}
_SOFTNET = re.compile(r"^(?:[0-9a-f]{8} ){8,14}[0-9a-f]{8}\s*$")
_VECTOR = re.compile(  # of a queue, where the line of the CPUs is not there: it was searched for
    r"^\s*\d+:(?P<numbers>(?:\s+\d{1,20}){2,})\s+(?=[A-Za-z]\S*(?:MSI|APIC|GIC|ITS|xen))"
    r".*\s(?P<name>\S+)\s*$"
)
_CPUS = re.compile(r"^\s+CPU0(?:\s+CPU\d+)*\s*$")


def read(lines: Sequence[str], name: str, asked: Asked) -> Iterator[Item]:
    """Counters of qdiscs by interface, of CPUs by number."""
    yield from _qdiscs(lines, name, asked)
    yield from _softnet(lines, name, asked)
    yield from _interrupts(lines, name, asked)


def _qdiscs(lines: Sequence[str], name: str, asked: Asked) -> Iterator[Item]:
    device, where = "", ""
    for at, line in enumerate(lines):
        if head := _HEAD.match(line):
            device = head["device"] or asked.device(lines, at, "tc", "qdisc") or ""
            where = f"qdisc/{'root' if head['root'] else head['parent']}/{head['kind']}"
            counters: dict[str, int] = {}
            begin = at
        elif where and (sent := _SENT.match(line)):
            for key in ("bytes", "packets", "drops", "overlimits", "requeues"):
                counters[f"{where}/{key}"] = int(sent[key])
        elif where and (backlog := _BACKLOG.match(line)):
            counters[f"{where}/backlog_bytes"] = int(backlog["bytes"]) * _UNITS[backlog["unit"]]
            counters[f"{where}/backlog_packets"] = int(backlog["packets"])
            if at + 1 < len(lines) and (over := _OVER_MEMORY.match(lines[at + 1])):
                counters[f"{where}/drop_overmemory"] = int(over["dropped"])
            yield Reading(
                counters, Place(name, begin + 1), asked.moment(lines, begin), device, begin
            )
            where = ""


def _softnet(lines: Sequence[str], name: str, asked: Asked) -> Iterator[Item]:
    rows = [at for at, line in enumerate(lines) if _SOFTNET.match(line)]
    if not rows:
        return
    counters: dict[str, int] = {}
    begin, last = rows[0], rows[0]
    for cpu, at in enumerate(rows):
        if at > last + 1:
            break  # another reading
        last = at
        columns = [int(column, 16) for column in lines[at].split()]
        number = columns[12] if len(columns) > 12 else cpu
        for position, column in SOFTNET_COLUMNS.items():
            if position < len(columns):
                counters[f"softnet/cpu{number}/{column}"] = columns[position]
    yield Reading(counters, Place(name, begin + 1), asked.moment(lines, begin), "", begin)


def _interrupts(lines: Sequence[str], name: str, asked: Asked) -> Iterator[Item]:
    if not any(_CPUS.match(line) for line in lines):
        yield from _vectors(lines, name, asked)
        return
    cpus = 0
    for at, line in enumerate(lines):
        if _CPUS.match(line):
            cpus, begin, counters = len(line.split()), at, dict[str, int]()
            continue
        if not cpus:
            continue
        parts = line.split()
        numbers = parts[1 : 1 + cpus]
        if not parts or not parts[0].endswith(":") or not all(map(is_count, numbers)):
            if counters:
                yield Reading(
                    counters, Place(name, begin + 1), asked.moment(lines, begin), "", begin
                )
            cpus = 0
            continue
        for cpu, number in enumerate(numbers):
            counters[f"interrupts/{parts[-1]}/cpu{cpu}"] = int(number)
    if cpus and counters:
        yield Reading(counters, Place(name, begin + 1), asked.moment(lines, begin), "", begin)


def _vectors(lines: Sequence[str], name: str, asked: Asked) -> Iterator[Item]:
    """The same without the line of the CPUs: of `grep eth0 /proc/interrupts`."""
    begin, counters = 0, dict[str, int]()
    for at, line in enumerate([*lines, ""]):
        if vector := _VECTOR.match(line):
            begin = begin if counters else at
            for cpu, number in enumerate(vector["numbers"].split()):
                counters[f"interrupts/{vector['name']}/cpu{cpu}"] = int(number)
        elif counters:
            yield Reading(counters, Place(name, begin + 1), asked.moment(lines, begin), "", begin)
            counters = {}
