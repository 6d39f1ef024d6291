# SPDX-License-Identifier: BSD-3-Clause
"""dpdk-testpmd as a peer: its own process, driven by its prompt."""

import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

from labkit.machine.runtime import runtime_directory


@contextmanager
def testpmd(vdev: str, mode: str, cpu: int, prefix: str, *more: str) -> Iterator[IO[str]]:
    """A testpmd that forwards on one lcore pinned to `cpu`; yields its prompt.

    more: vdevs beside the first
    """
    process = subprocess.Popen(
        [
            *("dpdk-testpmd", "--no-huge", "-m", "512", "--no-pci", f"--file-prefix={prefix}"),
            *(f"--lcores=0@0,1@{cpu}", *(f"--vdev={device}" for device in (vdev, *more))),
            *("--", "-i", f"--forward-mode={mode}"),
            *("--nb-cores=1", "--total-num-mbufs=8191"),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdin is not None
    try:
        time.sleep(1.0)  # until its prompt is there
        yield process.stdin
    finally:
        process.stdin.write("stop\nquit\n")
        process.stdin.close()
        process.wait(10)
        shutil.rmtree(runtime_directory(prefix), ignore_errors=True)


def say(prompt: IO[str], command: str) -> None:
    prompt.write(command + "\n")
    prompt.flush()
