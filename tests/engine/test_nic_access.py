# SPDX-License-Identifier: BSD-3-Clause
"""Why DPDK cannot have a NIC, of other machines' /sys, /proc and /dev; what its driver takes."""

import os
import resource
from pathlib import Path

import pytest

import labkit as lk
from labkit.engine.nic_access import check_access, check_arguments
from labkit.machine import pmd_info
from labkit.machine.pci_address import pci_device
from labkit.machine.pmd_info import PmdInfo, driver_of, pmds_in

ENA, OTHER = "0000:00:06.0", "0000:00:07.0"
NET_ENA = PmdInfo("net_ena", "large_llq_hdr=<0|1> enable_llq=<0|1>", ((0x1D0F, 0xEC20),))


@pytest.fixture(autouse=True)
def drivers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pmd_info, "pmds", lambda: (NET_ENA,))


def nic(root: Path, address: str, driver: str, *, ids: str = "1d0f:ec20", group: int = 7) -> None:
    """A NIC in an IOMMU group, of a driver ("": of none)."""
    device = root / "sys/devices/pci0000:00" / address
    device.mkdir(parents=True)
    vendor, _, model = ids.partition(":")
    for name, text in {
        "class": "0x020000",
        "vendor": f"0x{vendor}",
        "device": f"0x{model}",
    }.items():
        (device / name).write_text(f"{text}\n")
    devices = root / "sys/bus/pci/devices"
    devices.mkdir(parents=True, exist_ok=True)
    (devices / address).symlink_to(device)
    if driver:
        (root / "sys/bus/pci/drivers" / driver).mkdir(parents=True, exist_ok=True)
        (device / "driver").symlink_to(root / "sys/bus/pci/drivers" / driver)
    members = root / "sys/kernel/iommu_groups" / str(group) / "devices"
    members.mkdir(parents=True, exist_ok=True)
    (members / address).symlink_to(device)
    (device / "iommu_group").symlink_to(members.parent)
    (root / "dev/vfio").mkdir(parents=True, exist_ok=True)
    (root / "dev/vfio" / str(group)).touch()


def why(root: Path, address: str = ENA, **facts: bool | int) -> str:
    settings = {"has_hugepages": True, "is_root": True, **facts}
    with pytest.raises(lk.PortError) as refused:
        check_access(address, 512, root=root, **settings)  # type: ignore[arg-type]
    return str(refused.value)


def test_a_nic_of_vfio_is_given(tmp_path: Path) -> None:
    nic(tmp_path, ENA, "vfio-pci")
    check_access(ENA, 512, has_hugepages=False, root=tmp_path, is_root=True)


def test_absent_or_not_handed_over(tmp_path: Path) -> None:
    nic(tmp_path, ENA, "ena")
    nic(tmp_path, OTHER, "")
    home = tmp_path / "sys/devices/pci0000:00" / ENA / "net/ens6"
    home.mkdir(parents=True)
    (home / "device").symlink_to(home.parents[1])
    (tmp_path / "sys/class/net").mkdir(parents=True)
    (tmp_path / "sys/class/net/ens6").symlink_to(home)
    assert f"no such device on the PCI bus; the NICs there are: {ENA}, {OTHER}" in why(
        tmp_path, "0000:00:09.0"
    )
    assert why(tmp_path) == (
        f"pci:{ENA}: it belongs to the kernel's driver ena, which carries ens6; hand it to DPDK as "
        f"root: labkit nic bind {ENA}"
    )
    assert "no driver of the kernel holds it" in why(tmp_path, OTHER)


def test_an_iommu_group_is_given_out_whole(tmp_path: Path) -> None:
    nic(tmp_path, ENA, "vfio-pci")
    nic(tmp_path, OTHER, "igb")
    assert f"a device that igb holds, {OTHER}, " in why(tmp_path)
    assert f"labkit nic bind {OTHER}" in why(tmp_path)


def test_what_this_user_may_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nic(tmp_path, ENA, "vfio-pci")
    monkeypatch.setattr(resource, "getrlimit", lambda which: (8 << 20, 8 << 20))
    monkeypatch.setattr("labkit.engine.nic_access._may_lock", lambda: False)
    told = why(tmp_path, is_root=False)
    for part in ("locks all 512 MiB", "may lock 8 MiB", "ulimit -l 589824"):
        assert part in told
    monkeypatch.setattr(os, "access", lambda path, mode: not str(path).endswith("vfio/7"))
    assert "this user may not open /dev/vfio/7" in why(tmp_path, is_root=False)


def test_uio_needs_hugepages_and_root(tmp_path: Path) -> None:
    nic(tmp_path, ENA, "uio_pci_generic")
    assert "needs hugepages" in why(tmp_path, has_hugepages=False)
    assert "needs root" in why(tmp_path, is_root=False)
    check_access(ENA, 512, has_hugepages=True, root=tmp_path, is_root=True)


def test_a_nic_that_another_process_holds(tmp_path: Path) -> None:
    nic(tmp_path, ENA, "vfio-pci")
    holder = tmp_path / "proc/4711"
    (holder / "fd").mkdir(parents=True)
    (holder / "fd/9").symlink_to("/dev/vfio/7")
    (holder / "cmdline").write_bytes(b"python\0-m\0labkit.engine\0")
    assert "process 4711 has it open (the engine of another lab); close that lab" in why(tmp_path)
    check_access(ENA, 512, has_hugepages=True, root=tmp_path, is_root=True, own=4711)


def test_a_nic_that_dpdk_has_no_driver_for(tmp_path: Path) -> None:
    nic(tmp_path, ENA, "vfio-pci", ids="8086:ffff")
    assert "no driver of this DPDK is made for 8086:ffff" in why(tmp_path)


def test_arguments_that_the_driver_does_not_know(tmp_path: Path) -> None:
    nic(tmp_path, ENA, "vfio-pci")
    check_arguments(pci_device(f"{ENA},large_llq_hdr=1,representor=[0-3,5]"), tmp_path)
    with pytest.raises(lk.PortError, match=r"net_ena has no argument 'large_llq'.*did you mean"):
        check_arguments(pci_device(f"{ENA},large_llq=1"), tmp_path)


def test_what_drivers_say_of_themselves(tmp_path: Path) -> None:
    """With names that follow upon a value without a blank, as some write them."""
    nic(tmp_path, ENA, "vfio-pci", ids="1d0f:ec21")
    file = tmp_path / "librte_net_x.so"
    file.write_bytes(
        b'\0PMD_INFO_STRING= {"name": "net_x", "params": "a-b=0|1disable-c=<int>", '
        b'"pci_ids": [[7439, 60449, 65535, 65535]]}\0'
        b'PMD_INFO_STRING= {"name": "net_vdev"}\0'
    )
    (pmd,) = pmds_in([file])
    assert [pmd.takes(name) for name in ("a-b", "disable-c", "c-d")] == [True, True, False]
    assert [pmd.drives(0x1D0F, device) for device in (0xEC21, 0xEC20)] == [True, False]
    assert driver_of(ENA, tmp_path) is None


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
    with pytest.raises(lk.PortError, match=r"pci:0000:ff:1f\.7: there is no such device"):
        lk.Lab(lk.EalConfig(pci="0000:ff:1f.7"))
