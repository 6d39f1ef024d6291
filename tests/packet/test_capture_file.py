# SPDX-License-Identifier: BSD-3-Clause
"""Captures that scapy and this file write are walked over, and what is wrong in one is told."""

import struct
from pathlib import Path
from typing import Any

import pytest
from labkit._codec import ffi, lib
from scapy.layers.l2 import Ether
from scapy.utils import PcapNgWriter, PcapWriter

MS = 10**6


def scan(file: Path) -> Any:
    found = ffi.new("struct lk_capture_scan *")
    with file.open("rb") as opened:
        assert lib.lk_codec_capture_scan(opened.fileno(), ffi.NULL, ffi.NULL, found) == 0
    return found


def pcap(
    times_ns: list[int], order: str = "<", kept: int = 60, length: int = 60, link: int = 1
) -> bytes:
    head = struct.pack(f"{order}IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 65535, link)
    return head + b"".join(
        struct.pack(f"{order}4I", *divmod(time, 10**9), kept, length) + bytes(kept)
        for time in times_ns
    )


def writers(file: Path) -> list[Any]:
    return [
        PcapWriter(str(file), linktype=1),
        PcapWriter(str(file), linktype=1, endianness=">"),
        PcapWriter(str(file), linktype=1, nano=True),
        PcapNgWriter(str(file)),
    ]


@pytest.mark.parametrize("kind", range(4))
def test_what_scapy_writes(tmp_path: Path, kind: int) -> None:
    writer = writers(tmp_path / "in")[kind]
    for n in range(50):
        packet = Ether(bytes(60 + n))
        packet.time = 1000 + n / 4
        writer.write(packet)
    writer.close()
    found = scan(tmp_path / "in")
    assert found.is_whole
    assert (found.frames, found.bytes) == (50, sum(range(60, 110)))
    assert (found.shortest, found.longest) == (60, 109)
    assert found.duration_ns == 49 * 250 * MS


@pytest.mark.parametrize("order", "<>")
def test_a_stamp_out_of_order_makes_no_second_longer(tmp_path: Path, order: str) -> None:
    times = [n * 1000 * MS for n in (5, 6, 5, 7, 8)]
    (tmp_path / "in").write_bytes(pcap(times, order))
    found = scan(tmp_path / "in")
    assert (found.duration_ns, found.went_back) == (3000 * MS, 1)


def test_more_than_one_window(tmp_path: Path) -> None:
    (tmp_path / "in").write_bytes(pcap([n * MS for n in range(50_000)]))
    found = scan(tmp_path / "in")
    assert (found.frames, found.bytes, found.duration_ns) == (50_000, 3_000_000, 49_999 * MS)


def test_frames_that_are_not_whole(tmp_path: Path) -> None:
    (tmp_path / "in").write_bytes(pcap([0, 1], kept=60, length=1500))
    found = scan(tmp_path / "in")
    assert (found.cut_frame, found.cut_kept, found.cut_length) == (1, 60, 1500)


@pytest.mark.parametrize(
    ("data", "reason", "at"),
    [
        (b"", "the file is empty", 0),
        (b"some text, no capture", "neither pcap nor pcapng", 0),
        (pcap([1, 2])[:-1], "the file ends within a record", 24 + 76),
        (pcap([1], kept=300_000), "262,144 bytes", 24),
        # A block that is walked over leads beyond the end.
        (
            struct.pack("<IIIHHqI", 0x0A0D0D0A, 28, 0x1A2B3C4D, 1, 0, -1, 28)
            + struct.pack("<III", 99, 4096, 0),
            "the file ends within a record",
            28 + 4096,
        ),
    ],
)
def test_what_is_wrong_is_told(tmp_path: Path, data: bytes, reason: str, at: int) -> None:
    (tmp_path / "in").write_bytes(data)
    found = scan(tmp_path / "in")
    assert not found.is_whole
    assert reason in ffi.string(found.reason).decode()
    assert found.reason_at == at
