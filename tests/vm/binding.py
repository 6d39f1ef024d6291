# SPDX-License-Identifier: BSD-3-Clause
"""NICs of the guest: which there are, and which of the kernel's drivers holds each."""

import subprocess
from pathlib import Path

import pytest

from tests.vm.nics import Model

DEVICES = Path("/sys/bus/pci/devices")
DRIVERS_PROBE = Path("/sys/bus/pci/drivers_probe")


def skip_without(model: Model) -> None:
    if not (DEVICES / model.addresses[0]).exists():
        pytest.skip(f"this QEMU has no {model.name} NIC (QEMU 8 and later have igb)")


def driver(address: str) -> str | None:
    link = DEVICES / address / "driver"
    return link.resolve().name if link.exists() else None


def bind(address: str, name: str) -> None:
    """Gives a NIC to one of the kernel's drivers, such as vfio-pci; "" takes it away."""
    if driver(address) == name:
        return
    if name:
        subprocess.run(["modprobe", name], check=True)
    (DEVICES / address / "driver_override").write_text(f"{name}\n")
    if driver(address) is not None:
        (DEVICES / address / "driver" / "unbind").write_text(address)
    if name:
        DRIVERS_PROBE.write_text(address)
        assert driver(address) == name
