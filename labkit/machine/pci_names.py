# SPDX-License-Identifier: BSD-3-Clause
"""What PCI devices are called: by pci.ids of the machine, or by a short list of our own."""

from functools import lru_cache
from pathlib import Path

# Where Debian, Fedora and others keep it (packages pci.ids, pciutils, hwdata)
PLACES = ("usr/share/misc/pci.ids", "usr/share/hwdata/pci.ids", "usr/share/pci.ids")

VENDORS = {
    "1022": "AMD",
    "1077": "QLogic",
    "1137": "Cisco",
    "14e4": "Broadcom",
    "15ad": "VMware",
    "15b3": "Mellanox",
    "1425": "Chelsio",
    "177d": "Cavium",
    "1924": "Solarflare",
    "19e5": "Huawei",
    "1ae0": "Google",
    "1af4": "Red Hat",
    "1d0f": "Amazon",
    "1d6a": "Aquantia",
    "8086": "Intel",
}
# NICs of virtual machines, clouds and benches that a driver of DPDK 22.11 takes
DEVICES = {
    "1022:1458": "10-Gigabit Ethernet (axgbe)",
    "14e4:16d7": "BCM57414 NetXtreme-E",
    "14e4:1750": "BCM57508 NetXtreme-E",
    "15ad:07b0": "VMXNET3 Ethernet",
    "15b3:1013": "ConnectX-4",
    "15b3:1015": "ConnectX-4 Lx",
    "15b3:1017": "ConnectX-5",
    "15b3:1019": "ConnectX-5 Ex",
    "15b3:101b": "ConnectX-6",
    "15b3:101d": "ConnectX-6 Dx",
    "15b3:101e": "ConnectX virtual function",
    "1ae0:0042": "gVNIC",
    "1af4:1000": "virtio network device (transitional)",
    "1af4:1041": "virtio network device",
    "1d0f:ec20": "Elastic Network Adapter (ENA)",
    "1d0f:ec21": "Elastic Network Adapter (ENA with LLQ)",
    "8086:0d9f": "I225-IT",
    "8086:100e": "82540EM Gigabit",
    "8086:100f": "82545EM Gigabit (copper)",
    "8086:10c9": "82576 Gigabit",
    "8086:10d3": "82574L Gigabit",
    "8086:10ed": "82599 virtual function",
    "8086:10fb": "82599ES 10-Gigabit SFI/SFP+",
    "8086:125c": "I226-V",
    "8086:1521": "I350 Gigabit",
    "8086:1528": "X540-AT2 10-Gigabit",
    "8086:1533": "I210 Gigabit",
    "8086:154c": "700 Series virtual function",
    "8086:1563": "X550 10-Gigabit",
    "8086:1572": "X710 10-Gigabit SFP+",
    "8086:1583": "XL710 40-Gigabit QSFP+",
    "8086:1592": "E810-C QSFP",
    "8086:1593": "E810-C SFP",
    "8086:1889": "Ethernet Adaptive Virtual Function",
    "8086:158b": "XXV710 25-Gigabit SFP28",
    "8086:15f2": "I225-LM",
    "8086:15f3": "I225-V",
}


def pci_name(device: str, root: Path) -> str:
    """Vendor and device in words; "" where nothing is known of them.

    device: vendor:device in hexadecimal, such as "1d0f:ec20"
    """
    vendor, _, _ = device.partition(":")
    for place in PLACES:
        if (root / place).is_file():
            names = _read(root / place)
            if vendor in names:
                return " ".join(filter(None, (names[vendor], names.get(device))))
    return " ".join(filter(None, (VENDORS.get(vendor), DEVICES.get(device))))


@lru_cache(maxsize=2)
def _read(file: Path) -> dict[str, str]:
    """Names by "vendor" and by "vendor:device"."""
    names, vendor = {}, ""
    for line in file.read_text(errors="replace").splitlines():
        if line.startswith("C "):  # classes of devices end the list
            break
        number, _, name = line.strip().partition("  ")
        if not name or line.startswith(("#", "\t\t")):
            continue
        if line.startswith("\t"):
            names[f"{vendor}:{number}"] = name
        else:
            vendor = number
            names[vendor] = name
    return names
