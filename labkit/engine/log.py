# SPDX-License-Identifier: BSD-3-Clause
"""What an engine prints: where it goes, and what of it is shown with an error."""

import os
import re
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from labkit.engine.config import LOGS_VARIABLE


def without_usage(lines: Sequence[str]) -> list[str]:
    """What was said without the pages of EAL options that a bad argument brings up."""
    said, in_usage = [], False
    for line in lines:
        in_usage = line.startswith("Usage:") or (in_usage and not line.startswith("EAL: "))
        if line.strip() and not in_usage:
            said.append(line)
    return said


def without_backtrace(lines: Sequence[str]) -> list[str]:
    """What was said without the addresses that a panic of DPDK lists behind its reason."""
    return [line for line in lines if not re.fullmatch(r"\d+: .*\[[0-9a-f]+\]", line)]


def open_log(prefix: str) -> IO[bytes]:
    """A file for what an engine prints: without a name, unless logs are to be kept."""
    if folder := os.environ.get(LOGS_VARIABLE):
        return Path(folder, f"engine-{prefix}.log").open("w+b")
    return tempfile.TemporaryFile(prefix="labkit-log-")
