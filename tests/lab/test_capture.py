# SPDX-License-Identifier: BSD-3-Clause
"""Captures of a path: their formats, when they end, and how files follow each other."""

import re
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

import labkit as lk
from labkit.lab.running_path import RunningPath
from labkit.path.capture_types import rotation
from labkit.units import QuantityError
from tests.numbered import numbered, numbers_in
from tests.patience import wait_until

HEAD = 24  # bytes of pcap's
RECORD = 16
SIZE = 64
NAME = re.compile(r"x_(\d{5,})_(\d{14})\.(pcap|pcapng)")


def captured(path: RunningPath, frames: int) -> Mapping[str, Any]:
    """The counts of a path's capture once so many frames have come to it."""
    wait_until(lambda: path.counters.nodes["capture"].objects == frames)
    path.flush()
    counts = path.counters.captures["capture"]
    assert counts["written"] + counts["missed"] + counts["passed_over"] == frames
    assert (counts["missed"], counts["waiting"]) == (0, 0)
    return counts


def files_in(folder: Path) -> list[Path]:
    """Those of a capture, in their order."""
    found = sorted(folder.glob("x_*"))
    assert all(NAME.fullmatch(file.name) for file in found)
    return found


@pytest.mark.parametrize("name", ["x.pcap", "x.CAP", "x.pcapng", "x"])
def test_format_is_that_of_the_name(lab: lk.Lab, tmp_path: Path, name: str) -> None:
    a, b = lab.cable()
    path = lab.run(lk.rx(b) >> lk.capture(tmp_path / name, snaplen=20) >> lk.sink())
    before = time.time()
    a.send(numbered(range(50), 300))
    captured(path, 50)

    data = (tmp_path / name).read_bytes()
    is_pcap = name.lower().endswith("cap")
    assert data[:4] == (0xA1B23C4D if is_pcap else 0x0A0D0D0A).to_bytes(4, "little")
    assert data[16:20] == (20).to_bytes(4, "little") or not is_pcap, "snaplen"
    fields = [f"-eframe.{field}" for field in ("time_epoch", "len", "cap_len")]
    command = ["tshark", "-r", tmp_path / name, "-Tfields", *fields]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    times = [float(one) for one in said[::3]]
    assert (set(said[1::3]), set(said[2::3])) == ({"300"}, {"20"})
    assert len(times) == 50
    assert before - 0.1 < times[0] <= times[-1] < time.time() + 0.1
    assert all(len(one.split(".")[1]) == 9 for one in said[::3]), "stamps are in nanoseconds"
    assert numbers_in(tmp_path / name) == list(range(50))


@pytest.mark.parametrize("name", ["x.txt", "x.pcap.gz", "x.2026", "x.pcapng2", "a\0.pcap", ""])
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(lk.PathError, match="file is"):
        lk.capture(name)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"frames": 0}, "frames is 0; it is a whole number of frames, 1 or more"),
        ({"frames": 1.5}, "frames is 1.5; it is a whole number"),
        ({"frames": "many"}, "frames is 'many': write such as '1000 frames'"),
        ({"frames": "10 MB"}, "write such as '1000 frames' or '10 kframes'"),
        ({"bytes": "10 frames"}, "bytes is '10 frames': 'frames' is no unit"),
        ({"bytes": -1}, "bytes is -1; it is a whole number of bytes"),
        ({"bytes": "1.5 B"}, "bytes is 1.5; it is a whole number of bytes"),
        ({"bytes": True}, "bytes is True; it is a whole number"),
        ({"seconds": 0}, "seconds is 0; it is a number of seconds above 0"),
        ({"seconds": float("nan")}, "seconds is nan; "),
        ({"seconds": 1e12}, "it is a number of seconds above 0, at most 4,611,686,018, or"),
        ({"seconds": "10"}, "seconds is '10': it has no unit"),
        ({"rotate": "10"}, 'such as "10 MB", "60 s" or "1000 frames"'),
        ({"rotate": 10}, "rotate is 10: it is no text with a number and a unit"),
        ({"rotate": "0 B"}, "it is too little"),
        ({"rotate": "10 MB", "files": 0}, "files is 0; the range is 1 to 10000"),
        ({"rotate": "10 MB", "files": "3"}, "files is '3'; the range is"),
    ],
)
def test_limits_that_are_none(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(lk.PathError, match=re.escape(message)):
        lk.capture("x.pcap", **arguments)


def test_files_are_kept_of_several() -> None:
    with pytest.raises(lk.PathError, match=r"files is 3, .* say with rotate"):
        lk.Path(lk.rx("a") >> lk.capture("x.pcap", files=3) >> lk.sink())


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("10 MB", ("bytes", 10_000_000)),
        ("0.5 s", ("ns", 500_000_000)),
        ("1,000 frames", ("frames", 1000)),
        ("1 frame", ("frames", 1)),
        ("2 kframes", ("frames", 2000)),
    ],
)
def test_rotation(text: str, meant: tuple[str, int]) -> None:
    assert rotation(text) == meant


@pytest.mark.parametrize("text", ["", "frames", "-1 frames", "1.5 frames", "1e30 B", "1 bit/s"])
def test_no_rotation(text: str) -> None:
    with pytest.raises(QuantityError):
        rotation(text)


@pytest.mark.parametrize("name", ["x.pcap", "x.pcapng"])
def test_ends_after_frames(lab: lk.Lab, tmp_path: Path, name: str) -> None:
    a, b = lab.cable()
    path = lab.run(lk.rx(b) >> lk.capture(tmp_path / name, frames="1 kframes") >> lk.collect(b))
    a.send(numbered(range(999)))
    assert captured(path, 999)["ended"] == ""
    a.send(numbered(range(999, 1000)))
    assert captured(path, 1000)["ended"] == "frames"
    a.send(numbered(range(1000, 5000)))
    counts = captured(path, 5000)
    assert (counts["written"], counts["passed_over"], counts["ended"]) == (1000, 4000, "frames")
    assert len(b.receive(4000, timeout=60)) == 4000, "frames go on"
    assert numbers_in(tmp_path / name) == list(range(1000))


@pytest.mark.parametrize("spare", [0, 1, RECORD + SIZE - 1])
def test_ends_before_it_has_more_bytes(lab: lk.Lab, tmp_path: Path, spare: int) -> None:
    a, b = lab.cable()
    most = HEAD + 100 * (RECORD + SIZE) + spare
    path = lab.run(lk.rx(b) >> lk.capture(tmp_path / "x.pcap", bytes=most) >> lk.sink())
    a.send(numbered(range(100)))
    assert captured(path, 100)["ended"] == ""
    a.send(numbered(range(100, 300)))
    counts = captured(path, 300)
    assert (counts["written"], counts["passed_over"], counts["ended"]) == (100, 200, "bytes")
    assert counts["bytes"] == (tmp_path / "x.pcap").stat().st_size == most - spare
    assert numbers_in(tmp_path / "x.pcap") == list(range(100))


def test_ends_after_seconds_also_when_nothing_comes(lab: lk.Lab, tmp_path: Path) -> None:
    a, b = lab.cable()
    begun = time.time()
    path = lab.run(lk.rx(b) >> lk.capture(tmp_path / "x.pcapng", seconds="300 ms") >> lk.sink())
    a.send(numbered(range(10)))
    wait_until(lambda: path.counters.captures["capture"]["ended"] == "seconds")
    assert time.time() - begun >= 0.3
    a.send(numbered(range(10, 20)))
    counts = captured(path, 20)
    assert counts["written"] in range(11), "none that came after the end"
    assert numbers_in(tmp_path / "x.pcapng") == list(range(counts["written"]))


def test_what_came_in_time_is_written_though_it_is_late(lab: lk.Lab, tmp_path: Path) -> None:
    """Frames count by their own time: an end that comes amid a burst is exact."""
    a, b = lab.cable()
    for seconds in (0.2, 2.0, 20.0):  # a busy machine may need longer for a first frame
        path = lab.run(lk.rx(b) >> lk.capture(tmp_path / "x.pcap", seconds=seconds) >> lk.sink())
        sent = 0
        while path.counters.captures["capture"]["ended"] == "":
            a.send(numbered(range(sent, sent + 500)))
            sent += 500
        counts = captured(path, sent)
        path.stop()
        if counts["written"]:
            break
    assert 0 < counts["written"] <= sent
    assert numbers_in(tmp_path / "x.pcap") == list(range(counts["written"]))


@pytest.mark.parametrize("name", ["x.pcap", "x.pcapng"])
@pytest.mark.parametrize("rotate", ["7,000 frames", "1 MB", "50 ms"])
def test_no_frame_is_lost_or_twice_across_files(
    lab: lk.Lab, tmp_path: Path, name: str, rotate: str
) -> None:
    """As fast as they come: fewer than the journal holds, so that the disk misses none."""
    a, b = lab.cable()
    path = lab.run(lk.rx(b) >> lk.capture(tmp_path / name, rotate=rotate) >> lk.sink())
    for first in range(0, 100_000, 5000):
        a.send(numbered(range(first, first + 5000)))
    counts = captured(path, 100_000)
    path.stop()
    found = files_in(tmp_path)
    assert [int(NAME.fullmatch(file.name)[1]) for file in found] == [  # type: ignore[index]
        *range(1, counts["files"] + 1)
    ]
    assert counts["file"] == str(found[-1])
    assert counts["bytes"] == sum(file.stat().st_size for file in found)
    each = [numbers_in(file) for file in found]
    assert [n for one in each for n in one] == list(range(100_000))
    assert all(each)
    if "frames" in rotate:
        assert [len(one) for one in each] == [7000] * 14 + [2000]
    elif "B" in rotate:
        sizes = [file.stat().st_size for file in found]
        longest = max(sizes[0] // 8000, RECORD + SIZE + 32)
        assert all(1_000_000 - longest < size <= 1_000_000 for size in sizes[:-1])


def test_a_file_has_one_frame_at_least(lab: lk.Lab, tmp_path: Path) -> None:
    a, b = lab.cable()
    path = lab.run(lk.rx(b) >> lk.capture(tmp_path / "x.pcap", rotate="1 B") >> lk.sink())
    a.send(numbered(range(5)))
    assert captured(path, 5)["files"] == 5
    assert [numbers_in(file) for file in files_in(tmp_path)] == [[n] for n in range(5)]


def test_a_ring_keeps_the_newest_and_removes_only_its_own(lab: lk.Lab, tmp_path: Path) -> None:
    a, b = lab.cable()
    stranger = tmp_path / "x_00000_20200101000000.pcap"
    stranger.write_bytes(b"somebody else's")
    node = lk.capture(tmp_path / "x.pcap", rotate="100 frames", files=3)
    path = lab.run(lk.rx(b) >> node >> lk.sink())
    a.send(numbered(range(300)))
    captured(path, 300)
    first, second, third = (file for file in files_in(tmp_path) if file != stranger)
    first.unlink()  # and another one under its name
    first.write_bytes(b"a user's")
    with second.open("ab") as opened:
        opened.write(b"added by a user")

    a.send(numbered(range(300, 1000)))
    counts = captured(path, 1000)
    assert (counts["written"], counts["files"], counts["ended"]) == (1000, 10, "")
    left = files_in(tmp_path)
    assert left[:3] == [stranger, first, second]
    assert third not in left
    assert stranger.read_bytes() == b"somebody else's"
    assert first.read_bytes() == b"a user's"
    assert [numbers_in(file) for file in left[3:]] == [
        list(range(n, n + 100)) for n in (700, 800, 900)
    ]


def test_limits_hold_for_all_files(lab: lk.Lab, tmp_path: Path) -> None:
    a, b = lab.cable()
    for n, (limit, written) in enumerate(
        [({"frames": 250}, 250), ({"bytes": 3 * HEAD + 250 * (RECORD + SIZE)}, 250)]
    ):
        folder = tmp_path / str(n)
        folder.mkdir()
        node = lk.capture(folder / "x.pcap", rotate="100 frames", **limit)  # type: ignore[arg-type]
        path = lab.run(lk.rx(b) >> node >> lk.sink())
        a.send(numbered(range(1000)))
        counts = captured(path, 1000)
        assert (counts["written"], counts["ended"]) == (written, next(iter(limit)))
        assert numbers_in(*files_in(folder)) == list(range(written))
        path.stop()


def test_two_runs_within_a_second_have_files_of_their_own(lab: lk.Lab, tmp_path: Path) -> None:
    a, b = lab.cable()
    for n in range(3):
        path = lab.run(lk.rx(b) >> lk.capture(tmp_path / "x.pcap", rotate="1 MB") >> lk.sink())
        a.send(numbered([n]))
        captured(path, 1)
        path.stop()
    assert sorted(numbers_in(*files_in(tmp_path))) == [0, 1, 2]
    assert len(files_in(tmp_path)) == 3


def test_a_filter_and_limits_count_what_it_takes(lab: lk.Lab, tmp_path: Path) -> None:
    a, b = lab.cable()
    node = lk.capture(tmp_path / "x.pcap", filter="len < 100", frames=50)
    path = lab.run(lk.rx(b) >> node >> lk.sink())
    for n in range(0, 400, 2):
        a.send([*numbered([n], 64), *numbered([n + 1], 200)])
    wait_until(lambda: path.counters.nodes["capture"].objects == 400)
    path.flush()
    counts = path.counters.captures["capture"]
    assert (counts["written"], counts["passed_over"]) == (50, 150)
    assert numbers_in(tmp_path / "x.pcap") == list(range(0, 100, 2))
