# SPDX-License-Identifier: BSD-3-Clause
"""What the doctor reads out of other machines' /proc, /sys and /dev, and what it says of them."""

import os
import socket
import subprocess
from pathlib import Path
from typing import Any, Never

import pytest

from labkit.machine import doctor, doctor_ports, nic_state
from labkit.machine.description import describe, fingerprint, is_same
from labkit.machine.doctor_cpus_memory import cpu_quota, reserved_hugepages
from labkit.machine.doctor_latency import latency
from labkit.machine.doctor_ports import found_nics, pci_hindrance, vfio
from labkit.machine.interface_use import Use
from labkit.machine.nics import Interface, Nic, interfaces, nics
from tests.machine.pci_tree import interface, iommu_group, pci_device, write

ENA = "0000:00:06.0"
VIRTIO = "0000:00:03.0"


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """An ENA and a virtio NIC that carries the default route, next to a disk and a loopback."""
    ena = pci_device(tmp_path, ENA, "ena", "1d0f:ec20")
    interface(tmp_path, "ens6", ena, mtu="9001", operstate="down", speed="-1")
    virtio = pci_device(tmp_path, VIRTIO, "virtio-pci", "1af4:1041") / "virtio2"
    (tmp_path / "sys/bus/virtio/drivers/virtio_net").mkdir(parents=True)
    virtio.mkdir()
    (virtio / "driver").symlink_to(tmp_path / "sys/bus/virtio/drivers/virtio_net")
    interface(tmp_path, "eth0", virtio, mtu="1500", operstate="up", speed="10000")
    pci_device(tmp_path, "0000:00:02.0", "virtio-pci", "1af4:1042", "0x018000")
    interface(tmp_path, "lo", None, mtu="65536", operstate="unknown")
    write(tmp_path, {"sys/class/net/bonding_masters": ""})  # a file among the interfaces
    return tmp_path


def test_nics_and_interfaces(machine: Path) -> None:
    assert nics(machine) == [Nic(VIRTIO, "1af4:1041", "virtio-pci"), Nic(ENA, "1d0f:ec20", "ena")]
    assert interfaces(machine) == [
        Interface("ens6", "ena", 9001, "down", None, ENA),
        Interface("eth0", "virtio_net", 1500, "up", 10000, VIRTIO),
        Interface("lo", "", 65536, "unknown", None, ""),
    ]
    assert str(interfaces(machine)[1]) == (
        f"driver virtio_net, at {VIRTIO}, MTU 1500, up, 10000 Mbit/s"
    )


def test_nics_are_told_with_their_next_step(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    used = {"eth0": Use(carries=("the default route",))}
    monkeypatch.setattr(nic_state, "interface_uses", lambda _: used)
    write(machine, {"sys/kernel/iommu_groups/0/name": ""})
    findings = {finding.name: finding for finding in found_nics(machine)}
    routed, spare = findings[f"NIC {VIRTIO}"], findings[f"NIC {ENA}"]
    assert routed.detail == (
        "Red Hat virtio network device, DPDK's net_virtio: is the kernel's eth0, with the default "
        "route"
    )
    assert "nic bind" not in routed.fix
    assert spare.detail == (
        "Amazon Elastic Network Adapter (ENA), DPDK's net_ena: is held by the kernel's driver ena "
        "as ens6"
    )
    assert spare.fix.endswith(f"labkit nic bind {ENA}")
    assert findings["interface lo"].detail == "MTU 65536, unknown"


def test_pci_ports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nic_state, "lockable_kib", lambda: None)
    device = pci_device(tmp_path, ENA, "", "1d0f:ec20")
    hindrance = pci_hindrance(tmp_path)
    assert hindrance is not None
    assert "no NIC can be opened" in hindrance[0]
    assert "bound to no driver" in found_nics(tmp_path)[0].detail
    bound = tmp_path / "bound"
    device = pci_device(bound, ENA, "vfio-pci", "1d0f:ec20")
    iommu_group(bound, 7, [device])
    assert pci_hindrance(bound) is None
    (finding,) = found_nics(bound)
    assert (finding.status, finding.fix) == ("ok", "")
    assert finding.detail.endswith(f"with vfio-pci, opens as pci:{ENA}")


def test_vfio_without_an_iommu(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "proc/sys/kernel/osrelease": "6.1",
            "lib/modules/6.1/modules.dep": "kernel/drivers/uio/uio_pci_generic.ko:",
            "boot/config-6.1": "CONFIG_VFIO=m\n# CONFIG_VFIO_NOIOMMU is not set",
        },
    )
    (missing,) = vfio(tmp_path)
    assert missing.detail == "no IOMMU, so that vfio takes no device"
    assert "--driver uio_pci_generic" in missing.fix
    assert "noiommu" not in missing.fix
    write(tmp_path, {"boot/config-6.1": "CONFIG_VFIO_NOIOMMU=y"})
    assert "modprobe vfio enable_unsafe_noiommu_mode=1" in vfio(tmp_path)[0].fix
    write(tmp_path, {"sys/module/vfio/parameters/enable_unsafe_noiommu_mode": "Y"})
    assert vfio(tmp_path)[0].status == "ok"
    bare = tmp_path / "bare"
    write(bare, {"boot/config-6.1": "CONFIG_VFIO=n", "proc/sys/kernel/osrelease": "6.1"})
    (finding,) = vfio(bare)
    assert finding.detail.endswith(", and this kernel has no uio_pci_generic")
    assert "uio" not in finding.fix


def test_vfio_with_an_iommu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, {"sys/kernel/iommu_groups/0/name": ""})
    monkeypatch.setattr(doctor_ports, "lockable_kib", lambda: 8192)
    monkeypatch.setattr(doctor_ports, "user_name", lambda: "somebody")
    monkeypatch.setattr(os, "access", lambda path, _: Path(path).name == "vfio")
    (finding,) = vfio(tmp_path)
    assert "1 IOMMU group, but this user may lock 8,192 KiB" in finding.detail
    iommu_group(tmp_path, 3, [pci_device(tmp_path, ENA, "vfio-pci", "1d0f:ec20")])
    (finding,) = vfio(tmp_path)
    assert finding.detail == "2 IOMMU groups; this user may not open /dev/vfio/3"
    assert finding.fix.endswith("chown somebody /dev/vfio/3")
    monkeypatch.setattr(os, "access", lambda *_: True)
    monkeypatch.setattr(doctor_ports, "lockable_kib", lambda: None)
    (finding,) = vfio(tmp_path)
    assert (finding.status, finding.detail) == (
        "ok",
        "2 IOMMU groups; this user may open /dev/vfio/3",
    )


def testreserved_hugepages(tmp_path: Path) -> None:
    assert reserved_hugepages(tmp_path) == ""
    sizes = "sys/kernel/mm/hugepages/hugepages-"
    write(
        tmp_path,
        {
            f"{sizes}1048576kB/nr_hugepages": "0",
            f"{sizes}2048kB/nr_hugepages": "512",
            f"{sizes}2048kB/free_hugepages": "256",
            f"{sizes}64kB/nr_hugepages": "8",
        },
    )
    assert reserved_hugepages(tmp_path) == (
        "8 of 64 KiB (0 free); 512 of 2 MiB (256 free); 0 of 1 GiB (0 free)"
    )


@pytest.mark.parametrize(
    ("cgroup", "files", "quota"),
    [
        ("0::/", {}, None),
        ("0::/", {"cpu.max": "150000 100000"}, 1.5),
        ("0::/lab.slice/one.scope", {"lab.slice/one.scope/cpu.max": "max 100000"}, None),
        (
            "0::/lab.slice/one.scope",
            {"lab.slice/one.scope/cpu.max": "400000 100000", "lab.slice/cpu.max": "50000 100000"},
            0.5,
        ),
        (
            "4:cpu,cpuacct:/docker/ab\n1:name=systemd:/docker/ab",
            {"cpu/docker/ab/cpu.cfs_quota_us": "200000", "cpu/docker/ab/cpu.cfs_period_us": "1000"},
            200,
        ),
        ("4:cpu:/", {"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, None),
    ],
)
def test_cpu_quota(cgroup: str, files: dict[str, str], quota: float | None, tmp_path: Path) -> None:
    write(tmp_path, {"proc/self/cgroup": cgroup})
    write(tmp_path, {f"sys/fs/cgroup/{name}": text for name, text in files.items()})
    assert cpu_quota(tmp_path) == quota


def test_an_empty_machine_raises_nothing(tmp_path: Path) -> None:
    assert nics(tmp_path) == interfaces(tmp_path) == found_nics(tmp_path) == []
    assert cpu_quota(tmp_path) is None
    assert pci_hindrance(tmp_path) is not None
    hindrance = doctor_ports.tap_hindrance(tmp_path)
    assert hindrance is not None
    assert "modprobe tun" in hindrance[1]


@pytest.mark.parametrize(
    ("uid", "held", "detail", "fix"),
    [
        (1000, (), "need root (CAP_NET_ADMIN)", "start JupyterLab as root"),
        (0, ("NET_RAW",), "root lacks some of it", "--cap-add=NET_ADMIN"),
    ],
)
def test_a_port_names_the_missing_privilege(
    uid: int,
    held: tuple[str, ...],
    detail: str,
    fix: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    write(tmp_path, {"dev/net/tun": ""})
    monkeypatch.setattr("os.geteuid", lambda: uid)
    monkeypatch.setattr(doctor_ports, "has_capability", lambda name: name in held)
    hindrance = doctor_ports.tap_hindrance(tmp_path)
    assert hindrance is not None
    assert detail in hindrance[0]
    assert fix in hindrance[1]


def test_bpf_is_part_of_sys_admin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setattr(
        doctor_ports, "has_capability", lambda name: name in ("NET_ADMIN", "SYS_ADMIN")
    )
    assert doctor_ports.needs("NET_ADMIN", "BPF") is None


@pytest.mark.parametrize(
    ("error", "detail"),
    [
        (PermissionError(1, "Operation not permitted"), "may not open the socket"),
        (OSError(97, "Address family not supported"), "kernel does not have such sockets"),
    ],
)
def test_a_socket_that_does_not_open(
    error: OSError, detail: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> Never:
        raise error

    monkeypatch.setattr(socket, "socket", refuse)
    hindrance = doctor_ports.socket_hindrance(doctor_ports.AF_XDP)
    assert hindrance is not None
    assert detail in hindrance[0]


def test_an_engine_that_hangs_or_dies_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    def hang(command: list[str], **options: Any) -> Never:
        raise subprocess.TimeoutExpired(command, options["timeout"])

    monkeypatch.setattr(subprocess, "run", hang)
    (hung,) = doctor.engine()
    assert (hung.status, "did not start within" in hung.detail) == ("problem", True)

    ended = subprocess.CompletedProcess([], -11, "", "")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: ended)
    (dead,) = doctor.engine()
    assert (dead.status, dead.detail) == ("problem", "does not start: exit code -11")

    log = "EngineError: start: ENOTSUP\nthe engine's log says:\n  EAL: this\n  EAL: no memory\n"
    ended = subprocess.CompletedProcess([], 1, log, "")
    (refused,) = doctor.engine()
    assert refused.detail == "does not start: EngineError: start: ENOTSUP … EAL: no memory"


@pytest.mark.parametrize(
    ("version", "status"),
    [("22.11.11", "ok"), ("25.03.0-rc1", "ok"), ("24.11", "ok"), ("21.11.9", "problem")],
)
def test_dpdk_version(version: str, status: str, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = subprocess.CompletedProcess([], 0, version + "\n", "")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: answer)
    (finding,) = doctor.dpdk()
    assert finding.status == status
    assert version in finding.detail


def test_sweeps_and_notebooks_count_cpus_alike() -> None:
    of_sweep, of_notebook = describe(), fingerprint()
    for name in ("cpu", "cpus", "usable_cpus", "system"):
        assert of_sweep[name] == of_notebook[name]
    assert of_sweep["usable_cpus"] == len(os.sched_getaffinity(0))


def test_a_description_tells_how_dpdk_started_but_for_its_prefix() -> None:
    found = describe("DPDK 22.11.11", ["labkit", "--file-prefix=labkit-1-1", "-m", "512"])
    assert found["dpdk"] == "DPDK 22.11.11"
    assert found["eal"] == ["labkit", "-m", "512"]
    assert describe().keys().isdisjoint({"dpdk", "eal"})


def test_a_machine_is_known_from_a_description_of_before() -> None:
    now = describe()
    before = {**now, "cpus": now["usable_cpus"]}  # stored sweeps counted so, in one number
    del before["usable_cpus"]
    assert is_same(before, now)
    assert is_same(now, before)
    assert is_same(before, dict(before))
    for change in ({"cpus": now["usable_cpus"] + 1}, {"host": "elsewhere"}):
        assert not is_same({**before, **change}, now)
        assert not is_same({**before, **change}, before)


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ({}, [("busy polling", "ok")]),
        (
            {"proc/sys/net/core/busy_read": "0", "proc/sys/net/core/busy_poll": "50"},
            [("busy polling", "note")],
        ),
        (
            {
                **{"proc/sys/net/core/busy_read": "50", "proc/sys/net/core/busy_poll": "50"},
                "sys/devices/system/cpu/cpu0/cpuidle/state1/name": "C1",
                "sys/devices/system/cpu/cpu0/cpuidle/state1/latency": "2",
                "sys/devices/system/cpu/cpu0/cpuidle/state2/name": "C6",
                "sys/devices/system/cpu/cpu0/cpuidle/state2/latency": "133",
            },
            [("busy polling", "ok"), ("CPU sleep", "note")],
        ),
        (
            {
                "sys/devices/system/cpu/cpu0/cpuidle/state1/name": "C1",
                "sys/devices/system/cpu/cpu0/cpuidle/state1/latency": "2",
                "sys/devices/system/cpu/cpu0/cpuidle/state2/latency": "133",
                "sys/devices/system/cpu/cpu0/cpuidle/state2/disable": "1",
            },
            [("busy polling", "ok"), ("CPU sleep", "ok")],
        ),
    ],
)
def test_latency_of_the_kernel(
    tmp_path: Path, files: dict[str, str], told: list[tuple[str, str]]
) -> None:
    write(tmp_path, files)
    assert [(finding.name, finding.status) for finding in latency(tmp_path)] == told
