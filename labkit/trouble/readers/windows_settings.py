# SPDX-License-Identifier: BSD-3-Clause
"""Settings of Windows' adapters, as PowerShell prints them: Get-NetAdapter, Get-NetAdapterRss,
Get-NetAdapterAdvancedProperty, Get-NetAdapterStatistics, Get-PnpDevice, pnputil, systeminfo.

Facts of ENA's adapters alone are told. They are named "adapter/...", and belong to the adapter
("Ethernet 2").
"""

import re
from collections.abc import Iterator, Mapping, Sequence

from labkit.trouble.evidence import Fact, Item, Place, Reading
from labkit.trouble.readers.asked import Asked
from labkit.trouble.readers.powershell import Record, records
from labkit.trouble.versions import version

ENA = "elastic network adapter"
ETHERNET_HEADER = 14  # bytes that Jumbo Packet counts and the MTU does not
# By the registry's keyword, which no language translates, and by the English name
_PROPERTIES: Mapping[str, str] = {
    "*receivebuffers": "receive_buffers",
    "receive buffers": "receive_buffers",
    "*transmitbuffers": "transmit_buffers",
    "transmit buffers": "transmit_buffers",
    "*jumbopacket": "jumbo_packet",
    "jumbo packet": "jumbo_packet",
    "*rss": "rss",
    "receive side scaling": "rss",
    "*numrssqueues": "rss_queues",
    "maximum number of rss queues": "rss_queues",
    "llq header size policy": "llq_policy",
    "metrics refresh interval": "metrics_refresh",
}
_OURS = frozenset({"llq header size policy", "metrics refresh interval"})  # of ENA alone
_COUNTERS: Mapping[str, str] = {
    "receiveddiscardedpackets": "adapter/rx_discarded",
    "outbounddiscardedpackets": "adapter/tx_discarded",
    "receivedpacketerrors": "adapter/rx_errors",
}
_WHOLE = re.compile(r"^\{?(?P<number>\d{1,20})\}?$")
_GROUP = re.compile(r"^(?:(?P<group>\d+):)?(?P<number>\d{1,4})$")
_OS = re.compile(r"(?i)^[^:]{2,40}:.*\bWindows (?:Server )?(?P<name>20\d\d(?: R2)?|10|11)\b")
_CPUS = re.compile(r"^\s*NumberOfLogicalProcessors\s*: ?(?P<number>\d{1,4})\s*$")
_VALUES = ("displayvalue", "registryvalue")
_PACKAGE = re.compile(r"^\d{1,4}[./-]\d{1,2}[./-]\d{1,4} \d+(?:\.\d+){3}$")
_DRIVER = ("driverversion", "driverversionstring", "driverinformation")
_MATTERS = re.compile(r"(?i)elastic network adapter|llq header size|\bena\.inf\b")


def is_ena(record: Record) -> bool:
    """Whether it names the adapter's kind."""
    named = record.get("interfacedescription", "") + record.get("friendlyname", "")
    return ENA in named.casefold()


def read(lines: Sequence[str], name: str, asked: Asked) -> Iterator[Item]:
    """Facts and counters of ENA's adapters; of the machine its Windows and CPUs."""
    yield from _machine(lines, name)
    if not any(_MATTERS.search(line) for line in lines):
        return
    found = list(records(lines))
    ours = {record["name"] for record in found if record.get("name") and _names_ena(record)}
    for record in found:
        if not is_ena(record) and record.get("name") not in ours:
            continue
        place = Place(name, record.line)
        device = record.get("name", "")
        yield from _adapter(record, place, device)
        yield from _property(record, place, device)
        yield from _scaling(record, place, device)
        counters = {
            counter: int(digits)
            for key, counter in _COUNTERS.items()
            if (digits := re.sub(r"[.,\s\u00a0\u202f]", "", record.get(key, ""))).isdecimal()
        }
        if counters:
            moment = asked.moment(lines, record.line - 1)
            yield Reading(counters, place, moment, device, record.line)
    yield from _packages(found, name)


def _names_ena(record: Record) -> bool:
    return is_ena(record) or record.get("displayname", "").casefold() in _OURS


def _adapter(record: Record, place: Place, device: str) -> Iterator[Item]:
    """Its driver's version, and whether Device Manager shows a mark."""
    told = next((record[key] for key in _DRIVER if record.get(key)), "")
    if plain_version(told):
        yield Fact("adapter/driver_version", plain_version(told), place, device)
    if "class" in record and (status := record.get("status")):  # of Get-PnpDevice
        yield Fact("adapter/status", status, place, device)


def _property(record: Record, place: Place, device: str) -> Iterator[Item]:
    """An advanced property; a number where it is one."""
    keyword = record.get("registrykeyword", "").casefold()
    key = _PROPERTIES.get(keyword) or _PROPERTIES.get(record.get("displayname", "").casefold())
    if key is None:
        return
    values = [record[name] for name in _VALUES if record.get(name)]
    numbers = [found["number"] for value in values if (found := _WHOLE.match(value))]
    numbers = [] if key == "llq_policy" else numbers
    value = (numbers or values or [""])[0]
    if not value:
        return
    yield Fact(f"adapter/{key}", value, place, device)
    if key == "jumbo_packet" and numbers:
        yield Fact("mtu", str(int(value) - ETHERNET_HEADER), place, device)


def _scaling(record: Record, place: Place, device: str) -> Iterator[Item]:
    """Get-NetAdapterRss: which processors receive, and how many queues."""
    base = next((v for k, v in record.items() if k.startswith("baseprocessor")), "")
    if not base:
        return
    if found := _GROUP.match(base.replace(" ", "")):
        yield Fact("adapter/rss_first_cpu", found["number"], place, device)
    if (enabled := record.get("enabled")) in ("True", "False"):
        yield Fact("adapter/rss_enabled", enabled, place, device)
    if (queues := record.get("numberofreceivequeues", "")).isdecimal():
        yield Fact("adapter/rss_receive_queues", queues, place, device)


def _packages(found: Sequence[Record], name: str) -> Iterator[Item]:
    """ENA's driver packages in the store, of which Windows takes the one that ranks best."""
    versions = [
        (version(told), told, record.line)
        for record in found
        if "ena.inf" in map(str.casefold, record.values())  # the fields' names are translated
        for value in record.values()
        if _PACKAGE.match(value) and (told := plain_version(value))
    ]
    if versions:
        _, newest, line = max(versions)
        yield Fact("store/newest", newest, Place(name, line))
        yield Fact("store/packages", str(len({told for _, told, _ in versions})), Place(name, line))


def plain_version(text: str) -> str:
    """ "03/08/2024 2.7.0.0" is 2.7.0."""
    found = re.findall(r"\b\d+(?:\.\d+){2,3}\b", text)
    return re.sub(r"^(\d+\.\d+\.\d+)\.0$", r"\1", found[-1]) if found else ""


def _machine(lines: Sequence[str], name: str) -> Iterator[Item]:
    for at, line in enumerate(lines):
        if found := _CPUS.match(line):
            yield Fact("vcpus", found["number"], Place(name, at + 1))
        elif found := _OS.match(line):
            yield Fact("windows", found["name"], Place(name, at + 1))
