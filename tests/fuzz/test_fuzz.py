# SPDX-License-Identifier: BSD-3-Clause
"""Twenty seconds of coverage-guided fuzzing of each target; `make fuzz` goes on for longer."""

import re
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.fuzz.target import TARGETS, Target

SECONDS = 20


def test_fuzz_targets(tmp_path: Path) -> None:
    """All at once: they share the CPUs."""
    with ThreadPoolExecutor() as compiling:
        list(compiling.map(Target.build, TARGETS))
    running = []
    for target in TARGETS:
        corpus = tmp_path / target.name
        target.write_seeds(corpus)
        log = (tmp_path / f"{target.name}.log").open("w+")
        command = target.command(corpus, SECONDS, "-seed=1")
        running.append((target, log, subprocess.Popen(command, stderr=log)))
    for target, log, process in running:
        code = process.wait()
        log.seek(0)
        said = log.read()
        log.close()
        assert code == 0, said[-4000:]
        runs = re.search(r"number_of_executed_units: (\d+)", said)
        assert runs is not None
        print(f"{target.name}: {runs[1]} inputs in {SECONDS} s")
        assert int(runs[1]) > target.least_runs
