# SPDX-License-Identifier: BSD-3-Clause
"""Twenty seconds of coverage-guided fuzzing; `make fuzz` goes on for longer."""

import re
import subprocess
from pathlib import Path

from tests.fuzz import target

SECONDS = 20
LEAST_RUNS = 10_000


def test_fuzz_handlers(tmp_path: Path) -> None:
    target.build()
    target.write_seeds(tmp_path / "corpus")
    command = target.command(tmp_path / "corpus", SECONDS, "-seed=1")
    ran = subprocess.run(command, stderr=subprocess.PIPE, text=True)
    assert ran.returncode == 0, ran.stderr[-4000:]
    runs = re.search(r"number_of_executed_units: (\d+)", ran.stderr)
    assert runs is not None
    print(f"{runs[1]} inputs in {SECONDS} s")
    assert int(runs[1]) > LEAST_RUNS
