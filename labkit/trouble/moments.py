# SPDX-License-Identifier: BSD-3-Clause
"""When a line of a log was written, by what stands in front of its message."""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from labkit.trouble.evidence import Moment

_BOOT = re.compile(r"(?:<\d+>)?\[\s*(?P<seconds>\d+\.\d{1,9})\] ?(?:\[ *[TC]\d+\] ?)?")
# Of dmesg -H and -d: what passed since the line before, which tells no time
_DELTA = re.compile(r"\[(?:[A-Z][a-z]{2}\d{1,2} \d\d:\d\d| *[<+] *\d+\.\d+>?)\] ")
_ISO = re.compile(
    r"(?P<date>\d{4}-\d\d-\d\d)[T ](?P<time>\d\d:\d\d:\d\d)(?:[.,](?P<part>\d{1,9}))?"
    r"(?P<zone> ?(?:Z|UTC|[+-]\d\d:?\d\d))?"
)
_SYSLOG = re.compile(
    r"(?P<month>[A-Z][a-z]{2}) {1,2}(?P<day>\d{1,2}) "
    r"(?P<time>\d\d:\d\d:\d\d)(?:\.(?P<part>\d{1,9}))?"
)
_CTIME = re.compile(
    r"\[?(?:[A-Z][a-z]{2} )?(?P<month>[A-Z][a-z]{2}) {1,2}(?P<day>\d{1,2}) "
    r"(?P<time>\d\d:\d\d:\d\d)(?:\.(?P<part>\d{1,9}))?(?: [A-Z]{3,4})? (?P<year>\d{4})\]? ?"
)
_KLOG = re.compile(
    r"[IWEF](?P<month>\d\d)(?P<day>\d\d) (?P<time>\d\d:\d\d:\d\d)\.(?P<part>\d{1,9}) +\d+ \S+\] "
)
_YEAR_FIRST = re.compile(
    r"(?P<year>\d{4}) (?P<month>[A-Z][a-z]{2}) {1,2}(?P<day>\d{1,2}) "
    r"(?P<time>\d\d:\d\d:\d\d)(?:\.(?P<part>\d{1,9}))?"
)
_LEVEL = re.compile(r"^(?:(?:kern|user|daemon|syslog)\s*:\s*\w+\s*:\s*|\[(?=\d{4}-\d\d-))")
_UNIX = re.compile(r"(?P<seconds>1\d{9}\.\d{1,9}) ")
_HOST = re.compile(r" (?P<host>\S+) (?P<who>[\w./@-]+)(?:\[\d+\])?: ")
# OpenWrt's logread
_FACILITY = re.compile(
    r" ?[a-z]\w+\.(?:emerg|alert|crit|err|warn|notice|info|debug) [\w./@-]+(?:\[\d+\])?: "
)
MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
MOST_IN_FRONT = 60  # characters in front of a time
FUTURE = timedelta(days=1)  # clocks of two machines may differ


class Dater:
    """Reads the times of one file's lines.

    A time without a year is of the last year in which it is not in the future of `until`; without
    a zone it is taken as UTC. Both are told by the properties.
    """

    def __init__(self, until: datetime) -> None:
        self.until = until
        self.assumed_year = False
        self.assumed_zone = False
        self.boot: float | None = None  # the kernel's own time of the line, where it has two

    def read(self, line: str) -> tuple[Moment, str]:
        """When it was, and the message."""
        self.boot = None
        if line.startswith("{") and (exported := _of_json(line)) is not None:
            moment, message, self.boot = exported
            return moment, message
        line = _LEVEL.sub("", line)
        for pattern, wall in _SHAPES:
            found = pattern.match(line)
            if found is None:
                continue
            seconds = wall(self, found)
            if seconds is None:
                continue
            rest = line[found.end() :].removeprefix("]")
            if host := _FACILITY.match(rest) or _HOST.match(rest):
                rest = rest[host.end() :]
            if boot := _BOOT.match(rest.lstrip()):  # the kernel's own time behind syslog's
                self.boot = float(boot["seconds"])
                rest = rest.lstrip()[boot.end() :]
            return Moment("wall", seconds), rest.strip()
        if delta := _DELTA.match(line):
            return Moment(), line[delta.end() :].strip()
        if boot := _BOOT.match(line):
            return Moment("boot", float(boot["seconds"])), line[boot.end() :].strip()
        if inside := _ISO.search(line, 0, MOST_IN_FRONT):  # behind an application's own words
            seconds = self._iso(inside)
            if seconds is not None:
                return Moment("wall", seconds), line[inside.end() :].lstrip("]: ").strip()
        return Moment(), line.strip()

    def _iso(self, found: re.Match[str]) -> float | None:
        zone = (found["zone"] or "").strip().replace("UTC", "Z").replace("Z", "+00:00")
        self.assumed_zone |= not zone
        return _seconds(f"{found['date']}T{found['time']}{zone or '+00:00'}", found["part"])

    def _dated(self, found: re.Match[str]) -> float | None:
        month, day = _month(found["month"]), int(found["day"])
        if month is None:
            return None
        self.assumed_zone = True
        if "year" in found.re.groupindex:
            return _seconds(
                f"{found['year']}-{month:02}-{day:02}T{found['time']}+00:00", found["part"]
            )
        self.assumed_year = True
        for year in (self.until.year, *range(self.until.year - 1, self.until.year - 5, -1)):
            text = f"{year}-{month:02}-{day:02}T{found['time']}+00:00"
            seconds = _seconds(text, found["part"])
            if seconds is not None and seconds <= (self.until + FUTURE).timestamp():
                return seconds
        return None

    def _unix(self, found: re.Match[str]) -> float | None:
        return float(found["seconds"])


def _month(text: str) -> int | None:
    if text.isdigit():
        return int(text)
    return MONTHS.index(text) + 1 if text in MONTHS else None


def _of_json(line: str) -> tuple[Moment, str, float | None] | None:
    """A line of `journalctl -o json`: its time, its message, and the kernel's own time."""
    try:
        entry = json.loads(line)
        microseconds, message = int(entry["__REALTIME_TIMESTAMP"]), entry["MESSAGE"]
        boot = entry.get("__MONOTONIC_TIMESTAMP")
        boot = None if boot is None else int(boot) / 1e6
        if isinstance(message, list):  # bytes that are no UTF-8
            message = bytes(message).decode("utf-8", errors="replace")
        return Moment("wall", microseconds / 1e6), str(message).strip(), boot
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError):
        return None


def _seconds(text: str, part: str | None) -> float | None:
    """Of a date in ISO 8601; None for one that does not exist."""
    try:
        whole = datetime.fromisoformat(text).astimezone(UTC).timestamp()
    except ValueError:
        return None
    return whole + (float(f"0.{part}") if part else 0.0)


_SHAPES: tuple[tuple[re.Pattern[str], Callable[[Dater, re.Match[str]], float | None]], ...] = (
    (_ISO, Dater._iso),
    (_CTIME, Dater._dated),
    (_SYSLOG, Dater._dated),
    (_YEAR_FIRST, Dater._dated),
    (_KLOG, Dater._dated),
    (_UNIX, Dater._unix),
)
