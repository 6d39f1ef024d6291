# SPDX-License-Identifier: BSD-3-Clause
"""Which driver of DPDK drives a PCI device, and what arguments it takes.

Every driver carries a line of JSON for that, PMD_INFO_STRING (rte_dev.h, RTE_PMD_EXPORT_NAME;
dpdk-pmdinfo reads the same one).
"""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from labkit.machine.nics import ROOT, read

# Where distributions and DPDK's own build install drivers; a static build has them in itself.
DRIVER_FILES = tuple(
    f"usr/{folder}/dpdk/pmds-*/*.so"
    for folder in ("lib/*", "lib", "lib64", "local/lib/*", "local/lib", "local/lib64")
)
INFO = re.compile(rb"PMD_INFO_STRING= (\{[^\0]*\})")
ANY = 0xFFFF
OF_EVERY_PORT = ("representor",)  # rte_ethdev's own, beside the driver's


@dataclass(frozen=True)
class PmdInfo:
    """A PCI driver of DPDK.

    Attributes
    ----------
    name: such as net_ena
    parameters: its arguments as it describes them, such as "enable_llq=<0|1> miss_txc_to=<uint>";
        "": it says nothing of them
    pci_ids: vendor, device and what else it matches
    """

    name: str
    parameters: str
    pci_ids: tuple[tuple[int, ...], ...]

    def drives(self, vendor: int, device: int) -> bool:
        """Whether it is made for this device."""
        return any(ids[0] in (vendor, ANY) and ids[1] in (device, ANY) for ids in self.pci_ids)

    @property
    def names(self) -> tuple[str, ...]:
        """Of its arguments. Some drivers leave no blank between a value and the next name, which
        then begins with letters of that value."""
        return tuple(re.findall(r"([A-Za-z_][\w-]*)=", self.parameters))

    def takes(self, name: str) -> bool:
        """Whether it may know an argument of this name."""
        known = (*self.names, *OF_EVERY_PORT)
        return not self.parameters or any(one.endswith(name) for one in known)


def driver_of(address: str, root: Path = ROOT) -> PmdInfo | None:
    """The driver of the device at a PCI address; None: there is none, or it cannot be known."""
    device = root / "sys/bus/pci/devices" / address
    try:
        vendor, number = (int(read(device / part), 16) for part in ("vendor", "device"))
    except ValueError:
        return None
    return next((pmd for pmd in pmds() if pmd.drives(vendor, number)), None)


@cache
def pmds() -> tuple[PmdInfo, ...]:
    """The PCI drivers of the DPDK that the engine runs with."""
    files = {path.resolve() for pattern in DRIVER_FILES for path in ROOT.glob(pattern)}
    own = find_spec("labkit._dataplane")
    if own is not None and own.origin is not None:
        files.add(Path(own.origin))
    return tuple(pmds_in(sorted(files)))


def pmds_in(files: Iterable[Path]) -> Iterator[PmdInfo]:
    """The PCI drivers in shared objects."""
    for file in files:
        for found in INFO.finditer(file.read_bytes()):
            info = json.loads(found[1])
            if info.get("pci_ids"):
                pci_ids = tuple(tuple(ids) for ids in info["pci_ids"])
                yield PmdInfo(info["name"], info.get("params", "").strip(), pci_ids)
