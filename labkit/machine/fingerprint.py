# SPDX-License-Identifier: BSD-3-Clause
"""Where a notebook ran, and with what."""

import os
import platform
import re
import subprocess
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Any

from labkit.machine.cpus import usable_cpus


def fingerprint() -> dict[str, Any]:
    """What makes measurements of two machines differ: CPUs, memory, hypervisor, kernel."""
    cpuinfo = _read("/proc/cpuinfo")
    model = re.search(r"^model name\s*:\s*(.*)$", cpuinfo, re.MULTILINE)
    total = re.search(r"^MemTotal:\s*(\d+) kB", _read("/proc/meminfo"), re.MULTILINE)
    governor = _read("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor").strip()
    return {
        "cpu": model[1] if model else platform.processor() or "unknown",
        "architecture": platform.machine(),
        "cpus": os.cpu_count(),
        "usable_cpus": len(usable_cpus()),
        "memory_gib": round(int(total[1]) / (1 << 20)) if total else None,
        "hypervisor": bool(re.search(r"^flags\s*:.*\bhypervisor\b", cpuinfo, re.MULTILINE)),
        "governor": governor or None,
        "system": f"{platform.system()} {platform.release()}",
    }


def environment(folder: Path) -> dict[str, str]:
    """Versions of Python and of labkit's packages, and the git commit of a folder."""
    found = {"python": platform.python_version(), "labkit": version("labkit")}
    for requirement in requires("labkit") or ():
        name = re.split(r"[^A-Za-z0-9._-]", requirement, maxsplit=1)[0]
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue  # of an extra that is not installed
    if commit := _git_commit(folder):
        found["git commit"] = commit
    return found


def differences(a: Mapping[str, Any], b: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """What differs, by name: (a's, b's)."""
    names = dict.fromkeys([*a, *b])
    return {name: (a.get(name), b.get(name)) for name in names if a.get(name) != b.get(name)}


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
