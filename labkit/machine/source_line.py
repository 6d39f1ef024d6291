# SPDX-License-Identifier: BSD-3-Clause
"""Which line of its source an address of a program is of, by the machine's own tools."""

import re
import shutil
import subprocess

TOOLS = ("addr2line", "llvm-addr2line")  # of binutils, which gcc needs, and of LLVM
SECONDS = 20


def source_line(program: str, offset: int, file: str) -> int | None:
    """The line of this source file that an address in a program or library belongs to, also where
    it was inlined into another one; None: not known, or no tool is there."""
    tool = next((name for name in TOOLS if shutil.which(name)), None)
    if tool is None:
        return None
    try:
        ran = subprocess.run(
            [tool, "-i", "-e", program, hex(offset)],
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = re.search(rf"{re.escape(file)}:([1-9]\d*)", ran.stdout)
    return int(found[1]) if found else None
