# SPDX-License-Identifier: BSD-3-Clause
"""What a result has to tell of the machine that made it, and of the versions.

"cpus" are those of the machine, "usable_cpus" those that the process could run on. In descriptions
of sweeps and searches that were stored before "usable_cpus" was, "cpus" is that number.
"""

import os
import platform
import re
import subprocess
from collections.abc import Iterable, Mapping
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Any

from labkit.machine.cpus import usable_cpus

PACKAGES = ("labkit", "scapy", "numpy", "pandas", "MLRsearch", "hdrhistogram")


def describe(dpdk: str | None = None, eal: Iterable[str] = ()) -> dict[str, Any]:
    """Of sweeps and searches: host, kernel, CPUs and versions.

    dpdk, eal: DPDK's version and its EAL arguments, where a lab measured
    """
    facts: dict[str, Any] = {
        "host": platform.node(),
        "system": _system(),
        **_cpus(),
        "python": platform.python_version(),
        "packages": {name: _version(name) for name in PACKAGES},
    }
    if dpdk is not None:
        facts["dpdk"] = dpdk
        # The file prefix is another one in every lab, and tells nothing.
        facts["eal"] = [a for a in eal if not a.startswith("--file-prefix")]
    return facts


def fingerprint() -> dict[str, Any]:
    """Of notebooks: what makes measurements of two machines differ, such as CPUs, memory,
    hypervisor, kernel."""
    total = re.search(r"^MemTotal:\s*(\d+) kB", _read("/proc/meminfo"), re.MULTILINE)
    flags = re.search(r"^flags\s*:.*\bhypervisor\b", _read("/proc/cpuinfo"), re.MULTILINE)
    governor = _read("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor").strip()
    return {
        **_cpus(),
        "architecture": platform.machine(),
        "memory_gib": round(int(total[1]) / (1 << 20)) if total else None,
        "hypervisor": bool(flags),
        "governor": governor or None,
        "system": _system(),
    }


def environment(folder: Path) -> dict[str, str]:
    """Versions of Python and of labkit's packages, and the git commit of a folder."""
    found = {"python": platform.python_version(), "labkit": version("labkit")}
    for requirement in requires("labkit") or ():
        name = re.split(r"[^A-Za-z0-9._-]", requirement, maxsplit=1)[0]
        if number := _version(name):
            found[name] = number  # others are of an extra that is not installed
    if commit := _git_commit(folder):
        found["git commit"] = commit
    return found


def differences(a: Mapping[str, Any], b: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """What differs, by name: (a's, b's)."""
    names = dict.fromkeys([*a, *b])
    return {name: (a.get(name), b.get(name)) for name in names if a.get(name) != b.get(name)}


def differing(there: Mapping[str, Any], here: Mapping[str, Any]) -> list[str]:
    """Versions that differ, in words: "labkit 0.2 there and 0.1 here"."""
    theirs, ours = _versions(there), _versions(here)
    return [
        f"{name} {number.removeprefix(name).strip()} there and "
        f"{ours[name].removeprefix(name).strip()} here"
        for name, number in theirs.items()
        if name in ours and ours[name] != number
    ]


def is_same(a: Mapping[str, Any], b: Mapping[str, Any]) -> bool:
    """Whether two descriptions, of which one may be older, tell of one machine and its versions."""
    old = [stored for stored in (a, b) if "usable_cpus" not in stored]
    left_out = {"cpus"} if old else set()
    a, b = ({"usable_cpus": stored.get("cpus"), **stored} for stored in (a, b))
    return not differences(a, b).keys() - left_out


def _versions(told: Mapping[str, Any]) -> dict[str, str]:
    """Of what measures: labkit and DPDK."""
    found = {"labkit": told.get("packages", {}).get("labkit"), "DPDK": told.get("dpdk")}
    return {name: str(number) for name, number in found.items() if number is not None}


def _cpus() -> dict[str, Any]:
    model = re.search(r"^model name\s*:\s*(.*)$", _read("/proc/cpuinfo"), re.MULTILINE)
    return {
        "cpu": model[1].strip() if model else platform.processor() or platform.machine(),
        "cpus": os.cpu_count(),
        "usable_cpus": len(usable_cpus()),
    }


def _system() -> str:
    return f"{platform.system()} {platform.release()}"


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _read(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError:
        return ""


def _git_commit(folder: Path) -> str:
    command = ["git", "describe", "--always", "--dirty", "--abbrev=12"]
    try:
        ran = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return ran.stdout.strip() if ran.returncode == 0 else ""
