# SPDX-License-Identifier: BSD-3-Clause
"""Whether a lab can open a NIC on the PCI bus; if not, why, and the next step."""

import errno
import os
import resource
import sys
from pathlib import Path

from labkit.machine.holders import holders
from labkit.machine.hugepages import free_hugepage_mb
from labkit.machine.kernel_modules import can_be_loaded, noiommu_mode
from labkit.machine.nic_facts import NicFacts, address_of, has_iommu, nic_facts
from labkit.machine.nics import PCI_ADDRESS, ROOT, default_route_interfaces, nics, read
from labkit.machine.pmd_info import dpdk_drivers
from labkit.machine.privileges import lockable_kib

USUAL_MEMORY_MB = 512  # EalConfig(memory_mb=)
VFIO, UIO = "vfio-pci", "uio_pci_generic"


def why_unusable(
    address: str,
    *,
    memory_mb: int = USUAL_MEMORY_MB,
    engine: int | None = None,
    hugepages: bool | None = None,
    root: Path = ROOT,
) -> str | None:
    """Why an engine of this user would not open pci:ADDRESS now; None: nothing is in the way.

    A sentence with the next step, such as "0000:00:04.0 (Intel …) is held by the kernel's driver
    e1000e as eth1; as root: labkit nic bind 0000:00:04.0".

    address: as the user gave it; also without its domain, or the name of an interface
    memory_mb: what the engine locks, EalConfig(memory_mb=)
    engine: process of the engine that is to open it, where that runs: it is not in its own way
    hugepages: whether that engine has them; None: it is still to be started
    root: of the file system; tests have one of their own
    """
    meant = address_of(address, root)
    facts = nic_facts(meant, root) if meant else None
    if facts is None:
        return _absent(meant or address, root)
    if facts.dpdk is None:
        return _no_dpdk_driver(facts)
    if not facts.is_in_user_space:
        return _not_bound(facts, root)
    if facts.driver == VFIO:
        return _vfio(facts, root) or _held(facts, engine, root) or _memlock(memory_mb)
    if facts.driver == UIO:
        return (
            _uio(facts, root)
            or _held(facts, engine, root)
            or _hugepages(memory_mb, hugepages, root)
        )
    return None


def suitable_driver(facts: NicFacts, root: Path = ROOT) -> str:
    """The kernel driver that suits a NIC here best; "" where none does: `no_driver` tells why."""
    if facts.dpdk is None:
        return ""
    if VFIO in facts.dpdk.modules and (has_iommu(root) or noiommu_mode(root)):
        return VFIO
    is_there = can_be_loaded(UIO, root) is not False
    return UIO if UIO in facts.dpdk.modules and is_there else ""


def no_driver(facts: NicFacts, root: Path = ROOT) -> str:
    """Why no kernel driver hands this NIC to user space here, and what would help."""
    cure = "switch the IOMMU on (intel_iommu=on or amd_iommu=on on the kernel's command line)"
    if noiommu_mode(root) is False:
        cure += ", or as root: echo 1 > /sys/module/vfio/parameters/enable_unsafe_noiommu_mode"
    if facts.dpdk is not None and UIO not in facts.dpdk.modules:
        return f"there is no IOMMU, and {facts.dpdk.name} takes no NIC from {UIO}; {cure}"
    return f"there is no IOMMU, and this kernel has no {UIO}; {cure}"


def bind_command(address: str, verb: str = "bind") -> str:
    """The command line that binds a NIC; the command may not be in root's PATH."""
    beside = Path(sys.executable).with_name("labkit")
    return f"{beside if beside.exists() else 'labkit'} nic {verb} {address}"


def _absent(address: str, root: Path) -> str:
    there = ", ".join(nic.address for nic in nics(root)) or "none"
    if not PCI_ADDRESS.fullmatch(address):
        return f"{address!r} is no PCI address, and no interface of a NIC; NICs here: {there}"
    if (root / "sys/bus/pci/devices" / address).exists():
        kind = read(root / "sys/bus/pci/devices" / address / "class")
        return f"{address} is no network controller (PCI class {kind}); NICs here: {there}"
    return f"there is no NIC at {address}; NICs here: {there}"


def _no_dpdk_driver(facts: NicFacts) -> str:
    if not dpdk_drivers().drivers:
        return "DPDK's drivers are not installed; Debian: apt install dpdk"
    other = f"; af_packet:{facts.interfaces[0]} works with any NIC" if facts.interfaces else ""
    return (
        f"no DPDK driver of this installation takes {facts.called}, device {facts.device}"
        f"{other or '; leave it to the kernel, and use af_packet on its interface'}"
    )


def _not_bound(facts: NicFacts, root: Path) -> str:
    names = " and ".join(facts.interfaces)
    if default_route_interfaces(root).intersection(facts.interfaces):
        return (
            f"{facts.called} is the kernel's {names}, and carries the default route of this "
            "machine; leave it to the kernel, and add a second NIC"
        )
    holder = f"is held by the kernel's driver {facts.driver}" + (names and f" as {names}")
    what = f"{facts.called} {holder if facts.driver else 'is bound to no driver'}"
    if not suitable_driver(facts, root):
        return f"{what}; {no_driver(facts, root)}"
    return f"{what}; as root: {bind_command(facts.address)}"


def _vfio(facts: NicFacts, root: Path) -> str | None:
    assert facts.node is not None  # vfio-pci holds no device without a group
    container = root / "dev/vfio/vfio"
    user = os.geteuid()
    if not container.exists():
        return "there is no /dev/vfio/vfio; as root: modprobe vfio-pci; a container needs /dev/vfio"
    if facts.in_the_way:
        return (
            f"IOMMU group {facts.group} of {facts.called} also has {', '.join(facts.in_the_way)}, "
            "which the kernel holds: vfio gives out whole groups; give those to vfio-pci, too "
            "(labkit nic bind takes NICs), or move the NIC to another slot"
        )
    for file in (container, facts.node):
        told = Path("/") / file.relative_to(root)
        if not os.access(file, os.R_OK | os.W_OK):
            return f"user {user} may not open {told}; as root: chown {user} {told}"
    if facts.node.name.startswith("noiommu-") and user != 0:
        return f"vfio leaves {facts.called} to root, for want of an IOMMU; start JupyterLab as root"
    return None


def _memlock(memory_mb: int) -> str | None:
    most = lockable_kib()
    if most is not None and most < memory_mb * 1024:
        return (
            f"vfio locks the {memory_mb} MiB of the engine's memory, and this user may lock "
            f"{most} KiB; {memlock_fix()}"
        )
    return None


def memlock_fix() -> str:
    """How a user gets to lock more memory."""
    _, hard = resource.getrlimit(resource.RLIMIT_MEMLOCK)
    if hard == resource.RLIM_INFINITY:
        return "ulimit -l unlimited, where Jupyter is started"
    return (
        f"as root: echo '{os.geteuid()} - memlock unlimited' > /etc/security/limits.d/labkit.conf, "
        "and log in again; in a systemd unit: LimitMEMLOCK=infinity"
    )


def _held(facts: NicFacts, engine: int | None, root: Path) -> str | None:
    """By whom, where another process has it."""
    if facts.node is None:
        return None
    told = Path("/") / facts.node.relative_to(root)
    found = holders(facts.node, root)
    if any(holder.pid == engine for holder in found):
        return None
    if found:
        by = ", ".join(map(str, found))
        return f"{facts.called} is in use by {by}; close its port there, or end it"
    if facts.driver != VFIO:
        return None
    try:  # the kernel gives a group to one process; that of another user does not show in /proc
        os.close(os.open(facts.node, os.O_RDWR | os.O_CLOEXEC))
    except OSError as error:
        if error.errno == errno.EBUSY:
            return f"{facts.called} is in use by a process of another user, who has {told} open"
        return f"{told} does not open: {error.strerror}; as root: dmesg tells why"
    return None


def _uio(facts: NicFacts, root: Path) -> str | None:
    if os.geteuid() == 0:
        return None
    other = f", or as root: {bind_command(facts.address)}" if has_iommu(root) else ""
    return (
        f"{facts.called} is bound to {UIO}, which needs root, as it works with physical addresses; "
        f"start JupyterLab as root{other}"
    )


def _hugepages(memory_mb: int, taken: bool | None, root: Path) -> str | None:
    """What an engine lacks that has to know physical addresses."""
    free = free_hugepage_mb(root)
    if taken or (taken is None and free >= memory_mb):
        return None
    what = "are free" if taken is None else "are free, and this engine runs without"
    return (
        f"{UIO} needs hugepages for the {memory_mb} MiB of the engine's memory; {free} MiB {what}; "
        f"as root: echo {-(-memory_mb // 2)} > /proc/sys/vm/nr_hugepages, then start the lab anew"
    )
