# SPDX-License-Identifier: BSD-3-Clause
"""NICs as they are written, why the engine cannot have one, and what its driver may be told."""

from pathlib import Path

import pytest

import labkit as lk
from labkit.engine.nic_access import check_arguments, check_nic
from labkit.machine import nic_facts
from labkit.machine.pci_address import pci_device
from labkit.machine.pmd_info import DpdkDriver, DpdkDrivers
from tests.machine.pci_tree import iommu_group
from tests.machine.pci_tree import pci_device as nic

ENA = "0000:00:06.0"
ARGUMENTS = "large_llq_hdr=<0|1> enable_llq=<0|1> miss_txc_to=<uint>"
NET_ENA = DpdkDriver("net_ena", ("vfio-pci",), ((0x1D0F, 0xEC20, 0xFFFF, 0xFFFF),), ARGUMENTS)


@pytest.fixture(autouse=True)
def drivers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nic_facts, "dpdk_drivers", lambda: DpdkDrivers(False, (NET_ENA,)))


def check(root: Path, text: str = ENA) -> None:
    check_nic(pci_device(text), 64, hugepages=False, root=root)


def test_a_nic_of_vfio_is_given(tmp_path: Path) -> None:
    iommu_group(tmp_path, 7, [nic(tmp_path, ENA, "vfio-pci", "1d0f:ec20")])
    check(tmp_path)
    check(tmp_path, f"{ENA},large_llq_hdr=1,representor=[0-3,5]")
    with pytest.raises(lk.PortError, match=r"net_ena has no argument 'large_llq'.*did you mean"):
        check(tmp_path, f"{ENA},large_llq=1")


def test_a_nic_of_the_kernel_is_not(tmp_path: Path) -> None:
    iommu_group(tmp_path, 7, [nic(tmp_path, ENA, "ena", "1d0f:ec20")])
    with pytest.raises(lk.PortError, match=rf"driver ena; as root: .*labkit nic bind {ENA}"):
        check(tmp_path)


@pytest.mark.parametrize(
    ("described", "name", "is_known"),
    [
        ("cq64=0|1disable-overlay=0|1 enable-avx2-rx=0|1", "disable-overlay", True),
        ("cq64=0|1disable-overlay=0|1 enable-avx2-rx=0|1", "avx3", False),
        ("hw_debug_mask=0xXXXproto_xtr=[queue:]<vlan>", "proto_xtr", True),
        ("", "what-it-does-not-tell", True),
    ],
)
def test_what_drivers_say_of_their_arguments(described: str, name: str, is_known: bool) -> None:
    device = pci_device(f"{ENA},{name}=1")
    if is_known:
        check_arguments(device, "net_x", described)
        return
    with pytest.raises(lk.PortError, match=f"net_x has no argument '{name}'"):
        check_arguments(device, "net_x", described)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("0000:00:06.0", "0000:00:06.0"),
        (" 00:1F.7 ", "0000:00:1f.7"),
        ("10000:E1:00.0, a=1,b=[1,2]", "10000:e1:00.0,a=1,b=[1,2]"),
    ],
)
def test_how_devices_are_written(written: str, read: str) -> None:
    assert lk.EalConfig(pci=written).pci == lk.EalConfig(pci=(written,)).pci == (read,)


@pytest.mark.parametrize(
    ("written", "says"),
    [
        ("6", "a PCI address reads DOMAIN:BUS:DEVICE.FUNCTION"),
        ("0000:00 :06.0", "a PCI address reads"),
        ("0000:00:06.0,llq", "'llq' is no argument of a driver; write KEY=VALUE"),
    ],
)
def test_devices_that_are_none(written: str, says: str) -> None:
    with pytest.raises(lk.PortError, match=says):
        lk.EalConfig(pci=[written])  # type: ignore[arg-type]


def test_a_lab_tells_of_a_nic_that_it_cannot_have() -> None:
    with pytest.raises(lk.PortError, match=r"there is no NIC at 0000:ff:1f\.7"):
        lk.Lab(lk.EalConfig(pci="0000:ff:1f.7"))
