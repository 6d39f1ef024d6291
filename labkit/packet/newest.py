# SPDX-License-Identifier: BSD-3-Clause
"""The last frames of a file that a capture of labkit writes, while it writes it."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

MOST_BYTES = 4 << 20  # more than the newest frames have
PACKET_BLOCK = 6
BLOCK = struct.Struct("=IIIIIII")  # type, length, interface, time, kept, frame's length
RECORD = struct.Struct("=IIII")  # s, ns, kept, frame's length
FLAGS = struct.Struct("=HHI")
WAYS = {1: "in", 2: "out"}


@dataclass(frozen=True)
class NewestFrame:
    """A frame as a file has it.

    Attributes
    ----------
    time_ns: since the epoch
    length: of the frame in bytes, without FCS
    way: "in" or "out"; "" where the file does not tell
    data: its bytes, up to the snap length
    """

    time_ns: int
    length: int
    way: str
    data: bytes


def frames_from(file: Path, offset: int) -> list[NewestFrame]:
    """The whole frames from a place in the file on; those of this machine's byte order."""
    with file.open("rb") as opened:
        opened.seek(offset)
        data = opened.read(MOST_BYTES)
    read = _records if file.suffix.lower() in (".pcap", ".cap") else _blocks
    return list(read(data))


def _records(data: bytes) -> Iterator[NewestFrame]:
    at = 0
    while at + RECORD.size <= len(data):
        seconds, ns, kept, length = RECORD.unpack_from(data, at)
        at += RECORD.size
        if at + kept > len(data):  # it is cut
            return
        yield NewestFrame(seconds * 10**9 + ns, length, "", data[at : at + kept])
        at += kept


def _blocks(data: bytes) -> Iterator[NewestFrame]:
    at = 0
    while at + BLOCK.size <= len(data):
        kind, size, _, high, low, kept, length = BLOCK.unpack_from(data, at)
        if kind != PACKET_BLOCK or size < BLOCK.size + kept or at + size > len(data):
            return
        begin = at + BLOCK.size
        option = begin + (kept + 3 & ~3)
        way = FLAGS.unpack_from(data, option)[2] if option + FLAGS.size < at + size else 0
        frame = data[begin : begin + kept]
        yield NewestFrame(high << 32 | low, length, WAYS.get(way & 3, ""), frame)
        at += size
