# SPDX-License-Identifier: BSD-3-Clause
"""Hands NICs to user space, and back to the kernel.

Documentation/ABI/testing/sysfs-bus-pci tells of driver_override, unbind and drivers_probe. What is
to be done is a list of steps first, which are checked and can be shown, and then done.
"""

import os
import pwd
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from labkit.errors import LabError
from labkit.machine.interface_use import Use
from labkit.machine.kernel_modules import can_be_loaded, is_loaded
from labkit.machine.nic_facts import NicFacts, has_iommu, nic_facts
from labkit.machine.nic_records import forget, remember, remembered
from labkit.machine.nic_state import UIO, VFIO, no_driver, suitable_driver, told
from labkit.machine.nics import ROOT, read, read_int
from labkit.text import near, plural, reason

DRIVERS = (VFIO, UIO)
MODPROBE_TIMEOUT_S = 60


@dataclass(frozen=True)
class Step:
    """Something to be done: a text into a file of sysfs, or a module to be loaded.

    file: where the text goes, below the root; "" where `text` is what modprobe is asked for
    """

    file: str
    text: str

    def __str__(self) -> str:
        """The same for a shell."""
        return f"echo {self.text!r} > /{self.file}" if self.file else f"modprobe {self.text}"


class Kernel:
    """Does steps. `root`: of the file system; tests have one of their own."""

    def __init__(self, root: Path = ROOT) -> None:
        self.root = root

    def do(self, step: Step) -> None:
        """LabError: the kernel refused it."""
        if step.file:
            self.write(step.file, step.text)
        else:
            self.load(step.text)

    def write(self, file: str, text: str) -> None:
        """Into a file of sysfs."""
        try:
            (self.root / file).write_text(text + "\n")
        except OSError as error:
            raise LabError(
                f"the kernel refused `echo {text!r} > /{file}`: {reason(error)}; dmesg tells why"
            ) from error

    def load(self, module: str) -> None:
        """A module, by its name or alias."""
        try:
            ran = subprocess.run(
                ["modprobe", module], capture_output=True, text=True, timeout=MODPROBE_TIMEOUT_S
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise LabError(f"modprobe {module}: {reason(error)}; install kmod") from error
        if ran.returncode != 0:
            raise LabError(
                f"modprobe {module}: {ran.stderr.strip() or f'exit code {ran.returncode}'}; the "
                "package of the running kernel has it (Ubuntu: linux-modules-extra; in a "
                "container, load it outside)"
            )


def refusal(
    facts: NicFacts,
    driver: str,
    uses: Mapping[str, Use],
    together: Sequence[str],
    *,
    force: bool,
    root: Path,
) -> str:
    """Why a NIC is not bound, with the next step; "" where nothing is against it.

    driver: that is to hold it
    together: addresses of all that are bound at once: a group may need it
    force: also cut off addresses and connections
    """
    return (
        _driver_refusal(facts, driver, root)
        or _use_refusal(facts, uses, root)
        or _group_refusal(facts, driver, together)
        or ("" if force else _cut_refusal(facts, uses))
    )


def _driver_refusal(facts: NicFacts, driver: str, root: Path) -> str:
    if facts.dpdk is None:
        return f"no DPDK driver of this installation takes {facts.called}; leave it to the kernel"
    if not driver:
        return f"{facts.called}: {no_driver(facts, root)}"
    if driver not in facts.dpdk.modules:
        known = " or ".join(name for name in facts.dpdk.modules if name in DRIVERS)
        return f"{facts.dpdk.name} takes no NIC from {driver}; it does from {known or 'the kernel'}"
    if can_be_loaded(driver, root) is False:
        return f"this kernel has no {driver}; install the package of its modules"
    if driver == VFIO and suitable_driver(facts, root) != VFIO:
        return f"{VFIO} needs an IOMMU, and there is none: {no_iommu_cure(facts, root)}"
    kind = read(root / f"sys/kernel/iommu_groups/{facts.group}/type")
    if driver == UIO and has_iommu(root) and kind != "identity":
        return (
            f"{UIO} behind an IOMMU lets {facts.called} reach no memory (its group is of type "
            f"{kind or 'DMA'}); use {VFIO}, or start the kernel with iommu=pt"
        )
    return ""


def no_iommu_cure(facts: NicFacts, root: Path) -> str:
    """What works without an IOMMU."""
    if suitable_driver(facts, root) == UIO:
        return f"use --driver {UIO}, which needs root and hugepages"
    return no_driver(facts, root)


def _use_refusal(facts: NicFacts, uses: Mapping[str, Use], root: Path) -> str:
    for name in facts.interfaces:
        if forbids := uses.get(name, Use()).forbids:
            return f"{facts.called} is {name}, with {forbids}: it is never taken; use another NIC"
    functions = read_int(root / f"sys/bus/pci/devices/{facts.address}/sriov_numvfs")
    if functions:
        file = f"/sys/bus/pci/devices/{facts.address}/sriov_numvfs"
        return (
            f"{facts.called} has {plural(functions, 'virtual function')}, which would end; take "
            f"one of those, or as root: echo 0 > {file}"
        )
    return ""


def _group_refusal(facts: NicFacts, driver: str, together: Sequence[str]) -> str:
    if driver != VFIO:
        return ""
    others = [other for other in facts.in_the_way if other.split()[0] not in together]
    if not others:
        return ""
    return (
        f"IOMMU group {facts.group} of {facts.called} also has {', '.join(others)}: vfio gives out "
        "whole groups; name NICs of a group together, or move the NIC to another slot"
    )


def _cut_refusal(facts: NicFacts, uses: Mapping[str, Use]) -> str:
    for name in facts.interfaces:
        use = uses.get(name, Use())
        if use.addresses or use.routes or use.peers:
            return f"{facts.called} is {name}; this would be cut off: {use}; --force does it"
    if facts.driver and not facts.interfaces:
        return (
            f"{facts.called} is held by {facts.driver} without an interface in this network "
            "namespace: another one may use it (ip netns); --force takes it"
        )
    return ""


def bind_steps(facts: NicFacts, driver: str, root: Path) -> list[Step]:
    """What hands a NIC to a driver of user space."""
    home = f"sys/bus/pci/devices/{facts.address}"
    return [
        *([] if is_loaded(driver, root) else [Step("", driver)]),
        Step(f"{home}/driver_override", driver),
        *([Step(f"{home}/driver/unbind", facts.address)] if facts.driver else []),
        Step("sys/bus/pci/drivers_probe", facts.address),
        Step(f"{home}/driver_override", ""),  # or it would outlive what is decided here
    ]


def bind(facts: NicFacts, driver: str, kernel: Kernel) -> NicFacts:
    """Hands a NIC to a driver; where that fails, the kernel has it as before. LabError: why.

    Returns what is so afterwards.
    """
    remember(facts, kernel.root)
    try:
        for step in bind_steps(facts, driver, kernel.root):
            kernel.do(step)
        after = _now(facts, kernel.root)
        if after.driver != driver:
            raise LabError(f"{driver} did not take {facts.called}; dmesg tells why")
    except BaseException as error:
        _take_back(facts, kernel)
        if not isinstance(error, LabError):
            raise
        raise LabError(f"{error}; it is with {facts.driver or 'no driver'} as before") from error
    return after


def _take_back(facts: NicFacts, kernel: Kernel) -> None:
    """Has a NIC be what it was before some of the steps were done."""
    now = _now(facts, kernel.root)
    if now.driver != facts.driver:
        give_back(now, kernel)
        return
    override = f"sys/bus/pci/devices/{facts.address}/driver_override"
    if read(kernel.root / override) not in ("", "(null)"):
        kernel.write(override, "")


def unbind_steps(facts: NicFacts, root: Path) -> list[Step]:
    """What gives a NIC back to the kernel: to the driver that it had, or to the one that the kernel
    finds for it."""
    home = f"sys/bus/pci/devices/{facts.address}"
    before = remembered(facts.address, root)
    is_there = (root / "sys/bus/pci/drivers" / before).exists()
    return [
        *([] if is_there else [Step("", read(root / home / "modalias"))]),
        Step(f"{home}/driver_override", before),
        *([Step(f"{home}/driver/unbind", facts.address)] if facts.driver else []),
        Step("sys/bus/pci/drivers_probe", facts.address),
        Step(f"{home}/driver_override", ""),
    ]


def give_back(facts: NicFacts, kernel: Kernel) -> NicFacts:
    """Gives a NIC back to the kernel. LabError: none of its drivers took it. Returns what is so
    afterwards."""
    for step in unbind_steps(facts, kernel.root):
        kernel.do(step)
    after = _now(facts, kernel.root)
    if not after.driver:  # what was remembered is not there; a driver that fits may be
        kernel.load(read(kernel.root / f"sys/bus/pci/devices/{facts.address}/modalias"))
        kernel.write("sys/bus/pci/drivers_probe", facts.address)
        after = _now(facts, kernel.root)
    if not after.driver:
        raise LabError(f"no driver of the kernel took {facts.called}; dmesg tells why")
    forget(facts.address, kernel.root)
    return after


def _now(facts: NicFacts, root: Path) -> NicFacts:
    now = nic_facts(facts.address, root)
    if now is None:
        raise LabError(f"{facts.called} is not on the PCI bus any more")
    return now


def user_number(name: str) -> int:
    """The number of a user of this machine. LabError: there is none."""
    try:
        return pwd.getpwnam(name).pw_uid
    except KeyError:
        there = [entry.pw_name for entry in pwd.getpwall()]
        raise LabError(f"there is no user {name!r}{near(name, there)}") from None


def give_to(facts: NicFacts, user: int, root: Path) -> str:
    """Lets a user open the group of a NIC of vfio; returns the file in /dev that it owns now."""
    assert facts.node is not None
    os.chown(facts.node, user, -1)
    return told(facts.node, root)
