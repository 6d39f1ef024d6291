# SPDX-License-Identifier: BSD-3-Clause
"""The walk over a frame's layers, with names for what it finds, and the frames to walk over."""

from typing import NamedTuple

from labkit._codec import ffi, lib
from scapy.packet import Packet

from tests.walk_frames import PLAIN_FRAMES
from tests.walk_tunnel_frames import TUNNEL_FRAMES

FRAMES = PLAIN_FRAMES | TUNNEL_FRAMES
SUMS = ("", "good", "wrong", "unfinished", "none", "forbidden", "unknown")
PROBLEMS = ("", "cut", "short", "version", "length", "long", "deep")


class Layer(NamedTuple):
    """As struct lk_layer, with names."""

    kind: str
    offset: int
    length: int
    end: int
    sum: str
    checksum: int
    right: int
    problem: str
    is_quoted: bool

    def __str__(self) -> str:
        words = (self.kind, str(self.offset), self.sum, "quoted" if self.is_quoted else "")
        return " ".join(word for word in words if word)


def walk(
    frame: bytes | Packet, length: int | None = None, link: int = 1, fcs: int = 0
) -> list[Layer]:
    """The layers, which always follow each other and cover the frame."""
    found = ffi.new("struct lk_walk *")
    kept = bytes(frame)
    length = len(kept) if length is None else length
    alone = ffi.new("uint8_t[]", kept or b"\0")
    lib.lk_codec_walk(alone, len(kept), length, link, fcs, found)
    layers = [
        Layer(
            ffi.string(lib.lk_layer_name(layer.kind)).decode(),
            *(layer.offset, layer.length, layer.end, SUMS[layer.sum]),
            *(layer.checksum, layer.right, PROBLEMS[layer.problem], bool(layer.is_quoted)),
        )
        for layer in found.layers[0 : found.count]
    ]
    at = 0
    for layer in layers:
        assert layer.offset == at
        at += layer.length
        assert at <= layer.end <= length
    assert at == length
    return layers


def put(frame: bytes, at: int, value: int) -> bytes:
    """Other two bytes."""
    return frame[:at] + value.to_bytes(2) + frame[at + 2 :]
