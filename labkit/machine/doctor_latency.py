# SPDX-License-Identifier: BSD-3-Clause
"""What the doctor says of the kernel's latency: sockets that poll, and how deep CPUs sleep."""

from pathlib import Path

from labkit.machine.doctor_report import Finding
from labkit.machine.nics import ROOT, read, read_int

BUSY_US = 50  # what the kernel's and EC2's documentation advise; up to 100 for many sockets
SHALLOW_US = 10  # to wake from C1 takes no longer


def latency(root: Path = ROOT) -> list[Finding]:
    """Of sockets of the kernel: a polling worker of DPDK waits for neither."""
    return [_busy_polling(root), *_sleep(root)]


def _busy_polling(root: Path) -> Finding:
    core = root / "proc/sys/net/core"
    values = {name: read_int(core / name) for name in ("busy_read", "busy_poll")}
    known = {name: value for name, value in values.items() if value is not None}
    if len(known) < len(values):
        return Finding("busy polling", "ok", "not in this kernel, or not in this network namespace")
    detail = ", ".join(f"{name} {value} µs" for name, value in known.items())
    if all(known.values()):
        return Finding("busy polling", "ok", detail)
    return Finding(
        "busy polling",
        "note",
        f"{detail}: sockets wait for interrupts",
        f"for the least latency of the kernel's sockets, which takes CPU, as root: "
        f"sysctl -w net.core.busy_read={BUSY_US} net.core.busy_poll={BUSY_US} (50 to 100); "
        "ethtool -C IF adaptive-rx off rx-usecs 0 tx-usecs 0",
    )


def _sleep(root: Path) -> list[Finding]:
    """The deepest state that CPU 0 may enter; nothing where the kernel does not tell."""
    deepest: tuple[int, str] | None = None
    for state in (root / "sys/devices/system/cpu/cpu0/cpuidle").glob("state*"):
        wakes = read_int(state / "latency")
        if wakes is not None and read(state / "disable") != "1":
            deepest = max(deepest or (0, ""), (wakes, read(state / "name")))
    if deepest is None:
        return []
    wakes, name = deepest
    detail = f"CPUs sleep as deep as {name}, from which they wake in {wakes} µs"
    if wakes <= SHALLOW_US:
        return [Finding("CPU sleep", "ok", detail)]
    return [
        Finding(
            "CPU sleep",
            "note",
            detail,
            "to measure latency: intel_idle.max_cstate=1 processor.max_cstate=1 at the kernel's "
            "start, or as root: cpupower idle-set -D 10; other cores get less turbo",
        )
    ]
