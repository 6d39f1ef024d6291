# SPDX-License-Identifier: BSD-3-Clause
"""Which drivers of the kernel NICs had before they were bound to user space."""

import json
import re
from pathlib import Path

from labkit.machine.nic_facts import NicFacts
from labkit.machine.nics import read

USER_SPACE = ("vfio-pci", "uio_pci_generic", "igb_uio")
RECORDS = "run/labkit/nics"  # gone with a restart, as the bindings are
DRIVER_NAME = re.compile(r"[\w-]+")


def remember(facts: NicFacts, root: Path) -> None:
    """Writes down which driver of the kernel a NIC has."""
    if not facts.driver or facts.driver in USER_SPACE:
        return
    file = root / RECORDS / facts.address
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_suffix(".new")
    draft.write_text(json.dumps({"driver": facts.driver, "interfaces": facts.interfaces}))
    draft.rename(file)


def remembered(address: str, root: Path) -> str:
    """The driver of the kernel that a NIC had; "" where nobody knows."""
    try:
        driver = json.loads(read(root / RECORDS / address))["driver"]
    except (ValueError, KeyError, TypeError):
        return ""
    known = isinstance(driver, str) and DRIVER_NAME.fullmatch(driver)
    return driver if known and driver not in USER_SPACE else ""


def once_called(interface: str, root: Path) -> str:
    """The address of the NIC that had an interface before it was bound; "" where there is none."""
    for file in (root / RECORDS).glob("*"):
        try:
            if interface in json.loads(read(file))["interfaces"]:
                return file.name
        except (ValueError, KeyError, TypeError):
            continue
    return ""


def forget(address: str, root: Path) -> None:
    """Of a NIC that the kernel has again."""
    (root / RECORDS / address).unlink(missing_ok=True)
