# SPDX-License-Identifier: BSD-3-Clause
"""Files of captures: who else has them, who reads them meanwhile, and what becomes of them."""

import os
import resource
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

import labkit as lk
from labkit.lab.running_path import RunningPath
from tests.numbered import numbered, numbers_in
from tests.patience import wait_until


def arrive(path: RunningPath, frames: int) -> None:
    """So many frames have come to a path's capture, and are in its file if they can be."""
    wait_until(lambda: path.counters.nodes["capture"].objects == frames)
    path.flush()


def test_a_file_has_one_writer(lab: lk.Lab, tmp_path: Path) -> None:
    """By whatever name, in this lab, in another one, and in another program."""
    a, b = lab.cable()
    file = tmp_path / "x.pcapng"
    path = lab.run(lk.rx(b) >> lk.capture(file) >> lk.sink(), name="first")
    a.send(numbered(range(10)))
    arrive(path, 10)
    os.link(file, tmp_path / "hard.pcapng")
    (tmp_path / "soft.pcapng").symlink_to(file)
    for name in ("x.pcapng", "hard.pcapng", "soft.pcapng"):
        again = lk.rx(a) >> lk.capture(tmp_path / name) >> lk.sink()
        with pytest.raises(lk.EngineError, match=r"path 'first', node capture, writes it"):
            lab.run(again)
        with lk.Lab() as other:
            c, _ = other.cable()
            with pytest.raises(lk.EngineError, match=rf"process {lab.pid} writes it; name another"):
                other.run(lk.rx(c) >> lk.capture(tmp_path / name) >> lk.sink())
    two = lk.rx(a) >> lk.capture(tmp_path / "y.pcap") >> lk.capture(tmp_path / "y.pcap")
    with pytest.raises(lk.EngineError, match=r"node capture, writes it"):
        lab.run(two >> lk.sink())
    assert numbers_in(file) == list(range(10)), "nobody has cut it"
    path.stop()
    again = lk.rx(b) >> lk.capture(tmp_path / "hard.pcapng") >> lk.sink()
    assert lab.run(again).is_running


def test_a_capture_that_has_ended_gives_its_file_back(lab: lk.Lab, tmp_path: Path) -> None:
    a, b = lab.cable()
    file = tmp_path / "x.pcapng"
    path = lab.run(lk.rx(b) >> lk.capture(file, frames=10) >> lk.sink())
    a.send(numbered(range(10)))
    wait_until(lambda: path.counters.captures["capture"]["ended"] == "frames")
    assert lab.run(lk.rx(a) >> lk.capture(file) >> lk.sink()).is_running


def test_a_file_that_is_played_is_not_written(lab: lk.Lab, tmp_path: Path) -> None:
    a, b = lab.cable()
    c, d = lab.cable("c", "d")
    file = tmp_path / "x.pcap"
    path = lab.run(lk.rx(d) >> lk.capture(file) >> lk.sink())
    c.send(numbered(range(100)))
    arrive(path, 100)
    replay = lk.Replay(file, rate="1 kpps")
    with lab.traffic() as traffic:
        flow = traffic.add(replay, on=a, to=b)
        with pytest.raises(lk.LabError, match="is being written by a capture"):
            flow.start()
    path.stop()
    with lab.traffic() as traffic:
        traffic.add(replay, on=a, to=b).start()
        with pytest.raises(lk.EngineError, match=r"lk\.Replay plays it in this lab"):
            lab.capture(d, file)
        assert file.stat().st_size > 100 * 64
    with lab.capture(d, file) as capture:
        assert capture.ended == ""


def make_fifo(at: Path) -> None:
    os.mkfifo(at)


def make_socket(at: Path) -> None:
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(str(at))


def link_to_itself(at: Path) -> None:
    at.symlink_to(at)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (Path.mkdir, "it is a folder; name a file in it"),
        (make_fifo, "it is no regular file but a FIFO, device or socket"),
        (make_socket, "it is no regular file but a FIFO, device or socket"),
        (lambda at: at.symlink_to("/dev/null"), "it is no regular file but a FIFO, device or so"),
        (lambda at: at.symlink_to("/no/such/x"), "No such file or directory"),
        (link_to_itself, "Too many levels of symbolic links"),
    ],
)
def test_what_is_no_file(
    lab: lk.Lab, tmp_path: Path, make: Callable[[Path], object], message: str
) -> None:
    _, b = lab.cable()
    at = tmp_path / "x.pcap"
    make(at)
    with pytest.raises(lk.EngineError, match=message) as raised:
        lab.run(lk.rx(b) >> lk.capture(at) >> lk.sink())
    assert f"{at}: the capture cannot be written" in str(raised.value)


def test_folders_that_take_no_file(lab: lk.Lab, tmp_path: Path) -> None:
    _, b = lab.cable()
    for file, message in {
        tmp_path / "no" / "x.pcap": f"there is no folder {tmp_path / 'no'}; make it first",
        tmp_path / ("x" * 300 + ".pcap"): "File name too long",
        tmp_path / ("x" * 245 + ".pcapng"): "File name too long",  # with a number
        Path("/proc/x.pcap"): "there is no|No such file|Permission denied|not permitted",
    }.items():
        with pytest.raises(lk.EngineError, match=message):
            lab.run(lk.rx(b) >> lk.capture(file, rotate="1 MB") >> lk.sink())


def test_an_existing_file_is_made_anew(lab: lk.Lab, tmp_path: Path) -> None:
    a, b = lab.cable()
    file = tmp_path / "x.pcap"
    file.write_bytes(bytes(100_000))
    path = lab.run(lk.rx(b) >> lk.capture(file) >> lk.sink())
    a.send(numbered(range(3)))
    arrive(path, 3)
    assert numbers_in(file) == [0, 1, 2]
    assert file.stat().st_size < 1000


def test_it_is_in_the_file_after_a_moment(lab: lk.Lab, tmp_path: Path) -> None:
    """Whoever looks asks nobody to write it out."""
    a, b = lab.cable()
    file = tmp_path / "x.pcap"
    lab.run(lk.rx(b) >> lk.capture(file) >> lk.sink())
    for n in range(5):
        a.send(numbered([n]))
        wait_until(lambda n=n: len(numbers_in(file)) == n + 1)  # type: ignore[misc]


@pytest.mark.parametrize("name", ["x.pcap", "x.pcapng"])
def test_a_second_reader_has_every_frame_so_far(lab: lk.Lab, tmp_path: Path, name: str) -> None:
    a, b = lab.cable()
    file = tmp_path / name
    path = lab.run(lk.rx(b) >> lk.capture(file) >> lk.sink())
    done = threading.Event()

    def send() -> None:
        for first in range(0, 100_000, 1000):
            a.send(numbered(range(first, first + 1000)))
        done.set()

    sender = threading.Thread(target=send)
    sender.start()
    seen = 0
    while not done.is_set():
        now = numbers_in(file)
        assert now == list(range(len(now))), "nothing but whole records, in their order"
        assert len(now) >= seen
        seen = len(now)
    sender.join()
    arrive(path, 100_000)
    assert numbers_in(file) == list(range(100_000))
    assert seen


@pytest.mark.parametrize("name", ["x.pcap", "x.pcapng"])
def test_a_disk_that_is_full(lab: lk.Lab, tmp_path: Path, name: str) -> None:
    """A limit of the process, which strikes amid a record, is told as a full disk is."""
    a, b = lab.cable()
    file = tmp_path / name
    path = lab.run(lk.rx(b) >> lk.capture(file) >> lk.collect(b))
    resource.prlimit(lab.pid, resource.RLIMIT_FSIZE, (100_001, 100_001))
    a.send(numbered(range(3000)))
    assert len(b.receive(3000, timeout=60)) == 3000, "the path goes on"
    with pytest.raises(OSError, match=f"File too large: '{file}'"):
        path.flush()
    counts = path.counters.captures["capture"]
    assert counts["ended"] == "File too large"
    assert counts["written"] + counts["missed"] == 3000
    assert counts["bytes"] == file.stat().st_size > 99_800
    assert numbers_in(file) == list(range(counts["written"]))
    subprocess.run(["tshark", "-r", file], capture_output=True, check=True)  # no record is cut


FULL = """
import subprocess, sys
import labkit as lk
from pathlib import Path
from tests.numbered import numbered, numbers_in

folder = Path(sys.argv[1])
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=512k", "none", folder], check=True)
with lk.Lab() as lab:
    a, b = lab.cable()
    node = lk.capture(folder / "x.pcap", rotate=sys.argv[2]) if sys.argv[2:] else None
    path = lab.run(lk.rx(b) >> (node or lk.capture(folder / "x.pcap")) >> lk.collect(b))
    a.send(numbered(range(20_000)))
    assert len(b.receive(20_000, timeout=60)) == 20_000
    counts = path.counters.captures["capture"]
    assert counts["ended"] == "No space left on device", counts
    assert counts["written"] + counts["missed"] == 20_000, counts
    assert counts["written"] > 4000, counts
    found = numbers_in(*sorted(folder.iterdir()))
    assert found == list(range(counts["written"]))
    (folder / "x.pcap").unlink(missing_ok=True)
    a.send(numbered(range(10)))
    assert len(b.receive(10, timeout=60)) == 10
    assert path.counters.captures["capture"]["missed"] == counts["missed"] + 10
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to mount a small file system")
@pytest.mark.parametrize("rotate", [(), ("100 kB",)])
def test_a_file_system_that_is_full(tmp_path: Path, rotate: tuple[str, ...]) -> None:
    command = ["unshare", "-m", sys.executable, "-c", FULL, str(tmp_path), *rotate]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert ran.returncode == 0, ran.stderr


def test_a_file_that_is_removed_or_cut(lab: lk.Lab, tmp_path: Path) -> None:
    a, b = lab.cable()
    for strike, told in {
        Path.unlink: "the file was removed",
        lambda at: os.truncate(at, 10): "somebody else has written to the file or cut it",
        lambda at: (tmp_path / "y").replace(at): "the file was removed",
    }.items():
        (tmp_path / "y").write_bytes(b"another")
        file = tmp_path / "x.pcap"
        path = lab.run(lk.rx(b) >> lk.capture(file) >> lk.sink())
        a.send(numbered(range(10)))
        arrive(path, 10)
        strike(file)  # type: ignore[operator]
        a.send(numbered(range(10, 30)))
        with pytest.raises(OSError, match=r"x\.pcap"):
            arrive(path, 30)
        counts = path.counters.captures["capture"]
        assert (counts["written"], counts["missed"], counts["ended"]) == (10, 20, told)
        path.stop()


@pytest.mark.parametrize("name", ["x.pcap", "x.pcapng"])
def test_a_killed_engine_leaves_what_can_be_read(lab: lk.Lab, tmp_path: Path, name: str) -> None:
    a, b = lab.cable()
    lab.run(lk.rx(b) >> lk.capture(tmp_path / name, rotate="2 MB") >> lk.sink())

    def send() -> None:
        first = 0
        with suppress(lk.EngineDied):
            while True:
                a.send(numbered(range(first, first + 1000)))
                first += 1000

    sender = threading.Thread(target=send)
    sender.start()
    wait_until(lambda: len(list(tmp_path.iterdir())) > 2)
    os.kill(lab.pid, signal.SIGKILL)
    sender.join()
    *whole, newest = sorted(tmp_path.iterdir())
    files = [*whole, newest] if newest.stat().st_size else whole  # it was begun at that moment
    found = numbers_in(*files)
    assert found == sorted(set(found))
    assert len(found) > 10_000
    lab.restart()
