# SPDX-License-Identifier: BSD-3-Clause
"""Whether this machine lets a process give up what grading has it give up."""

import subprocess
import sys
from functools import cache

import pytest

PROGRAM = """
from labkit.errors import LabError
from labkit.notebooks.grade import sandbox
try:
    sandbox.enter("/tmp/labkit-test-locked-in/in", "/etc", [], sandbox.MOST_USERS)
except (LabError, OSError) as error:
    print(error)
"""


@cache
def _refusal() -> str:
    command = [sys.executable, "-c", PROGRAM]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    return ran.stdout.strip()


def require_locks() -> None:
    """Skips the test where the system lacks namespaces for its user."""
    if refusal := _refusal():
        pytest.skip(refusal)
