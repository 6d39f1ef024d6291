# SPDX-License-Identifier: BSD-3-Clause
"""Where DPDK keeps an engine's files."""

import os
import shutil
from pathlib import Path

from labkit.errors import EngineError


def check_writable(directory: Path) -> None:
    """Refuses a runtime directory that this user cannot make: DPDK would do without, and leave
    things elsewhere."""
    base = directory
    while not base.exists():
        base = base.parent
    if not os.access(base, os.W_OK | os.X_OK):
        raise EngineError(
            f"{directory} cannot be made, {base} is not writable; set XDG_RUNTIME_DIR to a "
            "directory of this user"
        )


def remove_stale_runtime(base: Path) -> None:
    """Removes runtime directories of engines whose parent and they themselves were killed."""
    for directory in base.glob("labkit-*-*"):
        pid = directory.name.split("-")[1]
        if pid.isdigit() and not Path("/proc", pid).exists():
            shutil.rmtree(directory, ignore_errors=True)


def runtime_directory(prefix: str) -> Path:
    """Where DPDK keeps this engine's files (rte_eal_get_runtime_dir)."""
    if os.geteuid() == 0:
        base = Path("/var/run")
    else:
        base = Path(os.environ.get("XDG_RUNTIME_DIR", "/tmp"))
    return base / "dpdk" / prefix
