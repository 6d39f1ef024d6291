# SPDX-License-Identifier: BSD-3-Clause
"""Hugepages of this machine."""

import mmap
from pathlib import Path

from labkit.machine.nics import ROOT

MAP_HUGETLB = 0x40000  # mmap(2) on Linux; the mmap module does not name it


def free_hugepage_mb(root: Path = ROOT) -> int:
    """MiB of free hugepages of all sizes."""
    total = 0
    for directory in (root / "sys/kernel/mm/hugepages").glob("hugepages-*kB"):
        size_kb = int(directory.name.removeprefix("hugepages-").removesuffix("kB"))
        total += int((directory / "free_hugepages").read_text()) * size_kb
    return total // 1024


def hugepages_can_be_mapped() -> bool:
    """Whether this user gets a hugepage: being free is not enough in a container."""
    try:
        flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | MAP_HUGETLB
        mmap.mmap(-1, 2 << 20, flags=flags).close()
    except OSError:
        return False
    return True
