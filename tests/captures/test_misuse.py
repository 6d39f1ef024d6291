# SPDX-License-Identifier: BSD-3-Clause
"""Captures in the hands of somebody in a hurry: wrong arguments, wrong files, copies, threads."""

import copy
import os
import pickle
import struct
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

import labkit as lk
from tests.captures.files import all_kinds, pcap
from tests.captures.test_capture import numbered

WRONG: dict[str, Callable[[lk.Capture], Any]] = {
    "file is None": lambda capture: lk.Capture(None),  # type: ignore[arg-type]
    "file is 5": lambda capture: capture.write(5),  # type: ignore[arg-type]
    "file is 6": lambda capture: capture.decap().write(6),  # type: ignore[arg-type]
    "file is 7": lambda capture: lk.Capture.join([capture, capture]).write(7),  # type: ignore[arg-type]
    "file is 8": lambda capture: lk.Capture.join([capture, 8]),  # type: ignore[list-item]
    "columns is 'ttl'": lambda capture: lk.Capture.join([capture, capture]).table("ttl"),
    "columns is 9": lambda capture: lk.Capture.join([capture, capture]).table(9),  # type: ignore[arg-type]
    "no column []": lambda capture: capture.table([[]]),  # type: ignore[list-item]
    "no word of a capture filter": lambda capture: capture.batches(where="foo bar"),
    "no regular file": lambda capture: capture.to_parquet(capture.file.with_name("pipe")),
    "embedded null": lambda capture: capture.to_parquet("a\0b"),
}


@pytest.mark.parametrize("told", WRONG)
def test_wrong_arguments_are_told(tmp_path: Path, told: str) -> None:
    os.mkfifo(tmp_path / "pipe")
    capture = lk.Capture(pcap(tmp_path / "a.pcap", numbered(3)))
    with pytest.raises(lk.LabError) as error:
        WRONG[told](capture)
    assert told in str(error.value)
    assert (tmp_path / "pipe").is_fifo()


def test_a_parquet_file_does_not_replace_its_capture(tmp_path: Path) -> None:
    capture = lk.Capture(pcap(tmp_path / "a.pcap", numbered(3)))
    (tmp_path / "link.parquet").symlink_to(capture.file)
    (tmp_path / "hard.parquet").hardlink_to(capture.file)
    for name in ("a.pcap", "link.parquet", "hard.parquet"):
        with pytest.raises(lk.LabError, match=f"{name} is the capture itself"):
            capture.to_parquet(tmp_path / name)
    assert len(lk.Capture(capture.file)) == 3
    (tmp_path / "other.parquet").symlink_to(tmp_path / "far.parquet")
    capture.to_parquet(tmp_path / "other.parquet")
    assert (tmp_path / "other.parquet").is_symlink()
    assert pq.read_metadata(tmp_path / "far.parquet").num_rows == 3


def test_copies(tmp_path: Path) -> None:
    """As joblib and multiprocessing make them."""
    capture = lk.Capture(pcap(tmp_path / "a.pcap", all_kinds()))
    assert len(capture) == capture.summary.frames
    joined, stripped = lk.Capture.join([capture, capture]), capture.decap(lk.Vxlan(vni=42))
    for copied in (copy.copy, copy.deepcopy, lambda thing: pickle.loads(pickle.dumps(thing))):
        assert copied(capture)[3] == capture[3]
        assert copied(joined).table(["length"]).equals(joined.table(["length"]))
        assert copied(stripped).verdicts == stripped.verdicts
    assert capture.summary != lk.Capture(capture.file).summary
    assert joined.match() != joined.match()


def test_threads_share_a_capture(tmp_path: Path) -> None:
    frames = numbered(3000)
    capture = lk.Capture(pcap(tmp_path / "a.pcap", frames))
    wrong: list[int] = []

    def read(first: int) -> None:
        for number in range(first, len(frames), 7):
            if capture[number].data != frames[number]:
                wrong.append(number)

    threads = [threading.Thread(target=read, args=(first,)) for first in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_a_capture_without_interfaces(tmp_path: Path) -> None:
    section = struct.pack("<IIIHHqI", 0x0A0D0D0A, 28, 0x1A2B3C4D, 1, 0, -1, 28)
    (tmp_path / "bare.pcapng").write_bytes(section)
    bare = lk.Capture(tmp_path / "bare.pcapng")
    assert len(bare.write(tmp_path / "a.pcapng")) == 0
    assert len(lk.Capture(bare.decap().write(tmp_path / "b.pcap"))) == 0
    assert len(lk.Capture(lk.Capture.join([bare, bare]).write(tmp_path / "c.pcapng"))) == 0


def test_columns_of_joined_captures_stand_once(tmp_path: Path) -> None:
    capture = lk.Capture(pcap(tmp_path / "a.pcap", numbered(3)))
    table = lk.Capture.join([capture, capture]).table(["length", "frame", "length"])
    assert list(table.columns) == ["capture", "frame", "length"]


READ: dict[str, Callable[[lk.Capture, Path], Any]] = {
    "table": lambda capture, _: capture.table(),
    "batches": lambda capture, _: list(capture.batches()),
    "flows": lambda capture, _: capture.flows(),
    "summary": lambda capture, _: capture.summary,
    "len": lambda capture, _: len(capture),
    "frames": lambda capture, _: list(capture),
    "write": lambda capture, to: capture.write(to / "b.pcap"),
    "decap": lambda capture, to: capture.decap().write(to / "c.pcap"),
    "join": lambda capture, to: lk.Capture.join([capture, capture]).write(to / "d.pcap"),
    "parquet": lambda capture, to: capture.to_parquet(to / "e.parquet"),
}


@pytest.mark.parametrize("way", READ)
def test_warnings_are_told_where_it_was_asked(tmp_path: Path, way: str) -> None:
    file = pcap(tmp_path / "a.pcap", numbered(3))
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.warns(UserWarning, match="behind frame 2") as told:
        READ[way](lk.Capture(file), tmp_path)
    assert {one.filename for one in told} == {__file__}
