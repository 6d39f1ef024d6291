# SPDX-License-Identifier: BSD-3-Clause
"""Counters as names with numbers: `ethtool -S`, xstats, and what drivers write into the log."""

import re
from collections.abc import Iterator, Sequence

from labkit.trouble.evidence import Item, Moment, Place, Reading
from labkit.trouble.readers.asked import Asked

# ENA writes every counter of `ethtool -S` into the log before it resets.
_IN_LOG = re.compile(r"^ena [0-9a-f:.]+ \S+: (?P<name>[a-z]\w+): (?P<value>\d{1,20})(?:$|\s)")
_HEADER = re.compile(
    r"^\s*(?:#+ )?(?P<what>NIC statistics|Extended Statistics|NIC extended statistics for port "
    r"(?P<port>\d+))\b\s*[:#]*\s*$",
    re.IGNORECASE,
)
_COUNTER = re.compile(
    r"^\s*(?:\[(?P<queue>\d+)\]: )?(?P<name>[A-Za-z][\w.\- ()/]*?)"
    r"\s*[:=]\s*(?P<value>-?\d{1,20})\s*$"
)
_SEARCHED = re.compile(
    r"\bethtool\s+(?:-S|--statistics)\s+\S+.*\|\s*(?:sudo )?(?:[ef]?grep|awk|sed|head)\b"
)
_QUEUE_BLOCK = re.compile(r"^\s*(?P<side>[TR]x) Queue#?:?\s*(?P<queue>\d+)\s*$")
FEWEST = 3  # counters without a header


def dumped(text: str, place: Place, moment: Moment, device: str) -> Reading | None:
    """A counter that a driver wrote into the log."""
    found = _IN_LOG.match(text)
    if found is None:
        return None
    return Reading({found["name"]: int(found["value"])}, place, moment, device)


def read(lines: Sequence[str], name: str, asked: Asked) -> Iterator[Item]:
    """Blocks of counters behind a header, and files that hold nothing else."""
    at, has_header = 0, False
    while at < len(lines):
        header = _HEADER.match(lines[at])
        if header is None:
            if _SEARCHED.search(lines[at]):  # what is below has no header
                counters, end = _block(lines, at + 1)
                if counters and (device := asked.device(lines, at, "ethtool")):
                    where = Place(name, at + 2)
                    yield Reading(counters, where, asked.moment(lines, at), device, at)
                    has_header = True
            at += 1
            continue
        has_header = True
        counters, end = _block(lines, at + 1)
        if counters:
            device = asked.device(lines, at, "ethtool", "-S") or ""
            if header["port"] is not None:
                device = f"port {header['port']}"
            yield Reading(counters, Place(name, at + 1), asked.moment(lines, at), device, at)
        at = max(end, at + 1)
    if not has_header and (asked.says("ethtool", "-S") or asked.says("xstats")):
        counters, _ = _block(lines, 0)
        if len(counters) >= FEWEST:
            device = asked.device(lines, 0, "ethtool", "-S") or ""
            yield Reading(counters, Place(name, 1), asked.moment(lines, 0), device)


def _block(lines: Sequence[str], at: int) -> tuple[dict[str, int], int]:
    """The counters from a line on, and where they end."""
    counters: dict[str, int] = {}
    prefix = ""
    while at < len(lines):
        line = lines[at]
        if block := _QUEUE_BLOCK.match(line):  # vmxnet3 has each name once a queue
            prefix = f"{block['side'].lower()}q{block['queue']} "
        elif counter := _COUNTER.match(line):
            key = counter["name"].strip()
            if key in counters or prefix:
                key = _unused(counters, f"{prefix}{key}")
            counters[key] = int(counter["value"])
        elif line.strip() and not line.lstrip().startswith("#"):
            break
        at += 1
    return counters, at


def _unused(counters: dict[str, int], name: str) -> str:
    number, key = 1, name
    while key in counters:
        number += 1
        key = f"{name}#{number}"
    return key
