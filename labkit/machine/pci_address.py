# SPDX-License-Identifier: BSD-3-Clause
"""PCI devices as they are written: "0000:00:06.0", "00:06.0", "0000:00:06.0,large_llq_hdr=1"."""

import re
from dataclasses import dataclass, field

from labkit.errors import PortError
from labkit.machine.nics import PCI_ADDRESS

SHORT_ADDRESS = re.compile(r"[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]")  # as lspci writes them: domain 0
BETWEEN_ARGUMENTS = re.compile(r",(?![^\[]*\])")  # a value such as [0-3,5] has commas of its own


@dataclass(frozen=True)
class PciDevice:
    """A device on the PCI bus, and what its driver is told.

    Attributes
    ----------
    address: DOMAIN:BUS:DEVICE.FUNCTION in lower case, as sysfs and DPDK write it
    arguments: of the driver (devargs), by name
    """

    address: str
    arguments: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return ",".join([self.address, *(f"{key}={v}" for key, v in self.arguments.items())])


def pci_device(text: str) -> PciDevice:
    """Reads an address and the driver's arguments behind it; PortError tells what is wrong.

    Capital letters, blanks around it and an address without domain (0000 then) are taken.
    """
    address, *arguments = (part.strip() for part in BETWEEN_ARGUMENTS.split(text.strip()))
    address = address.lower()
    if SHORT_ADDRESS.fullmatch(address):
        address = f"0000:{address}"
    if not PCI_ADDRESS.fullmatch(address):
        raise PortError(
            f"pci:{text}: a PCI address reads DOMAIN:BUS:DEVICE.FUNCTION in hexadecimal digits, "
            "such as pci:0000:00:06.0 or 00:06.0; `labkit doctor` lists the NICs"
        )
    found = {}
    for argument in arguments:
        key, equals, value = (part.strip() for part in argument.partition("="))
        if not (key and equals and value):
            raise PortError(
                f"pci:{text}: {argument!r} is no argument of a driver; write KEY=VALUE behind the "
                f"address, such as pci:{address},large_llq_hdr=1"
            )
        found[key] = value
    return PciDevice(address, found)
