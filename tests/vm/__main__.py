# SPDX-License-Identifier: BSD-3-Clause
"""make test-vm: the lab on NICs that QEMU emulates, and beside a whole Linux kernel.

python -m tests.vm [--machine NAME] [options of pytest]
python -m tests.vm [--machine NAME] --shell    a terminal in the guest instead of the tests
"""

import argparse
import os
import signal
import sys
import time

from tests.vm.machine import Failed, boot
from tests.vm.nics import MACHINES
from tests.vm.packages import Unavailable

NO_TESTS = 5  # pytest's exit status when -k or a file leaves none for a machine


def tests(options: list[str]) -> list[str]:
    chosen = [] if any(o.startswith("tests/vm") for o in options) else ["tests/vm"]
    more = ["-p", "no:cacheprovider", "--junitxml=/out/junit.xml", "--durations=10"]
    return [f"{sys.prefix}/bin/python", "-m", "pytest", "-v", *more, *options, *chosen]


def main() -> int:
    if os.geteuid() != 0:
        raise Unavailable("the NICs' other ends are taps in a network namespace: that needs root")
    parser = argparse.ArgumentParser(prog="python -m tests.vm", allow_abbrev=False)
    parser.add_argument("--machine", choices=MACHINES)
    parser.add_argument("--shell", action="store_true")
    chosen, options = parser.parse_known_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # the taps go then, too
    statuses = []
    for name in [chosen.machine] if chosen.machine else MACHINES:
        begun = time.monotonic()
        if chosen.shell:
            return boot(name, ["/bin/bash", "-i"], shell=True)
        statuses.append(boot(name, tests(options)))
        print(f"{name}: exit status {statuses[-1]} after {time.monotonic() - begun:.0f} s")
    return next((s for s in statuses if s not in (0, NO_TESTS)), min(statuses))


try:
    sys.exit(main())
except (Unavailable, Failed) as error:
    sys.exit(f"make test-vm: {error}")
