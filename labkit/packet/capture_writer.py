# SPDX-License-Identifier: BSD-3-Clause
"""Writes pcap and pcapng files from arrays, many frames at a time."""

import os
import struct
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from labkit._codec import ffi, lib
from labkit.errors import LabError
from labkit.packet.capture_options import CaptureInterface, interface_block, section_block
from labkit.packet.capture_reader import MOST_KEPT, RECORD
from labkit.text import reason, shown

FORMATS = {".pcap": False, ".cap": False, ".dmp": False, ".pcapng": True, ".ntar": True}
NS = 10**9
PCAP_NS = 0xA1B23C4D
PCAP_HAS_FCS = 0x04000000
PCAP_SECONDS = 2**32
LONGEST_COMMENT = 65_535  # bytes
MOST_INTERFACES = 4096  # as our reader takes of a section
MOST = {"link_type": 65_535, "snaplen": 2**32 - 1, "fcs": 30, "speed": 2**64 - 1}

Array = np.ndarray[Any, Any]
ETHERNET = CaptureInterface(section=0, number=0, link_type=1, snaplen=0, resolution=1e-9)


class CaptureWriter:
    """A capture under its name once it is whole: at the end of `with`, or by close().

    It is written beside its place, for this user alone, and takes it, with the rights of the file
    that was there or of any new one, in one step; an error leaves what was there as it is.

    file: its ending says the format: .pcap, .cap or .dmp (stamps in nanoseconds, one link type),
        .pcapng or .ntar
    interfaces: of the frames, whose `interface` is a number among these; pcap has the first one
    comments: on the whole capture, in pcapng
    reads: files that are still read, which it must not replace
    """

    _descriptor: int | None = None

    def __init__(
        self,
        file: str | os.PathLike[str],
        *,
        interfaces: Sequence[CaptureInterface] = (ETHERNET,),
        comments: Iterable[str] = (),
        reads: Iterable[str | os.PathLike[str]] = (),
    ) -> None:
        self.file = Path(file)
        self._interfaces, self._comments = tuple(interfaces), tuple(comments)
        self._place = Path(os.path.realpath(self.file))  # where a link leads
        ending = self.file.suffix.lower()
        if ending not in FORMATS:
            raise LabError(
                f"file is {shown(str(file))}; its name says the format: it ends in .pcap or .pcapng"
            )
        self._is_pcapng = FORMATS[ending]
        self._check_interfaces()
        for one in reads:
            if self.file.exists() and self.file.samefile(one):
                raise LabError(f"{file} is still read; write to another file")
        if self.file.exists() and not self.file.is_file():
            raise LabError(f"{file} is no regular file; write to another name")
        self._offset_ns: int | None = None  # the header is still to be written
        self.frames = 0
        try:
            self._descriptor, temporary = tempfile.mkstemp(
                prefix=f".{self.file.name}.", suffix=".part", dir=self._place.parent
            )
        except OSError as error:
            raise self._unwritten(reason(error)) from None
        self._temporary = Path(temporary)

    def write(
        self, buffer: Array, records: Array, comments: Mapping[int, Iterable[str]] | None = None
    ) -> None:
        """Appends frames, as CaptureReader gives them.

        buffer: contiguous uint8
        records: array of RECORD, of which offset, kept, length, time_ns, has_time, interface and
            flags count
        comments: texts by the number of a record in this array; pcap has no place for them
        """
        if self._descriptor is None:
            raise LabError(f"{self.file} is closed; make another CaptureWriter")
        records = np.ascontiguousarray(records)
        self._check(buffer, records)
        self._begin(records)
        native, text = self._native_comments(comments or {}, len(records))
        error = lib.lk_codec_capture_write(
            self._descriptor,
            self._is_pcapng,
            self._offset_ns,
            ffi.from_buffer("uint8_t[]", buffer),
            ffi.from_buffer("struct lk_captured[]", records),
            len(records),
            native,
            len(native),
            text,
        )
        if error < 0:
            raise self._unwritten(os.strerror(-error))
        self.frames += len(records)

    def write_frames(self, frames: Sequence[bytes], times_ns: Sequence[int]) -> None:
        """Appends whole frames of the first interface, each with its time since 1970."""
        if len(frames) != len(times_ns):
            raise LabError(f"{len(frames)} frames and {len(times_ns)} times; each frame has one")
        records = np.zeros(len(frames), RECORD)
        records["kept"] = records["length"] = [len(frame) for frame in frames]
        records["offset"][1:] = np.cumsum(records["kept"].astype(np.uint64))[:-1]
        records["time_ns"], records["has_time"] = times_ns, 1
        self.write(np.frombuffer(b"".join(frames), np.uint8), records)

    def close(self) -> None:
        """Gives the file its name."""
        if self._descriptor is None:
            return
        try:
            self._begin(np.zeros(0, RECORD))
            os.fchmod(self._descriptor, mode_of(self.file))
            self._temporary.replace(self._place)
        except OSError as error:
            self.abandon()
            raise self._unwritten(reason(error)) from None
        os.close(self._descriptor)
        self._descriptor = None

    def abandon(self) -> None:
        """Leaves nothing behind."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
            self._temporary.unlink(missing_ok=True)

    def __enter__(self) -> "CaptureWriter":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            self.close()
        else:
            self.abandon()

    def __del__(self) -> None:
        self.abandon()

    def __repr__(self) -> str:
        return f"<CaptureWriter {self.file}, {self.frames:,} frames>"

    def _check_interfaces(self) -> None:
        if not 1 <= len(self._interfaces) <= MOST_INTERFACES:
            raise LabError(
                f"interfaces has {len(self._interfaces):,}; it has 1 to {MOST_INTERFACES:,}"
            )
        for number, one in enumerate(self._interfaces):
            for name, most in MOST.items():
                if not 0 <= (value := getattr(one, name)) <= most:
                    raise LabError(
                        f"{name} of interface {number} is {shown(value)}; it is 0 to {most:,}"
                    )

    def _check(self, buffer: Array, records: Array) -> None:
        """C trusts these numbers."""
        if buffer.dtype != np.uint8 or not buffer.flags.c_contiguous:
            raise LabError(f"buffer is {buffer.dtype}; it is contiguous uint8")
        if records.dtype != RECORD or records.ndim != 1:
            raise LabError(f"records is of {records.dtype}; it is an array of dtype RECORD")
        if not len(records):
            return
        kept, offset = records["kept"].astype(np.uint64), records["offset"]
        if kept.max() > MOST_KEPT:
            raise LabError(f"a frame has {kept.max():,} bytes; at most {MOST_KEPT:,}")
        if kept.max() > buffer.size or (offset > np.uint64(buffer.size) - kept).any():
            raise LabError(f"a frame is not inside of the buffer's {buffer.size:,} bytes")
        if (records["length"] < records["kept"]).any():
            raise LabError("a frame has a length below what was kept of it")
        if self._is_pcapng:
            if records["interface"].max() >= len(self._interfaces):
                raise LabError(
                    f"a frame is of interface {records['interface'].max()}; interfaces has "
                    f"{len(self._interfaces)}"
                )
            return
        used = {
            self._interfaces[n].link_type
            for n in np.unique(records["interface"]).tolist()
            if n < len(self._interfaces)
        }
        if used - {self._interfaces[0].link_type}:
            raise LabError(
                f"{self.file}: pcap has one link type for all frames, and these have several; name "
                "the file .pcapng"
            )
        times = records["time_ns"]
        wrong = (records["has_time"] == 0) | (times < 0) | (times >= PCAP_SECONDS * NS)
        if wrong.any():
            raise LabError(
                f"{self.file}: frame {self.frames + int(wrong.argmax()) + 1:,} has no time from "
                "1970 to 2106, as pcap needs; name the file .pcapng"
            )

    def _begin(self, records: Array) -> None:
        """The header, once it is known whether times before 1970 come."""
        timed = records["time_ns"][records["has_time"] != 0]
        first = int(timed.min()) // NS if len(timed) else 0
        if self._offset_ns is not None:
            if self._is_pcapng and first * NS < self._offset_ns:
                raise LabError(
                    f"{self.file}: a frame of the year 1970 or before, and none of the first ones "
                    "was; write the frames in the order of their times"
                )
            return
        offset_s = min(first, 0)
        self._offset_ns = offset_s * NS
        if self._is_pcapng:
            head = section_block(self._comments) + b"".join(
                interface_block(one, offset_s) for one in self._interfaces
            )
        else:
            one = self._interfaces[0]
            link = one.link_type | (PCAP_HAS_FCS | min(one.fcs // 2, 15) << 28 if one.fcs else 0)
            head = struct.pack("=IHHiIII", PCAP_NS, 2, 4, 0, 0, one.snaplen or MOST_KEPT, link)
        assert self._descriptor is not None
        try:
            while head:
                head = head[os.write(self._descriptor, head) :]
        except OSError as error:
            raise self._unwritten(reason(error)) from None

    def _native_comments(
        self, comments: Mapping[int, Iterable[str]], count: int
    ) -> tuple[Any, Any]:
        """struct lk_capture_comment[] in the order of the records, and their text."""
        found: list[tuple[int, bytes]] = []
        for record in sorted(comments):
            if not 0 <= record < count:
                raise LabError(f"comments has record {record}; there are {count}, from 0")
            found += [(record, one.encode(errors="replace")) for one in comments[record]]
        longest = max((len(said) for _, said in found), default=0)
        if longest > LONGEST_COMMENT:
            raise LabError(f"a comment has {longest:,} bytes; at most {LONGEST_COMMENT:,}")
        native, offset = ffi.new("struct lk_capture_comment[]", len(found)), 0
        for one, (record, said) in zip(native, found, strict=True):
            one.record, one.offset, one.length = record, offset, len(said)
            offset += len(said)
        return native, ffi.from_buffer("uint8_t[]", b"".join(said for _, said in found))

    def _unwritten(self, why: str) -> LabError:
        return LabError(f"{self.file} cannot be written: {why}")


def mode_of(file: Path) -> int:
    """Rights of a file that is there, else those of a new one."""
    if file.exists():
        return file.stat().st_mode & 0o777
    lines = Path("/proc/self/status").read_text().splitlines()
    told = next((line for line in lines if line.startswith("Umask:")), "Umask: 077")
    return 0o666 & ~int(told.split()[1], 8)
