# SPDX-License-Identifier: BSD-3-Clause
"""Captures are played from the disk: all of their frames, in their rounds, at their times."""

import gzip
import os
import shlex
import struct
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from labkit._codec import lib
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether
from scapy.packet import Raw
from scapy.utils import RawPcapReader, wrpcap

import labkit as lk
from labkit.path import nodes
from labkit.runs.schedule import schedule
from labkit.traffic.side import SideName
from tests.packet.capture_files import pcap_header, pcap_record
from tests.packet.test_capture_file import MS, pcap
from tests.patience import wait_until
from tests.trials import QUICK

SIDES: tuple[SideName, ...] = ("client", "server")
HEADER = bytes.fromhex("020000000002020000000001") + b"\x88\xb5"


def numbered(file: Path, times_ns: list[int], length: int = 60) -> Path:
    """A capture whose frame n tells n."""
    with file.open("wb") as out:
        out.write(pcap([]))
        for n, time in enumerate(times_ns):
            frame = (HEADER + struct.pack(">I", n)).ljust(length, b"\0")
            out.write(struct.pack("<4I", *divmod(time, 10**9), length, length) + frame)
    return file


def rss_kb(process: int) -> int:
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))


def when(replay: lk.Replay, number: int = 7) -> dict[str, Any]:
    """When a live stream sends, at its own times."""
    return {
        "intended": None,
        "burst": 1,
        "interval_ns": 1e9 / replay.own_pps,
        "first_ns": 0.0,
        "live": {"id": number, "paced": 1, "catches_up": 1, "places": 1},
    }


@contextmanager
def generator(lab: lk.Lab, port: lk.Port, run: str = "live") -> Iterator[None]:
    """Live traffic of one stream."""
    lab.engine.commands.create_traffic(run, 1, 1, 1)
    path = lab.run(nodes.generate(run, port) >> lk.tx(port), name=f"generator:{run}")
    yield
    path.stop()
    lab.engine.commands.free_trial(run)


def start(lab: lk.Lab, **replays: lk.Replay) -> None:
    """Those of all runs at one moment."""
    streams = [replay.play(0.0, None).to_dict() for replay in replays.values()]
    changes = {
        run: [{"kind": "LK_FLOW_START", "index": 0, "stream": n} | when(replay, 7 + n)]
        for n, (run, replay) in enumerate(replays.items())
    }
    assert not lab.engine.commands.change_traffic(changes, streams, False, 10**10)


class Counts(NamedTuple):
    """Some of struct lk_flow_counts."""

    total_sent: int
    total_unsent: int
    state: int


def counts(lab: lk.Lab, run: str = "live") -> Counts:
    rows = b64decode(lab.engine.commands.flow_counts({run: 1})["rows"][run])
    numbers = struct.unpack(f"={len(rows) // 8}Q", rows)
    return Counts(numbers[31], numbers[32], numbers[37])


def played(file: Path) -> list[int]:
    """The numbers of the frames in a capture."""
    with RawPcapReader(str(file)) as reader:
        frames = [frame for frame, _ in reader]
    return [struct.unpack(">I", frame[14:18])[0] for frame in frames if frame[:14] == HEADER]


def test_a_long_capture_arrives_whole_and_takes_no_memory(lab: lk.Lab, tmp_path: Path) -> None:
    a, b = lab.cable()
    path = lab.run(lk.rx(b) >> lk.sink(), name="sink")
    replay = lk.Replay(
        numbered(tmp_path / "in", [n * 1000 for n in range(300_000)], 1000), repeat=False
    )
    with generator(lab, a):
        start(lab, live=replay)
        wait_until(lambda: counts(lab).total_sent > 1000)
        before = rss_kb(lab.engine.pid)
        wait_until(lambda: counts(lab).state == lib.LK_FLOW_DONE)
        grown = rss_kb(lab.engine.pid) - before
        assert (counts(lab).total_sent, counts(lab).total_unsent) == (300_000, 0)
    wait_until(lambda: path.ledger.received == 300_000)
    assert grown < 30_000, "kB; the capture has 300 MB"


def test_a_live_stream_begins_anew(lab: lk.Lab, tmp_path: Path) -> None:
    a, b = lab.cable()
    path = lab.run(lk.rx(b) >> lk.capture(tmp_path / "out") >> lk.sink(), name="taker")
    replay = lk.Replay(numbered(tmp_path / "in", [n * MS for n in range(20)]), repeat=3)
    with generator(lab, a):
        for total in (60, 120):
            start(lab, live=replay)
            wait_until(lambda: counts(lab).state == lib.LK_FLOW_DONE)
            assert counts(lab).total_sent == total
    wait_until(lambda: path.ledger.received == 120)
    path.flush()
    assert played(tmp_path / "out") == list(range(20)) * 6


def test_both_directions_of_a_cable(lab: lk.Lab, tmp_path: Path) -> None:
    """Two ports play one conversation, each its side of it."""
    a, b = lab.cable()
    link = Ether(src=a.mac, dst=b.mac) / IP(src="10.0.0.1", dst="10.0.0.2")
    back = Ether(src=b.mac, dst=a.mac) / IP(src="10.0.0.2", dst="10.0.0.1")
    packets = [(back if n % 3 == 2 else link) / UDP(sport=9, dport=9) / Raw([n]) for n in range(60)]
    for n, packet in enumerate(packets):
        packet.time = n / 1000
    wrpcap(str(tmp_path / "in"), packets)
    takers = {
        port: lab.run(lk.rx(port) >> lk.capture(tmp_path / port.name) >> lk.sink(), name=port.name)
        for port in (a, b)
    }
    with generator(lab, a, "left"), generator(lab, b, "right"):
        sides = [lk.Replay(tmp_path / "in", side=side, repeat=False) for side in SIDES]
        start(lab, left=sides[0], right=sides[1])
        for run in ("left", "right"):
            wait_until(lambda run=run: counts(lab, run).state == lib.LK_FLOW_DONE)
    for port, is_back in ((b, False), (a, True)):
        of_side = [bytes(packet) for n, packet in enumerate(packets) if (n % 3 == 2) == is_back]
        count = len(of_side)
        wait_until(lambda port=port, count=count: takers[port].ledger.received == count)
        takers[port].flush()
        with RawPcapReader(str(tmp_path / port.name)) as reader:
            assert [frame for frame, _ in reader] == of_side


def test_a_compressed_capture_of_raw_ip_that_is_cut_short(lab: lk.Lab, tmp_path: Path) -> None:
    """Three rounds of its whole datagrams, as Ethernet."""
    a, b = lab.cable()
    path = lab.run(lk.rx(b) >> lk.capture(tmp_path / "out") >> lk.sink(), name="taker")
    packet = bytes(IP(src="10.0.0.1", dst="10.0.0.2") / UDP(sport=9, dport=9) / Raw(bytes(80)))
    data = pcap_header(link=101) + b"".join(pcap_record(packet, (0, 1000 * n)) for n in range(50))
    (tmp_path / "in.gz").write_bytes(gzip.compress(data[:-1]))
    with pytest.warns(UserWarning, match=r"become Ethernet|within a record") as said:
        replay = lk.Replay(tmp_path / "in.gz", repeat=3)
    assert len(said) == 2
    with generator(lab, a):
        start(lab, live=replay)
        wait_until(lambda: counts(lab).state == lib.LK_FLOW_DONE)
        assert counts(lab).total_sent == 3 * 49
    wait_until(lambda: path.ledger.received == 3 * 49)
    path.flush()
    ethernet = bytes.fromhex("02040a00000202040a0000010800") + packet
    with RawPcapReader(str(tmp_path / "out")) as reader:
        assert [frame for frame, _ in reader] == [ethernet] * (3 * 49)


@pytest.mark.parametrize("rate", [None, "10 kpps", "10 Mbit/s"])
def test_three_rounds(lab: lk.Lab, tmp_path: Path, rate: str | None) -> None:
    a, b = lab.cable()
    taker = lk.capture(tmp_path / "out")
    path = lab.run(lk.rx(b) >> taker >> lk.reflect() >> lk.tx(b), name="mirror")
    file = numbered(tmp_path / "in", [n * MS // 2 for n in range(100)])
    run = lk.trial(a, lk.Replay(file, rate, repeat=3), duration=0.5, **QUICK)
    path.flush()
    # On a machine under load the trial may be over before the last ones, which come late.
    assert run.row["intended"] == 300 == run.row["sent"] + run.row["unsent"], run
    assert 0 < run.row["sent"] == run.row["received"], run
    assert run.row["target_pps"] == 600
    assert played(tmp_path / "out") == (list(range(100)) * 3)[: run.row["sent"]]


def intended(port: lk.Port, replay: lk.Replay, seconds: float, rate: Any = None) -> int | None:
    (scheduled,) = schedule(port, replay, rate)
    return scheduled.intended(seconds)


def test_how_many_are_due(lab: lk.Lab, tmp_path: Path) -> None:
    port, _ = lab.cable()
    disordered = numbered(tmp_path / "in", [n * 1000 * MS for n in (5, 6, 5, 7, 8)])
    replay = lk.Replay(disordered)
    assert replay.capture.duration_ns == 3 * 10**9
    # 0, 1, 1, 2, 3 s, and 0.75 s later again
    due = [(0.5, 1), (1, 1), (1.001, 3), (3, 4), (3.001, 5), (3.75, 5), (3.751, 6), (37.5, 50)]
    for seconds, frames in due:
        assert intended(port, replay, seconds) == frames, seconds
        assert intended(port, lk.Replay(disordered, speed=2), seconds / 2) == frames
        once = lk.Replay(disordered, repeat=False)
        assert intended(port, once, seconds) == min(frames, 5)
    tenths = lk.Replay(numbered(tmp_path / "tenths", [n * 100 * MS for n in range(20)]))
    assert intended(port, tenths, 1.1) == 11
    assert intended(port, replay, 2, "1 kpps") == 2000
    assert intended(port, lk.Replay(disordered, 100, repeat=7), 2) == 35


@pytest.mark.parametrize(("rate", "overhead"), [("1 Mbit/s", 4), ("1 Mbit/s L1", 24)])
def test_bits_that_are_due(lab: lk.Lab, tmp_path: Path, rate: str, overhead: int) -> None:
    """A long frame takes as much longer as it is."""
    port, _ = lab.cable()
    data = pcap([0], kept=60) + pcap([0] * 3, kept=1496, length=1496)[24:]
    (tmp_path / "in").write_bytes(data)
    begins, before = [], 0
    for n in range(400):
        begins.append(before)
        before += 8 * ((60 if n % 4 == 0 else 1496) + overhead)
    for replay, of_trial in (
        (lk.Replay(tmp_path / "in", rate), None),
        (lk.Replay(tmp_path / "in", 5), rate),
    ):
        for seconds in (0.001, 0.01, 0.5):
            due = sum(begin < 1e6 * seconds for begin in begins)
            assert intended(port, replay, seconds, of_trial) == due


def test_a_capture_that_changed_is_not_sent(mirror: lk.Port, tmp_path: Path) -> None:
    file = numbered(tmp_path / "in", [n * MS for n in range(20)])
    replay = lk.Replay(file)
    numbered(file, [n * MS for n in range(21)])
    for rate in (None, 1000):
        with pytest.raises(lk.LabError, match="has changed since it was declared; make its"):
            lk.trial(mirror, replay, rate=rate, duration=0.1, **QUICK)


def test_a_capture_that_shrinks_while_it_is_sent_is_told(lab: lk.Lab, tmp_path: Path) -> None:
    a, b = lab.cable()
    lab.run(lk.rx(b) >> lk.sink(), name="sink")
    file = numbered(tmp_path / "in", [n * MS for n in range(12_000)], 1500)
    with generator(lab, a):
        start(lab, live=lk.Replay(file, speed=4))
        os.truncate(file, 1000)
        wait_until(lambda: counts(lab).state == lib.LK_FLOW_FAILED)


def test_flows_that_replay_captures(lab: lk.Lab, tmp_path: Path) -> None:
    """Several at once, each its own; one whose file shrinks says so."""
    a, b = lab.cable()
    files = [numbered(tmp_path / f"{n}", [m * MS for m in range(10 * n)]) for n in range(2, 9)]
    shrinks = lk.Replay(numbered(tmp_path / "in", [n * MS for n in range(12_000)], 1500), speed=4)
    with lab.traffic() as t:
        flows = [t.add(lk.Replay(file, repeat=False), on=a, to=b, name=file.name) for file in files]
        t.start()
        for flow, file in zip(flows, files, strict=True):
            flow.wait()
            assert (flow.state, flow.sent) == ("done", 10 * int(file.name))
        broken = t.add(shrinks, on=a, to=b, name="broken", count=12_000)
        broken.start()
        os.truncate(tmp_path / "in", 1000)
        with pytest.raises(lk.LabError, match=r"'broken': .* could not be read to its end"):
            broken.wait()
        assert broken.state == "failed"


def test_a_trial_of_a_capture_that_shrinks_is_none(lab: lk.Lab, tmp_path: Path) -> None:
    a, b = lab.cable()
    lab.run(lk.rx(b) >> lk.sink(), name="sink")
    file = numbered(tmp_path / "in", [n * MS for n in range(12_000)], 1500)
    start = lab.engine.commands.start_trial

    def truncated(run: str) -> None:
        os.truncate(file, 1000)
        start(run)

    lab.engine.commands.start_trial = truncated  # type: ignore[method-assign]
    with pytest.raises(lk.LabError, match="could not be read to its end while it was sent"):
        lk.trial(a, lk.Replay(file, speed=100), duration=2, receive_on=a, drain=0.1, **QUICK)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"repeat": 0}, "repeat is 0; it is True, False, or how often: 1 or more"),
        ({"speed": 0}, "speed is 0; it is a positive number, such as 2 or 0.5"),
        ({"speed": 2, "rate": 5}, "leave one out"),
    ],
)
def test_what_cannot_be_played(tmp_path: Path, wrong: dict[str, Any], told: str) -> None:
    file = numbered(tmp_path / "in", [0, MS])
    with pytest.raises(lk.LabError, match=told):
        lk.Replay(file, **wrong)


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (pcap([]), "there are no frames in it"),
        (pcap([0, MS])[:100] + b"\xff" * 100, r"behind frame 1, a frame of more than .*byte 100"),
        (pcap([0, MS])[:90], "there are no frames in it"),
        (pcap([0, MS], link=113), r"frame 1 is of link type LINUX_SLL \(113\), and carries what"),
        (pcap([0, MS], link=127), r"frame 1 is of link type IEEE802_11_RADIOTAP \(127\), and no"),
        (pcap([0]) + pcap([MS], kept=13, length=13)[24:], "frame 2 has 13 bytes, no Ethernet"),
        (pcap([0, 0]), "no time between them; give a rate"),
    ],
)
def test_captures_that_cannot_be_sent(tmp_path: Path, data: bytes, told: str) -> None:
    (tmp_path / "in").write_bytes(data)
    with pytest.raises(lk.LabError, match=told):
        lk.Replay(tmp_path / "in")


def test_commands_that_are_told_can_be_pasted(tmp_path: Path) -> None:
    file = tmp_path / "it's a capture"
    damaged = pcap([0, MS])[:100] + b"\xff" * 100
    for data in (damaged, pcap([0, MS], link=113)):
        file.write_bytes(data)
        with pytest.raises(lk.LabError) as raised:
            lk.Replay(file)
        words = shlex.split(str(raised.value).partition("tcpdump")[2])
        assert words[:2] == ["-r", str(file)]
