# SPDX-License-Identifier: BSD-3-Clause
"""python -m tests.fuzz SECONDS: fuzzes on from the corpus in build/fuzz/corpus."""

import os
import subprocess
import sys

from tests.fuzz import target

target.build()
corpus = target.FOLDER / "corpus"
target.write_seeds(corpus)
command = target.command(corpus, int(sys.argv[1]), f"-fork={os.cpu_count()}")
sys.exit(subprocess.run(command).returncode)
