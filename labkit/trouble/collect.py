# SPDX-License-Identifier: BSD-3-Clause
"""What support would ask for, of this machine, in one zip: read, never changed.

Counters are read twice, so that what grows can be told from what grew once.
"""

import os
import re
import shutil
import subprocess
import time
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from glob import glob
from pathlib import Path
from typing import IO

from labkit.errors import LabError
from labkit.text import reason

CLASS = Path("/sys/class/net")
COMMAND_SECONDS = 20.0
MOST_BYTES = 32 << 20  # of one output; of a longer one its end
PAUSE_SECONDS = 10.0

# Once, of the machine
MACHINE: Mapping[str, Sequence[str]] = {
    "uname": ("uname", "-a"),
    "dmesg": ("dmesg",),
    "journal-kernel": ("journalctl", "-k", "-o", "short-iso-precise", "--no-pager", "-n", "200000"),
    "lspci": ("lspci", "-nnk"),
    "ip_address": ("ip", "-details", "address"),
    "ip_route": ("ip", "route", "show", "table", "all"),
    "ip_rule": ("ip", "rule"),
    "ip_neighbour": ("ip", "-s", "neighbour"),
    "sysctl_net": ("sysctl", "-a", "--pattern", r"^net\.|^vm\.(min_free|nr_huge)"),
    "product_name": ("cat", "/sys/class/dmi/id/product_name"),
    "nproc": ("nproc", "--all"),
    "lscpu": ("lscpu",),
    "lsmod": ("lsmod",),
    "modinfo_ena": ("modinfo", "ena"),
    "dkms_status": ("dkms", "status"),
    "interface_names": ("cat", "/etc/udev/rules.d/70-persistent-net.rules"),
}
# What the kernel tells in files, of which there may be many or none
KERNEL_FILES = (
    *("/proc/cmdline", "/proc/sys/net/core/busy_*", "/proc/sys/net/ipv4/tcp_autocorking"),
    *("/proc/sys/net/ipv4/tcp_limit_output_bytes", "/sys/module/ena/parameters/*"),
)
QUEUE_LIMITS = "/sys/class/net/{}/queues/tx-*/byte_queue_limits/limit*"
# Before and after a pause
COUNTERS: Mapping[str, Sequence[str]] = {
    "ip_-s_link": ("ip", "-s", "-s", "link"),
    "tc_-s_qdisc": ("tc", "-s", "qdisc"),
    "nstat": ("nstat", "-asz"),
    "softnet_stat": ("cat", "/proc/net/softnet_stat"),
    "sockstat": ("cat", "/proc/net/sockstat"),
    "interrupts": ("cat", "/proc/interrupts"),
    "net_dev": ("cat", "/proc/net/dev"),
}
OF_INTERFACE = ("-i", "-g", "-l", "-k", "-c", "-a", "-x", "--show-priv-flags")

_SECRET = re.compile(
    r"(?i)\b(?P<name>[\w.-]*(?:passw(?:or)?d|passphrase|secret|token|api[_-]?key|fastopen_key|"
    r"credential|psk)"
    r"[\w.-]*)(?P<sep>\s*[=:]\s*)(?P<value>\S+)"
)
_KEY_BLOCK = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*-----|\Z)", re.DOTALL
)


@dataclass(frozen=True)
class Collected:
    """What was put into the zip.

    Attributes
    ----------
    path: the zip
    files: their names in it
    missing: what could not be had, and why
    """

    path: Path
    files: tuple[str, ...]
    missing: Mapping[str, str]

    def __str__(self) -> str:
        lines = [f"{self.path}: {len(self.files)} files"]
        return "\n".join(
            [*lines, *(f"  without {name}: {why}" for name, why in self.missing.items())]
        )


def collect(path: str | Path, seconds: float = PAUSE_SECONDS) -> Collected:
    """Writes a new zip with logs, counters and settings of all interfaces of this network
    namespace.

    seconds: between the two readings of counters, which are all that it waits for

    Raises LabError where the file is there already, OSError where it cannot be written.
    """
    path = Path(path)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        raise LabError(f"{path} is there already; choose another name, or remove it") from None
    try:
        with open(descriptor, "wb") as stream:
            files, missing = _write(stream, seconds)
    except BaseException:
        path.unlink()  # a part of it is of no use, and the name is free again
        raise
    return Collected(path, tuple(files), missing)


def _write(stream: IO[bytes], seconds: float) -> tuple[list[str], dict[str, str]]:
    """The names of the files, and what is missing."""
    files: list[str] = []
    missing: dict[str, str] = {}
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:

        def keep(folder: str, commands: Mapping[str, Sequence[str]]) -> None:
            for name, command in commands.items():
                text, why = output_of(command)
                if why:
                    missing[name] = why
                if text:
                    files.append(f"{folder}{name}.txt")
                    archive.writestr(files[-1], text)

        keep("", MACHINE)
        keep("", {"kernel_files": kernel_files(*_interfaces())})
        keep("", dict(_settings()))
        keep("1-before/", {**COUNTERS, **dict(_statistics())})
        time.sleep(seconds)
        keep("2-after/", {**COUNTERS, **dict(_statistics())})
    return files, missing


def without_secrets(text: str) -> str:
    """Text in which what looks like a password, a token or a private key is replaced."""
    text = _KEY_BLOCK.sub("[private key left out]", text)
    return _SECRET.sub(lambda found: f"{found['name']}{found['sep']}[left out]", text)


def _interfaces() -> list[str]:
    return sorted(entry.name for entry in CLASS.iterdir() if (entry / "address").exists())


def kernel_files(*interfaces: str) -> Sequence[str]:
    """The command that shows the kernel's settings, and those of these interfaces."""
    patterns = [*KERNEL_FILES, *map(QUEUE_LIMITS.format, interfaces)]
    return "grep", "-Hs", ".", *(path for pattern in patterns for path in sorted(glob(pattern)))


def _settings() -> Iterator[tuple[str, Sequence[str]]]:
    for interface in _interfaces():
        for option in OF_INTERFACE:
            yield f"ethtool_{option}_{interface}", ("ethtool", option, interface)


def _statistics() -> Iterator[tuple[str, Sequence[str]]]:
    for interface in _interfaces():
        yield f"ethtool_-S_{interface}", ("ethtool", "-S", interface)


def output_of(command: Sequence[str]) -> tuple[str, str]:
    """What a command says, with a date in front, and why there is nothing."""
    if shutil.which(command[0]) is None:
        return "", f"there is no {command[0]} on this machine"
    when = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    try:
        done = subprocess.run(command, capture_output=True, timeout=COMMAND_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return "", f"it did not end within {COMMAND_SECONDS:g} s"
    except OSError as error:
        return "", reason(error)
    said = without_secrets(done.stdout[-MOST_BYTES:].decode("utf-8", errors="replace"))
    if not said.strip():
        told = done.stderr.decode("utf-8", errors="replace").strip().splitlines()
        return "", told[0] if told else f"it said nothing (exit code {done.returncode})"
    return f"{when}\n$ {' '.join(command)}\n{said}", ""
