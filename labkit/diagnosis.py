# SPDX-License-Identifier: BSD-3-Clause
"""labkit doctor: what works on this machine, what does not, and the fix of each."""

import html
import json
import os
import re
import resource
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from labkit.engine.config import free_hugepage_mb, hugepages_can_be_mapped, runtime_directory

Status = Literal["ok", "note", "problem"]

CAP_NET_ADMIN, CAP_NET_RAW, CAP_IPC_LOCK, CAP_SYS_ADMIN = 12, 13, 14, 21
DRIVERS = ("ring", "null", "pcap", "memif", "tap", "af_packet", "af_xdp", "virtio", "vhost", "ena")
VFIO_DRIVERS = ("vfio-pci", "uio_pci_generic", "igb_uio")
MARKS = {"ok": "✓", "note": "·", "problem": "✗"}
COLORS = {"ok": "#00785a", "note": "#57606a", "problem": "#b3261e"}


@dataclass(frozen=True)
class Finding:
    """One thing looked at: `status` is ok, note (something optional is missing) or problem."""

    name: str
    status: Status
    detail: str
    fix: str = ""


@dataclass(frozen=True)
class Report:
    """All findings. `ok` is true when a lab with ring ports works."""

    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        """Whether a lab with ring ports works."""
        return all(finding.status != "problem" for finding in self.findings)

    def to_json(self) -> str:
        """{"ok": …, "findings": [{"name", "status", "detail", "fix"}, …]}"""
        return json.dumps({"ok": self.ok, "findings": [asdict(f) for f in self.findings]}, indent=2)

    def __repr__(self) -> str:
        width = max(len(f.name) for f in self.findings)
        lines = []
        for f in self.findings:
            lines.append(f"{MARKS[f.status]} {f.name:<{width}}  {f.detail}")
            if f.fix:
                lines.append(f"  {'':<{width}}  fix: {f.fix}")
        lines.append("a lab with ring ports works here" if self.ok else "a lab does not work yet")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        cell = 'style="text-align:left;vertical-align:top;padding:2px 10px"'
        rows = "".join(
            f'<tr><td {cell}><b style="color:{COLORS[f.status]}">{MARKS[f.status]}</b></td>'
            f"<td {cell}>{html.escape(f.name)}</td><td {cell}>{html.escape(f.detail)}"
            + (f"<br><i>fix:</i> {html.escape(f.fix)}" if f.fix else "")
            + "</td></tr>"
            for f in self.findings
        )
        return f'<table style="border-collapse:collapse">{rows}</table>'


def doctor() -> Report:
    """Looks at DPDK, memory, CPUs, privileges and NICs; loads no DPDK into this process."""
    findings: list[Finding] = []
    for look in (
        _dpdk,
        _drivers,
        _engine,
        _hugepages,
        _cpus,
        _clock,
        _privileges,
        _runtime,
        _ports,
        _vfio,
        _nics,
    ):
        findings += look()
    return Report(tuple(findings))


def _dpdk() -> list[Finding]:
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
    if tuple(map(int, version.split(".")[:2])) < (22, 11):
        return [
            Finding(
                "DPDK",
                "problem",
                f"{version}; labkit needs 22.11 or later",
                "install DPDK 22.11 or later (Debian 12, Ubuntu 24.04 have it)",
            )
        ]
    return [Finding("DPDK", "ok", version)]


def _drivers() -> list[Finding]:
    directories = [
        *Path("/usr/lib").glob("*/dpdk/pmds-*"),
        *Path("/usr/lib64").glob("dpdk/pmds-*"),
        *Path("/usr/local/lib").glob("*/dpdk/pmds-*"),
    ]
    there = [
        name for name in DRIVERS if any((d / f"librte_net_{name}.so").exists() for d in directories)
    ]
    missing = [name for name in DRIVERS if name not in there]
    detail = ", ".join(there) or "none as shared libraries"
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


def _engine() -> list[Finding]:
    """Starts an engine: the only proof that one starts."""
    code = (
        "import labkit as lk\nwith lk.Lab() as lab:\n    lab.cable()\n    print(lab.dpdk_version)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    if ran.returncode == 0:
        return [Finding("engine", "ok", f"starts, {ran.stdout.strip()}")]
    last = (ran.stderr.strip().splitlines() or ["no message"])[-1]
    return [
        Finding(
            "engine",
            "problem",
            f"does not start: {last}",
            "make setup builds the native modules; the message above tells what is missing",
        )
    ]


def _hugepages() -> list[Finding]:
    reserved = []
    for directory in sorted(Path("/sys/kernel/mm/hugepages").glob("hugepages-*kB")):
        size = int(directory.name.removeprefix("hugepages-").removesuffix("kB")) // 1024
        total, free = _text(directory / "nr_hugepages"), _text(directory / "free_hugepages")
        reserved.append(f"{total} of {size} MiB ({free} free)")
    detail = "; ".join(reserved) or "not supported by this kernel"
    if free_hugepage_mb() == 0:
        return [
            Finding(
                "hugepages",
                "note",
                f"{detail}: engines use ordinary pages",
                "for speed, as root: echo 512 > /proc/sys/vm/nr_hugepages",
            )
        ]
    if not hugepages_can_be_mapped():
        return [
            Finding(
                "hugepages",
                "note",
                f"{detail}, but this user may not map them",
                "raise the hugetlb limit of this user or container",
            )
        ]
    return [Finding("hugepages", "ok", detail)]


def _cpus() -> list[Finding]:
    usable = sorted(os.sched_getaffinity(0))
    isolated = _text(Path("/sys/devices/system/cpu/isolated"))
    quota = _text(Path("/sys/fs/cgroup/cpu.max")).split()
    detail = f"{len(usable)} usable ({', '.join(map(str, usable))}) of {os.cpu_count()}"
    if isolated:
        detail += f", isolated: {isolated}"
    if len(quota) == 2 and quota[0] != "max":
        detail += f", limited to {int(quota[0]) / int(quota[1]):.1f} CPUs"
        return [
            Finding(
                "CPUs",
                "note",
                detail,
                "a quota stops a polling worker now and then: raise or remove it to measure",
            )
        ]
    if len(usable) < 2:
        return [
            Finding(
                "CPUs",
                "note",
                f"{detail}: workers share it with the notebook",
                "give the machine a second CPU to measure",
            )
        ]
    return [Finding("CPUs", "ok", detail)]


def _clock() -> list[Finding]:
    flags = set(
        re.findall(
            r"\S+",
            next(
                (
                    line
                    for line in _text(Path("/proc/cpuinfo")).splitlines()
                    if line.startswith("flags")
                ),
                "",
            ),
        )
    )
    if not flags:
        return [Finding("clock", "note", "no x86 TSC; DPDK's cycle counter is used")]
    if "constant_tsc" in flags and "nonstop_tsc" in flags:
        return [Finding("clock", "ok", "TSC runs at a constant rate")]
    return [
        Finding(
            "clock",
            "note",
            "the TSC may change its rate: latencies are less certain",
            "measure on a machine with an invariant TSC (constant_tsc, nonstop_tsc)",
        )
    ]


def _privileges() -> list[Finding]:
    names = {
        "CAP_NET_ADMIN": CAP_NET_ADMIN,
        "CAP_NET_RAW": CAP_NET_RAW,
        "CAP_IPC_LOCK": CAP_IPC_LOCK,
        "CAP_SYS_ADMIN": CAP_SYS_ADMIN,
    }
    held = [name for name, bit in names.items() if _has_capability(bit)]
    soft, _ = resource.getrlimit(resource.RLIMIT_MEMLOCK)
    limit = "unlimited" if soft == resource.RLIM_INFINITY else f"{soft // 1024} KiB"
    who = "root" if os.geteuid() == 0 else f"user {os.geteuid()}"
    detail = f"{who}, {', '.join(held) or 'no network capabilities'}, memlock {limit}"
    return [
        Finding(
            "privileges",
            "ok" if held else "note",
            detail,
            "" if held else "none needed for ring, null, pcap and memif ports",
        )
    ]


def _runtime() -> list[Finding]:
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


def _ports() -> list[Finding]:
    always = "ring, null, pcap, memif"
    findings = [Finding("ports without privileges", "ok", always)]
    checks: list[tuple[str, Callable[[], str]]] = [
        ("tap", _tap_hindrance),
        ("af_packet", _af_packet_hindrance),
        ("af_xdp", _af_xdp_hindrance),
    ]
    for kind, hindrance in checks:
        why = hindrance()
        findings.append(
            Finding(
                f"{kind} ports",
                "note" if why else "ok",
                why or "usable",
                "run as root"
                if why.startswith("needs")
                else "ask the administrator of this machine"
                if why
                else "",
            )
        )
    return findings


def _tap_hindrance() -> str:
    if not Path("/dev/net/tun").exists():
        return "no /dev/net/tun: the tun module is not loaded (modprobe tun)"
    return "" if os.geteuid() == 0 else "needs root (CAP_NET_ADMIN)"


def _af_packet_hindrance() -> str:
    return _socket_hindrance(socket.AF_PACKET, socket.SOCK_RAW, "CAP_NET_RAW")


def _af_xdp_hindrance() -> str:
    if os.geteuid() != 0:
        return "needs root (CAP_NET_ADMIN, CAP_BPF)"
    return _socket_hindrance(44, socket.SOCK_RAW, "CAP_NET_RAW")  # AF_XDP


def _socket_hindrance(family: int, kind: int, capability: str) -> str:
    try:
        socket.socket(family, kind, 0).close()
    except PermissionError:
        return f"needs root ({capability})"
    except OSError as error:
        return f"this kernel has no such socket: {error.strerror}"
    return ""


def _vfio() -> list[Finding]:
    groups = len(list(Path("/sys/kernel/iommu_groups").glob("*")))
    if not Path("/dev/vfio/vfio").exists():
        return [
            Finding(
                "vfio",
                "note",
                f"no /dev/vfio ({groups} IOMMU groups)",
                "only for pci ports: modprobe vfio-pci; without an IOMMU also "
                "enable_unsafe_noiommu_mode=1",
            )
        ]
    return [Finding("vfio", "ok", f"/dev/vfio is there, {groups} IOMMU groups")]


def _nics() -> list[Finding]:
    findings = []
    for device in sorted(Path("/sys/bus/pci/devices").glob("*")):
        if not _text(device / "class").startswith("0x02"):
            continue
        driver = (device / "driver").resolve().name if (device / "driver").exists() else "none"
        bound = driver in VFIO_DRIVERS
        findings.append(
            Finding(
                f"NIC {device.name}",
                "ok" if bound else "note",
                f"{_text(device / 'vendor')}:{_text(device / 'device')}, driver {driver}",
                ""
                if bound
                else "to use it as pci:"
                + device.name
                + f": dpdk-devbind.py --bind=vfio-pci {device.name} (the kernel "
                "loses the interface)",
            )
        )
    for interface in sorted(Path("/sys/class/net").glob("*")):
        speed = _text(interface / "speed")
        driver = (interface / "device" / "driver").resolve().name
        findings.append(
            Finding(
                f"interface {interface.name}",
                "ok",
                f"{'driver ' + driver + ', ' if (interface / 'device').exists() else ''}"
                f"MTU {_text(interface / 'mtu')}, {_text(interface / 'operstate')}"
                + (f", {speed} Mbit/s" if speed.isdigit() else ""),
            )
        )
    return findings


def _has_capability(bit: int) -> bool:
    line = re.search(r"^CapEff:\s*([0-9a-f]+)", _text(Path("/proc/self/status")), re.MULTILINE)
    return bool(line and int(line[1], 16) >> bit & 1)


def _text(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""
