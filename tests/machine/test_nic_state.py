# SPDX-License-Identifier: BSD-3-Clause
"""Why a NIC does not open, and the next step, on machines of all kinds."""

import errno
import os
import resource
from pathlib import Path
from typing import Never

import pytest

from labkit.engine.config import EalConfig
from labkit.machine import nic_state
from labkit.machine.nic_facts import has_iommu, nic_facts
from labkit.machine.nic_state import USUAL_MEMORY_MB, why_unusable
from tests.machine.pci_tree import ROUTE, interface, iommu_group, pci_device, write

E1000E = "8086:10d3"
NIC, OTHER = "0000:00:04.0", "0000:00:05.0"


@pytest.fixture(autouse=True)
def user(monkeypatch: pytest.MonkeyPatch) -> None:
    """A user who may lock 8 MiB."""
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(nic_state, "lockable_kib", lambda: 8192)


@pytest.fixture
def bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A NIC alone in its group, bound to vfio-pci, by one who may lock enough."""
    iommu_group(tmp_path, 3, [pci_device(tmp_path, NIC, "vfio-pci", E1000E)])
    monkeypatch.setattr(nic_state, "lockable_kib", lambda: None)
    return tmp_path


def test_usual_memory_is_that_of_an_engine() -> None:
    assert EalConfig().memory_mb == USUAL_MEMORY_MB


def test_nothing_is_in_the_way(bound: Path) -> None:
    assert why_unusable(NIC, root=bound) is None
    assert why_unusable("00:04.0", root=bound) is None
    facts = nic_facts(NIC, bound)
    assert facts is not None
    assert facts.dpdk is not None
    assert (facts.dpdk.name, facts.group, facts.numa_node) == ("net_e1000_em", 3, None)
    assert facts.called == f"{NIC} (Intel 82574L Gigabit)"


def test_absent(bound: Path) -> None:
    pci_device(bound, "0000:00:1f.2", "ahci", "8086:2922", "0x010601")
    write(bound, {"sys/class/net/lo/mtu": "65536"})
    assert why_unusable("0000:00:09.0", root=bound) == (
        f"there is no NIC at 0000:00:09.0; NICs here: {NIC}"
    )
    assert "is no network controller" in (why_unusable("0000:00:1f.2", root=bound) or "")
    assert "no interface of a NIC" in (why_unusable("lo", root=bound) or "")


@pytest.mark.parametrize(
    ("driver", "told"),
    [
        ("e1000e", "is held by the kernel's driver e1000e as eth1"),
        ("", "is bound to no driver"),
    ],
)
def test_not_bound(driver: str, told: str, tmp_path: Path) -> None:
    device = pci_device(tmp_path, NIC, driver, E1000E)
    iommu_group(tmp_path, 3, [device])
    if driver:
        interface(tmp_path, "eth1", device)
        assert why_unusable("eth1", root=tmp_path) == why_unusable(NIC, root=tmp_path)
    why = why_unusable(NIC, root=tmp_path)
    assert why is not None
    assert told in why
    assert why.endswith(f"labkit nic bind {NIC}")


def test_default_route_is_left_alone(tmp_path: Path) -> None:
    interface(tmp_path, "eth1", pci_device(tmp_path, NIC, "e1000e", E1000E))
    line = "eth1\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0"
    write(tmp_path, {"proc/net/route": ROUTE + line})
    why = why_unusable(NIC, root=tmp_path)
    assert why is not None
    assert "carries the default route" in why
    assert "nic bind" not in why


def test_no_dpdk_driver(tmp_path: Path) -> None:
    interface(tmp_path, "eth1", pci_device(tmp_path, NIC, "8139cp", "10ec:8139"))
    why = why_unusable(NIC, root=tmp_path)
    assert why is not None
    assert "no DPDK driver of this installation takes" in why
    assert "af_packet:eth1" in why


def test_no_iommu_and_no_uio(tmp_path: Path) -> None:
    pci_device(tmp_path, NIC, "e1000e", E1000E)
    write(
        tmp_path,
        {
            "proc/sys/kernel/osrelease": "6.1.0",
            "lib/modules/6.1.0/modules.dep": "kernel/drivers/vfio/pci/vfio-pci.ko:",
        },
    )
    assert "this kernel has no uio_pci_generic" in (why_unusable(NIC, root=tmp_path) or "")
    write(
        tmp_path,
        {"lib/modules/6.1.0/modules.dep": "kernel/drivers/uio/uio_pci_generic.ko.xz: uio.ko.xz"},
    )
    assert f"nic bind {NIC}" in (why_unusable(NIC, root=tmp_path) or "")
    write(tmp_path, {"sys/module/vfio/parameters/enable_unsafe_noiommu_mode": "N"})
    virtual_function = pci_device(tmp_path, OTHER, "igbvf", "8086:10ca")
    assert virtual_function.exists()
    why = why_unusable(OTHER, root=tmp_path)
    assert why is not None
    assert "net_e1000_igb_vf takes no NIC from uio_pci_generic" in why
    assert "enable_unsafe_noiommu_mode" in why


def test_group_that_is_not_viable(bound: Path) -> None:
    disk = pci_device(bound, "0000:00:1f.2", "ahci", "8086:2922", "0x010601")
    bridge = pci_device(bound, "0000:00:1c.0", "pcieport", "8086:0001", "0x060400")
    for other in (disk, bridge):
        group = bound / "sys/kernel/iommu_groups/3"
        (group / "devices" / other.name).symlink_to(other)
    assert "group 3" in (why_unusable(NIC, root=bound) or "")
    assert "0000:00:1f.2 (ahci), which" in (why_unusable(NIC, root=bound) or "")


def test_no_permission(bound: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda path, _: Path(path).name == "vfio")
    assert why_unusable(NIC, root=bound) == (
        "user 1000 may not open /dev/vfio/3; as root: chown 1000 /dev/vfio/3"
    )


@pytest.mark.parametrize(
    ("hard", "fix"), [(resource.RLIM_INFINITY, "ulimit -l"), (8 << 20, "limits.d")]
)
def test_memlock(hard: int, fix: str, bound: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nic_state, "lockable_kib", lambda: 8192)
    monkeypatch.setattr(resource, "getrlimit", lambda _: (8 << 20, hard))
    why = why_unusable(NIC, memory_mb=128, root=bound)
    assert why is not None
    assert "128 MiB of the engine's memory, and this user may lock 8192 KiB" in why
    assert fix in why
    assert why_unusable(NIC, memory_mb=8, root=bound) is None


def test_held(bound: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(bound, {"proc/77/comm": "python3", "proc/77/cmdline": "python3\0-m\0labkit.engine\0003"})
    (bound / "proc/77/fd").mkdir()
    (bound / "proc/77/fd/5").symlink_to("/dev/vfio/3")
    assert "in use by process 77 (a lab's engine)" in (why_unusable(NIC, root=bound) or "")
    assert why_unusable(NIC, engine=77, root=bound) is None

    def busy(*_: object) -> Never:
        raise OSError(errno.EBUSY, "Device or resource busy")

    (bound / "proc/77/fd/5").unlink()
    monkeypatch.setattr(os, "open", busy)
    assert "a process of another user" in (why_unusable(NIC, root=bound) or "")


def test_uio(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    device = pci_device(tmp_path, NIC, "uio_pci_generic", E1000E)
    (device / "uio/uio0").mkdir(parents=True)
    assert "needs root" in (why_unusable(NIC, root=tmp_path) or "")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    why = why_unusable(NIC, root=tmp_path)
    assert why is not None
    assert "needs hugepages for the 512 MiB" in why
    assert "echo 256 > /proc/sys/vm/nr_hugepages" in why
    assert why_unusable(NIC, hugepages=True, root=tmp_path) is None
    assert "this engine runs without" in (why_unusable(NIC, hugepages=False, root=tmp_path) or "")
    write(tmp_path, {"sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages": "256"})
    assert why_unusable(NIC, root=tmp_path) is None


def test_groups_that_vfio_makes_up_are_no_iommu(tmp_path: Path) -> None:
    device = pci_device(tmp_path, NIC, "vfio-pci", E1000E)
    iommu_group(tmp_path, 0, [device], "vfio-noiommu")
    assert not has_iommu(tmp_path)
    assert "vfio leaves" in (why_unusable(NIC, root=tmp_path) or "")
    facts = nic_facts(NIC, tmp_path)
    assert facts is not None
    assert facts.node == tmp_path / "dev/vfio/noiommu-0"
