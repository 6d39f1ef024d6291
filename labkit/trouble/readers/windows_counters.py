# SPDX-License-Identifier: BSD-3-Clause
"""ENA's performance counters of Windows ("ENA Packets Shaping"), as Get-Counter and typeperf print
them. They become those that Linux has, of the counter's instance ("ENA #1")."""

import csv
import re
from collections.abc import Iterator, Mapping, Sequence

from labkit.trouble.evidence import Item, Place, Reading
from labkit.trouble.readers.asked import Asked
from labkit.trouble.readers.windows import moment_of

NAMES: Mapping[str, str] = {
    "aggregate inbound bw allowance exceeded": "bw_in_allowance_exceeded",
    "aggregate outbound bw allowance exceeded": "bw_out_allowance_exceeded",
    "pps allowance exceeded": "pps_allowance_exceeded",
    "connection tracking allowance exceeded": "conntrack_allowance_exceeded",
    "link local packet rate allowance exceeded": "linklocal_allowance_exceeded",
}
_PATH = re.compile(
    r"(?i)\\ENA Packets Shaping\((?P<device>[^)]{1,80})\)\\(?P<name>[a-z][a-z ]{1,60}?)"
    r"(?=\s*[:\",]|\s*$)"
)
_VALUE = re.compile(r"^\s*(?P<whole>\d{1,20})(?:[.,]\d+)?\s*$")  # with either decimal mark
_TIME = re.compile(r"^(?P<time>\S+ \d{1,2}:\d\d:\d\d(?: [AP]M)?)\s")


def read(lines: Sequence[str], name: str, asked: Asked) -> Iterator[Item]:
    """A reading for each instance and time."""
    del asked
    for at, line in enumerate(lines):
        if line.startswith('"(PDH-CSV') and _PATH.search(line):
            yield from _csv(lines, at, name)
            return
    yield from _samples(lines, name)


def _samples(lines: Sequence[str], name: str) -> Iterator[Item]:
    """Of Get-Counter: a path, and its value in the line below."""
    told: dict[str, dict[str, int]] = {}
    time, begin = "", 0

    def done() -> Iterator[Item]:
        for device, counters in told.items():
            yield Reading(counters, Place(name, begin + 1), moment_of(time), device, begin)
        told.clear()

    for at, line in enumerate(lines[:-1]):
        found = _PATH.search(line)
        key = NAMES.get(found["name"].strip().casefold()) if found else None
        value = _VALUE.match(lines[at + 1])
        if found is None or key is None or value is None:
            continue
        device = _device(found["device"])
        if (when := _TIME.match(line)) or key in told.get(device, {}):
            yield from done()
            time, begin = (when["time"] if when else time), at
        told.setdefault(device, {})[key] = int(value["whole"])
    yield from done()


def _csv(lines: Sequence[str], at: int, name: str) -> Iterator[Item]:
    """Of typeperf and relog: paths in the first row, then a row for each time."""
    try:
        rows = list(csv.reader(lines[at:]))
    except csv.Error:
        return
    paths = [_PATH.search(head) for head in rows[0]]
    for number, row in enumerate(rows[1:], at + 2):
        told: dict[str, dict[str, int]] = {}
        for path, cell in zip(paths, row, strict=False):
            key = NAMES.get(path["name"].strip().casefold()) if path else None
            value = _VALUE.match(cell)
            if path and key and value:
                told.setdefault(_device(path["device"]), {})[key] = int(value["whole"])
        for device, counters in told.items():
            time = row[0].partition(".")[0]
            yield Reading(counters, Place(name, number), moment_of(time), device, number)


def _device(text: str) -> str:
    """Get-Counter writes all of a path small."""
    return re.sub(r"^ena #", "ENA #", text)
