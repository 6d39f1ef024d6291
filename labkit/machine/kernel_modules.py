# SPDX-License-Identifier: BSD-3-Clause
"""What this machine's kernel was built with: modules that can be loaded, options."""

import gzip
import re
from pathlib import Path

from labkit.machine.nics import read


def release(root: Path) -> str:
    """The kernel's, such as "6.1.0-28-amd64"."""
    return read(root / "proc/sys/kernel/osrelease")


def is_loaded(module: str, root: Path) -> bool:
    """Whether a module is in the kernel now."""
    return (root / "sys/module" / module.replace("-", "_")).exists()


def can_be_loaded(module: str, root: Path) -> bool | None:
    """Whether a module is there for modprobe, or is loaded; None where nothing tells, as in a
    container without /lib/modules."""
    if is_loaded(module, root):
        return True
    folder = root / "lib/modules" / release(root)
    known = read(folder / "modules.dep") + read(folder / "modules.builtin")
    if not known:
        return None
    name = re.sub("[-_]", "[-_]", module)
    return bool(re.search(rf"/{name}\.ko", known))


def option(name: str, root: Path) -> str | None:
    """How the kernel was configured: "y", "m" or "n"; None where nothing tells.

    name: without CONFIG_, such as "VFIO_NOIOMMU"
    """
    number = release(root)
    texts = (read(root / f"boot/config-{number}"), read(root / f"lib/modules/{number}/config"))
    text = next(filter(None, texts), "")
    if not text and (packed := root / "proc/config.gz").exists():
        text = gzip.decompress(packed.read_bytes()).decode()
    if not text:
        return None
    found = re.search(rf"^CONFIG_{name}=([ym])$", text, re.MULTILINE)
    return found[1] if found else "n"


def noiommu_mode(root: Path) -> bool | None:
    """Whether vfio can take devices without an IOMMU here: True: it is switched on, False: it could
    be, None: this kernel has no such mode, or nothing tells of it."""
    switch = read(root / "sys/module/vfio/parameters/enable_unsafe_noiommu_mode")
    if switch:
        return switch in ("Y", "1")
    is_possible = not is_loaded("vfio", root) and option("VFIO_NOIOMMU", root) == "y"
    return False if is_possible else None
