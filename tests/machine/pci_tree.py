# SPDX-License-Identifier: BSD-3-Clause
"""Trees of files as sysfs, procfs and /dev lay out a machine with NICs."""

from collections.abc import Iterable
from pathlib import Path

ROUTE = "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n"


def write(root: Path, files: dict[str, str]) -> None:
    """Files with a line each, and the folders above them."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n")


def pci_device(root: Path, address: str, driver: str, device: str, kind: str = "0x020000") -> Path:
    """A PCI device of a driver ("": of none), as sysfs lays it out."""
    path = root / "sys/devices/pci0000:00" / address
    vendor, _, model = device.partition(":")
    inside = path.relative_to(root)
    write(
        root,
        {
            f"{inside}/class": kind,
            f"{inside}/vendor": f"0x{vendor}",
            f"{inside}/device": f"0x{model}",
        },
    )
    if driver:
        (root / "sys/bus/pci/drivers" / driver).mkdir(parents=True, exist_ok=True)
        (path / "driver").symlink_to(root / "sys/bus/pci/drivers" / driver)
    devices = root / "sys/bus/pci/devices"
    devices.mkdir(parents=True, exist_ok=True)
    (devices / address).symlink_to(path)
    return path


def interface(root: Path, name: str, device: Path | None, **files: str) -> None:
    """A network interface, of a device or virtual."""
    home = (device / "net" if device else root / "sys/devices/virtual/net") / name
    home.mkdir(parents=True)
    write(root, {f"{home.relative_to(root)}/{file}": text for file, text in files.items()})
    if device:
        (home / "device").symlink_to(device)
    (root / "sys/class/net").mkdir(parents=True, exist_ok=True)
    (root / "sys/class/net" / name).symlink_to(home)


def iommu_group(root: Path, number: int, devices: Iterable[Path], name: str = "") -> None:
    """A group, and in /dev what vfio has of it."""
    group = root / "sys/kernel/iommu_groups" / str(number)
    (group / "devices").mkdir(parents=True)
    (group / "name").write_text(f"{name}\n")
    for device in devices:
        (group / "devices" / device.name).symlink_to(device)
        (device / "iommu_group").symlink_to(group)
    prefix = "noiommu-" if name else ""
    write(root, {"dev/vfio/vfio": "", f"dev/vfio/{prefix}{number}": ""})
