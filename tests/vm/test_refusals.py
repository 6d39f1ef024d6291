# SPDX-License-Identifier: BSD-3-Clause
"""A NIC that cannot be had says why; arguments reach the driver."""

import pytest

import labkit as lk
from tests.vm.binding import bind
from tests.vm.nics import BY_NAME
from tests.vm.wired import wired

E1000E, VIRTIO = BY_NAME["e1000e"], BY_NAME["virtio"]


def open_in_a_lab(address: str) -> None:
    with lk.Lab(lk.EalConfig(pci=(address,), memory_mb=64)) as lab:
        lab.port(f"pci:{address}")


def test_second_opening_is_refused_and_the_first_goes_on() -> None:
    with wired(E1000E) as pair:
        pair.open()
        pair.serve()
        pair.echo(count=5)
        with pytest.raises(lk.PortError, match=r"port a of this lab") as told:
            pair.lab.port(f"pci:{E1000E.addresses[0]}", "again")
        print(told.value)
        pair.echo(count=5)


def test_held_by_another_lab() -> None:
    with wired(E1000E) as pair:
        pair.open()
        pair.serve()
        with pytest.raises(lk.LabError, match=r"lab") as told:
            open_in_a_lab(E1000E.addresses[0])
        print(told.value)
        assert str(pair.lab.pid) in str(told.value)
        pair.echo(count=5)


def test_not_bound_and_absent() -> None:
    address = E1000E.addresses[0]
    bind(address, "")
    for wanted in (address, "0000:00:1c.7"):
        with pytest.raises(lk.PortError) as told:
            open_in_a_lab(wanted)
        print(told.value)
        assert wanted in str(told.value)
        assert ("nic bind" if wanted == address else "there is no") in str(told.value)


def test_arguments_reach_the_driver() -> None:
    with wired(VIRTIO) as pair:
        port = pair.lab.port(f"pci:{VIRTIO.addresses[0]},speed=25000")
        assert port.info.link_speed_mbps == 25000


def test_one_address_is_one_device() -> None:
    bind(VIRTIO.addresses[0], "vfio-pci")
    with lk.Lab(lk.EalConfig(pci=VIRTIO.addresses[0], memory_mb=128)) as lab:
        assert lab.port(f"pci:{VIRTIO.addresses[0]}").info.device == VIRTIO.addresses[0]
