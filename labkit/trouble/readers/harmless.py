# SPDX-License-Identifier: BSD-3-Clause
"""Lines of ENA's drivers that may be ignored: they are told, so that nobody chases them.

Origin: EC2 user guide, Troubleshoot the ENA kernel driver on Linux.
"""

import re
from collections.abc import Iterator, Mapping, Sequence

from labkit.text import plural
from labkit.trouble.evidence import Item, Note, Place
from labkit.trouble.readers.asked import Asked

FEATURES: Mapping[str, str] = {
    "10": "RSS hash function",
    "12": "RSS indirection table",
    "18": "RSS hash input",
    "20": "interrupt moderation",
    "27": "Ethernet capabilities, which snmpd asks for",
}
FEW = 2  # of lines that matter where there are more, as rules judge
_FEATURE = re.compile(r"\bFeature (?P<number>10|12|18|20|27) isn't supported")
_ALWAYS: Mapping[str, re.Pattern[str]] = {
    "the device takes no host attributes": re.compile(
        r"Set host attribute isn't supported|Cannot set host attributes"
    ),
    "the device's events cannot be configured": re.compile(r"Failed to config AENQ"),
    "the device does not have all events": re.compile(r"(?i)Trying to set unsupported AENQ events"),
}
_FEW: Mapping[str, re.Pattern[str]] = {
    "memory was short for a moment": re.compile(r"(?i)failed to alloc buffer for rx queue"),
    "a register was read again": re.compile(r"[Rr]eading reg failed for timeout"),
}
_FAILED = re.compile(
    r"Reg read(?:32)? timeout occurred|Can not reset (?:the )?device|ena device init failed"
)


def read(lines: Sequence[str], name: str, asked: Asked) -> Iterator[Item]:
    """A note of the lines of a log that may be ignored."""
    del asked
    counts: dict[str, int] = {}
    few: dict[str, int] = {}
    first, failed = 0, False
    for at, line in enumerate(lines):
        why: str | None
        if (found := _FEATURE.search(line)) is not None:
            why = f"the device has no feature {found['number']}: {FEATURES[found['number']]}"
            counts[why] = counts.get(why, 0) + 1
        elif (why := _which(_ALWAYS, line)) is not None:
            counts[why] = counts.get(why, 0) + 1
        elif (why := _which(_FEW, line)) is not None:
            few[why] = few.get(why, 0) + 1
        else:
            failed |= _FAILED.search(line) is not None
            continue
        first = first or at + 1
    counts |= {why: number for why, number in few.items() if number <= FEW and not failed}
    if counts:
        told = plural(sum(counts.values()), "line")
        yield Note(Place(name, first), f"{told} of ENA to ignore: {'; '.join(counts)}")


def _which(patterns: Mapping[str, re.Pattern[str]], line: str) -> str | None:
    return next((why for why, pattern in patterns.items() if pattern.search(line)), None)
