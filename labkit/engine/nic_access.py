# SPDX-License-Identifier: BSD-3-Clause
"""Why DPDK cannot have a NIC, told before it is asked for: the driver's own words are an errno."""

import os
import resource
from pathlib import Path

from labkit.errors import PortError
from labkit.machine.nics import DPDK_DRIVERS, NETWORK_CONTROLLER, ROOT, interfaces, nics, read
from labkit.machine.pci_address import PciDevice
from labkit.machine.pmd_info import driver_of, pmds
from labkit.text import near

VFIO = "vfio-pci"
UIO = ("uio_pci_generic", "igb_uio")
HARMLESS = (VFIO, "pci-stub", "pcieport", "")  # drivers that leave an IOMMU group to user space
IPC_LOCK = 14  # linux/capability.h


def check_arguments(device: PciDevice, root: Path = ROOT) -> None:
    """Raises PortError for an argument that the device's driver does not know."""
    pmd = driver_of(device.address, root)
    for name in device.arguments:
        if pmd is not None and not pmd.takes(name):
            raise PortError(
                f"pci:{device}: {pmd.name} has no argument {name!r}{near(name, pmd.names)}; "
                f"DPDK describes its arguments as: {pmd.parameters}"
            )


def check_access(
    address: str,
    memory_mb: int,
    *,
    has_hugepages: bool,
    root: Path = ROOT,
    own: int | None = None,
    is_root: bool | None = None,
) -> None:
    """Raises PortError, with the fix, when this process cannot hand the NIC to DPDK.

    memory_mb: of the engine, which vfio-pci locks; own: the process that may hold it already
    """
    may_all = os.geteuid() == 0 if is_root is None else is_root
    device = root / "sys/bus/pci/devices" / address
    why = _why_not_given(device, root) or _why_held(device, root, own)
    if not why and _driver(device) == VFIO:
        why = _why_closed(device, root) or _why_unlockable(memory_mb, may_all)
    elif not why and _driver(device) in UIO:
        why = _why_no_uio(device, has_hugepages, may_all)
    if not why and pmds() and _is_known(device) and driver_of(address, root) is None:
        ids = ":".join(read(device / part).removeprefix("0x") for part in ("vendor", "device"))
        why = (
            f"no driver of this DPDK is made for {ids}; take another NIC, or leave it to the "
            "kernel and open its interface as an af_packet or af_xdp port"
        )
    if why:
        raise PortError(f"pci:{address}: {why}")


def _driver(device: Path) -> str:
    link = device / "driver"
    return link.resolve().name if link.exists() else ""


def _why_not_given(device: Path, root: Path) -> str:
    """It is absent, no NIC, or the kernel's."""
    if not device.exists():
        there = ", ".join(nic.address for nic in nics(root)) or "none"
        return f"there is no such device on the PCI bus; the NICs there are: {there}"
    kind = read(device / "class")
    if kind and not kind.startswith(NETWORK_CONTROLLER):
        return f"the device is no NIC (its PCI class is {kind}); `labkit doctor` lists the NICs"
    driver = _driver(device)
    if driver in DPDK_DRIVERS:
        return ""
    fix = f"as root: labkit nic bind {device.name}"
    if not driver:
        return f"no driver of the kernel holds it, so DPDK cannot open it; hand it over {fix}"
    names = ", ".join(i.name for i in interfaces(root) if i.pci == device.name)
    carries = f", which carries {names}" if names else ""
    return f"it belongs to the kernel's driver {driver}{carries}; hand it to DPDK {fix}"


def _why_held(device: Path, root: Path, own: int | None) -> str:
    """Another process has it open, as far as this user may see."""
    files = [*_vfio_files(device, root), *_uio_files(device, root)]
    for process in sorted((root / "proc").glob("[0-9]*")):
        if process.name == str(own):
            continue
        try:
            opened = {os.readlink(link) for link in (process / "fd").iterdir()}
        except OSError:
            continue  # gone, or another user's
        if opened.intersection(f"/{file.relative_to(root)}" for file in files):
            line = read(process / "cmdline").replace("\0", " ").strip()
            who = "the engine of another lab" if "labkit.engine" in line else line[:60]
            return (
                f"process {process.name} has it open ({who}); close that lab or end that program, "
                "or take another NIC"
            )
    return ""


def _why_closed(device: Path, root: Path) -> str:
    """Of vfio-pci: the IOMMU group is not whole, or this user may not open it."""
    for other in sorted((device / "iommu_group/devices").glob("*")):
        if _driver(other) not in HARMLESS:
            return (
                f"its IOMMU group has a device that {_driver(other)} holds, {other.name}, and "
                f"vfio-pci gives out whole groups alone; as root: labkit nic bind {other.name}"
            )
    for file in _vfio_files(device, root):
        if file.exists() and not os.access(file, os.R_OK | os.W_OK):
            return f"this user may not open /{file.relative_to(root)}; as root: chown USER {file}"
    return ""


def _why_unlockable(memory_mb: int, is_root: bool) -> str:
    """vfio-pci locks the engine's whole memory, and charges it to the user."""
    soft, hard = resource.getrlimit(resource.RLIMIT_MEMLOCK)
    if is_root or _may_lock() or soft == resource.RLIM_INFINITY or soft >= memory_mb << 20:
        return ""
    most = "any" if hard == resource.RLIM_INFINITY else f"up to {hard >> 20} MiB"
    return (
        f"vfio-pci locks all {memory_mb} MiB of EalConfig(memory_mb={memory_mb}), and this user "
        f"may lock {soft >> 20} MiB (RLIMIT_MEMLOCK); before Jupyter is started: ulimit -l "
        f"{(memory_mb + 64) << 10} ({most} without root; more by /etc/security/limits.conf), or "
        "less memory_mb"
    )


def _why_no_uio(device: Path, has_hugepages: bool, is_root: bool) -> str:
    """uio gives a device physical addresses, which only hugepages have for long, and only root
    may read."""
    driver = _driver(device)
    if not has_hugepages:
        return (
            f"{driver} needs hugepages, which the engine does not use; as root: sysctl "
            "vm.nr_hugepages=512, then lk.EalConfig(hugepages=True), or bind the NIC to vfio-pci"
        )
    if not is_root:
        return (
            f"{driver} needs root; with an IOMMU vfio-pci does not: labkit nic bind {device.name}"
        )
    return ""


def _may_lock() -> bool:
    """Whether this process has CAP_IPC_LOCK."""
    for line in read(ROOT / "proc/self/status").splitlines():
        if line.startswith("CapEff:"):
            return bool(int(line.split()[1], 16) >> IPC_LOCK & 1)
    return False


def _vfio_files(device: Path, root: Path) -> list[Path]:
    group = device / "iommu_group"
    if not group.exists():
        return []
    number = group.resolve().name
    found = [root / "dev/vfio" / number, root / "dev/vfio" / f"noiommu-{number}"]
    return [file for file in found if file.exists()]


def _uio_files(device: Path, root: Path) -> list[Path]:
    return [root / "dev" / path.name for path in (device / "uio").glob("uio*")]


def _is_known(device: Path) -> bool:
    """Whether sysfs says what it is."""
    return bool(read(device / "vendor") and read(device / "device"))
