# SPDX-License-Identifier: BSD-3-Clause
"""Debian's kernel and busybox for the guest: downloaded by name with apt and unpacked in build/vm,
not installed."""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
CACHE = ROOT / "build" / "vm"
QEMU = "qemu-system-x86_64"


class Unavailable(Exception):
    """What the virtual machine needs cannot be had; says what, and the way to it."""


@dataclass(frozen=True)
class Unpacked:
    """release: of the kernel, such as 6.1.0-57-amd64; folder: where boot/, lib/, bin/ are"""

    release: str
    folder: Path

    @property
    def kernel(self) -> Path:
        return self.folder / "boot" / f"vmlinuz-{self.release}"

    @property
    def modules(self) -> Path:
        return self.folder / "lib" / "modules" / self.release

    @property
    def busybox(self) -> Path:
        return self.folder / "bin" / "busybox"


def run(*command: str, folder: Path = ROOT) -> str:
    """Runs a program; its output."""
    try:
        ran = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    except FileNotFoundError:
        raise Unavailable(f"{command[0]} is not here; make test-vm installs it on Debian") from None
    except subprocess.CalledProcessError as error:
        raise Unavailable(
            f"{' '.join(command)} failed:\n{error.stderr.strip()}\n"
            "Kernel and busybox of the guest come from apt's sources: they must be in reach "
            f"(apt-get update), or the packages be in {CACHE}"
        ) from None
    return ran.stdout


def newest_kernel() -> str:
    """The package that linux-image-amd64 stands for, or the one that was downloaded before."""
    for kept in sorted(CACHE.glob("linux-image-*.deb"), reverse=True):
        return kept.name.partition("_")[0]
    for line in run("apt-cache", "depends", "linux-image-amd64").splitlines():
        kind, _, name = line.strip().partition(": ")
        if kind == "Depends":
            return name
    raise Unavailable("apt knows no linux-image-amd64; the guest's kernel is that of Debian")


def unpacked() -> Unpacked:
    """Downloads and unpacks what is not there yet."""
    if not shutil.which(QEMU):
        raise Unavailable(f"{QEMU} is not here; on Debian: apt-get install qemu-system-x86")
    CACHE.mkdir(parents=True, exist_ok=True)
    kernel = newest_kernel()
    there = Unpacked(kernel.removeprefix("linux-image-"), CACHE / "root")
    for package, what in ((kernel, there.kernel), ("busybox-static", there.busybox)):
        if what.exists():
            continue
        if not list(CACHE.glob(f"{package}_*.deb")):
            run("apt-get", "download", "-qq", package, folder=CACHE)
        run("dpkg", "-x", str(next(CACHE.glob(f"{package}_*.deb"))), str(there.folder))
    if not (there.modules / "modules.dep").exists():
        run("depmod", "-b", str(there.folder), there.release)
    return there
