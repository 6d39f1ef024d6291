# SPDX-License-Identifier: BSD-3-Clause
"""Modules of the kernel: `lsmod`, `modinfo`, `dkms status`, `uname`; DPDK's version; how many CPUs
there are; and names that udev keeps for interfaces."""

import re
from collections.abc import Iterator, Sequence

from labkit.trouble.evidence import Fact, Item, Place
from labkit.trouble.readers.asked import Asked

DRIVERS = ("ena", "ixgbevf")
_LOADED_HEAD = re.compile(r"^Module\s+Size\s+Used by\s*$")
_LOADED = re.compile(r"^(?P<name>\w+)\s+\d+\s+-?\d+\b")
_FILE = re.compile(r"^filename:\s+(?P<file>\(builtin\)|\S+/(?P<name>ena|ixgbevf)\.ko\S*)\s*$")
_OF_FILE = re.compile(r"^(?P<name>version|vermagic|name):\s+(?P<value>\S+)")
_MISSING = re.compile(
    r"^modinfo: (?:ERROR|FATAL): Module (?P<name>ena|ixgbevf) not found"
    r"|^modinfo: (?:can't find module '|could not find module )(?P<other>ena|ixgbevf)\b"
)
_DKMS = re.compile(
    r"^(?P<name>ena|amzn-drivers|ixgbevf)(?:, |/)(?P<version>[\w.]+)"
    r"(?:, (?P<kernel>[\w.~+-]+), \w+)?: (?P<state>installed|built|added|broken)\b"
)
_UNAME = re.compile(r"^Linux \S+ (?P<kernel>\d+\.\d+\S*) #\d")
_DPDK = re.compile(r"EAL: RTE Version: 'DPDK (?P<version>\d+\.\d+[\w.-]*)'")
_KERNEL = re.compile(r"^\d+\.\d+\.\d+[\w.~+-]*$")
_CPUS = re.compile(r"^CPU\(s\):\s+(?P<number>\d{1,5})\s*$")
_KEPT = re.compile(
    r"^(?!\s*#).*ATTRS?\{address\}==\"(?P<mac>[0-9a-fA-F:]{17})\".*\bNAME=\"(?P<name>[\w.-]{1,15})\""
)


def read(lines: Sequence[str], name: str, asked: Asked) -> Iterator[Item]:
    """Facts of the machine."""
    for read_one in (_loaded, _info, _kernels):
        yield from read_one(lines, name)
    for at, line in enumerate(lines):
        place = Place(name, at + 1)
        before = lines[at - 1].split() if at else asked.words
        if found := _CPUS.match(line):
            yield Fact("vcpus", found["number"], place)
        elif before and "nproc" in before and re.fullmatch(r"\d{1,5}", line.strip()):
            yield Fact("vcpus", line.strip(), place)
        elif found := _DPDK.search(line):
            yield Fact("dpdk_version", found["version"], place)
        elif found := _KEPT.match(line):
            yield Fact("kept_name", f"{found['name']} {found['mac'].lower()}", place)


def _loaded(lines: Sequence[str], name: str) -> Iterator[Item]:
    """Which of the drivers `lsmod` lists."""
    for at, line in enumerate(lines):
        if not _LOADED_HEAD.match(line):
            found = _LOADED.match(line) if at and "lsmod |" in lines[at - 1] else None
            if found and found["name"] in DRIVERS:
                yield Fact(f"module/{found['name']}", "loaded", Place(name, at + 1))
            continue
        there: set[str] = set()
        for later in lines[at + 1 :]:
            found = _LOADED.match(later)
            if found is None:
                break
            there.add(found["name"])
        if there:
            for driver in DRIVERS:
                state = "loaded" if driver in there else "not loaded"
                yield Fact(f"module/{driver}", state, Place(name, at + 1))


def _info(lines: Sequence[str], name: str) -> Iterator[Item]:
    """What `modinfo` says, or that it finds none."""
    of = ""
    for at, line in enumerate(lines):
        place = Place(name, at + 1)
        if found := _MISSING.match(line):
            driver = found["name"] or found["other"]
            yield Fact(f"modinfo/{driver}", "not found", place)
        elif line.startswith("filename:"):
            told = _FILE.match(line)
            of = (told["name"] or "") if told else ""
            if of:
                yield Fact(f"modinfo/{of}", "found", place)
        elif of and (found := _OF_FILE.match(line)):
            key = "kernel" if found["name"] == "vermagic" else found["name"]
            yield Fact(f"modinfo/{of}/{key}", found["value"], place)
        elif not line.strip():
            of = ""


def _kernels(lines: Sequence[str], name: str) -> Iterator[Item]:
    """The kernel that runs, and those that dkms built a driver for."""
    for at, line in enumerate(lines):
        place = Place(name, at + 1)
        asks = at > 0 and re.search(r"\buname -\w*r", lines[at - 1])
        if found := _UNAME.match(line):
            yield Fact("kernel", found["kernel"], place)
        elif asks and _KERNEL.match(line.strip()):
            yield Fact("kernel", line.strip(), place)
        elif found := _DKMS.match(line):
            driver = "ixgbevf" if found["name"] == "ixgbevf" else "ena"
            state = found["state"] if found["kernel"] else "added"
            yield Fact(f"dkms/{driver}/{found['kernel'] or 'no kernel'}", state, place)
