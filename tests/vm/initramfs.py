# SPDX-License-Identifier: BSD-3-Clause
"""The first file system of the guest: busybox, the modules that mount the host's root, and init."""

import gzip
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

from tests.vm.packages import Unpacked

MODULES = ("virtio_pci", "9pnet_virtio", "9p", "overlay", "virtio_console")
FOLDERS = ("bin", "dev", "host", "modules", "new", "proc", "rw", "sys")
HERE = Path(__file__).parent

Entry = tuple[str, int, bytes]


def modules(kernel: Unpacked, names: Iterable[str]) -> list[Path]:
    """The files of modules and of all that they need, each behind what it needs (modules.dep)."""
    needs = {}
    for line in (kernel.modules / "modules.dep").read_text().splitlines():
        file, _, rest = line.partition(":")
        needs[Path(file).stem] = [file, *rest.split()]
    found: dict[str, None] = {}
    for name in names:
        found |= dict.fromkeys(reversed(needs[name]))
    return [kernel.modules / file for file in found]


def entries(kernel: Unpacked) -> Iterator[Entry]:
    """Name, mode and contents of every file."""
    for folder in FOLDERS:
        yield folder, stat.S_IFDIR | 0o755, b""
    yield "bin/busybox", stat.S_IFREG | 0o755, kernel.busybox.read_bytes()
    yield "init", stat.S_IFREG | 0o755, (HERE / "init").read_bytes()
    files = modules(kernel, MODULES)
    for file in files:
        yield f"modules/{file.name}", stat.S_IFREG | 0o644, file.read_bytes()
    order = "".join(f"/modules/{file.name}\n" for file in files)
    yield "modules/order", stat.S_IFREG | 0o644, order.encode()


def record(number: int, name: str, mode: int, data: bytes) -> bytes:
    """One file of a newc archive (Linux, Documentation/driver-api/early-userspace)."""
    path = name.encode() + b"\0"
    fields = (number, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(path), 0)
    header = b"070701" + b"".join(b"%08X" % field for field in fields) + path
    return padded(header) + padded(data)


def padded(data: bytes) -> bytes:
    return data + b"\0" * (-len(data) % 4)


def archive(kernel: Unpacked) -> bytes:
    """The initramfs, compressed."""
    files = [*entries(kernel), ("TRAILER!!!", 0, b"")]
    records = [record(number, *file) for number, file in enumerate(files, 1)]
    return gzip.compress(b"".join(records), compresslevel=1)
