# SPDX-License-Identifier: BSD-3-Clause
"""What the doctor says of privileges, kinds of ports, vfio and NICs."""

import os
import resource
import socket
from pathlib import Path

from labkit.machine.doctor_report import Finding
from labkit.machine.kernel_modules import can_be_loaded, noiommu_mode
from labkit.machine.nic_facts import NicFacts, all_nic_facts, has_iommu
from labkit.machine.nic_state import (
    IOMMU_CURE,
    UIO,
    USUAL_MEMORY_MB,
    VFIO,
    memlock_fix,
    told,
    why_unusable,
)
from labkit.machine.nics import ROOT, interfaces
from labkit.machine.privileges import CAPABILITIES, has_capability, lockable_kib, user_name
from labkit.text import plural

Hindrance = tuple[str, str]  # what is in the way, and its fix
AF_XDP = 44  # socket(2) on Linux; the socket module does not name it


def privileges() -> list[Finding]:
    """Capabilities, and how much memory may be locked."""
    held = [f"CAP_{name}" for name in CAPABILITIES if has_capability(name)]
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


def ports() -> list[Finding]:
    """Which kinds of ports can be opened."""
    findings = [Finding("ports without privileges", "ok", "ring, null, pcap, memif")]
    hindrances: dict[str, Hindrance | None] = {
        "tap": tap_hindrance(),
        "af_packet": needs("NET_RAW") or socket_hindrance(socket.AF_PACKET),
        "af_xdp": needs("NET_ADMIN", "NET_RAW", "BPF") or socket_hindrance(AF_XDP),
        "pci": pci_hindrance(),
    }
    for kind, hindrance in hindrances.items():
        if hindrance is None:
            findings.append(Finding(f"{kind} ports", "ok", "usable"))
        else:
            findings.append(Finding(f"{kind} ports", "note", *hindrance))
    return findings


def needs(*capabilities: str) -> Hindrance | None:
    """What a port needs beyond root, which in a container may lack capabilities."""
    wanted = ", ".join(f"CAP_{name}" for name in capabilities)
    if os.geteuid() != 0:
        return f"need root ({wanted})", "start JupyterLab as root"
    # CAP_SYS_ADMIN holds what CAP_BPF was split from.
    lacking = [
        name
        for name in capabilities
        if not (has_capability(name) or (name == "BPF" and has_capability("SYS_ADMIN")))
    ]
    if lacking:
        options = " ".join(f"--cap-add={name}" for name in lacking)
        return f"need {wanted}; root lacks some of it here", f"start the container with {options}"
    return None


def tap_hindrance(root: Path = ROOT) -> Hindrance | None:
    """Of a tap port."""
    if not (root / "dev/net/tun").exists():
        return (
            "need /dev/net/tun, which is not here",
            "as root: modprobe tun; for a container: --device /dev/net/tun",
        )
    return needs("NET_ADMIN")


def socket_hindrance(family: int) -> Hindrance | None:
    """Of a port on sockets of this family."""
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


def pci_hindrance(root: Path = ROOT) -> Hindrance | None:
    """Of a port on any of the NICs."""
    present = all_nic_facts(root)
    if not present:
        return "need a NIC on the PCI bus; there is none", "add one to the machine"
    if all(why_unusable(nic.address, root=root) for nic in present):
        return "no NIC can be opened by this user now", "see the NICs below; labkit nic list"
    return None


def vfio(root: Path = ROOT) -> list[Finding]:
    """What hands devices to user space here, and whether this user may take them."""
    if not has_iommu(root):
        return [_without_iommu(root)]
    groups = plural(len(list((root / "sys/kernel/iommu_groups").glob("*"))), "IOMMU group")
    container = root / "dev/vfio/vfio"
    given = sorted((root / "dev/vfio").glob("[0-9]*"))
    mine = [told(file, root) for file in given if os.access(file, os.R_OK | os.W_OK)]
    most = lockable_kib()
    detail, fix = f"{groups}; no device is bound to vfio-pci", ""
    if can_be_loaded(VFIO, root) is False:
        detail, fix = f"{groups}, but this kernel has no vfio-pci", "install its modules"
    elif given and not os.access(container, os.R_OK | os.W_OK):
        detail = "this user may not open /dev/vfio/vfio"
        fix = "only for pci ports, as root: chmod 666 /dev/vfio/vfio"
    elif given and not mine:
        files = " ".join(told(file, root) for file in given)
        detail = f"{groups}; this user may not open {files.replace(' ', ', ')}"
        fix = f"only for pci ports, as root: chown {user_name()} {files}"
    elif most is not None and most < USUAL_MEMORY_MB * 1024:
        detail = f"{groups}, but this user may lock {most:,} KiB, and an engine's memory is locked"
        fix = f"only for pci ports: {memlock_fix()}"
    elif mine:
        detail = f"{groups}; this user may open {', '.join(mine)}"
    return [Finding("vfio", "note" if fix else "ok", detail, fix)]


def _without_iommu(root: Path) -> Finding:
    """What there is in place of vfio."""
    mode = noiommu_mode(root)
    if mode:
        return Finding("vfio", "ok", "no IOMMU, but its noiommu mode, which needs root")
    has_uio = can_be_loaded(UIO, root) is not False
    fixes = [IOMMU_CURE]
    if mode is False:
        fixes.append("or as root: modprobe vfio enable_unsafe_noiommu_mode=1")
    if has_uio:
        fixes.append(f"or as root, with hugepages: labkit nic bind ADDRESS --driver {UIO}")
    lacks = "" if has_uio else f", and this kernel has no {UIO}"
    detail = f"no IOMMU, so that vfio takes no device{lacks}"
    return Finding("vfio", "note", detail, f"only for pci ports: {', '.join(fixes)}")


def found_nics(root: Path = ROOT) -> list[Finding]:
    """NICs, the next step of each that does not open in DPDK, and the kernel's interfaces."""
    return [
        *(_nic(nic, root) for nic in all_nic_facts(root)),
        *(Finding(f"interface {i.name}", "ok", str(i)) for i in interfaces(root)),
    ]


def _nic(nic: NicFacts, root: Path) -> Finding:
    what = nic.name or nic.device
    if nic.dpdk:
        what += f", DPDK's {nic.dpdk.name}"
    why = why_unusable(nic.address, root=root)
    if why is None:
        opens = f"{what}: with {nic.driver}, opens as pci:{nic.address}"
        return Finding(f"NIC {nic.address}", "ok", opens)
    reason, _, step = why.partition("; ")
    reason = reason.removeprefix(f"{nic.called} ")
    return Finding(f"NIC {nic.address}", "note", f"{what}: {reason}", step)
