# SPDX-License-Identifier: BSD-3-Clause
"""A machine without an IOMMU: uio_pci_generic with hugepages works, and the doctor says so."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.vm.binding import bind
from tests.vm.nics import BY_NAME
from tests.vm.wired import SERVER_6, wired

pytestmark = pytest.mark.machine("plain")
PAIR = BY_NAME["e1000e"]


def doctor() -> str:
    labkit = Path(sys.prefix, "bin", "labkit")
    ran = subprocess.run([labkit, "doctor"], capture_output=True, text=True, check=False)
    print(ran.stdout)
    return ran.stdout


def test_doctor_names_the_cure() -> None:
    for address in PAIR.addresses:
        bind(address, "")
    said = doctor()
    assert "uio_pci_generic" in said
    assert "noiommu" not in said


def test_lab_works() -> None:
    with wired(PAIR, "uio_pci_generic", hugepages=True) as pair:
        pair.open()
        pair.serve()
        pair.echo()
        pair.echo(SERVER_6)
        pair.lab.restart()
        pair.wait_for_link()
        pair.echo()
