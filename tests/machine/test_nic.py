# SPDX-License-Identifier: BSD-3-Clause
"""labkit nic list, bind and unbind, on trees that behave as the kernel does."""

import json
import os
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

import labkit as lk
from labkit.cli import main
from labkit.machine import nic_state
from labkit.machine.interface_use import Use
from labkit.machine.nic_binding import Kernel
from labkit.machine.nic_records import RECORDS, remembered
from tests.machine.fake_kernel import DEVICES, FakeKernel, driver_of, override_of
from tests.machine.pci_tree import interface, iommu_group, pci_device, write

E1000E = "8086:10d3"
NIC, OTHER = "0000:00:04.0", "0000:00:05.0"


@pytest.fixture
def uses(monkeypatch: pytest.MonkeyPatch) -> dict[str, Use]:
    """What the interfaces are used for."""
    found: dict[str, Use] = {}
    monkeypatch.setattr(lk.nic, "interface_uses", lambda _: found)
    monkeypatch.setattr(nic_state, "interface_uses", lambda _: found)
    return found


@pytest.fixture
def kernel(tmp_path: Path, uses: dict[str, Use], monkeypatch: pytest.MonkeyPatch) -> FakeKernel:
    """A NIC of the kernel in an IOMMU group of its own, and root before it."""
    device = pci_device(tmp_path, NIC, "e1000e", E1000E)
    interface(tmp_path, "eth1", device)
    iommu_group(tmp_path, 3, [device])
    write(tmp_path, {f"{DEVICES}/{NIC}/modalias": "pci:v00008086d000010D3"})
    made = FakeKernel(tmp_path)
    monkeypatch.setattr(lk.nic, "KERNEL", made)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(nic_state, "lockable_kib", lambda: None)
    return made


def test_there_and_back(kernel: FakeKernel) -> None:
    assert "the kernel's" in repr(lk.nic.list())
    assert "opens as pci:0000:00:04.0" in lk.nic.bind("eth1")
    assert kernel.done == [
        "modprobe vfio-pci",
        f"devices/{NIC}/driver_override=vfio-pci",
        f"devices/{NIC}/driver/unbind={NIC}",
        f"drivers_probe={NIC}",
        f"devices/{NIC}/driver_override=",
    ]
    assert (driver_of(kernel, NIC), remembered(NIC, kernel.root)) == ("vfio-pci", "e1000e")
    (bound,) = lk.nic.list()
    assert (bound.state, bound.why, bound.interfaces) == ("usable", "", ())
    assert "is with vfio-pci" in lk.nic.bind(NIC)  # again: nothing is to be done
    assert len(kernel.done) == 5
    assert "is with vfio-pci" in lk.nic.bind("eth1")  # by the name that it had
    assert lk.nic.unbind("eth1").endswith("is with e1000e as eth1")
    assert (driver_of(kernel, NIC), override_of(kernel, NIC), remembered(NIC, kernel.root)) == (
        "e1000e",
        "",
        "",
    )
    assert lk.nic.unbind(NIC).endswith("already")


def test_lost_record(kernel: FakeKernel) -> None:
    lk.nic.bind(NIC)
    (kernel.root / RECORDS / NIC).write_text("{")
    lk.nic.unbind(NIC)
    assert driver_of(kernel, NIC) == "e1000e"


def test_interface_that_comes_back_by_another_name(kernel: FakeKernel) -> None:
    lk.nic.bind(NIC)
    gone = kernel.root / DEVICES / NIC / "gone"
    (gone / "eth1").rename(gone / "eth7")
    links = kernel.root / "sys/class/net"
    (links / "eth7").symlink_to((links / "eth1").readlink().with_name("eth7"))
    assert lk.nic.unbind(NIC).endswith("is with e1000e as eth7, which was eth1")


def test_the_driver_that_it_had_comes_before_others_that_fit(kernel: FakeKernel) -> None:
    kernel.fits = ("another", "e1000e")
    kernel.load("another")
    lk.nic.bind(NIC)
    lk.nic.unbind(NIC)
    assert (driver_of(kernel, NIC), override_of(kernel, NIC)) == ("e1000e", "")


def test_driver_that_was_unloaded(kernel: FakeKernel) -> None:
    lk.nic.bind(NIC)
    (kernel.root / "sys/bus/pci/drivers/e1000e").rmdir()
    kernel.done.clear()
    lk.nic.unbind(NIC)
    assert driver_of(kernel, NIC) == "e1000e"
    assert "modprobe pci:v00008086d000010D3" in kernel.done


def test_driver_that_refuses(kernel: FakeKernel) -> None:
    kernel.refuses = ("vfio-pci",)
    with pytest.raises(lk.LabError, match=r"vfio-pci did not take .*with e1000e as before"):
        lk.nic.bind(NIC)
    assert (driver_of(kernel, NIC), override_of(kernel, NIC)) == ("e1000e", "")


@pytest.mark.parametrize(
    "error", [lk.LabError("the kernel refused it"), KeyboardInterrupt()], ids=["refused", "ctrl-c"]
)
@pytest.mark.parametrize("step", ["driver/unbind", "drivers_probe"])
def test_nothing_is_left_half_done(
    step: str, error: BaseException, kernel: FakeKernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = kernel.write

    def fail_once(file: str, text: str) -> None:
        if file.endswith(step):
            monkeypatch.setattr(kernel, "write", write)
            raise error
        write(file, text)

    monkeypatch.setattr(kernel, "write", fail_once)
    with pytest.raises(type(error)):
        lk.nic.bind(NIC)
    assert (driver_of(kernel, NIC), override_of(kernel, NIC)) == ("e1000e", "")


def test_no_driver_takes_it_back(kernel: FakeKernel) -> None:
    lk.nic.bind(NIC)
    kernel.refuses = ("e1000e",)
    with pytest.raises(lk.LabError, match="no driver of the kernel took"):
        lk.nic.unbind(NIC)


@pytest.mark.parametrize(
    ("use", "told"),
    [
        (Use(carries=("the default route",)), "with the default route: it is never taken"),
        (Use(carries=("this SSH session",)), "with this SSH session: it is never taken"),
        (Use(above=("br0",)), "with br0, which works through it: it is never taken"),
    ],
)
def test_never_taken(use: Use, told: str, kernel: FakeKernel, uses: dict[str, Use]) -> None:
    uses["eth1"] = use
    for force in (False, True):
        with pytest.raises(lk.LabError, match=told):
            lk.nic.bind("eth1", force=force)
    (found,) = lk.nic.list()
    assert found.state == "never taken"
    assert "nic bind" not in repr(lk.nic.list())
    assert kernel.done == []


def test_cut_off_by_force_alone(kernel: FakeKernel, uses: dict[str, Use]) -> None:
    uses["eth1"] = Use(
        addresses=("192.0.2.9/24",), routes=("198.51.100.0/24",), peers=("192.0.2.1",)
    )
    cut = "192.0.2.9/24, route to 198.51.100.0/24, 1 TCP connection (192.0.2.1)"
    assert f"would cut off: {cut}" in repr(lk.nic.list())
    with pytest.raises(lk.LabError, match=re.escape(f"cut off: {cut}; --force does it")):
        lk.nic.bind("eth1")
    assert kernel.done == []
    assert lk.nic.bind("eth1", force=True).endswith(f"cut off: {cut}")


def test_interface_out_of_sight(kernel: FakeKernel) -> None:
    (kernel.root / "sys/class/net/eth1").unlink()
    with pytest.raises(lk.LabError, match="without an interface in this network namespace"):
        lk.nic.bind(NIC)
    lk.nic.bind(NIC, force=True)
    assert driver_of(kernel, NIC) == "vfio-pci"


def test_group_is_bound_together(kernel: FakeKernel) -> None:
    other = pci_device(kernel.root, OTHER, "e1000e", E1000E)
    group = kernel.root / "sys/kernel/iommu_groups/3"
    (group / "devices" / OTHER).symlink_to(other)
    (other / "iommu_group").symlink_to(group)
    with pytest.raises(lk.LabError, match=rf"group 3 of .* also has {OTHER} \(e1000e\)"):
        lk.nic.bind(NIC)
    interface(kernel.root, "eth2", other)
    assert lk.nic.bind(NIC, "eth2").count("is with vfio-pci") == 2
    assert [nic.state for nic in lk.nic.list()] == ["usable", "usable"]


def test_virtual_functions_would_end(kernel: FakeKernel) -> None:
    write(kernel.root, {f"{DEVICES}/{NIC}/sriov_numvfs": "2"})
    with pytest.raises(lk.LabError, match=r"has 2 virtual functions.*sriov_numvfs"):
        lk.nic.bind(NIC)


def test_held_by_a_lab(kernel: FakeKernel) -> None:
    lk.nic.bind(NIC)
    write(kernel.root, {"proc/77/comm": "python3", "proc/77/cmdline": "python3\0-m\0labkit.engine"})
    (kernel.root / "proc/77/fd").mkdir()
    (kernel.root / "proc/77/fd/5").symlink_to("/dev/vfio/3")
    assert lk.nic.list()[0].state == "in use"
    with pytest.raises(lk.LabError, match=r"in use by process 77 \(a lab's engine\)"):
        lk.nic.unbind(NIC)
    assert driver_of(kernel, NIC) == "vfio-pci"


def test_drivers_without_and_with_an_iommu(kernel: FakeKernel) -> None:
    with pytest.raises(lk.LabError, match="uio_pci_generic behind an IOMMU lets"):
        lk.nic.bind(NIC, driver="uio_pci_generic")
    (kernel.root / "sys/kernel/iommu_groups/3/name").write_text("vfio-noiommu\n")
    with pytest.raises(lk.LabError, match="use --driver uio_pci_generic"):
        lk.nic.bind(NIC, driver="vfio-pci")
    assert "is with uio_pci_generic" in lk.nic.bind(NIC)
    write(kernel.root, {"proc/sys/kernel/osrelease": "6", "lib/modules/6/modules.dep": "/a.ko:"})
    lk.nic.unbind(NIC)
    with pytest.raises(lk.LabError, match="this kernel has no uio_pci_generic"):
        lk.nic.bind(NIC)


def test_a_user_may_open_it(kernel: FakeKernel, monkeypatch: pytest.MonkeyPatch) -> None:
    owners: list[tuple[Path, int]] = []
    monkeypatch.setattr(os, "chown", lambda path, user, _: owners.append((path, user)))
    assert "daemon owns /dev/vfio/3" in lk.nic.bind(NIC, user="daemon")
    assert owners == [(kernel.root / "dev/vfio/3", 1)]
    with pytest.raises(lk.LabError, match=r"no user 'deamon'.*did you mean 'daemon'"):
        lk.nic.bind(NIC, user="deamon")


def test_no_user_can_have_what_needs_root(kernel: FakeKernel) -> None:
    (kernel.root / "sys/kernel/iommu_groups/3/name").write_text("vfio-noiommu\n")
    with pytest.raises(lk.LabError, match=r"daemon cannot be given .*and uio_pci_generic suits"):
        lk.nic.bind("eth1", user="daemon")
    assert kernel.done == []


def test_without_root(kernel: FakeKernel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(lk.LabError, match=r"needs root; write: sudo \S*labkit nic bind eth1"):
        lk.nic.bind("eth1")
    assert lk.nic.bind("eth1", dry_run=True).splitlines() == [
        "modprobe vfio-pci",
        f"echo 'vfio-pci' > /{DEVICES}/{NIC}/driver_override",
        f"echo '{NIC}' > /{DEVICES}/{NIC}/driver/unbind",
        f"echo '{NIC}' > /sys/bus/pci/drivers_probe",
        f"echo '' > /{DEVICES}/{NIC}/driver_override",
    ]
    assert kernel.done == []


def test_wrong_names(kernel: FakeKernel) -> None:
    with pytest.raises(lk.LabError, match=f"there is no NIC at 0000:00:09.0; NICs here: {NIC}"):
        lk.nic.bind("00:09.0")
    with pytest.raises(lk.LabError, match="'eth9' is no PCI address, and no interface"):
        lk.nic.unbind("eth9")
    with pytest.raises(lk.LabError, match="name a NIC"):
        lk.nic.bind()
    with pytest.raises(lk.LabError, match="driver is 'vfio'"):
        lk.nic.bind(NIC, driver="vfio")  # type: ignore[arg-type]


def test_module_that_modprobe_lacks(tmp_path: Path) -> None:
    with pytest.raises(lk.LabError, match=r"modprobe labkit_none: .+; (the package|install kmod)"):
        Kernel(tmp_path).load("labkit_none")


def test_file_that_refuses(tmp_path: Path) -> None:
    with pytest.raises(lk.LabError, match="refused `echo 'x' > /sys/none`: No such file"):
        Kernel(tmp_path).write("sys/none", "x")


def test_commands(kernel: FakeKernel) -> None:
    run = CliRunner().invoke
    (told,) = json.loads(run(main, ["nic", "list", "--json"]).output)
    assert (told["address"], told["dpdk_driver"], told["state"]) == (
        NIC,
        "net_e1000_em",
        "the kernel's",
    )
    bound = run(main, ["nic", "bind", "eth1"])
    assert (bound.exit_code, driver_of(kernel, NIC)) == (0, "vfio-pci")
    refused = run(main, ["nic", "bind", "eth9"])
    assert (refused.exit_code, refused.stderr[:6]) == (2, "Error:")
    assert run(main, ["nic", "unbind", NIC, "--dry-run"]).exit_code == 0
    assert driver_of(kernel, NIC) == "vfio-pci"
    assert run(main, ["nic", "unbind", NIC]).exit_code == 0
    assert driver_of(kernel, NIC) == "e1000e"


def test_no_nics(tmp_path: Path, uses: dict[str, Use], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lk.nic, "KERNEL", FakeKernel(tmp_path))
    assert repr(lk.nic.list()) == "there is no NIC on the PCI bus"
    assert "NUMA" in lk.nic.list()._repr_html_()
