# SPDX-License-Identifier: BSD-3-Clause
"""A capture that is bad gives the records before the bad place, also a compressed one."""

import bz2
import errno
import gc
import gzip
import itertools
import lzma
import os
import struct
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from labkit._codec import ffi, lib

import labkit as lk
from labkit.packet.capture_reader import MOST_KEPT, RECORD, CaptureReader
from tests.fuzz.target import capture_seeds
from tests.packet.capture_files import (
    MODIFIED,
    NS,
    US,
    block,
    enhanced,
    interface,
    noisy,
    pcap_header,
    pcap_record,
    read,
    section,
    written,
)

FRAME = bytes(range(60))


def lz4(data: bytes) -> bytes:
    packed: bytes = pa.compress(data, codec="lz4", asbytes=True)
    return packed


def zstd(data: bytes) -> bytes:
    packed: bytes = pa.compress(data, codec="zstd", asbytes=True)
    return packed


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "lz4": lz4,
    "zstd": zstd,
}


@pytest.mark.parametrize("kind", PACKERS)
def test_compressed_ones_by_their_content(tmp_path: Path, kind: str) -> None:
    data = noisy(30_000)
    file = written(tmp_path, PACKERS[kind](data), "whatever.txt")
    found, reader = read(file)
    assert (reader.compression, reader.is_whole, reader.warnings) == (kind, True, ())
    assert found == read(written(tmp_path, data, "plain"))[0]
    with pytest.raises(lk.LabError, match="is compressed, and is read from its beginning"):
        reader.seek(0)


@pytest.mark.parametrize("kind", PACKERS)
def test_compressed_ones_that_are_cut_short_or_damaged(tmp_path: Path, kind: str) -> None:
    data = noisy(30_000)
    packed = PACKERS[kind](data)
    whole = read(written(tmp_path, data, "plain"))[0]
    half = len(packed) // 2
    damaged = packed[:half] + bytes(100) + packed[half + 100 :]
    for wrong in (packed[:half], packed[:-1], damaged):
        found, reader = read(written(tmp_path, wrong))
        assert found[:1000] == whole[: len(found)][:1000]
        assert len(found) >= (0 if kind == "bz2" else 1)
        if wrong == packed[:-1] and kind in ("gzip", "xz"):  # the data are there, their end is not
            assert len(found) == 30_000
        if wrong is not damaged or kind not in ("lz4", "zstd"):  # which have no checksums here
            assert not reader.is_whole
        if wrong is not damaged:
            assert f"its {kind} data are damaged or cut short" in reader.warnings[0]
    with pytest.raises(lk.LabError, match="damaged or cut short"):
        read(written(tmp_path, packed[:20]))


def test_a_small_compressed_one_is_not_lost_for_its_last_byte(tmp_path: Path) -> None:
    found, reader = read(written(tmp_path, gzip.compress(noisy(100))[:-9]))
    assert len(found) >= 98
    assert "its gzip data are damaged or cut short" in reader.warnings[0]


def test_members_and_padding_of_gzip(tmp_path: Path) -> None:
    data = noisy(5000)
    at = [0, 7, 100_000, 100_001, len(data)]
    members = [gzip.compress(data[a:b]) for a, b in itertools.pairwise(at)]
    whole = read(written(tmp_path, data, "plain"))[0]
    for packed in (b"".join(members), bytes(512).join(members) + bytes(512)):
        found, reader = read(written(tmp_path, packed))
        assert found == whole
        assert reader.is_whole
    found, reader = read(written(tmp_path, b"".join(members) + b"garbage"))
    assert found == whole
    assert "damaged" in reader.warnings[0]


def test_one_that_is_left_in_the_middle_ends_its_thread(tmp_path: Path) -> None:
    """Also while a fork of this process holds the same pipe."""
    file = written(tmp_path, gzip.compress(noisy(200_000)))
    reader = CaptureReader(file)
    next(reader.batches(frames=10))
    assert "labkit-unpack" in [thread.name for thread in threading.enumerate()]
    assert reader._unpacked is not None
    child = subprocess.Popen(["sleep", "60"], pass_fds=[reader._unpacked.descriptor])
    try:
        del reader
        gc.collect()
        assert "labkit-unpack" not in [thread.name for thread in threading.enumerate()]
    finally:
        child.kill()
        child.wait()


def test_one_that_is_cut_short_gives_its_whole_frames(tmp_path: Path) -> None:
    data = pcap_header() + pcap_record(FRAME) * 3
    for missing in range(1, 76):
        found, reader = read(written(tmp_path, data[:-missing]))
        assert len(found) == 2
        assert not reader.is_whole
        (said,) = reader.warnings
        assert "in: behind frame 2 it ends within a record (byte 176)" in said
    found, reader = read(written(tmp_path, data[:50]))
    assert not found
    assert "before its first frame it ends within a record (byte 24)" in reader.warnings[0]


def test_what_is_bad_in_the_middle_is_told_with_its_place(tmp_path: Path) -> None:
    data = section() + interface() + enhanced(FRAME) * 2
    at = len(data)
    for bad, why in (
        (b"\xff" * 40, "a block of a length that cannot be"),
        (block(6, bytes(8)), "a packet block that is too short"),
        (enhanced(FRAME, number=1), "a frame of an interface that is not described"),
        (enhanced(FRAME)[:-4] + bytes(4), "the two lengths of a block differ"),
        (block(1, bytes(4)), "an interface description that is too short"),
        (struct.pack("<III", 6, 2 << 20, 0), "a block of more than 1 MiB"),
    ):
        found, reader = read(written(tmp_path, data + bad + enhanced(FRAME)))
        assert len(found) == 2
        (said,) = reader.warnings
        assert "behind frame 2 it is no capture any more" in said
        assert why in said
        assert f"(byte {at:,})" in said


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("magic", [US, NS, MODIFIED])
def test_files_that_cat_joined(tmp_path: Path, magic: int, order: str) -> None:
    data = pcap_header() + pcap_record(FRAME) * 2 + pcap_header(magic, order) + pcap_record(FRAME)
    found, reader = read(written(tmp_path, data))
    assert len(found) == 2
    assert "behind frame 2 it is no capture any more, another pcap file" in reader.warnings[0]
    assert "mergecap joins files (byte 176)" in reader.warnings[0]


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "the file is empty"),
        (b"some text", "it begins like neither pcap nor pcapng"),
        (pcap_header()[:20], "the file ends within a record"),
        (struct.pack("<IHHiIII", US, 1, 4, 0, 0, 65535, 1), "its version of pcap is not 2"),
        (section()[:8] + b"abcd" + section()[12:], "a section without a byte order"),
        (gzip.compress(b"some text"), "it begins like neither pcap nor pcapng"),
    ],
)
def test_what_is_no_capture(tmp_path: Path, data: bytes, why: str) -> None:
    with pytest.raises(lk.LabError, match=f"in is no capture that can be read: {why}"):
        read(written(tmp_path, data))


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    for file, why in (("fifo", "no regular file"), (".", "no regular file"), ("no", "No such")):
        with pytest.raises(lk.LabError, match=why):
            CaptureReader(tmp_path / file)
    with pytest.raises(lk.LabError, match="null byte"):
        CaptureReader("a\0b")


def test_a_file_that_changes_while_it_is_read(tmp_path: Path) -> None:
    """Sections and interfaces where others were, or none: what is read is sound, or it is told."""
    one = section() + interface(1) + enhanced(FRAME)
    file = written(tmp_path, one * 3)
    more = section() + interface(1) * 4 + enhanced(FRAME, number=3)
    for other in (more * 3, section() * 20 + interface() + enhanced(FRAME), one[28:] * 4, b""):
        file.write_bytes(one * 3)
        with CaptureReader(file) as reader:
            (batch,) = reader.batches()
            file.write_bytes(other)
            for at in (0, *batch.records["at"].tolist()):
                reader.seek(at)
                for again in reader.batches():
                    known = len(reader.interfaces)
                    assert (again.records["interface"] < known).all()
                assert isinstance(reader.warnings, tuple)


SEEDS = [data for _, data in capture_seeds()]


@pytest.mark.parametrize("is_packed", [False, True])
def test_gigabytes_without_a_frame_can_be_interrupted(tmp_path: Path, is_packed: bool) -> None:
    """A block of 4 GiB that is walked over, of which a compressed file has few bytes."""
    (tmp_path / "in").touch()
    with (tmp_path / "in").open("r+b") as out:
        if is_packed:
            out.write(gzip.compress(section() + struct.pack("<II", 99, 2**32 - 4)))
            out.write(gzip.compress(bytes(1 << 24), 1) * 40)
        else:
            out.write(section())
            for n in range(600):
                out.seek(28 + n * 0x100000)
                out.write(struct.pack("<II", 99, 0x100000))
            out.truncate(28 + 600 * 0x100000)
    with CaptureReader(tmp_path / "in") as reader:
        rested = 0
        buffer, records = np.empty(MOST_KEPT, np.uint8), np.empty(1, RECORD)
        arguments = ffi.from_buffer("uint8_t[]", buffer), buffer.size
        told = ffi.from_buffer("struct lk_captured[]", records)
        while (n := lib.lk_codec_capture_read(reader._input, *arguments, told, 1)) != 0:
            assert n == -errno.EAGAIN
            rested += 1
        assert (reader.at == 28 + 600 * 0x100000) or is_packed
        assert rested >= 2
        assert reader.is_whole != is_packed
    with CaptureReader(tmp_path / "in") as reader:
        assert list(reader.batches()) == []


@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, len(SEEDS) - 1), data=st.data())
def test_mutated_files_never_crash_and_counts_agree(
    tmp_path: Path, seed: int, data: st.DataObject
) -> None:
    """The reader, the scan of a replay, and the reader after it went back to the beginning."""
    changed = bytearray(SEEDS[seed] + SEEDS[seed][data.draw(st.sampled_from([0, 24])) :])
    for at, value in data.draw(
        st.lists(st.tuples(st.integers(0, len(changed) - 1), st.integers(0, 255)), max_size=5)
    ):
        changed[at] = value
    file = written(tmp_path, bytes(changed[: data.draw(st.integers(0, len(changed)))]))
    scanned: Any = ffi.new("struct lk_capture_scan *")
    with file.open("rb") as opened:
        assert lib.lk_codec_capture_scan(opened.fileno(), ffi.NULL, ffi.NULL, scanned) == 0
    try:
        found, reader = read(file)
    except lk.LabError:
        assert scanned.all_frames == 0
        return
    assert len(found) == scanned.all_frames
    assert reader.is_whole == bool(scanned.is_whole)
    assert all(len(kept) <= length for _, kept, length in found)
    said = reader.warnings, reader.interfaces, reader.sections
    reader.seek(0)
    assert sum(len(batch) for batch in reader.batches()) == len(found)
    assert (reader.warnings, reader.interfaces, reader.sections) == said
