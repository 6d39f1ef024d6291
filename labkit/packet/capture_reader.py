# SPDX-License-Identifier: BSD-3-Clause
"""Records of pcap and pcapng files as arrays, many at a time."""

import errno
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from labkit._codec import ffi, lib
from labkit.errors import LabError
from labkit.packet.capture_open import Unpacked, compression, opened, unreadable
from labkit.packet.capture_options import CaptureInterface, CaptureSection
from labkit.packet.struct_type import struct_type

MOST_KEPT = 262_144  # bytes of a frame; libpcap's own limit
FRAMES = 65_536
BYTES = 16 << 20

Array = np.ndarray[Any, Any]


RECORD = struct_type("struct lk_captured")


@dataclass(frozen=True)
class CapturedBatch:
    """Some records of a capture.

    Attributes
    ----------
    records: structured array of dtype RECORD: offset (in the buffer), at (byte of the record in the
        unpacked file), time_ns (since 1970), kept, length (on the wire, never less than kept),
        interface and section (numbers in the reader's interfaces and sections), link_type, flags
        (epb_flags of pcapng), fcs (so many of the last bytes of `length` are the FCS), has_time
    buffer: uint8, the bytes of all frames one behind the other
    first: number of the first record in what was read, from 0; -1 after seek()
    comments: of pcapng, texts by the number of the record in this batch
    """

    records: Array
    buffer: Array
    first: int
    comments: dict[int, tuple[str, ...]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.records)

    def cut(self, first: int, last: int) -> "CapturedBatch":
        """Its records from `first` to before `last`, on the same buffer, without their comments."""
        return CapturedBatch(self.records[first:last], self.buffer, self.first + first)


class CaptureReader:
    """Reads a pcap or pcapng file, also a compressed one (gzip, zstd, lz4, bz2, xz).

    What a file is, is told by its content. A file that is cut short, or damaged further on, gives
    the records before that place; `warnings` then says where it ends. LabError: it is no capture,
    or cannot be read.

    Attributes
    ----------
    file: as it was given
    compression: "gzip", "zstd", "lz4", "bz2", "xz" or None
    """

    def __init__(self, file: str | os.PathLike[str]) -> None:
        self._lock = threading.RLock()  # C knows of one thread
        self.file = Path(file)
        self._unpacked: Unpacked | None = None
        self._input: Any = None
        self._descriptor: int | None = None
        with opened(self.file) as descriptor:
            self.compression = compression(descriptor)
            self._descriptor = os.dup(descriptor)
        if self.compression is not None:
            self._unpacked = Unpacked(self._descriptor, self.compression)
        source = self._descriptor if self._unpacked is None else self._unpacked.descriptor
        self._input = lib.lk_codec_capture_open(source)
        if self._input == ffi.NULL:
            self.close()
            raise MemoryError
        self._first = 0

    def read(self, buffer: Array, records: Array) -> int:
        """Fills a contiguous uint8 array (262,144 bytes or more) and an array of RECORD.

        Returns how many records there were; 0: it is over. Fewer than fit may come before that.
        """
        if buffer.dtype != np.uint8 or buffer.size < MOST_KEPT:
            raise LabError(
                f"buffer is {buffer.size:,} of {buffer.dtype}; it is {MOST_KEPT:,} uint8 or more"
            )
        if records.dtype != RECORD:
            raise LabError(f"records is of {records.dtype}; it is of dtype RECORD")
        with self._lock:
            count = -errno.EAGAIN
            while count == -errno.EAGAIN:  # between its calls Ctrl-C is seen
                count = lib.lk_codec_capture_read(
                    self._native(),
                    ffi.from_buffer("uint8_t[]", buffer, require_writable=True),
                    buffer.size,
                    ffi.from_buffer("struct lk_captured[]", records, require_writable=True),
                    len(records),
                )
            if count < 0:
                raise unreadable(self.file, os.strerror(-count))
            if count == 0 and len(records) and self._first == 0:
                self._check_header()
            self._first += count if self._first >= 0 else 0
            return count

    def batches(self, frames: int = FRAMES, size: int = BYTES) -> Iterator[CapturedBatch]:
        """All records that are left, up to so many and so many bytes at a time."""
        if frames < 1:
            raise LabError(f"frames is {frames}; it is 1 or more")
        while True:
            first = self._first
            buffer = np.empty(max(size, MOST_KEPT), np.uint8)
            records = np.empty(frames, RECORD)
            count = self.read(buffer, records)
            if not count:
                return
            found = records[:count]
            used = int(found["offset"][-1]) + int(found["kept"][-1])
            yield CapturedBatch(found, buffer[:used], first, self.comments)

    @property
    def comments(self) -> dict[int, tuple[str, ...]]:
        """Comments on the records that were read last, by their number there."""
        found: dict[int, list[str]] = {}
        with self._lock:
            count, text = ffi.new("uint64_t *"), ffi.new("uint8_t **")
            native = lib.lk_codec_capture_comments(self._native(), count, text)
            for n in range(count[0]):
                said = bytes(ffi.buffer(text[0] + native[n].offset, native[n].length))
                found.setdefault(native[n].record, []).append(said.decode(errors="replace"))
        return {number: tuple(texts) for number, texts in found.items()}

    @property
    def sections(self) -> tuple[CaptureSection, ...]:
        """Those that were met; a pcap file is one."""
        with self._lock:
            native = lib.lk_codec_capture_sections(self._native())
            return tuple(CaptureSection.of(native[n]) for n in range(self._told().sections))

    @property
    def interfaces(self) -> tuple[CaptureInterface, ...]:
        """Those of all sections that were met; a pcap file has one."""
        with self._lock:
            sections = lib.lk_codec_capture_sections(self._native())
            native = lib.lk_codec_capture_interfaces(self._native())
            return tuple(
                CaptureInterface.of(native[n], bool(sections[native[n].section].is_big))
                for n in range(self._told().interfaces)
            )

    @property
    def at(self) -> int:
        """Byte of the unpacked file up to which it was read."""
        return int(self._told().at)

    @property
    def is_whole(self) -> bool:
        """Read to its end, at which a record ends as well."""
        told = self._told()
        return bool(told.is_over and not (told.is_cut or told.is_bad)) and not self._failed

    @property
    def warnings(self) -> tuple[str, ...]:
        """What whoever uses the records has to know, with the file, the frame, the byte and a fix;
        whole when all was read."""
        told, found = self._told(), []
        behind = f"behind frame {told.records:,}" if told.records else "before its first frame"
        if told.is_bad:
            found.append(
                f"{behind} it is no capture any more, {ffi.string(told.reason).decode()} (byte "
                f"{told.reason_at:,}); what comes before is read. Copy or make the file again if "
                "more is needed"
            )
        elif self._failed:
            found.append(
                f"{self._failed}, {behind}; what comes before is read. Copy or compress it again"
            )
        elif told.is_cut:
            found.append(
                f"{behind} it ends within a record (byte {told.reason_at:,}), as a capture does "
                "that was killed or still runs; its whole frames are read. Read it again when it "
                "is finished"
            )
        if told.overlong:
            found.append(
                f"{told.overlong:,} frames, the first of them frame {told.first_overlong:,}, kept "
                "more bytes than it says they had on the wire; they count as long as what was kept"
            )
        if told.out_of_time:
            found.append(
                f"{told.out_of_time:,} frames, the first of them frame {told.first_out_of_time:,}, "
                "have times before 1677 or after 2262, which 64 bits of nanoseconds do not hold; "
                "they count as frames without a time"
            )
        return tuple(f"{self.file}: {one}" for one in found)

    def seek(self, at: int) -> None:
        """Reads on at the record that begins at this byte, which was read before; 0: from the
        beginning. LabError where the file is compressed."""
        if self._unpacked is not None:
            raise LabError(
                f"{self.file} is compressed, and is read from its beginning alone; unpack it"
            )
        with self._lock:
            if at < 0 or lib.lk_codec_capture_seek(self._native(), at) < 0:
                raise LabError(
                    f"at is {at}; it is where a record begins that was read before, its `at`"
                )
            self._first = 0 if at == 0 else -1

    def close(self) -> None:
        """Closes the file; interfaces and warnings are told no more."""
        with self._lock:
            if self._unpacked is not None:
                self._unpacked.close()
                self._unpacked = None
            if self._input is not None and self._input != ffi.NULL:
                lib.lk_codec_capture_shut(self._input)
            self._input = None
            if self._descriptor is not None:
                os.close(self._descriptor)
                self._descriptor = None

    def __enter__(self) -> "CaptureReader":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __del__(self) -> None:
        if hasattr(self, "_lock"):  # else it was never opened
            self.close()

    def __repr__(self) -> str:
        return f"<CaptureReader {self.file}>"

    @property
    def _failed(self) -> str:
        """Why unpacking ended early."""
        return "" if self._unpacked is None else self._unpacked.failed

    def _told(self) -> Any:
        """struct lk_capture_told"""
        told = ffi.new("struct lk_capture_told *")
        with self._lock:
            lib.lk_codec_capture_tell(self._native(), told)
        return told

    def _native(self) -> Any:
        """struct lk_capture_input"""
        if self._input is None:
            raise LabError(f"{self.file}: the reader is closed; make another CaptureReader")
        return self._input

    def _check_header(self) -> None:
        """LabError for a file that is none of ours from its beginning."""
        told = self._told()
        if told.records == 0 and (told.is_bad or not told.is_read):
            raise unreadable(self.file, self._failed or ffi.string(told.reason).decode())
