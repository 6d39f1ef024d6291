# SPDX-License-Identifier: BSD-3-Clause
"""What this machine says of a NIC on the PCI bus: who holds it, who could, what shares its group.

The kernel's side of it: Documentation/driver-api/vfio.rst, Documentation/ABI/testing/sysfs-bus-pci.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from labkit.machine.nics import PCI_ADDRESS, ROOT, Nic, interfaces, nics, read, read_int
from labkit.machine.pci_names import pci_name
from labkit.machine.pmd_info import DpdkDriver, dpdk_drivers

BRIDGE = "0x0604"  # how the PCI class code of a bridge begins
# A group may have them beside devices of vfio (vfio_dev_driver_allowed).
HARMLESS_DRIVERS = ("pci-stub", "pcieport", "vfio-pci")
NOIOMMU_GROUP = "vfio-noiommu"  # the name of groups that vfio makes up where there is no IOMMU


@dataclass(frozen=True)
class NicFacts:
    """What sysfs says of a NIC. What it does not say is None, "" or ().

    Attributes
    ----------
    address: such as "0000:00:06.0"
    device: vendor:device in hexadecimal, such as "1d0f:ec20"
    name: of vendor and device
    driver: the kernel driver that holds it; "": none
    interfaces: its interfaces in this network namespace, of the kernel
    dpdk: the driver of DPDK that takes it
    numa_node: the CPU socket that it is wired to
    group: its IOMMU group
    in_the_way: other devices of its group that vfio refuses, such as "0000:00:05.0 (ahci)"
    node: the file that gives it to user space: /dev/vfio/GROUP or /dev/uioN
    """

    address: str
    device: str
    name: str
    driver: str
    interfaces: tuple[str, ...]
    dpdk: DpdkDriver | None
    numa_node: int | None
    group: int | None
    in_the_way: tuple[str, ...]
    node: Path | None

    @property
    def called(self) -> str:
        """Address and name, as sentences have them."""
        return f"{self.address} ({self.name or self.device})"

    @property
    def is_in_user_space(self) -> bool:
        """Whether a kernel driver holds it from whose hands its DPDK driver takes it."""
        known = self.dpdk.modules if self.dpdk else ()
        return self.driver in known


def nic_facts(address: str, root: Path = ROOT) -> NicFacts | None:
    """Of one NIC; None where there is no such NIC on the PCI bus."""
    known = {nic.address: nic for nic in nics(root)}
    return _facts(known[address], root) if address in known else None


def all_nic_facts(root: Path = ROOT) -> list[NicFacts]:
    """Of all NICs, by PCI address."""
    return [_facts(nic, root) for nic in nics(root)]


def address_of(name: str, root: Path = ROOT) -> str:
    """The PCI address that a text means: an address, also without its domain, or the name of an
    interface; "" where it is neither."""
    text = name.strip().lower()
    if PCI_ADDRESS.fullmatch(text):
        return text
    if PCI_ADDRESS.fullmatch(f"0000:{text}"):
        return f"0000:{text}"
    return next((known.pci for known in interfaces(root) if known.name == name), "")


def has_iommu(root: Path = ROOT) -> bool:
    """Whether the kernel uses an IOMMU."""
    groups = (root / "sys/kernel/iommu_groups").glob("*")
    return any(read(group / "name") != NOIOMMU_GROUP for group in groups)


def _facts(nic: Nic, root: Path) -> NicFacts:
    path = root / "sys/bus/pci/devices" / nic.address
    group = _group(path)
    return NicFacts(
        address=nic.address,
        device=nic.device,
        name=pci_name(nic.device, root),
        driver=nic.driver,
        interfaces=tuple(known.name for known in interfaces(root) if known.pci == nic.address),
        dpdk=dpdk_drivers().of(_pci_id(path)),
        numa_node=_numa_node(path),
        group=group,
        in_the_way=tuple(_in_the_way(path)),
        node=_node(path, group, nic.driver, root),
    )


def _pci_id(path: Path) -> tuple[int, int, int, int]:
    parts = ("vendor", "device", "subsystem_vendor", "subsystem_device")
    numbers = [int(read(path / part) or "0", 16) for part in parts]
    return numbers[0], numbers[1], numbers[2], numbers[3]


def _numa_node(path: Path) -> int | None:
    node = read_int(path / "numa_node")
    return node if node is not None and node >= 0 else None  # -1: the machine does not tell


def _group(path: Path) -> int | None:
    link = path / "iommu_group"
    name = link.resolve().name if link.exists() else ""
    return int(name) if name.isdigit() else None


def _in_the_way(path: Path) -> Iterator[str]:
    for other in sorted((path / "iommu_group/devices").glob("*")):
        link = other / "driver"
        driver = link.resolve().name if link.exists() else ""
        is_bridge = read(other / "class").startswith(BRIDGE)
        if other.name != path.name and driver and not is_bridge and driver not in HARMLESS_DRIVERS:
            yield f"{other.name} ({driver})"


def _node(path: Path, group: int | None, driver: str, root: Path) -> Path | None:
    if driver == "vfio-pci" and group is not None:
        prefix = "noiommu-" if read(path / "iommu_group/name") == NOIOMMU_GROUP else ""
        return root / f"dev/vfio/{prefix}{group}"
    number = next((file.name for file in sorted((path / "uio").glob("uio*"))), "")
    return root / "dev" / number if number else None
