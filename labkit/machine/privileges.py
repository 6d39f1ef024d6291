# SPDX-License-Identifier: BSD-3-Clause
"""What this process may do: capabilities, and how much memory it may lock."""

import re
import resource
from pathlib import Path

from labkit.machine.nics import ROOT, read

# linux/capability.h
CAPABILITIES = {"NET_ADMIN": 12, "NET_RAW": 13, "IPC_LOCK": 14, "SYS_ADMIN": 21, "BPF": 39}


def has_capability(capability: str, root: Path = ROOT) -> bool:
    """Whether this process has it, such as "NET_ADMIN"."""
    line = re.search(r"^CapEff:\s*([0-9a-f]+)", read(root / "proc/self/status"), re.MULTILINE)
    return bool(line and int(line[1], 16) >> CAPABILITIES[capability] & 1)


def lockable_kib() -> int | None:
    """KiB that this process may lock; None: any number."""
    soft, _ = resource.getrlimit(resource.RLIMIT_MEMLOCK)
    unlimited = soft == resource.RLIM_INFINITY or has_capability("IPC_LOCK")
    return None if unlimited else soft // 1024
