# SPDX-License-Identifier: BSD-3-Clause
"""Logs as text: the kernel's, the journal's, syslog's, those of DPDK applications.

A log may have gigabytes, of which a few lines matter: all patterns are searched at once, in blocks,
by RE2, and only lines in which one is found are looked at.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from typing import Any

import re2

from labkit.trouble.evidence import Event, Fact, Item, Note, Place
from labkit.trouble.moments import Dater
from labkit.trouble.opened import Readable
from labkit.trouble.readers.clocks import Clocks
from labkit.trouble.readers.dumps import dumped
from labkit.trouble.rules import LineSign, rules

BLOCK = 4 << 20
LONGEST_LINE = 64 << 10  # of which the rest is passed over
MOST_ALIKE = 1_000  # lines of one shape that are kept; of more the last one, and their number
MOST_SHAPES = 50_000

_DEVICES = re.compile(
    r"\b(?P<pci>[0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7])"
    r"(?: (?P<name>[A-Za-z][\w.-]{0,14}))?: "
)
_PROBED = re.compile(r"\bprobe of (?P<pci>[0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]) failed\b")
_NAMED = re.compile(r"^(?:[a-z]\w+: )?(?P<name>(?:eth|ens|enp|eno|bond|team)[\w.-]{1,14}): ")
# As the kernel names a network device: driver, place on its bus, interface
_DRIVEN = re.compile(r"^[a-z]\w+ [\w.:-]*\d[\w.:-]* (?P<name>[A-Za-z][\w.-]{0,14}): ")
_WATCHED = re.compile(r"\bNETDEV WATCHDOG: (?P<name>[A-Za-z][\w.-]{0,14})(?: \(|: transmit)")
# What a driver tells of a hang in lines of its own below the first, which are put behind that one
_HANG = re.compile(rb"Detected (?:Tx|Hardware) Unit Hang")
_REGISTER = re.compile(
    rb"\b(?:Tx Queue|TDH(?:, TDT)?|TDT|next_to_(?:use|clean|watch(?:\.status)?)|desc\.status)"
    rb" +<[0-9a-f]+>.*"
)
_VALUE = re.compile(rb"<[0-9a-f]+>")
MOST_BELOW = 14  # lines: so long is the longest of them
_BREAK = re.compile(r"\n|#012|\\x0a")  # a line's end in the journal, syslog and /dev/kmsg
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
    patterns.append(plain(_REGISTER.pattern.decode()).removesuffix(".*"))
    patterns.append(r"ena [0-9a-f:.]+ \S+: [a-z]\w+: \d+")
    return re2.compile("|".join(f"(?:{pattern})" for pattern in patterns).encode(), options)


# What is left as it is: escapes and sets of characters; and what is taken away: the ends of a line.
_ANCHORS = re.compile(r"(\\.|\[\^?\]?(?:\\.|[^\]\\])*\])|[\^$]")


def plain(pattern: str) -> str:
    """To be searched for in a block of lines: without the names of groups, which may come again,
    and without the ends of a line. It finds what the pattern finds in a line, and maybe more."""
    return _ANCHORS.sub(lambda found: found[1] or "", re.sub(r"\(\?P<\w+>", "(?:", pattern))


def candidates(stream: Readable) -> Iterator[tuple[int, bytes]]:
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
            yield number, data[begin : min(stop, begin + LONGEST_LINE)]
            number += 1 if stop < end else 0
            at = stop + 1
        if at < end:
            number += data.count(b"\n", at, end)
        if not block:
            return
        rest = data[end:]


def joined(lines: Iterable[tuple[int, bytes]]) -> Iterator[tuple[int, bytes]]:
    """The same, with what a driver tells of a hang in several lines as one."""
    begun: tuple[int, bytes] | None = None
    for number, line in lines:
        is_head = _HANG.search(line) is not None
        register = None if is_head else _REGISTER.search(line)
        if begun is not None and register is not None and number - begun[0] <= MOST_BELOW:
            begun = begun[0], b"%b %b" % (begun[1].rstrip(), b" ".join(register[0].split()))
            continue
        if begun is not None:
            yield begun
            begun = None
        if is_head:
            begun = number, line
        elif register is None:
            yield number, line
    if begun is not None:
        yield begun


def read(stream: Readable, name: str, until: datetime) -> Iterator[Item]:
    """Events and facts of a log.

    until: when it was closed at the latest, for times without a year
    """
    dater, clocks = Dater(until), Clocks(name)
    alike: dict[bytes, int] = {}  # lines by their shape, which is all but digits and registers
    latest: dict[bytes, tuple[int, bytes]] = {}
    for number, line in joined(candidates(stream)):
        shape = _VALUE.sub(b"<>", line).translate(None, b"0123456789")
        before = alike.get(shape, 0)
        if before < MOST_ALIKE and (before or len(alike) < MOST_SHAPES):
            yield from _items(number, line, name, dater, clocks)
        elif before:
            latest[shape] = number, line
        alike[shape] = before + 1
    for shape, (number, line) in latest.items():
        for item in _items(number, line, name, dater):
            yield (
                replace(item, repeats=alike[shape] - MOST_ALIKE - 1)
                if isinstance(item, Event)
                else item
            )
    if len(alike) > MOST_SHAPES:
        told = f"lines of more than {MOST_SHAPES:,} kinds matter; the later ones were not judged"
        yield Note(Place(name), told, True)
    yield from clocks.notes()
    if dater.assumed_year:
        yield Note(
            Place(name), f"its times have no year; the last before {until:%Y-%m-%d} is taken"
        )
    if dater.assumed_zone:
        yield Note(Place(name), "its times have no zone; they are taken as UTC")


def of_lines(lines: Iterable[str], name: str, first: int, dater: Dater) -> Iterator[Item]:
    """Events and facts of lines that come one by one; first: the number of the first of them."""
    numbered = ((number, line.encode()) for number, line in enumerate(lines, first))
    known = ((number, line) for number, line in numbered if _all_patterns().search(line))
    for number, line in joined(known):
        yield from _items(number, line, name, dater)


def _items(
    number: int, line: bytes, name: str, dater: Dater, clocks: Clocks | None = None
) -> Iterator[Item]:
    """What a line tells."""
    moment, text = dater.read(line.decode("utf-8", errors="replace").rstrip("\r"))
    text = _BREAK.sub(" ", text)
    if clocks is not None:
        yield from clocks.see(number, moment, dater.boot, text)
    place, device = Place(name, number), device_of(text)
    if (reading := dumped(text, place, moment, device)) is not None:
        yield reading
        return
    for pattern, fact in _FACTS:
        if found := pattern.search(text):
            yield Fact(fact, found[1], place, device)
    yield Event(text, place, moment, device)


def device_of(text: str) -> str:
    """The interface that a message names, else its PCI address; "" of a slot, whose address is not
    that of the card in it."""
    found = (
        _DEVICES.search(text)
        or _PROBED.search(text)
        or _NAMED.match(text)
        or _WATCHED.search(text)
        or _DRIVEN.match(text)
    )
    if found is None or text.startswith("pcieport "):
        return ""
    groups = found.groupdict()
    return groups.get("name") or groups.get("pci") or ""
