# SPDX-License-Identifier: BSD-3-Clause
"""Malformed frames of every layer: the same for the codec, for a path, and for the fuzzer."""

import random
from collections.abc import Iterator

from labkit.packet import codec
from tests.frames import good_frames

EXTREMES = (0x00, 0x01, 0x0F, 0x7F, 0x80, 0xFF)


def truncations(frame: bytes) -> Iterator[bytes]:
    """Every beginning of the frame but the empty one."""
    return (frame[:length] for length in range(1, len(frame)))


def wrong_bytes(frame: bytes) -> Iterator[bytes]:
    """The frame with an extreme value in each byte after the addresses: types, lengths, offsets."""
    for at in range(12, len(frame)):
        for value in EXTREMES:
            yield frame[:at] + bytes([value]) + frame[at + 1 :]


def flipped(frame: bytes, generator: random.Random) -> bytes:
    """The frame with one to eight bits turned over."""
    damaged = bytearray(frame)
    for _ in range(generator.randint(1, 8)):
        bit = generator.randrange(len(frame) * 8)
        damaged[bit // 8] ^= 1 << bit % 8
    return bytes(damaged)


def mended(frame: bytes) -> bytes:
    """The frame with a right IPv4 header checksum, so that what stands behind it is looked at."""
    end = 14 + (frame[14] & 15) * 4 if len(frame) > 34 else 0
    if frame[12:14] != b"\x08\x00" or not 34 <= end <= len(frame):
        return frame
    checksum = codec.checksum(frame[14:24] + b"\0\0" + frame[26:end])
    return frame[:24] + checksum.to_bytes(2, "big") + frame[26:]


def malformed_frames(server_mac: str, count: int, seed: int) -> list[bytes]:
    """`count` frames: truncations and wrong bytes of all good ones, then random damage."""
    generator = random.Random(seed)
    good = [frame for _, frame in good_frames(server_mac).values()]
    frames = [bad for frame in good for bad in (*truncations(frame), *wrong_bytes(frame))]
    while len(frames) < count:
        frame = generator.choice(good)
        choice = generator.randrange(5)
        if choice == 0:
            frames.append(generator.randbytes(generator.randint(1, 200)))
        elif choice == 1:
            # Past the EtherType, so that parsers have something to do
            frames.append(frame[:14] + generator.randbytes(generator.randint(1, 120)))
        elif choice == 2:
            frames.append(flipped(frame, generator)[: generator.randint(1, len(frame))])
        elif choice == 3:
            frames.append(mended(flipped(frame, generator)))
        else:
            frames.append(flipped(frame, generator))
    generator.shuffle(frames)
    return frames[:count]
