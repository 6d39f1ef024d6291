# SPDX-License-Identifier: BSD-3-Clause
"""Whether the engine can have a NIC, and what its driver may be told: asked before DPDK is, whose
answer is an errno."""

import re
from pathlib import Path

from labkit.errors import PortError
from labkit.machine.nic_facts import nic_facts
from labkit.machine.nic_state import why_unusable
from labkit.machine.nics import ROOT
from labkit.machine.pci_address import PciDevice
from labkit.text import near

OF_EVERY_PORT = ("representor",)  # an argument of rte_ethdev's own, beside the driver's


def check_nic(
    device: PciDevice,
    memory_mb: int,
    *,
    hugepages: bool,
    engine: int | None = None,
    root: Path = ROOT,
) -> None:
    """Raises PortError, with the next step, when the engine cannot have the NIC (why_unusable).

    engine: the process that is to have it, where that runs
    """
    facts = nic_facts(device.address, root)
    if facts is not None and facts.dpdk is not None:
        check_arguments(device, facts.dpdk.name, facts.dpdk.arguments)
    why = why_unusable(
        device.address, memory_mb=memory_mb, engine=engine, hugepages=hugepages, root=root
    )
    if why:
        raise PortError(why)


def check_arguments(device: PciDevice, driver: str, described: str) -> None:
    """Raises PortError for an argument that a driver does not know, as it describes them."""
    # Some leave no blank between a value and the next name, which then begins with letters of it.
    known = re.findall(r"([A-Za-z_][\w-]*)=", described)
    for name in device.arguments:
        if known and not any(one.endswith(name) for one in (*known, *OF_EVERY_PORT)):
            raise PortError(
                f"pci:{device}: {driver} has no argument {name!r}{near(name, known)}; DPDK "
                f"describes its arguments as: {described}"
            )
