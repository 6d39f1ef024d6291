# SPDX-License-Identifier: BSD-3-Clause
"""A kernel that gives PCI devices to drivers, on a tree of files."""

from pathlib import Path

from labkit.machine.nic_binding import Kernel

DEVICES = "sys/bus/pci/devices"


class FakeKernel(Kernel):
    """A tree that changes as sysfs would. `fits`: the drivers that take every NIC by themselves."""

    def __init__(self, root: Path, fits: tuple[str, ...] = ("e1000e",)) -> None:
        super().__init__(root)
        self.fits = fits
        self.refuses: tuple[str, ...] = ()  # drivers whose probe fails
        self.done: list[str] = []

    def write(self, file: str, text: str) -> None:
        self.done.append(f"{file.removeprefix('sys/bus/pci/')}={text}")
        if file.endswith("driver_override"):
            super().write(file, text)
        elif file.endswith("driver/unbind"):
            device = self.root / DEVICES / text
            (device / "driver").unlink()
            if (device / "net").exists():
                (device / "net").rename(device / "gone")
        elif file.endswith("drivers_probe"):
            self._probe(self.root / DEVICES / text)

    def load(self, module: str) -> None:
        self.done.append(f"modprobe {module}")
        names = self.fits if module.startswith("pci:") else (module,)
        for name in names:
            (self.root / "sys/bus/pci/drivers" / name).mkdir(parents=True, exist_ok=True)

    def _probe(self, device: Path) -> None:
        override = (device / "driver_override").read_text().strip()
        for name in (override,) if override else self.fits:
            driver = self.root / "sys/bus/pci/drivers" / name
            if driver.exists() and name not in self.refuses and not (device / "driver").exists():
                (device / "driver").symlink_to(driver)
                if name in self.fits and (device / "gone").exists():
                    (device / "gone").rename(device / "net")


def driver_of(kernel: FakeKernel, address: str) -> str:
    """The driver that holds a NIC; "" for none."""
    link = kernel.root / DEVICES / address / "driver"
    return link.resolve().name if link.exists() else ""


def override_of(kernel: FakeKernel, address: str) -> str:
    """The driver that alone may take a NIC; "" for any."""
    return (kernel.root / DEVICES / address / "driver_override").read_text().strip()
