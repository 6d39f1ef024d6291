# SPDX-License-Identifier: BSD-3-Clause
"""What is written is read again, by us and by Wireshark, and takes its place in one step."""

import os
import stat
import struct
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import labkit as lk
from labkit.packet.capture_options import CaptureInterface
from labkit.packet.capture_reader import RECORD, CapturedBatch, CaptureReader
from labkit.packet.capture_writer import CaptureWriter
from tests.fuzz.target import capture_seeds

S = 10**9
NAMES = [name for name in RECORD.names or () if name not in ("offset", "at")]
INTERFACES = (
    CaptureInterface(0, 0, 1, 0, 1e-9, name="eth0", comments=("one", "two"), fcs=4),
    CaptureInterface(0, 1, 101, 96, 1e-9, speed=10**10, description="größer", filter="ip", os="x"),
)


def records_of(rows: list[tuple[int | None, bytes, int]], interface: int = 0) -> Any:
    """Buffer and records of times, bytes and lengths."""
    records = np.zeros(len(rows), RECORD)
    at = 0
    for record, (time, frame, length) in zip(records, rows, strict=True):
        record["offset"], record["kept"], record["length"] = at, len(frame), length
        record["time_ns"], record["has_time"] = time or 0, time is not None
        record["interface"] = interface
        at += len(frame)
    joined = b"".join(frame for _, frame, _ in rows)
    return np.frombuffer(joined, np.uint8), records


def again(file: Path) -> CapturedBatch:
    with CaptureReader(file) as reader:
        (batch,) = reader.batches()
        assert reader.is_whole
        assert reader.warnings == ()
    return batch


ROWS: list[tuple[int | None, bytes, int]] = [
    (7 * S + 5, b"x" * 60, 60),
    (6 * S, b"", 0),
    (0, b"abc", 1500),
    (2**32 * S - 1, b"y" * 262_144, 262_144),
]


@pytest.mark.parametrize("name", ["out.pcap", "out.PCAPNG", "out.cap"])
def test_what_is_written_is_read_again(tmp_path: Path, name: str) -> None:
    buffer, records = records_of(ROWS)
    with CaptureWriter(tmp_path / name) as writer:
        writer.write(buffer, records)
        writer.write(buffer, records[::-1])
    found = again(tmp_path / name)
    names = [one for one in NAMES if one not in ("link_type", "section")]
    assert found.records[names].tolist() == [
        *records[names].tolist(),
        *records[::-1][names].tolist(),
    ]
    assert found.buffer.tobytes()[:63] == b"x" * 60 + b"abc"
    said = subprocess.run(
        ["capinfos", "-cT", tmp_path / name], capture_output=True, text=True, check=True
    )
    assert said.stdout.split()[-1] == "8"


def test_all_that_pcapng_tells(tmp_path: Path) -> None:
    buffer, records = records_of([(-5 * S - 1, b"x" * 59, 60), (None, b"y" * 60, 60), (7, b"z", 1)])
    records["interface"] = [1, 0, 1]
    records["flags"] = [0, 0, 2]
    comments = {2: ("first", "größer"), 0: ("",)}
    file = tmp_path / "out.pcapng"
    with CaptureWriter(file, interfaces=INTERFACES, comments=("of all",)) as writer:
        writer.write(buffer, records, comments)
    with CaptureReader(file) as reader:
        (batch,) = reader.batches()
        names = ["kept", "length", "time_ns", "has_time", "interface", "flags"]
        assert batch.records[names].tolist() == records[names].tolist()
        assert batch.records["link_type"].tolist() == [101, 1, 101]
        assert batch.comments == {0: ("",), 2: ("first", "größer")}
        offset = [one.offset_s for one in reader.interfaces]
        assert offset == [-6, -6]
        plain = [CaptureInterface(**{**vars(one), "offset_s": 0}) for one in reader.interfaces]
        assert plain == list(INTERFACES)
        assert reader.sections[0].comments == ("of all",)


def test_a_million_frames(tmp_path: Path) -> None:
    records = np.zeros(1_000_000, RECORD)
    records["offset"] = np.arange(len(records)) * 64
    records["kept"] = records["length"] = 64
    records["time_ns"] = np.arange(len(records)) * 1000
    records["has_time"] = 1
    buffer = np.arange(64_000_000).astype(np.uint8)
    for name in ("out.pcap", "out.pcapng"):
        with CaptureWriter(tmp_path / name) as writer:
            writer.write(buffer, records)
        with CaptureReader(tmp_path / name) as reader:
            read = list(reader.batches())
        assert sum(map(len, read)) == 1_000_000
        assert b"".join(one.buffer.tobytes() for one in read) == buffer.tobytes()


def test_frames_as_bytes(tmp_path: Path) -> None:
    with CaptureWriter(tmp_path / "a.pcap") as writer:
        writer.write_frames([b"x" * 14, b"y" * 15], [1, 2])
        writer.write_frames([], [])
    found = again(tmp_path / "a.pcap")
    assert found.buffer.tobytes() == b"x" * 14 + b"y" * 15
    assert found.records["time_ns"].tolist() == [1, 2]
    with pytest.raises(lk.LabError, match="1 frames and 0 times"):
        CaptureWriter(tmp_path / "b.pcap").write_frames([b""], [])


def test_fcs_and_link_type_of_pcap(tmp_path: Path) -> None:
    one = CaptureInterface(0, 0, 113, 96, 1e-9, fcs=4)
    with CaptureWriter(tmp_path / "a.pcap", interfaces=(one,)) as writer:
        writer.write_frames([b"x" * 64], [1])
    link = struct.unpack("=I", (tmp_path / "a.pcap").read_bytes()[20:24])[0]
    assert link == 113 | 0x04000000 | 2 << 28
    assert again(tmp_path / "a.pcap").records["fcs"].tolist() == [4]


def test_nothing_is_there_until_it_is_whole(tmp_path: Path) -> None:
    file = tmp_path / "a.pcap"
    file.write_bytes(b"before")
    file.chmod(0o640)
    with CaptureWriter(file) as writer:
        writer.write_frames([b"x"], [1])
        (part,) = [one for one in tmp_path.iterdir() if one != file]
        assert stat.S_IMODE(part.stat().st_mode) == 0o600
        assert file.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [file]
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    with pytest.raises(ZeroDivisionError), CaptureWriter(file):
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == [file]
    assert len(again(file)) == 1


def test_a_new_file_has_the_rights_that_the_umask_leaves(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        CaptureWriter(tmp_path / "a.pcap").close()
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a.pcap").stat().st_mode) == 0o640
    assert (tmp_path / "a.pcap").stat().st_size == 24


def test_what_is_still_read_is_not_replaced(tmp_path: Path) -> None:
    CaptureWriter(tmp_path / "a.pcap").close()
    (tmp_path / "link.pcap").symlink_to(tmp_path / "a.pcap")
    for name in ("a.pcap", "link.pcap"):
        with pytest.raises(lk.LabError, match="is still read; write to another file"):
            CaptureWriter(tmp_path / name, reads=[tmp_path / "a.pcap"])
    assert len(list(tmp_path.iterdir())) == 2


def test_a_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "link.pcap").symlink_to("a.pcap")
    CaptureWriter(tmp_path / "link.pcap").close()
    assert (tmp_path / "link.pcap").is_symlink()
    assert (tmp_path / "a.pcap").stat().st_size == 24


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("a.txt", "its name says the format"),
        ("a.pcap.gz", "its name says the format"),
        ("nowhere/a.pcap", "cannot be written: No such file"),
        (".pcap", "its name says the format"),
        ("folder.pcap", "is no regular file"),
    ],
)
def test_names_that_cannot_be(tmp_path: Path, name: str, why: str) -> None:
    (tmp_path / "folder.pcap").mkdir()
    with pytest.raises(lk.LabError, match=why):
        CaptureWriter(tmp_path / name)


@pytest.mark.parametrize(
    ("name", "change", "why"),
    [
        ("a.pcap", {"has_time": 0}, "frame 1 has no time from 1970 to 2106"),
        ("a.pcap", {"time_ns": -1}, "frame 1 has no time from 1970 to 2106"),
        ("a.pcap", {"time_ns": 2**32 * S}, "frame 1 has no time from 1970 to 2106"),
        ("a.pcap", {"interface": 1}, "one link type for all frames"),
        ("a.pcapng", {"interface": 2}, "a frame is of interface 2; interfaces has 2"),
        ("a.pcap", {"kept": 61}, "not inside of the buffer's 60 bytes"),
        ("a.pcap", {"offset": 2**64 - 1}, "not inside of the buffer's 60 bytes"),
        ("a.pcap", {"offset": 1}, "not inside of the buffer's 60 bytes"),
        ("a.pcap", {"length": 59}, "a length below what was kept"),
        ("a.pcap", {"kept": 2**20, "length": 2**20}, "at most 262,144"),
    ],
)
def test_records_that_cannot_be(
    tmp_path: Path, name: str, change: dict[str, int], why: str
) -> None:
    buffer, records = records_of([(1, b"x" * 60, 60)])
    for field, value in change.items():
        records[field] = value
    with (
        pytest.raises(lk.LabError, match=why),
        CaptureWriter(tmp_path / name, interfaces=INTERFACES) as writer,
    ):
        writer.write(buffer, records)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("interfaces", "why"),
    [
        ((), "interfaces has 0; it has 1 to 4,096"),
        (INTERFACES * 3000, "interfaces has 6,000"),
        ((CaptureInterface(0, 0, 65536, 0, 1e-9),), "link_type of interface 0 is 65536"),
        ((CaptureInterface(0, 0, 1, 0, 1e-9, fcs=31),), "fcs of interface 0 is 31; it is 0 to 30"),
        ((CaptureInterface(0, 0, 1, -1, 1e-9),), "snaplen of interface 0 is -1"),
    ],
)
def test_interfaces_that_cannot_be(
    tmp_path: Path, interfaces: tuple[CaptureInterface, ...], why: str
) -> None:
    with pytest.raises(lk.LabError, match=why):
        CaptureWriter(tmp_path / "a.pcapng", interfaces=interfaces)
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_is_full_is_told(tmp_path: Path) -> None:
    writer = CaptureWriter(tmp_path / "a.pcap")
    with Path("/dev/full").open("wb") as full:
        os.dup2(full.fileno(), writer._descriptor or -1)
    with pytest.raises(lk.LabError, match="cannot be written: No space left"):
        writer.write_frames([b"x"], [1])
    writer.abandon()
    assert list(tmp_path.iterdir()) == []


SEEDS = [data for _, data in capture_seeds()]


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, len(SEEDS) - 1), data=st.data())
def test_what_was_read_of_any_file_is_written_and_read_again(
    tmp_path: Path, seed: int, data: st.DataObject
) -> None:
    changed = bytearray(SEEDS[seed])
    for at, value in data.draw(
        st.lists(st.tuples(st.integers(0, len(changed) - 1), st.integers(0, 255)), max_size=5)
    ):
        changed[at] = value
    (tmp_path / "in").write_bytes(changed)
    reader = CaptureReader(tmp_path / "in")
    try:
        batches = list(reader.batches())
    except lk.LabError:
        return
    with CaptureWriter(tmp_path / "a.pcapng", interfaces=reader.interfaces) as writer:
        for batch in batches:
            writer.write(batch.buffer, batch.records, batch.comments)
    with CaptureReader(tmp_path / "a.pcapng") as second:
        again = list(second.batches())
        assert second.is_whole
        assert len(second.interfaces) == len(reader.interfaces)
    for batch, other in zip(batches, again, strict=True):
        same = ["kept", "length", "interface", "link_type", "flags", "fcs", "time_ns"]
        timed = batch.records["has_time"] != 0  # without a time it may come back as that of 1970
        assert other.records[same].tolist() == batch.records[same].tolist()
        assert other.records["has_time"][timed].all()
        assert other.buffer.tobytes() == batch.buffer.tobytes()
        assert other.comments == batch.comments
