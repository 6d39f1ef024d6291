# SPDX-License-Identifier: BSD-3-Clause
"""Captures inside the engine: those of paths and those of ports."""

import errno
import os
from collections.abc import Mapping
from typing import Any

from labkit.engine.answers import CaptureCounts
from labkit.engine.binding import call, ffi, lib
from labkit.engine.filters import native_filter
from labkit.engine.ports import Ports
from labkit.path.capture_types import NS, is_pcap, rotation

NO_LIMIT_NS = 2**62
FLUSH_NS = 1_000_000_000  # who asks for counters waits no longer for a slow disk
ENDS = {
    lib.LK_CAPTURE_GOES_ON: "",
    lib.LK_CAPTURE_FRAMES: "frames",
    lib.LK_CAPTURE_BYTES: "bytes",
    lib.LK_CAPTURE_TIME: "seconds",
}
WORDS = {  # where the errno's own say less
    errno.ENOENT: "the file was removed",
    errno.ESTALE: "somebody else has written to the file or cut it",
}


class Captures:
    """What the engine captures.

    Attributes
    ----------
    owners: those that there are, with the words for who writes them
    """

    def __init__(self) -> None:
        self.owners: dict[Any, str] = {}
        self._of_ports: dict[int, tuple[str, int, Any]] = {}
        self._ended: dict[int, CaptureCounts] = {}  # by the end of their port
        self._begun = 0

    def open(self, owner: str, label: str, params: Mapping[str, Any]) -> Any:
        """Opens a capture with the parameters of its node; OSError says what is wrong.

        owner: who writes it, in words; label: what pcapng calls the interface
        """
        file: str = params["file"]
        names = [ffi.new("char[]", os.fsencode(text)) for text in (file, label)]
        config = ffi.new(
            "struct lk_capture_config *",
            {
                "file": names[0],
                "interface": names[1],
                "is_pcap": is_pcap(file),
                "snaplen": params.get("snaplen") or 0,
                "frames": params.get("frames") or 0,
                "bytes": params.get("bytes") or 0,
                "ns": round((params.get("seconds") or 0) * NS),
                "files": params.get("files") or 0,
            },
        )
        if params.get("rotate"):
            limit, number = rotation(params["rotate"])
            setattr(config, f"file_{limit}", number)
        if params.get("filter"):
            config.filter = native_filter(owner, params["filter"])
        opened = ffi.new("struct lk_capture **")
        code = -lib.lk_capture_open(config, opened)
        if code:
            raise OSError(f"{file}: the capture cannot be written: {self._why(file, code)}")
        self.owners[opened[0]] = owner
        return opened[0]

    def counts(self, capture: Any) -> CaptureCounts:
        """What it has written so far, everything that has come included unless the disk is slow."""
        lib.lk_capture_flush(capture, FLUSH_NS)
        counts = ffi.new("struct lk_capture_counts *")
        lib.lk_capture_counts(capture, counts)
        code = -counts.error
        return {
            "written": counts.written,
            "missed": counts.missed,
            "passed_over": counts.passed_over,
            "waiting": counts.waiting,
            "unsent": counts.unsent,
            "bytes": counts.bytes,
            "files": counts.files,
            "newest": counts.newest,
            "file": os.fsdecode(ffi.string(counts.file)),
            "errno": code,
            "ended": WORDS.get(code) or os.strerror(code) if code else ENDS[counts.ended],
        }

    def close(self, capture: Any) -> None:
        """Writes what it holds, and ends it."""
        self.owners.pop(capture, None)
        lib.lk_capture_close(capture)

    # Of ports

    def start(self, ports: Ports, port: str, params: Mapping[str, Any]) -> int:
        """Captures what a port receives and sends; its number."""
        port_id = ports.by_name[port].id
        capture = self.open(f"the capture of port {port}", port, params)
        try:
            call("lk_tap_add", port_id, capture)
        except BaseException:
            self.close(capture)
            raise
        self._begun += 1
        self._of_ports[self._begun] = (port, port_id, capture)
        return self._begun

    def read(self, number: int) -> CaptureCounts | None:
        """Of the capture of a port; None: it was stopped."""
        found = self._of_ports.get(number)
        return self.counts(found[2]) if found else self._ended.get(number)

    def stop(self, number: int) -> CaptureCounts | None:
        """Ends the capture of a port; its last counts."""
        found = self._of_ports.pop(number, None)
        if found is None:
            return self._ended.pop(number, None)
        _, port_id, capture = found
        lib.lk_tap_remove(port_id, capture)
        lib.lk_capture_flush(capture, NO_LIMIT_NS)  # as close() would, but then nobody counts
        try:
            return self.counts(capture)
        finally:
            self.close(capture)

    def stop_of(self, port: str | None) -> None:
        """Ends the captures of a port that is about to go; None: of all."""
        for number, (name, _, _) in list(self._of_ports.items()):
            if port in (None, name):
                last = self.stop(number)
                assert last is not None
                self._ended[number] = {**last, "ended": last["ended"] or f"port {name} was closed"}

    def _why(self, file: str, code: int) -> str:
        """What is in the way, and what to do."""
        folder = os.path.dirname(file)
        if code == errno.EWOULDBLOCK:
            return f"{self._user_of(file)}; name another file, or end that first"
        if code == errno.EISDIR:
            return "it is a folder; name a file in it"
        if code in (errno.EMEDIUMTYPE, errno.ENXIO):
            return "it is no regular file but a FIFO, device or socket; name a regular one"
        if code == errno.ENOENT and not os.path.isdir(folder):
            return f"there is no folder {folder}; make it first"
        if code in (errno.EACCES, errno.EPERM, errno.EROFS):
            return f"{os.strerror(code)}; name a file in a folder that you may write to"
        return os.strerror(code)

    def _user_of(self, file: str) -> str:
        """Who has the lock of a file."""
        state = os.stat(file)
        for capture, owner in self.owners.items():
            counts = ffi.new("struct lk_capture_counts *")
            lib.lk_capture_counts(capture, counts)
            try:
                other = os.stat(ffi.string(counts.file))
            except OSError:
                continue
            if not counts.ended and (other.st_dev, other.st_ino) == (state.st_dev, state.st_ino):
                return f"{owner} writes it"
        way, process = _lock_of(state)
        if process == os.getpid():
            return "lk.Replay plays it in this lab"
        who = f"process {process}" if process else "another process"
        return f"{who} {'plays or reads' if way == 'READ' else 'writes'} it"


def _lock_of(state: os.stat_result) -> tuple[str, int]:
    """READ or WRITE, and the process that has a lock of a file; 0: one that is not seen here."""
    place = f"{os.major(state.st_dev):02x}:{os.minor(state.st_dev):02x}:{state.st_ino}"
    try:
        with open("/proc/locks", encoding="ascii") as locks:
            for line in locks:
                fields = line.split()
                if fields[1] == "FLOCK" and fields[5] == place:
                    return fields[3], int(fields[4])
    except (OSError, IndexError, ValueError):
        pass
    return "WRITE", 0
