# SPDX-License-Identifier: BSD-3-Clause
"""labkit doctor and labkit nic on NICs that are there."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.network import ip
from tests.patience import wait_until
from tests.vm.binding import DEVICES, bind, driver
from tests.vm.nics import BY_NAME
from tests.vm.wired import wired

LABKIT = Path(sys.prefix, "bin", "labkit")
PAIR = BY_NAME["e1000e"]
NIC = PAIR.addresses[0]


def labkit(*arguments: str) -> subprocess.CompletedProcess[str]:
    ran = subprocess.run(
        [LABKIT, *arguments], capture_output=True, text=True, timeout=120, check=False
    )
    print(ran.stdout, ran.stderr)
    return ran


@pytest.fixture
def interface() -> Iterator[str]:
    """The kernel's interface of the NIC."""
    for address in PAIR.addresses:
        bind(address, "e1000e")
    (DEVICES / NIC / "driver_override").write_text("\n")
    wait_until(lambda: (DEVICES / NIC / "net").exists())
    yield next((DEVICES / NIC / "net").iterdir()).name
    for address in PAIR.addresses:
        bind(address, "vfio-pci")


def test_doctor_tells_of_the_nics(interface: str) -> None:
    said = labkit("doctor").stdout
    assert "Intel" in said
    assert "82574L" in said
    assert f"labkit nic bind {NIC}" in said


def test_bound_used_and_given_back(interface: str) -> None:
    (listed,) = (
        nic for nic in json.loads(labkit("nic", "list", "--json").stdout) if nic["address"] == NIC
    )
    assert listed["driver"] == "e1000e"
    assert listed["interfaces"] == [interface]
    assert listed["dpdk_driver"] == "net_e1000_em"
    for address in PAIR.addresses:
        assert labkit("nic", "bind", address).returncode == 0
        assert driver(address) == "vfio-pci"
    with wired(PAIR) as pair:
        pair.open()
        pair.serve()
        pair.echo(count=5)
        refused = labkit("nic", "unbind", NIC)
        assert refused.returncode != 0
        assert str(pair.lab.pid) in refused.stdout + refused.stderr
    for address in PAIR.addresses:
        assert labkit("nic", "unbind", address).returncode == 0
        assert driver(address) == "e1000e"


def test_interface_of_the_default_route_is_never_taken(interface: str) -> None:
    ip("addr", "add", "192.0.2.2/24", "dev", interface)
    ip("link", "set", interface, "up")
    ip("route", "add", "default", "via", "192.0.2.1", "dev", interface)
    try:
        refused = labkit("nic", "bind", NIC, "--force")
        assert refused.returncode != 0
        assert "default route" in refused.stdout + refused.stderr
        assert driver(NIC) == "e1000e"
    finally:
        ip("route", "del", "default")
        ip("addr", "flush", "dev", interface)


def test_addresses_are_cut_off_by_force_alone(interface: str) -> None:
    ip("addr", "add", "192.0.2.2/24", "dev", interface)
    refused = labkit("nic", "bind", NIC)
    assert refused.returncode != 0
    assert "192.0.2.2" in refused.stdout + refused.stderr
    assert labkit("nic", "bind", NIC, "--force").returncode == 0
    assert driver(NIC) == "vfio-pci"
