# SPDX-License-Identifier: BSD-3-Clause
"""DPDK's own example of a router as a peer; scripts/build-l3fwd makes it."""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from labkit.machine.runtime import runtime_directory

PROGRAM = Path(os.environ.get("L3FWD", "build/bench/l3fwd"))
STARTS = 60.0  # seconds at most
READY = "entering main loop on lcore"  # it says


@contextmanager
def l3fwd(vdevs: Sequence[str], routes: Sequence[str], cpu: int, prefix: str) -> Iterator[None]:
    """Forwards what the first vdev brings to the second, by these prefixes, with rte_lpm.

    Its other library, rte_fib, has room for 65,536 prefixes there.
    """
    with tempfile.TemporaryDirectory() as folder:
        four, six, log = (Path(folder, name) for name in ("four", "six", "log"))
        four.write_text("".join(f"R{route} 1\n" for route in routes))
        six.write_text("R2001:db8::/48 1\n")
        command: list[object] = [
            *(PROGRAM, "--no-huge", "-m", "1024", "--no-pci", f"--file-prefix={prefix}"),
            *(f"--lcores=0@{cpu}", *(f"--vdev={device}" for device in vdevs)),
            *("--", "-P", "-p", "0x3", "--config=(0,0,0)", "--no-numa", "--parse-ptype"),
            *("--lookup=lpm", f"--rule_ipv4={four}", f"--rule_ipv6={six}"),
        ]
        with log.open("w") as output:
            process = subprocess.Popen(list(map(str, command)), stdout=output, stderr=output)
        try:
            end = time.monotonic() + STARTS
            while READY not in log.read_text():
                late = time.monotonic() > end or process.poll() is not None
                assert not late, log.read_text()[-2000:]
                time.sleep(0.05)
            yield
        finally:
            process.terminate()
            process.wait(10)
            shutil.rmtree(runtime_directory(prefix), ignore_errors=True)
