# SPDX-License-Identifier: BSD-3-Clause
"""systemd's journal as a source of lines: what `journalctl --follow` prints (journalctl(1))."""

import contextlib
import fcntl
import json
import os
import re
import select
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from labkit.arguments.checked import checked
from labkit.sources.base import SourceError
from labkit.sources.lines import LineBuffer, LineSource

PROGRAM = "journalctl"
FIELDS = "MESSAGE,SYSLOG_IDENTIFIER,_HOSTNAME,_PID"
START_SECONDS = 30.0  # in which it must have looked into the journal; a large one takes some
END_SECONDS = 2.0
PIPE_BYTES = 1 << 20  # the most that the kernel gives to everybody (pipe(7))
MOST_AT_ONCE = 4 << 20  # bytes of JSON, of which lines are a part
MORE_MS = 20  # in which journalctl fills a pipe again, if there is more
MOST_WORDS = 300  # of what it says of itself
INSTEAD = 'follow a file instead: lk.sources.LogFile("/var/log/syslog")'


@checked(SourceError)
class Journal(LineSource):
    """systemd's journal: the kernel's lines, services', and all else that is logged there.

    unit: a service, or several: "dpdk-app.service"; None: all of the journal
    since: what is older is left out, in journalctl's words ("10 min ago", "2026-11-30 12:00") or as
        a datetime; None: what comes from now on
    directory: of a journal elsewhere, such as the host's in a container: "/host/var/log/journal"

    Ended when journalctl ends.
    """

    def __init__(
        self,
        unit: str | Sequence[str] | None = None,
        *,
        since: str | datetime | None = None,
        directory: str | os.PathLike[str] | None = None,
    ) -> None:
        units = [unit] if isinstance(unit, str) else list(unit or ())
        super().__init__(f"journal of {', '.join(units)}" if units else "journal")
        self.has_kernel = not units
        self._units = [f"--unit={one}" for one in units]
        self._where = [] if directory is None else [f"--directory={os.fspath(directory)}"]
        self._since, self._begin = since, 0.0
        self._process: subprocess.Popen[bytes] | None = None
        self._lines, self._said = LineBuffer(), ""

    def _connect(self) -> None:
        if shutil.which(PROGRAM) is None:
            raise SourceError(f"there is no {PROGRAM}, which reads the journal; {INSTEAD}")
        since = self._since or datetime.now(
            UTC
        )  # what comes before journalctl is ready is read too
        self._begin = since.timestamp() if isinstance(since, datetime) else 0.0
        if isinstance(since, datetime):
            since = f"@{int(self._begin)}"
        options = [f"--since={since}", *self._where]
        self._check(options)
        self._lines, self._said = LineBuffer(), ""
        shape = ("--follow", "--no-tail", "--all", "--output=json", f"--output-fields={FIELDS}")
        self._process = subprocess.Popen(
            _command(*shape, *options, *self._units),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            process_group=0,  # Ctrl-C is not for it
        )
        for pipe in (self._process.stdout, self._process.stderr):
            assert pipe is not None
            os.set_blocking(pipe.fileno(), False)
            with contextlib.suppress(OSError):  # who has many pipes gets small ones
                fcntl.fcntl(pipe.fileno(), fcntl.F_SETPIPE_SZ, PIPE_BYTES)

    def _check(self, options: Sequence[str]) -> None:
        """SourceError for a journal that there is not, or that this user may not read."""
        try:
            asked = subprocess.run(
                _command("--header", *options),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=START_SECONDS,
            )
        except subprocess.TimeoutExpired:
            raise SourceError(
                f"{PROGRAM} has not answered for {START_SECONDS:g} s; {INSTEAD}"
            ) from None
        said = _words(asked.stderr)
        if asked.returncode or not asked.stdout:
            raise SourceError(
                f"the journal cannot be read ({said or 'there is none'}); journald keeps one where "
                "it runs, and root and the group systemd-journal may read all of it; or "
                f"{INSTEAD}"
            )

    def _disconnect(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for pipe in (process.stdout, process.stderr):
            assert pipe is not None
            pipe.close()

    def _read(self) -> list[str]:
        assert self._process is not None
        has_ended = self._process.poll() is not None  # before what it printed last is read
        self._said = _words(_new(self._process.stderr)) or self._said
        new = _new(self._process.stdout)
        entries = self._lines.add(new)
        if not has_ended:
            more = "more waits, for it grows faster than it is read" * (len(new) >= MOST_AT_ONCE)
            self._state = ("live", more or self._said or "is read")
        elif not entries:  # all that it printed was read
            entries = self._lines.end()
            how = f"exit code {self._process.returncode}"
            if self._process.returncode < 0:
                how = f"signal {-self._process.returncode}"
            self._state = ("ended", f"{PROGRAM} has ended ({self._said or how})")
        return list(_lines_of(entries, self._begin))


def _command(*options: str) -> list[str]:
    return [PROGRAM, "--no-pager", *options]


def _new(pipe: Any) -> bytes:
    """What came through a pipe, as far as that is not very much."""
    parts: list[bytes] = []
    size = 0
    ready = select.poll()
    ready.register(pipe, select.POLLIN)
    while size < MOST_AT_ONCE and ready.poll(MORE_MS if parts else 0):
        part = os.read(pipe.fileno(), PIPE_BYTES)
        if not part:
            break
        parts.append(part)
        size += len(part)
    return b"".join(parts)


def _words(said: bytes) -> str:
    """What a program says, in one line."""
    return " ".join(said.decode(errors="replace").split())[:MOST_WORDS]


def _lines_of(entries: Iterable[str], begin: float) -> Iterator[str]:
    """Entries as `journalctl --output=short-iso-precise` shows them, a line each of their lines.

    begin: what is older is left out; journalctl knows whole seconds
    """
    for text in entries:
        try:
            entry = json.loads(text)
            seconds = int(entry["__REALTIME_TIMESTAMP"]) / 1e6
        except (ValueError, KeyError, TypeError):
            continue  # no entry: the end of one that was cut off
        if seconds < begin:
            continue
        message = entry.get("MESSAGE") or ""
        if isinstance(message, list):  # bytes that are no UTF-8, or hold a NUL
            message = bytes(message).decode(errors="replace")
        when = datetime.fromtimestamp(seconds, UTC).isoformat(timespec="microseconds")
        who = re.sub(r"[^\w./@-]+", "_", str(entry.get("SYSLOG_IDENTIFIER") or "unknown"))
        process = f"[{entry['_PID']}]" if "_PID" in entry else ""
        head = f"{when} {entry.get('_HOSTNAME', 'host')} {who}{process}: "
        yield from (head + line for line in str(message).splitlines())
