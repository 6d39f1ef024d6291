# SPDX-License-Identifier: BSD-3-Clause
"""What the doctor says of memory, CPUs and the clock."""

import os
import re
from pathlib import Path

from labkit.machine.doctor_report import Finding
from labkit.machine.hugepages import free_hugepage_mb, hugepages_can_be_mapped
from labkit.machine.nics import ROOT, read, read_int


def hugepages() -> list[Finding]:
    """Reserved pages, and whether this user gets one."""
    detail = reserved_hugepages() or "not supported by this kernel"
    if free_hugepage_mb() == 0:
        return [
            Finding(
                "hugepages",
                "note",
                f"{detail}: engines use ordinary pages",
                "for speed, as root: echo 512 > /proc/sys/vm/nr_hugepages",
            )
        ]
    if not hugepages_can_be_mapped():
        return [
            Finding(
                "hugepages",
                "note",
                f"{detail}, but this user may not map them",
                "raise the hugetlb limit of this user or container",
            )
        ]
    return [Finding("hugepages", "ok", detail)]


def reserved_hugepages(root: Path = ROOT) -> str:
    """Reserved and free pages of every size, the smallest first."""
    sizes = {
        int(directory.name.removeprefix("hugepages-").removesuffix("kB")): directory
        for directory in (root / "sys/kernel/mm/hugepages").glob("hugepages-*kB")
    }
    return "; ".join(
        f"{read_int(directory / 'nr_hugepages') or 0} of {_size(size_kb)}"
        f" ({read_int(directory / 'free_hugepages') or 0} free)"
        for size_kb, directory in sorted(sizes.items())
    )


def _size(kib: int) -> str:
    units = ("KiB", "MiB", "GiB")
    power = next(power for power in (2, 1, 0) if kib >= 1024**power)
    return f"{kib // 1024**power} {units[power]}"


def cpus() -> list[Finding]:
    """What this process may use, and what limits it."""
    usable = sorted(os.sched_getaffinity(0))
    isolated = read(ROOT / "sys/devices/system/cpu/isolated")
    quota = cpu_quota()
    detail = f"{len(usable)} usable ({', '.join(map(str, usable))}) of {os.cpu_count()}"
    if isolated:
        detail += f", isolated: {isolated}"
    if quota is not None:
        return [
            Finding(
                "CPUs",
                "note",
                f"{detail}, limited to {quota:.1f} CPUs by a control group",
                "a quota stops a polling worker now and then: raise or remove it to measure",
            )
        ]
    if len(usable) < 2:
        return [
            Finding(
                "CPUs",
                "note",
                f"{detail}: workers share it with the notebook",
                "give the machine a second CPU to measure",
            )
        ]
    return [Finding("CPUs", "ok", detail)]


def cpu_quota(root: Path = ROOT) -> float | None:
    """CPUs that the tightest control group around this process allows; None: no limit."""
    limits = []
    for line in read(root / "proc/self/cgroup").splitlines():
        _, controllers, group = line.split(":", 2)
        for level in [Path(group), *Path(group).parents]:
            inside = str(level).lstrip("/")
            if not controllers:
                quota, _, period = read(root / "sys/fs/cgroup" / inside / "cpu.max").partition(" ")
            elif "cpu" in controllers.split(","):
                directory = root / "sys/fs/cgroup/cpu" / inside
                quota = read(directory / "cpu.cfs_quota_us")
                period = read(directory / "cpu.cfs_period_us")
            else:
                continue
            if quota.isdigit() and period.isdigit():  # otherwise max, or -1: no limit
                limits.append(int(quota) / int(period))
    return min(limits, default=None)


def clock() -> list[Finding]:
    """Whether the time stamp counter measures time."""
    line = re.search(r"^flags\s*:(.*)$", read(ROOT / "proc/cpuinfo"), re.MULTILINE)
    flags = line[1].split() if line else []
    if not flags:
        return [Finding("clock", "note", "no x86 TSC; DPDK's cycle counter is used")]
    if "constant_tsc" in flags and "nonstop_tsc" in flags:
        return [Finding("clock", "ok", "TSC runs at a constant rate")]
    return [
        Finding(
            "clock",
            "note",
            "the TSC may change its rate: latencies are less certain",
            "measure on a machine with an invariant TSC (constant_tsc, nonstop_tsc)",
        )
    ]
