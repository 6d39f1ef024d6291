# SPDX-License-Identifier: BSD-3-Clause
"""A capture as what libpcap sends: whole Ethernet frames without FCS in a plain file."""

import os
import struct
import warnings
from pathlib import Path
from shlex import quote
from typing import Any

import numpy as np

from labkit._codec import ffi, lib
from labkit.errors import LabError
from labkit.packet.capture_copy import BYTE_ORDERS, EVERY, CaptureCopy, check_room, temporary
from labkit.packet.capture_open import compression, opened, unreadable
from labkit.packet.capture_reader import MOST_KEPT, CapturedBatch, CaptureReader
from labkit.packet.capture_writer import PCAP_NS
from labkit.packet.link_types import ETHERNET, made_up, no_ethernet
from labkit.progress import progress_bar

HEADER = 14
# What files begin with that libpcap reads
LIBPCAPS = {
    value.to_bytes(4, order)
    for value in (0x0A0D0D0A, 0xA1B2C3D4, 0xA1B23C4D, 0xA1B2CD34)
    for order in BYTE_ORDERS
}
BLOCKS_THAT_LIBPCAP_TAKES = 2  # of pcapng: a section and an interface


def ethernet_capture(file: Path, stacklevel: int = 2) -> Path | CaptureCopy:
    """The file where libpcap sends it as it stands, else a copy of which that is true.

    Warns of a file that is cut short, of which the whole frames are, and of frames of another link
    that become Ethernet. LabError: a frame that was not kept whole or cannot be Ethernet.
    """
    if _is_plain(file):
        return file
    content = temporary()
    said: list[str] = []
    try:
        head = struct.pack("=IHHiIII", PCAP_NS, 2, 4, 0, 0, MOST_KEPT, ETHERNET)
        content.write(head)
        content.flush()
        with CaptureReader(file) as reader:
            _copy(reader, content, said)
            said += reader.warnings
    except BaseException:
        content.close()
        raise
    for one in said:
        warnings.warn(one, stacklevel=stacklevel)
    return CaptureCopy(file, content, ethernet_capture)


def _is_plain(file: Path) -> bool:
    """Whether it holds whole Ethernet frames of one interface, and is not compressed."""
    with opened(file) as descriptor:
        if compression(descriptor) is not None or os.pread(descriptor, 4, 0) not in LIBPCAPS:
            return False
        found = ffi.new("struct lk_capture_scan *")
        error = lib.lk_codec_capture_scan(descriptor, ffi.NULL, ffi.NULL, found)
    if error < 0:
        raise unreadable(file, os.strerror(-error))
    return bool(
        found.is_whole
        and found.blocks in (0, BLOCKS_THAT_LIBPCAP_TAKES)
        and not found.odd
        and not (found.converted or found.other_frame or found.cut_frame or found.short_frame)
    )


def _copy(reader: CaptureReader, content: Any, said: list[str]) -> None:
    """Appends every frame; `said` takes what is to be warned of."""
    written = looked = 0
    bar = progress_bar(desc=f"making Ethernet of {reader.file.name}", unit=" frames", delay=1)
    with bar:
        for batch in reader.batches():
            if written - looked >= EVERY:
                check_room(reader.file, written)
                looked = written
            others = batch.records["link_type"][batch.records["link_type"] != ETHERNET]
            frames = _to_ethernet(reader.file, batch)
            if len(others) and not said:
                said.append(f"{reader.file}: {made_up(int(others[0]))}")
            error = lib.lk_codec_capture_write(
                content.fileno(),
                0,
                0,
                ffi.from_buffer("uint8_t[]", frames),
                ffi.from_buffer("struct lk_captured[]", batch.records),
                len(batch),
                ffi.NULL,
                0,
                ffi.NULL,
            )
            if error < 0:
                raise LabError(f"{reader.file} cannot be unpacked: {os.strerror(-error)}")
            written += len(frames) + 16 * len(batch)
            bar.update(len(batch))


def _to_ethernet(file: Path, batch: CapturedBatch) -> np.ndarray[Any, Any]:
    """The frames; the records are theirs then. LabError for one that cannot be sent."""
    records, links = batch.records, batch.records["link_type"].copy()
    frames = np.empty(len(batch.buffer) + HEADER * len(batch) + 1, np.uint8)
    whys = np.zeros(len(batch), np.uint8)
    used = lib.lk_codec_to_ethernet(
        ffi.from_buffer("struct lk_captured[]", records, require_writable=True),
        len(records),
        ffi.from_buffer("uint8_t[]", batch.buffer),
        ffi.from_buffer("uint8_t[]", frames, require_writable=True),
        ffi.from_buffer("uint8_t[]", whys, require_writable=True),
    )
    if whys.any():
        wrong = int(whys.argmax())
        told = (int(links[wrong]), batch.first + wrong + 1, int(whys[wrong]))
        raise LabError(no_ethernet(file, *told))
    for is_wrong, why in (
        (
            records["kept"] < records["length"],
            "only {kept} of {length} bytes were captured; capture whole frames (tcpdump -s 0)",
        ),
        (
            records["kept"] < HEADER,
            "there are {kept} bytes, no Ethernet header; leave it out: "
            "tcpdump -r {quoted} -w whole.pcap greater 14",
        ),
    ):
        if is_wrong.any():
            n = int(is_wrong.argmax())
            kept, length = int(records["kept"][n]), int(records["length"][n])
            told_why = why.format(kept=kept, length=length, quoted=quote(str(file)))
            raise LabError(f"{file}: of frame {batch.first + n + 1:,} {told_why}")
    records["time_ns"] = np.maximum(records["time_ns"], 0)
    return frames[:used]
