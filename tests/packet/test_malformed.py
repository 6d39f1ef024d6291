# SPDX-License-Identifier: BSD-3-Clause
"""What no sender should send: handlers stay within the frame's room and change nothing they do not
answer."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from labkit._codec import ffi, lib

from labkit.packet import codec
from tests.frames import ENDPOINT, SERVER_MAC, good_frames
from tests.malformed import flipped, malformed_frames, truncations, wrong_bytes

KINDS = ("arp_responder", "nd_responder", "icmp_echo", "udp_echo", "refuse", "reflect")
GUARD = b"\xa5"
MARGIN = 64
LARGEST_GROWTH = 8  # the link option of a neighbour advertisement

native_endpoint = codec.native_endpoint(ENDPOINT)


def check(kind: str, frame: bytes, headroom: int = 32, tailroom: int = 32) -> str:
    """Runs a handler between guard bytes and returns its verdict."""
    room = headroom + len(frame) + tailroom
    guard = GUARD * MARGIN
    before = guard + GUARD * headroom + frame + GUARD * tailroom + guard
    memory = ffi.new("uint8_t[]", before)
    offset, length = ffi.new("uint32_t *", headroom), ffi.new("uint32_t *", len(frame))
    number = lib.lk_codec_handle(
        kind.encode(), memory + MARGIN, room, offset, length, native_endpoint
    )
    after = bytes(ffi.buffer(memory, len(before)))
    assert 0 <= number < len(codec.VERDICTS)
    verdict = codec.VERDICTS[number].name
    assert after[:MARGIN] == guard
    assert after[MARGIN + room :][:MARGIN] == guard
    assert offset[0] + length[0] <= room
    if verdict == "next":
        assert kind != "refuse"
        assert length[0] <= len(frame) + (LARGEST_GROWTH if kind == "nd_responder" else 0)
    else:
        assert after[: len(before)] == before, f"{kind} says {verdict} and changed the frame"
        assert (offset[0], length[0]) == (headroom, len(frame))
    return verdict


def check_all(frame: bytes) -> None:
    for kind in KINDS:
        check(kind, frame)
        check(kind, frame, headroom=0, tailroom=0)


@pytest.mark.parametrize("name", good_frames())
def test_truncated_at_every_byte(name: str) -> None:
    kind, good = good_frames()[name]
    assert check(kind, good) == "next"
    check_all(b"")
    for frame in truncations(good):
        check_all(frame)
        assert check(kind, frame) != "next", f"{name} was answered from {len(frame)} bytes"


@pytest.mark.parametrize("name", good_frames())
def test_wrong_bytes(name: str) -> None:
    for frame in wrong_bytes(good_frames()[name][1]):
        check_all(frame)


@pytest.mark.parametrize("name", good_frames())
def test_wrong_lengths_are_refused(name: str) -> None:
    """Frames that are cut or padded without their length fields: padded ones are answered."""
    kind, good = good_frames()[name]
    assert check(kind, good + bytes(40)) == "next"
    assert codec.handle(kind, good + bytes(40), ENDPOINT) == codec.handle(kind, good, ENDPOINT)


@pytest.mark.parametrize("name", good_frames())
def test_flipped_bits(name: str) -> None:
    generator = random.Random(name)
    good = good_frames()[name][1]
    for _ in range(500):
        check_all(flipped(good, generator))


def test_malformed_frames_of_the_path_test() -> None:
    for frame in malformed_frames(SERVER_MAC, 20_000, seed=2):
        for kind in KINDS:
            check(kind, frame)


@settings(max_examples=500, deadline=None, derandomize=True, database=None)
@given(st.binary(max_size=200), st.sampled_from([b"", *(f for _, f in good_frames().values())]))
def test_random_bytes(data: bytes, good: bytes) -> None:
    check_all(data)
    check_all(good[:14] + data)
    check_all(good[:34] + data)
