# SPDX-License-Identifier: BSD-3-Clause
"""What the doctor says of privileges, kinds of ports, vfio and NICs."""

import os
import resource
import socket
from pathlib import Path

from labkit.machine.doctor_report import Finding
from labkit.machine.nics import (
    ROOT,
    Interface,
    Nic,
    default_route_interfaces,
    interfaces,
    nics,
    read,
)
from labkit.machine.privileges import CAPABILITIES, has_capability

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
        "pci": pci_hindrance(nics()),
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


def pci_hindrance(present: list[Nic]) -> Hindrance | None:
    """Of a port on any of these NICs."""
    if not present:
        return "need a NIC on the PCI bus; there is none", "add one to the machine"
    if not any(nic.opens_in_dpdk for nic in present):
        return (
            "need a NIC that is bound to vfio-pci; none is",
            "bind a spare one as root: dpdk-devbind.py --bind=vfio-pci ADDRESS",
        )
    return None


def vfio(root: Path = ROOT) -> list[Finding]:
    """Whether this user may hand a device to DPDK."""
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


def found_nics(root: Path = ROOT) -> list[Finding]:
    """NICs, the fix of each that does not open in DPDK, and the kernel's interfaces."""
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
