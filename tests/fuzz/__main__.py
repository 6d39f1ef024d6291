# SPDX-License-Identifier: BSD-3-Clause
"""python -m tests.fuzz SECONDS: fuzzes each target for so long; its corpus in build/fuzz grows."""

import os
import subprocess
import sys

from tests.fuzz.target import TARGETS

for target in TARGETS:
    target.build()
    target.write_seeds(target.corpus)
    print(f"{target.name}: {sys.argv[1]} s", flush=True)
    command = target.command(target.corpus, int(sys.argv[1]), f"-fork={os.cpu_count()}")
    code = subprocess.run(command).returncode
    if code != 0:
        sys.exit(code)
