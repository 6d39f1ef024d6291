# SPDX-License-Identifier: BSD-3-Clause
"""A user without privileges opens NICs: with the IOMMU groups and enough locked memory it works,
and what is missing is told."""

import os
import resource
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab.test_unprivileged import NOBODY, as_nobody
from tests.vm.binding import DEVICES, bind
from tests.vm.nics import BY_NAME

PAIR = BY_NAME["e1000e"]
CODE = f"""
import os
import labkit as lk
from tests.patience import wait_until

assert os.geteuid() == {NOBODY}
addresses = {PAIR.addresses}
try:
    with lk.Lab(lk.EalConfig(pci=addresses, memory_mb=128, max_workers=2)) as lab:
        a, b = (lab.port(f"pci:{{address}}", name) for address, name in zip(addresses, "ab"))
        wait_until(lambda: a.info.link_up and b.info.link_up)
        lab.echo_server(b, ["10.0.0.2/24"], 9000)
        run = lk.echo(a, "10.0.0.2", udp_port=9000, count=20, progress=False)
        print("received", run.ledger.received)
except lk.LabError as error:
    print(f"{{type(error).__name__}}: {{error}}")
"""


@pytest.fixture
def groups() -> Iterator[list[Path]]:
    """Files of the IOMMU groups of the two NICs, which are given back to root."""
    for address in PAIR.addresses:
        bind(address, "vfio-pci")
    found = [
        Path("/dev/vfio", (DEVICES / address / "iommu_group").resolve().name)
        for address in PAIR.addresses
    ]
    yield found
    for file in found:
        os.chown(file, 0, 0)


@pytest.fixture
def lockable(request: pytest.FixtureRequest) -> Iterator[None]:
    """RLIMIT_MEMLOCK of what is started, in MiB; None: no limit."""
    before = resource.getrlimit(resource.RLIMIT_MEMLOCK)
    limit = resource.RLIM_INFINITY if request.param is None else request.param << 20
    resource.setrlimit(resource.RLIMIT_MEMLOCK, (limit, limit))
    yield
    resource.setrlimit(resource.RLIMIT_MEMLOCK, before)


def run(folder: Path) -> str:
    (folder / "tests").symlink_to(Path(__file__).parents[1])
    return as_nobody(CODE, folder).stdout


@pytest.mark.parametrize("lockable", [None], indirect=True)
def test_group_and_memory_are_enough(groups: list[Path], lockable: None, open_folder: Path) -> None:
    for file in groups:
        os.chown(file, NOBODY, NOBODY)
    assert run(open_folder) == "received 40\n"


@pytest.mark.parametrize("lockable", [8], indirect=True)
def test_too_little_memory_is_told(groups: list[Path], lockable: None, open_folder: Path) -> None:
    for file in groups:
        os.chown(file, NOBODY, NOBODY)
    said = run(open_folder)
    print(said)
    assert said.startswith("PortError: ")
    assert "lock" in said
    assert "128 MiB" in said


@pytest.mark.parametrize("lockable", [None], indirect=True)
def test_closed_group_is_told(groups: list[Path], lockable: None, open_folder: Path) -> None:
    said = run(open_folder)
    print(said)
    assert said.startswith("PortError: ")
    assert str(groups[0]) in said
    assert "chown" in said
