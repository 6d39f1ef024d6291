# SPDX-License-Identifier: BSD-3-Clause
"""A journald of a test's own: systemd's, in a mount namespace, with the test's lines alone."""

import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.patience import wait_until

DAEMON = Path("/lib/systemd/systemd-journald")
IDENTITY = Path("/etc/machine-id")
BEGIN = """
mount -t tmpfs tmpfs /run
mkdir -p /run/log/journal/$(cat {identity}) /run/systemd/journal
printf '[Journal]\\nReadKMsg=no\\nAudit=no\\n' > /run/journald.conf
mount --bind /run/journald.conf /etc/systemd/journald.conf
exec {daemon}
"""


class Journald:
    """One that runs.

    Attributes
    ----------
    directory: of its journal
    """

    def __init__(self, process: int) -> None:
        run = Path(f"/proc/{process}/root/run")
        self.directory = run / "log/journal"
        self._socket = run / "systemd/journal/socket"
        wait_until(lambda: self._socket.exists() and any(self.directory.glob("*/*.journal")))
        self.say("ready")
        wait_until(lambda: self._newest() == "ready")

    def say(self, text: str, name: str = "app") -> None:
        """An entry, as sd_journal_send(3) makes it."""
        fields = {"MESSAGE": text, "SYSLOG_IDENTIFIER": name, "PRIORITY": "6"}
        data = b"".join(
            f"{key}\n".encode() + len(value.encode()).to_bytes(8, "little") + value.encode() + b"\n"
            for key, value in fields.items()
        )
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as out:
            out.sendto(data, str(self._socket))

    def _newest(self) -> str:
        options = (f"--directory={self.directory}", "--lines=1", "--output=cat", "--no-pager")
        return subprocess.run(["journalctl", *options], stdout=subprocess.PIPE, text=True).stdout[
            :-1
        ]


@contextmanager
def journald() -> Iterator[Journald]:
    """Skips where this machine has none, or lets nobody mount."""
    if not (DAEMON.exists() and shutil.which("journalctl") and IDENTITY.exists()):
        pytest.skip("this machine has no systemd-journald")
    if os.geteuid():
        pytest.skip("only root may mount")
    process = subprocess.Popen(
        ["unshare", "-m", "sh", "-ec", BEGIN.format(identity=IDENTITY, daemon=DAEMON)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield Journald(process.pid)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)
