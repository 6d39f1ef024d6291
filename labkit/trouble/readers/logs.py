# SPDX-License-Identifier: BSD-3-Clause
"""Logs as text: the kernel's, the journal's, syslog's, those of DPDK applications.

A log may have gigabytes, of which a few lines matter: all patterns are searched at once, in blocks,
by RE2, and only lines in which one is found are looked at.
"""

import re
from collections.abc import Iterator
from datetime import datetime
from functools import lru_cache
from typing import Any

import re2

from labkit.trouble.evidence import Event, Fact, Item, Note, Place
from labkit.trouble.moments import Dater
from labkit.trouble.opened import Readable
from labkit.trouble.readers.dumps import dumped
from labkit.trouble.rules import LineSign, rules

BLOCK = 4 << 20
LONGEST_LINE = 64 << 10  # of which the rest is passed over
MOST_EVENTS = 200_000  # of a file; what follows is counted

_DEVICES = re.compile(
    r"^(?:[a-z]\w+ )?(?P<pci>[0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7])"
    r"(?: (?P<name>[A-Za-z][\w.-]{0,14}))?: "
)
_NAMED = re.compile(r"^(?:[a-z]\w+: )?(?P<name>(?:eth|ens|enp|eno|bond|team)[\w.-]{1,14}): ")
_WATCHED = re.compile(r"^NETDEV WATCHDOG: (?P<name>[A-Za-z][\w.-]{0,14}) \(")
_FACTS = (
    (re.compile(r"Elastic Network Adapter \(ENA\) v(?P<version>\d[\w.]*)"), "version"),
    (re.compile(r"ENA Large LLQ is (?P<llq>enabled|disabled)"), "llq_large"),
    (re.compile(r"^Linux version (?P<kernel>\S+)"), "kernel"),
)


@lru_cache(maxsize=1)
def _all_patterns() -> Any:
    options = re2.Options()
    options.max_mem = 256 << 20
    options.encoding = re2.Options.Encoding.LATIN1
    options.never_nl = False
    patterns = [
        plain(sign.pattern.pattern)
        for rule in rules().values()
        for sign in rule.signs.values()
        if isinstance(sign, LineSign)
    ]
    patterns += [plain(pattern.pattern) for pattern, _ in _FACTS]
    patterns.append(r"ena [0-9a-f:.]+ \S+: [a-z]\w+: \d+")
    return re2.compile("|".join(f"(?:{pattern})" for pattern in patterns).encode(), options)


def plain(pattern: str) -> str:
    """Without the names of groups, which may come again, and the line's beginning."""
    return re.sub(r"\(\?P<\w+>", "(?:", pattern).replace("^", "")


def candidates(stream: Readable) -> Iterator[tuple[int, str]]:
    """Lines that may matter, with their numbers from 1."""
    search, number, rest = _all_patterns().search, 1, b""
    while True:
        block = stream.read(BLOCK)
        data = rest + block
        end = data.rfind(b"\n") + 1 if block else len(data)
        if end == 0 and len(data) > LONGEST_LINE:
            end = len(data)
        at = 0
        while at < end and (found := search(data, at, end)):
            begin = data.rfind(b"\n", at, found.start()) + 1 or at
            stop = data.find(b"\n", found.start(), end)
            stop = end if stop < 0 else stop
            number += data.count(b"\n", at, begin)
            text = data[begin : min(stop, begin + LONGEST_LINE)]
            yield number, text.decode("utf-8", errors="replace").rstrip("\r")
            number += 1 if stop < end else 0
            at = stop + 1
        if at < end:
            number += data.count(b"\n", at, end)
        if not block:
            return
        rest = data[end:]


def read(stream: Readable, name: str, until: datetime) -> Iterator[Item]:
    """Events and facts of a log.

    until: when it was closed at the latest, for times without a year
    """
    dater = Dater(until)
    kept = 0
    for number, line in candidates(stream):
        moment, text = dater.read(line)
        place, device = Place(name, number), device_of(text)
        if (reading := dumped(text, place, moment, device)) is not None:
            yield reading
            continue
        for pattern, fact in _FACTS:
            if found := pattern.search(text):
                yield Fact(fact, found[1], place, device)
        kept += 1
        if kept <= MOST_EVENTS:
            yield Event(text, place, moment, device)
    told = "no line that a rule knows" if not kept else f"{kept:,} lines that rules know"
    yield Note(Place(name), f"a log: {told}")
    if kept > MOST_EVENTS:
        yield Note(Place(name), f"only the first {MOST_EVENTS:,} of these lines were judged", True)
    if dater.assumed_year:
        yield Note(
            Place(name), f"its times have no year; the last before {until:%Y-%m-%d} is taken"
        )
    if dater.assumed_zone:
        yield Note(Place(name), "its times have no zone; they are taken as UTC")


def device_of(text: str) -> str:
    """The interface that a message names, else its PCI address."""
    found = _DEVICES.match(text) or _NAMED.match(text) or _WATCHED.match(text)
    if found is None:
        return ""
    groups = found.groupdict()
    return groups.get("name") or groups.get("pci") or ""
