# SPDX-License-Identifier: BSD-3-Clause
"""Captures of every kind are played as whole Ethernet frames, at the times they tell."""

import copy
import gzip
import pickle
import struct
import warnings
from pathlib import Path

import pytest
from labkit._codec import ffi, lib
from scapy.layers.inet import IP, UDP

import labkit as lk
from labkit.packet import capture_copy
from labkit.traffic.side import SideName
from tests.packet.capture_files import (
    enhanced,
    interface,
    pcap_header,
    pcap_record,
    section,
    simple,
)

S = 10**9
ENDED = 2
FRAME = bytes.fromhex("020000000002020000000001") + b"\x88\xb5" + bytes(range(46))
ASK = bytes(IP(src="10.0.0.1", dst="10.0.0.2") / UDP(sport=1024, dport=53) / bytes(8))
ANSWER = bytes(IP(src="10.0.0.2", dst="10.0.0.1") / UDP(sport=53, dport=1024) / bytes(80))


def written(folder: Path, data: bytes, name: str = "in.pcap") -> Path:
    (folder / name).write_bytes(data)
    return folder / name


def played(replay: lk.Replay) -> list[tuple[bytes, int]]:
    """Frames of one round as they are sent, and when they are due."""
    config = ffi.new("struct lk_replay_config *")
    room, length, due = ffi.new("uint8_t[65536]"), ffi.new("uint32_t *"), ffi.new("uint64_t *")
    found = []
    with replay.capture.played.open("rb") as opened:
        config.fd, config.rounds, config.speed = opened.fileno(), 1, 1
        config.frames = replay.capture.all_frames
        reading = lib.lk_codec_replay_open(config)
        while (state := lib.lk_codec_replay_next(reading, room, 65536, length, due)) == 0:
            found.append((bytes(ffi.buffer(room, length[0])), due[0]))
        lib.lk_codec_replay_close(reading)
    assert state == ENDED
    return found


def test_raw_ip_is_played_as_ethernet_and_has_its_sizes(tmp_path: Path) -> None:
    data = pcap_header(link=101) + pcap_record(ASK, (1, 0)) + pcap_record(ANSWER, (2, 0))
    with pytest.warns(UserWarning, match=r"RAW \(101\) become Ethernet with MAC") as said:
        replay = lk.Replay(written(tmp_path, data))
    assert said[0].filename == __file__
    assert (replay.capture.shortest, replay.capture.longest) == (14 + len(ASK), 14 + len(ANSWER))
    assert replay.capture.bytes == 28 + len(ASK) + len(ANSWER)
    one, two = bytes.fromhex("02040a000001"), bytes.fromhex("02040a000002")
    assert played(replay) == [
        (two + one + b"\x08\0" + ASK, 0),
        (one + two + b"\x08\0" + ANSWER, S),
    ]


@pytest.mark.filterwarnings("ignore:.*become Ethernet")
@pytest.mark.parametrize(("side", "frames"), [("client", 2), ("server", 1)])
def test_sides_of_raw_ip(tmp_path: Path, side: SideName, frames: int) -> None:
    data = pcap_header(link=101)
    data += b"".join(pcap_record(one, (n, 0)) for n, one in enumerate((ASK, ANSWER, ASK)))
    replay = lk.Replay(written(tmp_path, data), side=side)
    assert replay.capture.frames == frames


def test_each_interface_has_its_link_type_and_resolution(tmp_path: Path) -> None:
    data = (
        section()
        + interface(1, 0, ((9, b"\x09"),))
        + interface(101, 0, ((9, b"\x03"),))
        + enhanced(FRAME, 5 * S)
        + enhanced(ASK, 6000, 1)
        + section(">")
        + interface(113, 0, ((9, b"\x8a"),), ">")
        + enhanced(struct.pack(">3H8xH", 0, 1, 0, 0x0800) + ASK, 7 * 1024, order=">")
        + section()
        + interface(1)
        + simple(FRAME, 60)  # has no time
        + enhanced(FRAME, 8_000_000)
    )
    with pytest.warns(UserWarning, match="become Ethernet"):
        replay = lk.Replay(written(tmp_path, data))
    ethernet = bytes.fromhex("02040a00000202040a0000010800") + ASK
    frames = (FRAME, ethernet, ethernet, FRAME, FRAME)
    times = (0, S, 2 * S, 2 * S, 3 * S)
    assert played(replay) == list(zip(frames, times, strict=True))
    assert replay.capture.duration_ns == 3 * S


def test_a_frame_without_a_time_at_the_beginning(tmp_path: Path) -> None:
    data = section() + interface() + simple(FRAME, 60)
    data += enhanced(FRAME, 1_700_000_000_000_000) + enhanced(FRAME, 1_700_000_001_000_000)
    replay = lk.Replay(written(tmp_path, data))
    assert [due for _, due in played(replay)] == [0, 0, S]
    assert replay.capture.duration_ns == S


def test_times_before_1970(tmp_path: Path) -> None:
    told = ((14, struct.pack("<q", -10)),)
    data = section() + interface(1, 0, told)
    data += b"".join(enhanced(FRAME, units) for units in (9_000_000, 8_000_000, 12_000_000))
    replay = lk.Replay(written(tmp_path, data))
    assert [due for _, due in played(replay)] == [0, 0, 3 * S]


def test_times_that_cannot_be(tmp_path: Path) -> None:
    """A stamp of which 64 bits hold nothing counts as the one before; centuries need a rate."""
    data = section() + interface() + enhanced(FRAME, S) + enhanced(FRAME, 2**63)
    assert lk.Replay(written(tmp_path, data), rate=1).capture.duration_ns == 0
    data = pcap_header() + pcap_record(FRAME) + pcap_record(FRAME, (2**32 - 1, 0))
    with pytest.raises(lk.LabError, match=r"its time stamps lie 136 years apart.*give a rate"):
        lk.Replay(written(tmp_path, data))
    assert lk.Replay(written(tmp_path, data), rate=1).rate is not None


def test_the_fcs_is_not_sent(tmp_path: Path) -> None:
    data = pcap_header(link=1 | 0x04000000 | 2 << 28)
    data += pcap_record(FRAME + b"FCS!", (1, 0)) + pcap_record(FRAME, (2, 0), length=64)
    replay = lk.Replay(written(tmp_path, data))
    assert [frame for frame, _ in played(replay)] == [FRAME, FRAME]
    assert replay.sizes.longest == 64


def test_a_file_that_is_cut_short_plays_its_whole_frames(tmp_path: Path) -> None:
    data = pcap_header() + b"".join(pcap_record(FRAME, (n, 0)) for n in range(4))
    file = written(tmp_path, data[:-1])
    with pytest.warns(UserWarning, match=r"in.pcap: behind frame 3 it ends within a .*byte 252"):
        replay = lk.Replay(file)
    assert played(replay) == [(FRAME, n * S) for n in range(3)]


def test_one_that_is_compressed(tmp_path: Path) -> None:
    data = pcap_header() + b"".join(pcap_record(FRAME, (n, 0)) for n in range(4))
    file = written(tmp_path, gzip.compress(data), "in.pcap.gz")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        replay = lk.Replay(file)
    assert (replay.sizes.name, replay.capture.frames) == ("in.pcap.gz", 4)
    assert "in.pcap.gz, 4 frames" in repr(replay)
    assert [frame for frame, _ in played(replay)] == [FRAME] * 4
    file.write_bytes(b"")  # it was read
    assert len(played(copy.deepcopy(replay))) == 4
    assert replay.capture.before_time(2 * S) == 2


def test_a_compressed_one_in_another_process(tmp_path: Path) -> None:
    data = pcap_header() + b"".join(pcap_record(FRAME, (n, 0)) for n in range(4))
    replay = lk.Replay(written(tmp_path, gzip.compress(data)))
    other = pickle.loads(pickle.dumps(replay))
    assert other.capture.played != replay.capture.played
    state = other.capture.played.stat()
    assert (state.st_size, state.st_mtime_ns) == (replay.capture.size, replay.capture.mtime_ns)
    path = replay.capture.played
    del replay
    assert not path.exists()
    assert len(played(other)) == 4


def test_a_compressed_one_that_is_cut_short(tmp_path: Path) -> None:
    data = pcap_header() + pcap_record(FRAME, (1, 0)) * 2000 + pcap_record(FRAME, (2, 0)) * 50_000
    file = written(tmp_path, gzip.compress(data)[:-2])
    with pytest.warns(UserWarning, match="its gzip data are damaged or cut short") as said:
        replay = lk.Replay(file)
    assert len(said) == 1
    assert 2000 < replay.capture.frames <= 52_000


def test_what_is_unpacked_leaves_room_on_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = written(tmp_path, gzip.compress(pcap_header() + pcap_record(FRAME)))
    monkeypatch.setattr(capture_copy, "LEFT", 2**60)
    monkeypatch.setattr(capture_copy, "LEFT_SHARE", 2**60)
    with pytest.raises(lk.LabError, match=r"has only .* left; set TMPDIR to a folder with more"):
        lk.Replay(file, rate=1)


def test_what_is_no_capture_is_not_unpacked(tmp_path: Path) -> None:
    with pytest.raises(lk.LabError, match="it holds neither pcap nor pcapng"):
        lk.Replay(written(tmp_path, gzip.compress(bytes(10**6))))
