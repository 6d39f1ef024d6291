# SPDX-License-Identifier: BSD-3-Clause
"""What the workers of an engine do while nothing comes, by what the kernel counts of them."""

import time
from pathlib import Path


def rests(pid: int, seconds: float) -> dict[str, float]:
    """How often a second each worker went to sleep, of those that used a CPU meanwhile.

    Counts, not CPU time: what a wake-up costs is up to what else runs on the machine.
    """
    before, start = _counts(pid), time.monotonic()
    time.sleep(seconds)
    after, passed = _counts(pid), time.monotonic() - start
    return {
        name: (after[name][1] - before[name][1]) / passed
        for name in after
        if after[name] != before[name]
    }


def _counts(pid: int) -> dict[str, tuple[float, int]]:
    """Nanoseconds on a CPU, and how often it left one by itself."""
    counts = {}
    for task in Path(f"/proc/{pid}/task").iterdir():
        lines = dict(line.split(":\t", 1) for line in (task / "status").read_text().splitlines())
        if lines["Name"].startswith("rte-worker"):
            used = int((task / "schedstat").read_text().split()[0])
            counts[lines["Name"]] = used, int(lines["voluntary_ctxt_switches"])
    return counts
