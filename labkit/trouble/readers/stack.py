# SPDX-License-Identifier: BSD-3-Clause
"""What the system's protocols say: /proc/net/snmp, nstat, sysctl, ping, ip address, ip rule."""

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from ipaddress import ip_interface

from labkit.trouble.evidence import Fact, Item, Place, Reading
from labkit.trouble.readers.asked import Asked

_SNMP = re.compile(r"^(?P<of>Ip|Icmp|Tcp|Udp|UdpLite|TcpExt|IpExt): (?P<columns>.+)$")
_NSTAT = re.compile(
    r"^(?P<of>Ip6|Ip|Icmp6|Icmp|Tcp|Udp6|Udp|TcpExt|IpExt)(?P<name>[A-Z]\w+)"
    r"\s+(?P<value>[0-9]{1,20})\s+\d+\.\d+\s*$"
)
_SYSCTL = re.compile(r"^(?P<name>(?:net|vm)\.[\w./-]+) ?= ?(?P<value>[0-9]{1,20})\s*$")
_TCP_MEM = re.compile(
    r"^(?:net\.ipv4\.)?tcp_mem ?= ?[0-9]{1,12}\s+[0-9]{1,12}\s+(?P<most>[0-9]{1,12})\s*$"
)
_SOCKSTAT = re.compile(r"^(?P<of>TCP|UDP|FRAG): (?P<pairs>(?:[a-z]+ [0-9]{1,12}\s*){1,6})$")
_PING = re.compile(r"^PING (?P<target>\S+) .*?(?P<size>[0-9]{1,9})(?:\(\d+\))? (?:data )?bytes")
_PING_OVER = re.compile(
    r"^(?P<sent>[0-9]{1,18}) packets transmitted, (?P<received>[0-9]{1,18}) (?:packets )?rec"
)
_HEAD = re.compile(r"^\d+: (?P<name>[^:@\s]+)(?:@\S+)?: <")
_ADDRESS = re.compile(
    r"^(?:\d+: (?P<name>\S+))?\s+inet (?P<address>[\d.]+/\d+) .*scope global(?! secondary)"
)
_RULE = re.compile(r"^\d+:\s+from (?P<source>\d\S+) lookup (?P<table>\S+)")


def read(lines: Sequence[str], name: str, asked: Asked) -> Iterator[Item]:
    """Counters and facts of the machine."""
    yield from _snmp(lines, name, asked)
    yield from _single(lines, name, asked)
    yield from _sockets(lines, name, asked)
    yield from _pings(lines, name, asked)
    yield from _addresses(lines, name)


def _snmp(lines: Sequence[str], name: str, asked: Asked) -> Iterator[Item]:
    """Names in one line, values in the next."""
    counters: dict[str, int] = {}
    begin = 0
    for at, line in enumerate(lines[:-1]):
        names, values = _SNMP.match(line), _SNMP.match(lines[at + 1])
        if names is None or values is None or names["of"] != values["of"]:
            continue
        numbers = values["columns"].split()
        if not all(re.fullmatch(r"-?[0-9]{1,20}", number) for number in numbers):
            continue
        told = {
            f"stack/{names['of']}/{column}": int(number)
            for column, number in zip(names["columns"].split(), numbers, strict=False)
        }
        if told.keys() & counters.keys():  # another reading
            yield Reading(counters, Place(name, begin + 1), asked.moment(lines, begin), "", begin)
            counters = {}
        begin = begin if counters else at
        counters |= told
    if counters:
        yield Reading(counters, Place(name, begin + 1), asked.moment(lines, begin), "", begin)


def _single(lines: Sequence[str], name: str, asked: Asked) -> Iterator[Item]:
    """One name and one value a line."""
    counters: dict[str, int] = {}
    begin = 0
    for at, line in enumerate(lines):
        if found := _NSTAT.match(line):
            key = f"stack/{found['of']}/{found['name']}"
        elif found := _SYSCTL.match(line):
            key = f"sysctl/{found['name']}"
        elif found := _TCP_MEM.match(line):
            counters["sysctl/net.ipv4.tcp_mem/most"] = int(found["most"])
            continue
        else:
            continue
        if key in counters:
            yield Reading(counters, Place(name, begin + 1), asked.moment(lines, begin), "", begin)
            counters = {}
        begin = begin if counters else at
        counters[key] = int(found["value"])
    if counters:
        yield Reading(counters, Place(name, begin + 1), asked.moment(lines, begin), "", begin)


def _sockets(lines: Sequence[str], name: str, asked: Asked) -> Iterator[Item]:
    """/proc/net/sockstat: memory is told in pages."""
    for at, line in enumerate(lines):
        if found := _SOCKSTAT.match(line):
            words = found["pairs"].split()
            pairs = zip(words[::2], words[1::2], strict=True)
            told = {f"sockstat/{found['of']}/{key}": int(value) for key, value in pairs}
            yield Reading(told, Place(name, at + 1), asked.moment(lines, at), "", at)


def _pings(lines: Sequence[str], name: str, asked: Asked) -> Iterator[Item]:
    """How many of which size came back; sizes are those that ping is given."""
    asking: re.Match[str] | None = None
    for at, line in enumerate(lines):
        if found := _PING.match(line):
            asking = found
        elif asking is not None and (over := _PING_OVER.match(line)):
            of = f"ping/{asking['target']}/{asking['size']}"
            counters = {f"{of}/sent": int(over["sent"]), f"{of}/received": int(over["received"])}
            yield Reading(counters, Place(name, at + 1), asked.moment(lines, at), "", at)
            asking = None


def _addresses(lines: Sequence[str], name: str) -> Iterator[Item]:
    """Subnets that several interfaces are in, and rules that send by the source's address."""
    device = ""
    interfaces: dict[str, set[str]] = defaultdict(set)
    for at, line in enumerate(lines):
        if head := _HEAD.match(line):
            device = head["name"]
        if found := _ADDRESS.match(line):
            try:
                subnet = str(ip_interface(found["address"]).network)
            except ValueError:
                continue
            if not subnet.endswith("/32"):
                interfaces[subnet].add(found["name"] or device)
                if len(interfaces[subnet]) == 2:
                    yield Fact("shared_subnet", subnet, Place(name, at + 1))
        elif found := _RULE.match(line):
            yield Fact("source_rule", found["source"], Place(name, at + 1))
        elif re.match(r"^0:\s+from all lookup local", line):
            yield Fact("rules_shown", "1", Place(name, at + 1))
