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
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from labkit.machine.hugepages import free_hugepage_mb, hugepages_can_be_mapped
from labkit.machine.nics import (
    ROOT,
    Interface,
    Nic,
    default_route_interfaces,
    interfaces,
    nics,
    read,
    read_int,
)
from labkit.machine.runtime import runtime_directory

Status = Literal["ok", "note", "problem"]
Hindrance = tuple[str, str]  # what is in the way, and its fix

# linux/capability.h
CAPABILITIES = {"NET_ADMIN": 12, "NET_RAW": 13, "IPC_LOCK": 14, "SYS_ADMIN": 21, "BPF": 39}
DRIVERS = ("ring", "null", "pcap", "memif", "tap", "af_packet", "af_xdp", "virtio", "vhost", "ena")
AF_XDP = 44  # socket(2) on Linux; the socket module does not name it
ENGINE_TIMEOUT_S = 60
FIRST_LAB = """
try:
    import labkit as lk
    with lk.Lab() as lab:
        lab.cable()
        print(lab.dpdk_version)
except Exception as error:  # whatever it is, the doctor tells it
    print(f"{type(error).__name__}: {error}")
    raise SystemExit(1)
"""
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


def _hugepages() -> list[Finding]:
    detail = _reserved_hugepages() or "not supported by this kernel"
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


def _reserved_hugepages(root: Path = ROOT) -> str:
    """Reserved and free pages of every size, the smallest first."""
    sizes = {
        int(directory.name.removeprefix("hugepages-").removesuffix("kB")): directory
        for directory in (root / "sys/kernel/mm/hugepages").glob("hugepages-*kB")
    }
    return "; ".join(
        f"{read_int(directory / 'nr_hugepages') or 0} of {_size(size_kb)}"
        f" ({read_int(directory / 'free_hugepages') or 0} free)"
        for size_kb, directory in sorted(sizes.items())
    )


def _size(kib: int) -> str:
    units = ("KiB", "MiB", "GiB")
    power = next(power for power in (2, 1, 0) if kib >= 1024**power)
    return f"{kib // 1024**power} {units[power]}"


def _cpus() -> list[Finding]:
    usable = sorted(os.sched_getaffinity(0))
    isolated = read(ROOT / "sys/devices/system/cpu/isolated")
    quota = _cpu_quota()
    detail = f"{len(usable)} usable ({', '.join(map(str, usable))}) of {os.cpu_count()}"
    if isolated:
        detail += f", isolated: {isolated}"
    if quota is not None:
        return [
            Finding(
                "CPUs",
                "note",
                f"{detail}, limited to {quota:.1f} CPUs by a control group",
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


def _cpu_quota(root: Path = ROOT) -> float | None:
    """CPUs that the tightest control group around this process allows; None: no limit."""
    limits = []
    for line in read(root / "proc/self/cgroup").splitlines():
        _, controllers, group = line.split(":", 2)
        for level in [Path(group), *Path(group).parents]:
            inside = str(level).lstrip("/")
            if not controllers:
                quota, _, period = read(root / "sys/fs/cgroup" / inside / "cpu.max").partition(" ")
            elif "cpu" in controllers.split(","):
                directory = root / "sys/fs/cgroup/cpu" / inside
                quota = read(directory / "cpu.cfs_quota_us")
                period = read(directory / "cpu.cfs_period_us")
            else:
                continue
            if quota.isdigit() and period.isdigit():  # otherwise max, or -1: no limit
                limits.append(int(quota) / int(period))
    return min(limits, default=None)


def _clock() -> list[Finding]:
    line = re.search(r"^flags\s*:(.*)$", read(ROOT / "proc/cpuinfo"), re.MULTILINE)
    flags = line[1].split() if line else []
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
    held = [f"CAP_{name}" for name in CAPABILITIES if _has(name)]
    soft, _ = resource.getrlimit(resource.RLIMIT_MEMLOCK)
    limit = "unlimited" if soft == resource.RLIM_INFINITY else f"{soft // 1024} KiB"
    who = "root" if os.geteuid() == 0 else f"user {os.geteuid()}"
    detail = f"{who}, {', '.join(held) or 'no network capabilities'}, memlock {limit}"
    return [
        Finding(
            "privileges",
            "ok" if held else "note",
            detail,
            "" if held else "none is needed for ring, null, pcap and memif ports",
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
    findings = [Finding("ports without privileges", "ok", "ring, null, pcap, memif")]
    hindrances: dict[str, Hindrance | None] = {
        "tap": _tap_hindrance(),
        "af_packet": _needs("NET_RAW") or _socket_hindrance(socket.AF_PACKET),
        "af_xdp": _needs("NET_ADMIN", "NET_RAW", "BPF") or _socket_hindrance(AF_XDP),
        "pci": _pci_hindrance(nics()),
    }
    for kind, hindrance in hindrances.items():
        if hindrance is None:
            findings.append(Finding(f"{kind} ports", "ok", "usable"))
        else:
            findings.append(Finding(f"{kind} ports", "note", *hindrance))
    return findings


def _needs(*capabilities: str) -> Hindrance | None:
    """What a port needs beyond root, which in a container may lack capabilities."""
    wanted = ", ".join(f"CAP_{name}" for name in capabilities)
    if os.geteuid() != 0:
        return f"need root ({wanted})", "start JupyterLab as root"
    # CAP_SYS_ADMIN holds what CAP_BPF was split from.
    lacking = [
        name for name in capabilities if not (_has(name) or (name == "BPF" and _has("SYS_ADMIN")))
    ]
    if lacking:
        options = " ".join(f"--cap-add={name}" for name in lacking)
        return f"need {wanted}; root lacks some of it here", f"start the container with {options}"
    return None


def _tap_hindrance(root: Path = ROOT) -> Hindrance | None:
    if not (root / "dev/net/tun").exists():
        return (
            "need /dev/net/tun, which is not here",
            "as root: modprobe tun; for a container: --device /dev/net/tun",
        )
    return _needs("NET_ADMIN")


def _socket_hindrance(family: int) -> Hindrance | None:
    try:
        socket.socket(family, socket.SOCK_RAW, 0).close()
    except PermissionError as error:
        return (
            f"may not open the socket: {error.strerror}",
            "let the container's seccomp profile allow this socket family",
        )
    except OSError as error:
        return (
            f"this kernel does not have such sockets: {error.strerror}",
            "use a kernel built with CONFIG_PACKET and CONFIG_XDP_SOCKETS",
        )
    return None


def _pci_hindrance(present: list[Nic]) -> Hindrance | None:
    if not present:
        return "need a NIC on the PCI bus; there is none", "add one to the machine"
    if not any(nic.opens_in_dpdk for nic in present):
        return (
            "need a NIC that is bound to vfio-pci; none is",
            "bind a spare one as root: dpdk-devbind.py --bind=vfio-pci ADDRESS",
        )
    return None


def _vfio(root: Path = ROOT) -> list[Finding]:
    groups = len(list((root / "sys/kernel/iommu_groups").glob("*")))
    container = root / "dev/vfio/vfio"
    unsafe = read(root / "sys/module/vfio/parameters/enable_unsafe_noiommu_mode") in ("Y", "1")
    if not container.exists():
        # Without an IOMMU, vfio takes a device only in this mode, set when the module is loaded.
        mode = "" if groups else "modprobe vfio enable_unsafe_noiommu_mode=1; "
        fix = f"only for pci ports, as root: {mode}modprobe vfio-pci"
        return [Finding("vfio", "note", f"no /dev/vfio/vfio ({groups} IOMMU groups)", fix)]
    if not os.access(container, os.R_OK | os.W_OK):
        return [
            Finding(
                "vfio",
                "note",
                "this user may not open /dev/vfio/vfio",
                "only for pci ports: start JupyterLab as root, or give this user /dev/vfio",
            )
        ]
    if not groups and not unsafe:
        return [
            Finding(
                "vfio",
                "note",
                "/dev/vfio/vfio is there, but no IOMMU",
                "switch the IOMMU on (intel_iommu=on, amd_iommu=on), or as root: "
                "echo 1 > /sys/module/vfio/parameters/enable_unsafe_noiommu_mode",
            )
        ]
    return [Finding("vfio", "ok", f"/dev/vfio/vfio is usable, {groups} IOMMU groups")]


def _nics(root: Path = ROOT) -> list[Finding]:
    known = interfaces(root)
    routed = default_route_interfaces(root)
    return [
        *(_nic(nic, [i for i in known if i.pci == nic.address], routed) for nic in nics(root)),
        *(Finding(f"interface {i.name}", "ok", str(i)) for i in known),
    ]


def _nic(nic: Nic, carried: list[Interface], routed: set[str]) -> Finding:
    name = f"NIC {nic.address}"
    names = ", ".join(interface.name for interface in carried)
    detail = f"{nic.device}, driver {nic.driver or 'none'}" + (names and f", carries {names}")
    if nic.opens_in_dpdk:
        return Finding(name, "ok", f"{detail}: opens as pci:{nic.address}")
    if routed.intersection(interface.name for interface in carried):
        return Finding(
            name,
            "note",
            f"{detail}, and with it this machine's default route",
            "leave this one to the kernel; add a second NIC for a pci port",
        )
    return Finding(
        name,
        "note",
        detail,
        f"to open it as pci:{nic.address}: dpdk-devbind.py --bind=vfio-pci {nic.address}"
        + (f" (the kernel loses {names})" if names else ""),
    )


def _has(capability: str) -> bool:
    line = re.search(r"^CapEff:\s*([0-9a-f]+)", read(ROOT / "proc/self/status"), re.MULTILINE)
    return bool(line and int(line[1], 16) >> CAPABILITIES[capability] & 1)
