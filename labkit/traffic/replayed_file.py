# SPDX-License-Identifier: BSD-3-Clause
"""A pcap or pcapng file whose frames are to be sent: what one pass over it tells."""

import os
import warnings
from dataclasses import dataclass
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from labkit.errors import LabError
from labkit.traffic.rewrite import Rewrite
from labkit.traffic.side import Side, SideName
from labkit.traffic.sizes import FCS

if TYPE_CHECKING:
    from labkit.packet.capture_copy import CaptureCopy

NO_LIMIT = 2**64 - 1
MOST_COUNTS = 256
WHO_CALLED = 5  # lk.Replay(), behind what looks at its arguments


@dataclass(frozen=True)
class CaptureSizes:
    """Frame sizes of a capture with FCS, as far as a trial tells them; see Sizes."""

    shortest: int
    longest: int
    mean: float
    name: str

    @property
    def mix_name(self) -> str | None:
        """None: all frames have one size."""
        return None if self.shortest == self.longest else self.name

    def __str__(self) -> str:
        if self.shortest == self.longest:
            return f"{self.longest} B"
        return f"{self.name} ({self.shortest} to {self.longest} B)"


@dataclass(frozen=True)
class ReplayedFile:
    """Frames of a file that can be sent on Ethernet, all of them whole.

    Attributes
    ----------
    size, mtime_ns: of what is played, by which it is known again
    bytes, shortest, longest: of the frames as they are sent
    duration_ns: from the first frame to the last one; a time stamp that goes back counts as the
        latest before it; of all frames, also where only those of one side are sent
    copy: what a compressed file was unpacked into; None: it is not compressed
    """

    file: Path
    size: int
    mtime_ns: int
    frames: int
    bytes: int
    duration_ns: int
    shortest: int
    longest: int
    rewrite: Rewrite | None
    all_frames: int
    side: Side | None
    copy: "CaptureCopy | None" = None

    @classmethod
    def of(
        cls,
        file: Path,
        rewrite: Rewrite | None = None,
        side_name: SideName | None = None,
        clients: Rewrite | None = None,
    ) -> "ReplayedFile":
        """Reads the file once; LabError for what cannot be sent.

        Warns of a file that is cut short, of which the whole frames are, and of frames of another
        link that become Ethernet.
        """
        from labkit._codec import ffi, lib  # native: a stream is declared without it
        from labkit.packet.capture_copy import unpacked_copy
        from labkit.packet.capture_open import opened, unreadable

        found = ffi.new("struct lk_capture_scan *")
        copy = unpacked_copy(file)
        played = file.absolute() if copy is None else copy.path
        with opened(played) as descriptor:
            state = os.fstat(descriptor)
            error = lib.lk_codec_capture_scan(descriptor, _native(rewrite), ffi.NULL, found)
        if error < 0:
            raise unreadable(file, os.strerror(-error))
        _check(file, found, "" if copy is None else copy.warning)
        side = None
        if side_name is not None:
            side = _side(file, played, side_name, clients, found.frames)
            with opened(played) as descriptor:
                keep_alive: list[Any] = []
                chosen = _native_side(side, keep_alive)
                lib.lk_codec_capture_scan(descriptor, _native(rewrite), chosen, found)
            if not found.frames:
                raise LabError(f"{file}: no frame in it was sent by a {side_name}")
        told = (found.frames, found.bytes, found.duration_ns, found.shortest, found.longest)
        return cls(
            file.absolute(),
            state.st_size,
            state.st_mtime_ns,
            *told,
            rewrite,
            found.all_frames,
            side,
            copy,
        )

    @property
    def played(self) -> Path:
        """What is read: the file, or what it was unpacked into."""
        return self.file if self.copy is None else self.copy.path

    @property
    def sizes(self) -> CaptureSizes:
        """With FCS."""
        mean = self.bytes / self.frames + FCS
        return CaptureSizes(self.shortest + FCS, self.longest + FCS, mean, self.file.name)

    @property
    def pause_ns(self) -> int:
        """Between two rounds: the mean time between two frames."""
        return round(self.duration_ns / (self.all_frames - 1)) if self.all_frames > 1 else 0

    def before_time(self, ns: int) -> int:
        """Frames that are due before a time since the first one, the capture played on and on."""
        rounds, left = divmod(ns, self.duration_ns + self.pause_ns)
        return rounds * self.frames + _before(self, left, NO_LIMIT, 0)

    def before_bits(self, bits: int, overhead: int) -> int:
        """Frames in front of which there are fewer bits, with so many bytes beside each."""
        rounds, left = divmod(bits, 8 * (self.bytes + overhead * self.frames))
        return rounds * self.frames + _before(self, NO_LIMIT, left, overhead)


# What was counted, as long as its capture is there, which may hold a large temporary file.
COUNTED: WeakKeyDictionary[ReplayedFile, dict[tuple[int, ...], int]] = WeakKeyDictionary()


def _before(capture: ReplayedFile, *limits: int) -> int:
    """Frames of one round before a time, a number of bits, with so many bytes beside each."""
    if limits[1] == NO_LIMIT and limits[0] > capture.duration_ns:
        return capture.frames
    known = COUNTED.setdefault(capture, {})
    if limits not in known:
        if len(known) == MOST_COUNTS:
            known.clear()
        known[limits] = _count(capture, *limits)
    return known[limits]


def _count(capture: ReplayedFile, ns: int, bits: int, overhead: int) -> int:
    from labkit._codec import lib
    from labkit.packet.capture_open import opened, unreadable

    keep_alive: list[Any] = []
    with opened(capture.played) as descriptor:
        state = os.fstat(descriptor)
        frames: int = lib.lk_codec_capture_due(
            descriptor,
            _native(capture.rewrite),
            _native_side(capture.side, keep_alive),
            ns,
            bits,
            overhead,
        )
    if (state.st_size, state.st_mtime_ns) != (capture.size, capture.mtime_ns):
        raise LabError(
            f"{capture.file} has changed since it was declared; make its lk.Replay again"
        )
    if frames < 0:
        raise unreadable(capture.file, os.strerror(-frames))
    return frames


def _native(rewrite: Rewrite | None) -> Any:
    """struct lk_rewrite."""
    from labkit._codec import ffi
    from labkit.packet.codec import native_rewrite

    return native_rewrite(ffi, None if rewrite is None else rewrite.to_dict())


def _native_side(side: Side | None, keep_alive: list[Any]) -> Any:
    """struct lk_side."""
    from labkit._codec import ffi
    from labkit.packet.codec import native_side

    return native_side(ffi, None if side is None else side.to_dict(), keep_alive)


def _check(file: Path, found: Any, warning: str) -> None:
    """LabError for what cannot be sent, warnings for what is sent otherwise than it stands there.

    found: struct lk_capture_scan of the file
    warning: what was said of it before it was read
    """
    from labkit._codec import ffi
    from labkit.packet.capture_open import unreadable
    from labkit.packet.link_types import made_up, no_ethernet

    if not found.is_whole:
        why = ffi.string(found.reason).decode()
        if not (found.frames or found.is_read):
            raise unreadable(file, why)
        if not found.is_cut:
            raise LabError(
                f"{file}: behind frame {found.frames:,}, {why} (byte {found.reason_at:,}); keep "
                f"the whole ones: tcpdump -r {quote(str(file))} -w whole.pcap"
            )
        warning = warning or (
            f"{file}: behind frame {found.frames:,} it ends within a record (byte "
            f"{found.reason_at:,}), as a capture does that was killed or still runs; its whole "
            "frames are played. Make lk.Replay again when it is finished"
        )
    if found.other_frame:
        told = (found.other_link_type, found.other_frame, found.other_why)
        raise LabError(no_ethernet(file, *told))
    if found.cut_frame:
        raise LabError(
            f"{file}: of frame {found.cut_frame:,} only {found.cut_kept} of {found.cut_length} "
            "bytes were captured; capture whole frames (tcpdump -s 0)"
        )
    if not found.frames:
        raise LabError(f"{file}: there are no frames in it")
    if found.short_frame:
        raise LabError(
            f"{file}: frame {found.short_frame:,} has {found.short_kept} bytes, no Ethernet header"
        )
    if found.converted:
        warnings.warn(
            f"{file}: {made_up(found.converted_link_type)}; macs={{...}} gives others",
            stacklevel=WHO_CALLED,
        )
    if warning:
        warnings.warn(warning, stacklevel=WHO_CALLED)


def _side(file: Path, played: Path, name: SideName, clients: Rewrite | None, frames: int) -> Side:
    from labkit._codec import ffi, lib
    from labkit.packet.capture_open import opened, unreadable

    bits = ffi.new("uint8_t[]", frames // 8 + 1)
    with opened(played) as descriptor:
        error = lib.lk_codec_capture_sides(descriptor, _native(clients), bits, frames)
    if error < 0:
        raise unreadable(file, os.strerror(-error))
    return Side(name, frames, bytes(ffi.buffer(bits)))
