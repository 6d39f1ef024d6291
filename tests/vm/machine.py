# SPDX-License-Identifier: BSD-3-Clause
"""A virtual machine in QEMU on the host's own root file system, and its network on the host."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.network import ip, namespace
from tests.vm import initramfs
from tests.vm.nics import MACHINES, MTU, Model
from tests.vm.packages import CACHE, QEMU, ROOT, Unpacked, run, unpacked

GUEST = ROOT / "tests" / "vm" / "guest"
MEMORY_MB = 3072
HUGEPAGES = 400
SECONDS = 3600  # all that the tests of one machine may need on a host under load


class Failed(Exception):
    """The guest ended before its tests did; says what its console showed last."""


def models(name: str) -> list[Model]:
    """The NICs of a machine that this QEMU knows."""
    known = run(QEMU, "-device", "help")
    return [m for m in MACHINES[name] if f'name "{m.device.partition(",")[0]}"' in known]


@contextmanager
def cables(pairs: list[Model]) -> Iterator[str]:
    """A namespace with a bridge for each pair of NICs, and a tap for each NIC."""
    with namespace() as space:
        command = ["ip", "netns", "exec", space, "sysctl", "-qw"]
        for scope in ("all", "default"):
            run(*command, f"net.ipv6.conf.{scope}.disable_ipv6=1")
        for pair in pairs:
            bridge = f"{pair.name}-br"
            ip("-n", space, "link", "add", bridge, "type", "bridge", "mcast_snooping", 0)
            for tap in pair.identifiers:
                multi = ["multi_queue"] if pair.queues > 1 else []
                ip("-n", space, "tuntap", "add", "dev", tap, "mode", "tap", *multi)
                # A guest that stands still for a moment must find all frames of a test waiting.
                ip("-n", space, "link", "set", tap, "master", bridge, "mtu", MTU,
                   "txqueuelen", 10_000, "up")  # fmt: skip
            ip("-n", space, "link", "set", bridge, "mtu", MTU, "up")
        yield space


def nic_options(pairs: list[Model]) -> Iterator[str]:
    for pair in pairs:
        for at, name in enumerate(pair.identifiers):
            queues = f",queues={pair.queues}" if pair.queues > 1 else ""
            slot = f"bus=pcie.0,addr={pair.slot + at:#x}"
            yield "-netdev"
            yield f"tap,id=tap-{name},ifname={name},script=no,downscript=no,vhost=off{queues}"
            if pair.is_pluggable:
                yield "-device"
                yield f"pcie-root-port,id=port-{name},chassis={pair.slot + at},{slot}"
                slot = f"bus=port-{name}"
            yield "-device"
            yield f"{pair.device},id={name},netdev=tap-{name},mac={pair.macs[at]},romfile=,{slot}"


def command(name: str, kernel: Unpacked, folder: Path, *, shell: bool) -> list[str]:
    """QEMU with all but the NICs. folder: shared with the guest as /out."""
    has_iommu = name == "iommu"
    line = (
        f"console=ttyS0 quiet panic=-1 nokaslr mitigations=off random.trust_cpu=on tsc=reliable "
        f"hugepages={HUGEPAGES} labkit.machine={name} labkit.guest={GUEST}"
    )
    iommu = ["-device", "intel-iommu,intremap=on,caching-mode=on"] if has_iommu else []
    share = "security_model=none,multidevs=remap"
    monitor = folder / "monitor"
    return [
        *(QEMU, "-M", "q35,kernel-irqchip=split", "-accel", "tcg,thread=multi,tb-size=512"),
        *("-cpu", "max", "-smp", "2", "-m", str(MEMORY_MB)),
        *("-nodefaults", "-display", "none", "-no-reboot"),
        *("-kernel", str(kernel.kernel), "-initrd", str(CACHE / "initramfs.gz")),
        *("-append", line + (" intel_iommu=on" if has_iommu else "")),
        *iommu,
        *("-serial", f"file:{folder / 'console'}"),
        *("-device", "virtio-rng-pci,bus=pcie.0,addr=0x1e"),
        *("-virtfs", f"local,path=/,mount_tag=host,readonly=on,{share}"),
        *("-virtfs", f"local,path={folder},mount_tag=out,{share}"),
        *("-device", "virtio-serial-pci,bus=pcie.0,addr=0x1d"),
        *("-chardev", f"stdio,id=terminal,signal={'off' if shell else 'on'}"),
        *("-device", "virtconsole,chardev=terminal"),
        # QEMU's own monitor is a port of the guest, so that a test can pull a cable.
        *("-chardev", f"socket,id=monitor,path={monitor},server=on,wait=off"),
        *("-mon", "chardev=monitor,mode=control"),
        *("-chardev", f"socket,id=puller,path={monitor}"),
        *("-device", "virtserialport,chardev=puller,name=monitor"),
    ]


def boot(name: str, arguments: list[str], *, shell: bool = False) -> int:
    """Boots a machine, runs a program in the project's folder there, and returns its exit status.

    build/vm/NAME is /out in the guest: console, dmesg, and what tests leave.
    shell: the terminal is the guest's
    """
    kernel = unpacked()
    folder = CACHE / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    (folder / "arguments").write_text("".join(f"{argument}\0" for argument in arguments))
    (CACHE / "initramfs.gz").write_bytes(initramfs.archive(kernel))
    pairs = models(name)
    with cables(pairs) as space:
        full = [*command(name, kernel, folder, shell=shell), *nic_options(pairs)]
        terminal = None if shell else subprocess.DEVNULL
        with (
            (folder / "qemu.log").open("w") as log,
            subprocess.Popen(
                ["ip", "netns", "exec", space, *full], stdin=terminal, stderr=log
            ) as qemu,
        ):
            try:
                qemu.wait(None if shell else SECONDS)
            except subprocess.TimeoutExpired:
                raise Failed(f"not done within {SECONDS} s\n{last_words(folder)}") from None
            finally:
                qemu.kill()
    status = folder / "status"
    if not status.exists():
        raise Failed(f"the guest ended before its tests\n{last_words(folder)}")
    return int(status.read_text())


def last_words(folder: Path) -> str:
    said = []
    for file in (folder / "qemu.log", folder / "console"):
        text = file.read_text(errors="replace")[-2000:] if file.exists() else ""
        said.append(f"{file} ends with:\n{text}")
    return "\n".join(said)
