# SPDX-License-Identifier: BSD-3-Clause
"""Drivers of DPDK, modules of the kernel and names of devices, out of files that tell of them."""

import gzip
from pathlib import Path

import pytest

from labkit.machine.kernel_modules import can_be_loaded, noiommu_mode, option
from labkit.machine.pci_names import pci_name
from labkit.machine.pmd_info import drivers_of
from tests.machine.pci_tree import write

ENA = (
    b'\x7fELF PMD_INFO_STRING= {"name": "net_ena", "params": "a=<0|1>", '
    b'"kmod": "* igb_uio | vfio-pci", "pci_ids": [[7439, 60448, 65535, 65535]]}\0rest'
)
NULL = b'PMD_INFO_STRING= {"name": "net_null", "pci_ids": []}\0'
DEVICE = (0x1D0F, 0xEC20, 0x1D0F, 0x1)


def test_linked_into_the_module(tmp_path: Path) -> None:
    module = tmp_path / "_dataplane.so"
    module.write_bytes(ENA + b"PMD_INFO_STRING= \0 PMD_INFO_STRING= {\0" + NULL)
    found = drivers_of(module, tmp_path)
    ena = found.of(DEVICE)
    assert found.static
    assert ena is not None
    assert (ena.name, ena.modules) == ("net_ena", ("igb_uio", "vfio-pci"))
    assert ena.pci_ids == ((0x1D0F, 0xEC20, 0xFFFF, 0xFFFF),)
    assert "net_null" in found
    assert found.of((0x8086, 0x10D3, 0, 0)) is None


def test_libraries_of_the_dpdk_that_the_module_has(tmp_path: Path) -> None:
    module = tmp_path / "_dataplane.so"
    module.write_bytes(b"librte_eal.so.23\0")
    for version, content in (("23.0", ENA), ("24.0", NULL)):
        folder = tmp_path / f"usr/lib/x86_64-linux-gnu/dpdk/pmds-{version}"
        folder.mkdir(parents=True)
        (folder / f"librte_net_some.so.{version}").write_bytes(content)
        (folder / "librte_net_some.so").symlink_to(f"librte_net_some.so.{version}")
    found = drivers_of(module, tmp_path)
    assert not found.static
    assert [driver.name for driver in found.drivers] == ["net_ena"]
    assert drivers_of(None, tmp_path / "bare").drivers == ()


def test_modules_of_the_kernel(tmp_path: Path) -> None:
    write(tmp_path, {"proc/sys/kernel/osrelease": "6.1"})
    assert can_be_loaded("vfio-pci", tmp_path) is None
    assert noiommu_mode(tmp_path) is None
    (tmp_path / "proc/config.gz").write_bytes(gzip.compress(b"CONFIG_VFIO_PCI=m\nCONFIG_UIO=y\n"))
    assert [option(name, tmp_path) for name in ("VFIO_PCI", "UIO", "OTHER")] == ["m", "y", "n"]
    assert can_be_loaded("vfio-pci", tmp_path) is None  # built, and installed who knows where
    assert can_be_loaded("uio_pci_generic", tmp_path) is False
    write(tmp_path, {"lib/modules/6.1/modules.dep": "kernel/drivers/vfio/pci/vfio-pci.ko.xz:"})
    assert can_be_loaded("vfio-pci", tmp_path) is True
    write(tmp_path, {"sys/module/uio_pci_generic/refcnt": "0"})
    assert can_be_loaded("uio_pci_generic", tmp_path) is True


@pytest.mark.parametrize(
    ("device", "name"),
    [
        ("8086:10d3", "Intel Corporation 82574L"),
        ("8086:ffff", "Intel Corporation"),
        ("1d0f:ec20", "Amazon Elastic Network Adapter (ENA)"),  # not in that list
        ("ffff:0001", ""),
    ],
)
def test_names(device: str, name: str, tmp_path: Path) -> None:
    lines = (
        "# comment", "8086  Intel Corporation", "\t10d3  82574L", "\t\t8086 a01f  Adapter",
        "C 02  Network controller", "\t00  Ethernet controller",
    )  # fmt: skip
    write(tmp_path, {"usr/share/misc/pci.ids": "\n".join(lines)})
    assert pci_name(device, tmp_path) == name
