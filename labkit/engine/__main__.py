# SPDX-License-Identifier: BSD-3-Clause
"""python -m labkit.engine CHANNEL STATUS RUNTIME_DIRECTORY: what labkit.engine.client starts."""

import sys

from labkit.engine.server import main

main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
