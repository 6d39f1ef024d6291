# SPDX-License-Identifier: BSD-3-Clause
"""Frames of a capture as they are read ahead: all of them, in order, when they are due."""

from pathlib import Path

import pytest
from labkit._codec import ffi, lib

from tests.packet.test_capture_file import MS, pcap

ENDED, FAILED = 2, 3


def play(
    file: Path,
    rounds: int = 1,
    own: tuple[int, int] = (0, 0),
    speed: float = 1,
    pps: float = 0,
    bits: float = 0,
    overhead: int = 4,
) -> tuple[list[tuple[int, int]], int]:
    """Lengths and due times, and how it ended."""
    room, length, due = ffi.new("uint8_t[65536]"), ffi.new("uint32_t *"), ffi.new("uint64_t *")
    found = []
    with file.open("rb") as opened:
        config = ffi.new(
            "struct lk_replay_config *",
            (opened.fileno(), rounds, *own, speed, pps, bits, overhead),
        )
        replay = lib.lk_codec_replay_open(config)
        while (state := lib.lk_codec_replay_next(replay, room, 65536, length, due)) == 0:
            found.append((length[0], due[0]))
        lib.lk_codec_replay_close(replay)
    return found, state


def test_three_rounds_at_twice_the_speed(tmp_path: Path) -> None:
    (tmp_path / "in").write_bytes(pcap([n * MS for n in (10, 12, 11, 14)]))
    found, state = play(tmp_path / "in", 3, (4 * MS, 2 * MS), speed=2)
    starts = (0, 3 * MS, 6 * MS)
    assert [due for _, due in found] == [s + n * MS for s in starts for n in (0, 1, 1, 2)]
    assert state == ENDED


@pytest.mark.parametrize("overhead", [4, 24])
def test_bits_of_any_stretch(tmp_path: Path, overhead: int) -> None:
    data = pcap([0], kept=60) + pcap([0] * 3, kept=1514, length=1514)[24:]
    (tmp_path / "in").write_bytes(data)
    found, _ = play(tmp_path / "in", 100, bits=1e9, overhead=overhead)
    before = 0
    for length, due in found:
        assert due == before
        before += 8 * (length + overhead)
    assert len(found) == 400


def test_a_long_capture(tmp_path: Path) -> None:
    (tmp_path / "in").write_bytes(pcap([0] * 300_000))
    found, state = play(tmp_path / "in", pps=1e6)
    assert [due for _, due in found] == [n * 1000 for n in range(300_000)]
    assert state == ENDED


def test_a_file_that_ends_within_a_frame(tmp_path: Path) -> None:
    (tmp_path / "in").write_bytes(pcap([0, 1])[:-1])
    found, state = play(tmp_path / "in", pps=1)
    assert (len(found), state) == (1, FAILED)
