# SPDX-License-Identifier: BSD-3-Clause
"""Many frames in one buffer, for tunnels at full speed without an engine."""

import os
import warnings
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from labkit._codec import ffi, lib
from labkit.arguments.checked import checked
from labkit.errors import LabError
from labkit.packet.codec import VERDICTS
from labkit.packet.frame_bytes import frame_bytes

HEADROOM = 128  # as before a frame in an mbuf: RTE_PKTMBUF_HEADROOM
LONGEST_FRAME = 65535
WHO_CALLED = 3

Array = np.ndarray[Any, Any]


@checked(but=("offsets", "lengths", "slots"))
class FrameBatch:
    """Frames in one contiguous buffer, each in a slot in which it may grow and shrink.

    Attributes
    ----------
    buffer: uint8, all slots
    slots: uint64, n + 1: frame i may use the bytes from slots[i] to slots[i + 1]
    offsets: uint64, n: first bytes of the frames in the buffer
    lengths: uint32, n: bytes of the frames
    verdicts: uint16, n: numbers of the verdicts of the last Tunnel.encap_many() or decap_many()
    vnis: uint32, n: as found by the last decap_many()
    times_ns: int64, n: when the frames were captured, since 1970; None: not told

    Tunnels work in place, as nodes do on mbufs; copy() keeps the frames as they are. offsets,
    lengths and slots are read-only views.
    """

    def __init__(
        self, buffer: Array, offsets: Array, lengths: Array, slots: Array | None = None
    ) -> None:
        """Takes arrays as they are; without slots each reaches from one frame to the next."""
        if buffer.dtype != np.uint8 or buffer.ndim != 1 or not buffer.flags.c_contiguous:
            raise LabError(
                f"buffer is {buffer.dtype} with {buffer.ndim} dimensions; it is contiguous uint8"
            )
        if not buffer.flags.writeable:
            raise LabError("buffer is read-only, and frames are worked on in place; pass a copy")
        self.buffer = buffer
        self._offsets = _numbers("offsets", offsets, np.uint64)
        self._lengths = _numbers("lengths", lengths, np.uint32)
        self._slots = (
            np.append(self._offsets, np.uint64(buffer.size))
            if slots is None
            else _numbers("slots", slots, np.uint64)
        )
        self._check()
        count = len(self._offsets)
        self.verdicts = np.zeros(count, dtype=np.uint16)
        self.vnis = np.zeros(count, dtype=np.uint32)
        self.times_ns: Array | None = None
        self.native = ffi.new(
            "struct lk_batch *",
            (
                ffi.from_buffer("uint8_t[]", buffer),
                ffi.from_buffer("uint64_t[]", self._slots),
                ffi.from_buffer("uint64_t[]", self._offsets),
                ffi.from_buffer("uint32_t[]", self._lengths),
                ffi.from_buffer("uint16_t[]", self.verdicts),
                ffi.from_buffer("uint32_t[]", self.vnis),
                count,
            ),
        )

    @classmethod
    @checked(but=("frames",))
    def pack(
        cls, frames: Sequence[bytes], *, headroom: int = HEADROOM, tailroom: int = 0
    ) -> "FrameBatch":
        """Frames one after the other, with room before and after each."""
        if isinstance(frames, (bytes, str)) or not isinstance(frames, Iterable):
            raise LabError(f"frames is {frames!r:.100}; it is a list of frames")
        frames = [frame_bytes(frame) for frame in frames]
        lengths = np.array([len(frame) for frame in frames], dtype=np.uint32)
        slots = np.zeros(len(frames) + 1, dtype=np.uint64)
        np.cumsum(lengths + np.uint64(headroom + tailroom), out=slots[1:])
        buffer = np.zeros(int(slots[-1]), dtype=np.uint8)
        offsets = slots[:-1] + np.uint64(headroom)
        for frame, offset in zip(frames, offsets.tolist(), strict=True):
            buffer[offset : offset + len(frame)] = np.frombuffer(frame, dtype=np.uint8)
        return cls(buffer, offsets, lengths, slots)

    @classmethod
    @checked(but=("capture",))
    def from_capture(
        cls, capture: Any, *, headroom: int = HEADROOM, tailroom: int = 0
    ) -> "FrameBatch":
        """The frames of a capture (lk.Capture, or a file's name) in memory, as far as they were
        captured, with their times in `times_ns`."""
        from labkit.packet.capture_reader import CaptureReader  # late: few batches come from files

        parts: list[tuple[Array, Array]] = []
        with CaptureReader(getattr(capture, "file", capture)) as reader:
            for read in reader.batches():
                parts.append((read.records.copy(), read.buffer))
            for text in reader.warnings:
                warnings.warn(text, stacklevel=WHO_CALLED)
        lengths = np.concatenate([r["kept"] for r, _ in parts] or [np.empty(0, np.uint32)])
        slots = np.zeros(len(lengths) + 1, dtype=np.uint64)
        np.cumsum(lengths + np.uint64(headroom + tailroom), out=slots[1:])
        offsets = slots[:-1] + np.uint64(headroom)
        batch = cls(np.zeros(int(slots[-1]), dtype=np.uint8), offsets, lengths, slots)
        first = 0
        for records, buffer in parts:
            lib.lk_codec_scatter(
                ffi.from_buffer("uint8_t[]", buffer),
                ffi.from_buffer("struct lk_captured[]", records),
                len(records),
                batch.native.buffer,
                ffi.from_buffer("uint64_t[]", offsets[first : first + len(records)]),
            )
            first += len(records)
        batch.times_ns = np.concatenate([r["time_ns"] for r, _ in parts] or [np.empty(0, np.int64)])
        return batch

    def write(self, file: str | os.PathLike[str]) -> Path:
        """Writes the frames, as Ethernet, to a file whose name says the format (.pcap, .pcapng),
        with `times_ns`, or one nanosecond after the other where there are none."""
        from labkit.packet.capture_reader import RECORD  # late, too
        from labkit.packet.capture_writer import CaptureWriter

        records = np.zeros(len(self), RECORD)
        records["offset"], records["kept"] = self._offsets, self._lengths
        records["length"], records["has_time"] = self._lengths, 1
        times = np.arange(len(self), dtype=np.int64) if self.times_ns is None else self.times_ns
        if len(times) != len(self):
            raise LabError(f"times_ns has {len(times)} times; there are {len(self)} frames")
        records["time_ns"] = times
        with CaptureWriter(file) as out:
            out.write(self.buffer, records)
        return out.file

    @property
    def offsets(self) -> Array:
        """First bytes of the frames in the buffer."""
        return _read_only(self._offsets)

    @property
    def lengths(self) -> Array:
        """Bytes of the frames."""
        return _read_only(self._lengths)

    @property
    def slots(self) -> Array:
        """Bounds of what each frame may use."""
        return _read_only(self._slots)

    @property
    def refusals(self) -> dict[str, int]:
        """How many frames the last operation refused, by the name of the verdict."""
        counted = Counter(self.verdicts.tolist())
        return {VERDICTS[number].name: count for number, count in counted.items() if number}

    def copy(self) -> "FrameBatch":
        """The same frames in a buffer of their own."""
        batch = FrameBatch(self.buffer.copy(), self._offsets, self._lengths, self._slots)
        batch.times_ns = None if self.times_ns is None else self.times_ns.copy()
        return batch

    def __len__(self) -> int:
        return len(self._offsets)

    def __getitem__(self, index: int) -> bytes:
        offset = int(self._offsets[index])
        return self.buffer[offset : offset + int(self._lengths[index])].tobytes()

    def __repr__(self) -> str:
        return f"<FrameBatch: {len(self)} frames, {int(self._lengths.sum())} bytes>"

    def _check(self) -> None:
        """C trusts these numbers, so they are checked once, here."""
        offsets, slots = self._offsets, self._slots
        if not len(offsets) == len(self._lengths) == len(slots) - 1:
            raise LabError(
                f"{len(offsets)} offsets, {len(self._lengths)} lengths and {len(slots)} slots; "
                "for n frames there are n, n and n + 1"
            )
        long = np.flatnonzero(self._lengths > LONGEST_FRAME)
        if long.size:
            raise LabError(
                f"frame {long[0]} has {self._lengths[long[0]]} bytes; at most {LONGEST_FRAME}"
            )
        if int(slots[-1]) > self.buffer.size or bool(np.any(slots[1:] < slots[:-1])):
            raise LabError(
                f"slots have to rise and end within the buffer's {self.buffer.size} bytes"
            )
        inside = (offsets >= slots[:-1]) & (offsets <= slots[1:])
        inside &= self._lengths <= slots[1:] - np.minimum(offsets, slots[1:])
        outside = np.flatnonzero(~inside)
        if outside.size:
            i = outside[0]
            raise LabError(
                f"frame {i} (offset {offsets[i]}, {self._lengths[i]} bytes) is not inside of its "
                f"slot, the bytes from {slots[i]} to {slots[i + 1]}"
            )
        if np.any(slots[1:] - slots[:-1] > np.uint64(2**31)):
            raise LabError("a slot is larger than 2 GiB; make it smaller")


def _numbers(name: str, values: Any, kind: type[np.unsignedinteger[Any]]) -> Array:
    try:
        array = np.array(values, dtype=kind)
    except (ValueError, TypeError, OverflowError) as error:
        raise LabError(f"{name} is {values!r:.100}; it is an array of numbers: {error}") from None
    if array.ndim != 1:
        raise LabError(f"{name} has {array.ndim} dimensions; it has a number a frame")
    return array


def _read_only(array: Array) -> Array:
    view = array.view()
    view.flags.writeable = False
    return view
