# SPDX-License-Identifier: BSD-3-Clause
"""What a result has to tell of the machine that made it."""

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from labkit.lab.lab import Lab

PACKAGES = ("labkit", "scapy", "numpy", "pandas", "MLRsearch", "hdrhistogram")


def describe(lab: "Lab | None" = None) -> dict[str, Any]:
    """Host, kernel, CPU and versions; of a lab, DPDK's version and its EAL arguments too."""
    facts: dict[str, Any] = {
        "host": platform.node(),
        "system": f"{platform.system()} {platform.release()}",
        "cpu": _cpu(),
        "cpus": len(os.sched_getaffinity(0)),
        "python": platform.python_version(),
        "packages": {name: _version(name) for name in PACKAGES},
    }
    if lab is not None:
        facts["dpdk"] = lab.dpdk_version
        # The file prefix is another one in every lab, and tells nothing.
        facts["eal"] = [a for a in lab.eal.arguments("") if not a.startswith("--file-prefix")]
    return facts


def _cpu() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
