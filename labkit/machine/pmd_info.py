# SPDX-License-Identifier: BSD-3-Clause
"""DPDK's drivers of this installation, and the PCI devices that they take.

Every driver carries a line for people and tools (RTE_PMD_REGISTER_PCI_TABLE, dpdk-pmdinfo.py(1)):
"PMD_INFO_STRING= " and JSON, in the shared library of the driver, or in labkit's own module where
DPDK is linked in. They are read out of the file; nothing is loaded.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

MARK = b"PMD_INFO_STRING= "
ANY = 0xFFFF  # RTE_PCI_ANY_ID
# What a driver needs that names no module of the kernel (net_hinic).
USUAL_MODULES = ("igb_uio", "uio_pci_generic", "vfio-pci")
PLACES = ("usr/lib/*/dpdk/pmds-*", "usr/lib64/dpdk/pmds-*", "usr/local/lib*/**/dpdk/pmds-*")

PciId = tuple[int, int, int, int]  # vendor, device, subsystem's vendor, subsystem; ANY fits all


@dataclass(frozen=True)
class DpdkDriver:
    """A driver of DPDK.

    Attributes
    ----------
    name: as DPDK has it, such as "net_ena"
    modules: the kernel drivers from whose hands it takes a device, such as "vfio-pci"
    pci_ids: the devices
    arguments: those that it takes, as it describes them, such as "enable_llq=<0|1>"; "": it does
        not say
    """

    name: str
    modules: tuple[str, ...]
    pci_ids: tuple[PciId, ...]
    arguments: str = ""

    def takes(self, device: PciId) -> bool:
        """Whether it is made for a device."""
        return any(
            all(mine in (ANY, its) for mine, its in zip(known, device, strict=True))
            for known in self.pci_ids
        )


@dataclass(frozen=True)
class DpdkDrivers:
    """Those of an installation. `static`: they are linked into labkit's module."""

    static: bool
    drivers: tuple[DpdkDriver, ...]

    def of(self, device: PciId) -> DpdkDriver | None:
        """The driver that takes a device."""
        return next((driver for driver in self.drivers if driver.takes(device)), None)

    def __contains__(self, name: object) -> bool:
        return any(driver.name == name for driver in self.drivers)


@lru_cache(maxsize=1)
def dpdk_drivers() -> DpdkDrivers:
    """The drivers that an engine of this installation has."""
    spec = find_spec("labkit._dataplane")
    module = Path(spec.origin) if spec and spec.origin else None
    return drivers_of(module, Path("/"))


def drivers_of(module: Path | None, root: Path) -> DpdkDrivers:
    """Those in a module; where it has none, those in the folders where DPDK looks for them.

    module: labkit's dataplane; None where there is none
    """
    content = module.read_bytes() if module else b""
    if inside := tuple(_drivers(content)):
        return DpdkDrivers(True, inside)
    abi = re.search(rb"librte_eal\.so\.(\d+)", content)
    wanted = f"pmds-{abi[1].decode()}." if abi else "pmds-"
    folders = [folder for place in PLACES for folder in root.glob(place)]
    # Every library is there under several names.
    files = {
        file.resolve(): None
        for folder in folders
        if folder.name.startswith(wanted)
        for file in sorted(folder.glob("librte_net_*.so*"))
    }
    found = {driver.name: driver for file in files for driver in _drivers(file.read_bytes())}
    return DpdkDrivers(False, tuple(found.values()))


def _drivers(content: bytes) -> Iterator[DpdkDriver]:
    """Those that a file of machine code tells of."""
    start = content.find(MARK)
    while start >= 0:
        start += len(MARK)
        end = content.find(b"\0", start)
        try:
            told = json.loads(content[start:end])
        except ValueError:  # the mark alone, as in a tool that looks for it
            told = {}
        if name := told.get("name"):
            modules = tuple(re.findall(r"[\w-]+", told.get("kmod", ""))) or USUAL_MODULES
            ids = ((int(a), int(b), int(c), int(d)) for a, b, c, d in told.get("pci_ids", ()))
            yield DpdkDriver(name, modules, tuple(ids), told.get("params", "").strip())
        start = content.find(MARK, start)
