# SPDX-License-Identifier: BSD-3-Clause
"""labkit doctor: what works on this machine, what does not, and the fix of each."""

import os
import re
import shutil
import subprocess
import sys

from labkit.machine.doctor_cpus_memory import clock, cpus, hugepages
from labkit.machine.doctor_latency import latency
from labkit.machine.doctor_ports import found_nics, ports, privileges, vfio
from labkit.machine.doctor_report import Finding, Report
from labkit.machine.pmd_info import dpdk_drivers
from labkit.machine.runtime import runtime_directory
from labkit.text import plural

DRIVERS = ("ring", "null", "pcap", "memif", "tap", "af_packet", "af_xdp", "virtio", "vhost", "ena")
ENGINE_TIMEOUT_S = 60
START_S = 40  # of that; then the engine tells which call of a driver has not returned
FIRST_LAB = f"""
try:
    import labkit as lk
    with lk.Lab(lk.EalConfig(deadlines={{"start": {START_S}}})) as lab:
        lab.cable()
        print(lab.dpdk_version)
except Exception as error:  # whatever it is, the doctor tells it
    print(f"{{type(error).__name__}}: {{error}}")
    raise SystemExit(1)
"""


def doctor() -> Report:
    """Looks at DPDK, memory, CPUs, privileges and NICs; loads no DPDK into this process."""
    findings: list[Finding] = []
    for look in (
        dpdk,
        drivers,
        engine,
        hugepages,
        cpus,
        clock,
        latency,
        privileges,
        runtime,
        ports,
        vfio,
        found_nics,
    ):
        findings += look()
    return Report(tuple(findings))


def dpdk() -> list[Finding]:
    """The version that pkg-config knows."""
    command = shutil.which("pkg-config")
    if command is None:
        return [
            Finding(
                "DPDK", "note", "pkg-config is not installed", "apt install pkg-config libdpdk-dev"
            )
        ]
    found = subprocess.run([command, "--modversion", "libdpdk"], capture_output=True, text=True)
    if found.returncode != 0:
        return [
            Finding(
                "DPDK",
                "note",
                "no libdpdk for pkg-config: the modules cannot be rebuilt",
                "apt install libdpdk-dev",
            )
        ]
    version = found.stdout.strip()
    if [int(number) for number in re.findall(r"\d+", version)[:2]] < [22, 11]:
        return [
            Finding(
                "DPDK",
                "problem",
                f"{version}; labkit needs 22.11 or later",
                "install DPDK 22.11 or later (Debian 12, Ubuntu 24.04 have it)",
            )
        ]
    return [Finding("DPDK", "ok", version)]


def drivers() -> list[Finding]:
    """Those of DPDK that an engine has: as shared libraries, or linked into labkit's module."""
    known = dpdk_drivers()
    there = [name for name in DRIVERS if f"net_{name}" in known]
    missing = [name for name in DRIVERS if name not in there]
    where = "linked into labkit's module" if known.static else "as shared libraries"
    detail = f"{', '.join(there) or 'none'} {where}"
    nics = [driver.name for driver in known.drivers if driver.pci_ids]
    if nics:
        detail += f"; {plural(len(nics), 'driver')} of NICs"
    if not missing:
        return [Finding("drivers", "ok", detail)]
    return [
        Finding(
            "drivers",
            "note",
            f"{detail}; not found: {', '.join(missing)}",
            "install DPDK's drivers (Debian: apt install dpdk), or use a static build",
        )
    ]


def engine() -> list[Finding]:
    """Starts an engine: the only proof that one starts."""
    try:
        ran = subprocess.run(
            [sys.executable, "-c", FIRST_LAB],
            capture_output=True,
            text=True,
            timeout=ENGINE_TIMEOUT_S,
        )
    except subprocess.TimeoutExpired:
        return [
            Finding(
                "engine",
                "problem",
                f"did not start within {ENGINE_TIMEOUT_S} s",
                "look at what else takes the CPU and memory of this machine, and try again",
            )
        ]
    if ran.returncode == 0:
        return [Finding("engine", "ok", f"starts, {ran.stdout.strip()}")]
    said = (ran.stdout.strip() or ran.stderr.strip()).splitlines()
    # An error's first line says what failed; its last is the engine's log, which often says why.
    why = " … ".join(dict.fromkeys(line.strip() for line in said[:1] + said[-1:]))
    return [
        Finding(
            "engine",
            "problem",
            f"does not start: {why or f'exit code {ran.returncode}'}",
            "make setup builds the native modules; the message above tells what is missing",
        )
    ]


def runtime() -> list[Finding]:
    """Whether DPDK may keep its files."""
    base = runtime_directory("x").parent
    while not base.exists():
        base = base.parent
    if os.access(base, os.W_OK):
        return [Finding("runtime directory", "ok", f"{base} is writable")]
    return [
        Finding(
            "runtime directory",
            "problem",
            f"{base} is not writable",
            "set XDG_RUNTIME_DIR to a directory of this user",
        )
    ]
