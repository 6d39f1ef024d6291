# SPDX-License-Identifier: BSD-3-Clause
"""What a port receives and sends, in a file, whatever paths it has."""

import json
import os
import signal
import subprocess
import threading
from collections import Counter
from pathlib import Path

import pytest

import labkit as lk
from labkit.packet.capture_reader import CaptureReader
from tests.live import stream
from tests.numbered import numbered, numbers_in
from tests.patience import wait_until

COUNT = 500


def ways(file: Path) -> Counter[str]:
    """How many frames of each direction a file has."""
    command = ["tshark", "-r", file, "-Tfields", "-eframe.packet_flags_direction"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return Counter({"1": "in", "2": "out"}[hex(int(one, 0))[2:]] for one in said.split())


def test_both_directions_of_a_port(lab: lk.Lab, mirror: lk.Port) -> None:
    before = lab.counters()["mirror"].nodes["reflect"].objects
    with lab.capture(mirror) as capture:
        mirror.send(numbered(range(COUNT)))
        assert len(mirror.receive(COUNT, timeout=60)) == COUNT
        assert len(capture) == 2 * COUNT
        assert ways(capture.file) == {"in": COUNT, "out": COUNT}
        assert [frame.way for frame in capture.newest[-2:]] == ["in", "in"]
        assert len(capture.read()) == 2 * COUNT
        assert capture.ended == ""
    mirror.send(numbered([0]))
    assert len(mirror.receive(1, timeout=60)) == 1
    assert (len(capture), capture.ended) == (2 * COUNT, "stopped")
    numbers = Counter(numbers_in(capture.file))
    assert len(numbers) == COUNT
    assert lab.counters()["mirror"].nodes["reflect"].objects == before + COUNT + 1


def test_paths_come_and_go_meanwhile(lab: lk.Lab, tmp_path: Path) -> None:
    """A port's capture is no part of a path: what runs, stops and takes over leaves no gap."""
    a, b = lab.cable()
    with lab.capture(b, tmp_path / "b.pcap"):
        for n in range(3):
            a.send(numbered([10 * n]))
            assert len(b.receive(1, timeout=60)) == 1
            path = lab.run(lk.rx(b) >> lk.sink())
            a.send(numbered([10 * n + 1]))
            wait_until(lambda path=path: path.counters.nodes["sink"].objects == 1)  # type: ignore[misc]
            other = path.replace(lk.rx(b) >> lk.reflect() >> lk.sink())
            a.send(numbered([10 * n + 2]))
            wait_until(lambda path=other: path.counters.nodes["sink"].objects == 1)  # type: ignore[misc]
            other.stop()
    assert numbers_in(tmp_path / "b.pcap") == [0, 1, 2, 10, 11, 12, 20, 21, 22]


def test_frames_that_no_path_receives_are_seen(lab: lk.Lab) -> None:
    a, b = lab.cable()
    with lab.capture(b) as capture:
        a.send(numbered(range(10)))
        wait_until(lambda: len(capture) == 10)


def test_several_of_one_port_and_of_several_ports(lab: lk.Lab, mirror: lk.Port) -> None:
    server = lab.ports["server"]
    with (
        lab.capture(mirror, frames=10) as short,
        lab.capture(mirror, snaplen=20) as cut,
        lab.capture(server) as far,
    ):
        mirror.send(numbered(range(COUNT)))
        assert len(mirror.receive(COUNT, timeout=60)) == COUNT
        assert short.wait(60)
        assert (len(short), short.ended) == (10, "frames")
        assert len(cut) == len(far) == 2 * COUNT
        assert {(len(frame.data), frame.length) for frame in cut.newest} == {(20, 64)}


def test_several_workers_write_one_file(lab: lk.Lab, tmp_path: Path) -> None:
    """What is sent and what arrives on several queues is of several workers; time goes forward."""
    a, b = lab.cable(queues=2)
    for n in range(2):
        lab.run(lk.rx(b, n) >> lk.reflect() >> lk.tx(b, n), name=f"back{n}")
        lab.run(lk.rx(a, n) >> lk.sink(), name=f"sink{n}")
    lab.run(lk.inject(a) >> lk.tx(a, 1), name="on")

    def arrived_or_dropped() -> int:
        counted = lab.counters()
        full = sum(counted[name].drops.get("drop_tx_full", 0) for name in ("on", "back1"))
        return counted["sink1"].nodes["sink"].objects + full

    with lab.capture(a, tmp_path / "a.pcapng") as capture:
        for first in range(0, 20_000, 1000):
            a.send(numbered(range(first, first + 1000)))
        wait_until(lambda: arrived_or_dropped() == 20_000)
        arrived = lab.counters()["sink1"].nodes["sink"].objects
        assert (len(capture), capture.counts["missed"]) == (20_000 + arrived, 0)
    assert ways(tmp_path / "a.pcapng") == {"in": arrived, "out": 20_000}
    command = ["tshark", "-r", tmp_path / "a.pcapng", "-Tfields", "-eframe.time_epoch"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert said == sorted(said)


def test_what_the_driver_does_not_take(lab: lk.Lab, tmp_path: Path) -> None:
    a, b = lab.cable(queues=2, ring_size=64)
    with pytest.warns(UserWarning, match="no path reads queue 1 of port client"):
        lab.run(lk.rx(a, 0) >> lk.collect(a), name="ear")
    back = lab.run(lk.rx(b) >> lk.tx(b, 1), name="back")
    with lab.capture(b, tmp_path / "b.pcapng") as capture:
        for n in range(20):
            a.send(numbered(range(50 * n, 50 * n + 50)))
            wait_until(lambda n=n: back.counters.nodes["rx:server"].objects == 50 * n + 50)  # type: ignore[misc]
        full = back.drops["drop_tx_full"]
        assert 0 < full < 1000
        assert (capture.counts["unsent"], len(capture)) == (full, 2000)


def test_the_end_of_a_port_of_an_engine_and_of_a_lab() -> None:
    with lk.Lab() as lab:
        a, b = lab.cable()
        first, second = lab.capture(a), lab.capture(b)
        a.send(numbered(range(10)))
        wait_until(lambda: len(second) == 10)
        a.close()
        assert (first.ended, len(first)) == ("port client was closed", 10)
        os.kill(lab.pid, signal.SIGKILL)
        wait_until(lambda: not lab.is_alive)
        assert "SIGKILL" in second.ended
        assert len(second) == 10
        second.flush()
        last = dict(second._last or {})
        second._last = {**last, "waiting": 3}  # as if it had died a moment earlier
        with pytest.raises(lk.LabError, match=r"3 frames of port server had not .* SIGKILL"):
            second.flush()
        second._last = last
        lab.restart()
        third = lab.capture(b)
        assert third.ended == ""
    assert third.ended == "stopped"
    assert third.file.exists()
    assert numbers_in(second.file) == list(range(10))


def test_it_goes_on_though_nobody_holds_it(lab: lk.Lab, tmp_path: Path) -> None:
    a, b = lab.cable()
    lab.capture(b, tmp_path / "b.pcap")
    a.send(numbered(range(10)))
    wait_until(lambda: numbers_in(tmp_path / "b.pcap") == list(range(10)))


def test_a_private_file_goes_with_it(lab: lk.Lab) -> None:
    a, _ = lab.cable()
    capture = lab.capture(a)
    file = capture.file
    assert file.exists()
    assert file.parent.stat().st_mode & 0o777 == 0o700
    capture.stop()
    assert file.exists()
    del capture
    wait_until(lambda: not file.parent.exists())


def test_refusals(lab: lk.Lab, tmp_path: Path) -> None:
    a, b = lab.cable()
    with lk.Lab() as other:
        c, _ = other.cable()
        with pytest.raises(lk.PortError, match="is one of another lab"):
            lab.capture(c)
    with pytest.raises(lk.PathError, match="port is 'client'"):
        lab.capture("client")  # type: ignore[arg-type]
    with pytest.raises(lk.PathError, match=r"a capture is written as \.pcapng or \.pcap"):
        lab.capture(a, tmp_path / "x.txt")
    with pytest.raises(lk.EngineError, match="there is no folder"):
        lab.capture(a, tmp_path / "no" / "x.pcap")
    writer = lab.capture(a, tmp_path / "x.pcap")
    with pytest.raises(lk.EngineError, match="the capture of port client writes it"):
        lab.capture(b, tmp_path / "x.pcap")
    writer.stop()
    with lab.capture(a) as endless, pytest.raises(lk.LabError, match="has no limit"):
        endless.wait()
    with lab.capture(a, seconds=300) as long:
        assert not long.wait(0)
    with lab.capture(a, seconds=0.1) as capture:
        assert capture.wait()
        assert capture.ended == "seconds"
    a.close()
    with pytest.raises(lk.PortError, match="was closed"):
        lab.capture(a)


def test_it_shows_the_newest_frames_and_a_link(
    lab: lk.Lab, mirror: lk.Port, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with lab.capture(mirror, "<b>.pcap") as named, lab.capture(mirror) as private:
        assert "no frame yet" in named._repr_mimebundle_()["text/html"]
        mirror.send(numbered(range(COUNT)))
        assert len(mirror.receive(COUNT, timeout=60)) == COUNT
        shown = named._repr_mimebundle_()
        assert f"{2 * COUNT:,} written, goes on" in shown["text/html"]
        assert (
            '<a href="%3Cb%3E.pcap" download="&lt;b&gt;.pcap">open in Wireshark</a>'
            in (shown["text/html"])
        )
        assert "<b>.pcap" not in shown["text/html"]
        assert shown["text/html"].count("<tr>") == 1 + 12
        data = "data:application/vnd.tcpdump.pcap;base64,"
        assert data not in private._repr_mimebundle_()["text/html"], "it grows with every look"
        assert f"{2 * COUNT} frames" in repr(private).replace(",", "")
        private.stop()
        assert data in private._repr_mimebundle_()["text/html"]
        private.file.unlink()
        assert private.newest == []
        assert "wireshark /" in private._repr_mimebundle_()["text/html"]


def test_a_name_that_is_no_utf_8(
    lab: lk.Lab, mirror: lk.Port, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Linux takes any bytes; what a notebook shows has to be text."""
    monkeypatch.chdir(tmp_path)
    name = os.fsdecode(b"\xff.pcap")
    with lab.capture(mirror, name) as capture:
        shown = capture._repr_mimebundle_()
        assert 'href="%FF.pcap" download="?.pcap"' in shown["text/html"]
        assert "?.pcap; goes on" in shown["text/plain"]
    assert Path(name).exists()
    path = lk.Path(lk.rx(mirror) >> lk.capture(name) >> lk.sink())
    for part in path._repr_mimebundle_().values():
        json.dumps(part, ensure_ascii=False).encode()


def test_a_filter(lab: lk.Lab, mirror: lk.Port) -> None:
    with (
        lab.capture(mirror, filter="len < 100", frames=2 * COUNT - 1) as short,
        lab.capture(mirror, filter="arp") as none,
    ):
        mirror.send([frame for n in range(COUNT) for frame in numbered([n], 64 + 100 * (n % 2))])
        assert len(mirror.receive(COUNT, timeout=60)) == COUNT
        assert (len(short), short.counts["passed_over"], len(none)) == (COUNT, 0, 0)
        assert {n % 2 for n in numbers_in(short.file)} == {0}
    with pytest.raises(lk.PathError, match="filter"):
        lab.capture(mirror, filter="tcp.port == 80")


def test_under_load_every_frame_is_counted_once(lab: lk.Lab, tmp_path: Path) -> None:
    """As fast as the generator goes, more than many a disk takes: each frame is in a file, or told
    as missed."""
    a, b = lab.cable()
    lab.run(lk.rx(b) >> lk.reflect() >> lk.tx(b), name="back")
    with lab.traffic() as traffic, lab.capture(a, rotate="5 MB", files=3) as capture:
        traffic.add(stream(), on=a, to=a, seconds=1.0).start()
        traffic.wait()
        capture.flush()
        counted = a.xstats()
        counts = capture.counts
        names = ("written", "missed", "passed_over", "waiting")
        handed = counted["tx_good_packets"] + counts["unsent"]
        assert sum(counts[name] for name in names) == handed + counted["rx_good_packets"]
        assert counts["written"] > 0
        left = sorted(capture.file.parent.iterdir())
        assert len(left) == min(3, counts["files"])
        for file in left:
            with CaptureReader(file) as reader:
                assert sum(map(len, reader.batches())) > 0
                assert reader.is_whole


def test_it_is_read_while_it_is_written(lab: lk.Lab, mirror: lk.Port) -> None:
    stop = threading.Event()

    def send() -> None:
        while not stop.is_set():
            mirror.send(numbered(range(200), 1000))

    with lab.capture(mirror, rotate="1 MB", files=2) as capture:
        sender = threading.Thread(target=send)
        sender.start()
        try:
            for _ in range(50):
                newest = capture.newest
                assert len(newest) <= 32
                assert all(frame.length == len(frame.data) == 1000 for frame in newest)
            wait_until(lambda: capture.counts["files"] > 3)
        finally:
            stop.set()
            sender.join()
        assert len(list(capture.file.parent.iterdir())) == 2
