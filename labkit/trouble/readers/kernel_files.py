# SPDX-License-Identifier: BSD-3-Clause
"""What stands in files of /sys and /proc: `grep -H . FILES`, `cat FILE`, or the files themselves as
sosreport keeps them.

The kernel's settings become counters ("sysctl/net.core.busy_poll"), those of interfaces and modules
facts ("bql", "module/force_large_llq_header").
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from labkit.trouble.evidence import Fact, Item, Place, Reading
from labkit.trouble.readers.asked import Asked
from labkit.trouble.readers.numbers import is_count

_GREPPED = re.compile(r"^\s*(?P<path>/(?:sys|proc)/[^\s:]+): ?(?P<value>\S.*)$")
_SHOWN = re.compile(r"(?:^|[$#>]\s*|\bsudo )cat (?P<path>/(?:sys|proc)/\S+)\s*$")
_MEMBER = re.compile(r"(?:^|[/:])(?P<path>(?:sys|proc)/(?:[\w.-]+/)*[\w.-]+)$")
_LIMIT = re.compile(
    r"^/sys/class/net/(?P<device>[^/]+)/queues/(?P<queue>tx-\d+)"
    r"/byte_queue_limits/(?P<name>limit(?:_min|_max)?)$"
)
_PARAMETER = re.compile(r"^/sys/module/(?P<module>ena|ixgbevf)/parameters/(?P<name>\w+)$")
_NAMES = re.compile(r"(?:^|\s)net\.ifnames=(?P<value>[01])(?:\s|$)")


def read(lines: Sequence[str], name: str, asked: Asked) -> Iterator[Item]:
    """Counters of the machine, facts of interfaces and modules."""
    sysctls: dict[str, int] = {}
    first = 0
    limits: dict[str, dict[str, dict[str, int]]] = defaultdict(lambda: defaultdict(dict))
    places: dict[str, Place] = {}
    for at, path, value in _values(lines, name):
        place = Place(name, at + 1)
        if path == "/proc/sys/net/ipv4/tcp_mem" and all(map(is_count, value.split())):
            first = first if sysctls else at
            sysctls["sysctl/net.ipv4.tcp_mem/most"] = int(value.split()[-1])
        elif path.startswith("/proc/sys/") and is_count(value):
            first = first if sysctls else at
            sysctls[f"sysctl/{path.removeprefix('/proc/sys/').replace('/', '.')}"] = int(value)
        elif (found := _LIMIT.match(path)) and is_count(value):
            limits[found["device"]][found["queue"]][found["name"]] = int(value)
            places.setdefault(found["device"], place)
        elif found := _PARAMETER.match(path):
            yield Fact(f"module/{found['name']}", value, place)
        elif path == "/proc/cmdline" and (found := _NAMES.search(value)):
            yield Fact("net.ifnames", found["value"], place)
    if sysctls:
        yield Reading(sysctls, Place(name, first + 1), asked.moment(lines, first), "", first)
    for device, queues in limits.items():
        if (state := _bql(queues)) is not None:
            yield Fact("bql", state, places[device], device)


def _values(lines: Sequence[str], name: str) -> Iterator[tuple[int, str, str]]:
    """Line, path and value."""
    member = _MEMBER.search(name)
    if member is not None and len(lines) == 1:
        yield 0, f"/{member['path']}", lines[0].strip()
        return
    shown = ""
    for at, line in enumerate(lines):
        if found := _GREPPED.match(line):
            yield at, found["path"], found["value"].strip()
        elif found := _SHOWN.search(line):
            shown = found["path"]
        elif shown:
            yield at, shown, line.strip()
            shown = ""


def _bql(queues: Mapping[str, Mapping[str, int]]) -> str | None:
    """Whether queues are limited: a limit that was never used stays 0, and one that may not fall
    limits nothing. None where that is not told."""
    known = [q for q in queues.values() if "limit" in q and "limit_min" in q]
    if not known:
        return None
    return "on" if any(q["limit"] > 0 and q["limit_min"] < q["limit"] for q in known) else "off"
