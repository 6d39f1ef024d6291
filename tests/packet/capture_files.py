# SPDX-License-Identifier: BSD-3-Clause
"""Captures byte by byte: pcap and pcapng of every kind, and what our reader makes of them."""

import random
import struct
from pathlib import Path

from labkit.packet.capture_reader import CaptureReader

US, NS, MODIFIED = 0xA1B2C3D4, 0xA1B23C4D, 0xA1B2CD34
SECTION, INTERFACE, OLD_PACKET, SIMPLE, NAMES, STATISTICS, ENHANCED, SECRETS = (
    *(0x0A0D0D0A, 1, 2, 3, 4, 5, 6, 10),
)
Options = tuple[tuple[int, bytes], ...]


def pcap_header(
    magic: int = US, order: str = "<", link: int = 1, minor: int = 4, snaplen: int = 65535
) -> bytes:
    return struct.pack(f"{order}IHHiIII", magic, 2, minor, 0, 0, snaplen, link)


def pcap_record(
    frame: bytes, time: tuple[int, int] = (0, 0), order: str = "<", length: int | None = None
) -> bytes:
    told = len(frame) if length is None else length
    return struct.pack(f"{order}4I", *time, len(frame), told) + frame


def options_bytes(options: Options, order: str = "<") -> bytes:
    said = b"".join(
        struct.pack(f"{order}HH", code, len(value)) + value + bytes(-len(value) % 4)
        for code, value in options
    )
    return said + bytes(4) if options else b""


def block(kind: int, body: bytes, options: Options = (), order: str = "<") -> bytes:
    body += options_bytes(options, order)
    size = struct.pack(f"{order}I", len(body) + 12)
    return struct.pack(f"{order}I", kind) + size + body + size


def section(order: str = "<", options: Options = ()) -> bytes:
    return block(SECTION, struct.pack(f"{order}IHHq", 0x1A2B3C4D, 1, 0, -1), options, order)


def interface(link: int = 1, snaplen: int = 0, options: Options = (), order: str = "<") -> bytes:
    return block(INTERFACE, struct.pack(f"{order}HHI", link, 0, snaplen), options, order)


def enhanced(
    frame: bytes,
    units: int = 0,
    number: int = 0,
    length: int | None = None,
    options: Options = (),
    order: str = "<",
) -> bytes:
    told = len(frame) if length is None else length
    head = struct.pack(f"{order}5I", number, units >> 32, units & 0xFFFFFFFF, len(frame), told)
    return block(ENHANCED, head + frame + bytes(-len(frame) % 4), options, order)


def old_packet(frame: bytes, units: int = 0, number: int = 0, order: str = "<") -> bytes:
    head = struct.pack(
        f"{order}2H4I", number, 0xFFFF, units >> 32, units & 0xFFFFFFFF, len(frame), len(frame)
    )
    return block(OLD_PACKET, head + frame + bytes(-len(frame) % 4), (), order)


def simple(kept: bytes, length: int, order: str = "<") -> bytes:
    return block(SIMPLE, struct.pack(f"{order}I", length) + kept + bytes(-len(kept) % 4), (), order)


def noisy(count: int) -> bytes:
    """A pcap file of numbered frames that does not compress to nothing."""
    noise = random.Random(1)
    return pcap_header() + b"".join(
        pcap_record(n.to_bytes(4, "big") + noise.randbytes(70), (n, 0)) for n in range(count)
    )


def written(folder: Path, data: bytes, name: str = "in") -> Path:
    (folder / name).write_bytes(data)
    return folder / name


def read(file: Path, **how: int) -> tuple[list[tuple[int | None, bytes, int]], CaptureReader]:
    """Time, bytes and length of every record; the reader is still open."""
    reader = CaptureReader(file)
    found = []
    for batch in reader.batches(**how):
        for one in batch.records:
            at, kept = int(one["offset"]), int(one["kept"])
            time = int(one["time_ns"]) if one["has_time"] else None
            found.append((time, batch.buffer[at : at + kept].tobytes(), int(one["length"])))
    return found, reader
