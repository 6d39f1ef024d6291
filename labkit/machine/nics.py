# SPDX-License-Identifier: BSD-3-Clause
"""NICs on the PCI bus and the kernel's network interfaces, as sysfs and procfs tell of them."""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path("/")
NETWORK_CONTROLLER = "0x02"  # how the PCI class code of every NIC begins
# Bytes of headers that ENA's low-latency queues take: the EC2 enhanced-networking guide, codes 1-3
LLQ_HEADER_LIMITS = {"regular": 96, "wide": 224}
UNKNOWN_SPEEDS = (0, 2**32 - 1)  # RTE_ETH_SPEED_NUM_NONE (net_ena's, always) and _UNKNOWN
PCI_ADDRESS = re.compile(r"[0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]")


@dataclass(frozen=True)
class Interface:
    """A network interface of the kernel. What sysfs does not tell is None or ""."""

    name: str
    driver: str
    mtu: int | None
    state: str
    speed_mbit: int | None
    pci: str

    def __str__(self) -> str:
        parts = [
            f"driver {self.driver}" if self.driver else "",
            f"at {self.pci}" if self.pci else "",
            f"MTU {self.mtu}" if self.mtu is not None else "",
            self.state,
            f"{self.speed_mbit} Mbit/s" if self.speed_mbit else "",
        ]
        return ", ".join(filter(None, parts))


@dataclass(frozen=True)
class Nic:
    """A network controller on the PCI bus. `device` is vendor:device in hexadecimal."""

    address: str
    device: str
    driver: str


def nics(root: Path = ROOT) -> list[Nic]:
    """All network controllers, by PCI address."""
    return [
        Nic(
            path.name,
            ":".join(read(path / part).removeprefix("0x") for part in ("vendor", "device")),
            _driver(path),
        )
        for path in sorted((root / "sys/bus/pci/devices").glob("*"))
        if read(path / "class").startswith(NETWORK_CONTROLLER)
    ]


def interfaces(root: Path = ROOT) -> list[Interface]:
    """All interfaces of this network namespace, by name."""
    return [_interface(path) for path in sorted((root / "sys/class/net").glob("*/"))]


def read(path: Path) -> str:
    """The text of a small file; "" when it is missing, or the kernel will not say."""
    try:
        return path.read_text(errors="replace").strip()
    except OSError:
        return ""


def read_int(path: Path) -> int | None:
    """The whole number in a small file; None when there is none."""
    text = read(path)
    return int(text) if re.fullmatch(r"-?\d+", text) else None


def _interface(path: Path) -> Interface:
    speed = read_int(path / "speed")
    # A virtio or Hyper-V device lies a level below the PCI device that carries it.
    carriers = [part for part in (path / "device").resolve().parts if PCI_ADDRESS.fullmatch(part)]
    return Interface(
        name=path.name,
        driver=_driver(path / "device"),
        mtu=read_int(path / "mtu"),
        state=read(path / "operstate"),
        speed_mbit=speed if speed is not None and speed > 0 else None,
        pci=carriers[-1] if carriers else "",
    )


def _driver(device: Path) -> str:
    link = device / "driver"
    return link.resolve().name if link.exists() else ""


def known_speed(mbps: int) -> int | None:
    """The speed of a link in Mbit/s from rte_eth_link; None when the driver does not know it."""
    return None if mbps in UNKNOWN_SPEEDS else mbps
