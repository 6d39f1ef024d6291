# SPDX-License-Identifier: BSD-3-Clause
"""Which drivers of the kernel NICs had before they were bound to user space."""

import json
import re
from pathlib import Path
from typing import Any

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
    driver = _record(address, root).get("driver")
    if not isinstance(driver, str) or not DRIVER_NAME.fullmatch(driver) or driver in USER_SPACE:
        return ""
    return driver


def interfaces_before(address: str, root: Path) -> list[str]:
    """The interfaces that a NIC had; none where nobody knows."""
    names = _record(address, root).get("interfaces")
    return [str(name) for name in names] if isinstance(names, list) else []


def once_called(interface: str, root: Path) -> str:
    """The address of the NIC that had an interface before it was bound; "" where there is none."""
    files = (root / RECORDS).glob("*")
    return next((f.name for f in files if interface in interfaces_before(f.name, root)), "")


def forget(address: str, root: Path) -> None:
    """Of a NIC that the kernel has again."""
    (root / RECORDS / address).unlink(missing_ok=True)


def _record(address: str, root: Path) -> dict[str, Any]:
    try:
        found = json.loads(read(root / RECORDS / address))
    except ValueError:  # there is none, or half of one
        return {}
    return found if isinstance(found, dict) else {}
