# SPDX-License-Identifier: BSD-3-Clause
"""Where things are in the frames of a packet, and what follows what: found by asking scapy."""

from dataclasses import dataclass
from typing import Any

from labkit.errors import LabError
from labkit.traffic.builder import Builder
from labkit.traffic.field_of import FieldOf
from labkit.traffic.fields import all_layers
from labkit.traffic.sizes import FCS
from labkit.traffic.wire import bits_between

SCTP_CHECKSUM = 8  # its offset in SCTP's header (RFC 9260 3.1)
ONES = 0xFFFF  # sums of one's complement numbers are taken modulo this
GROWN = 0x101  # bytes by which both bytes of any length change


@dataclass(frozen=True)
class Place:
    """Bits of a field (see Wire), and what its number adds to each checksum's sum."""

    bits: tuple[int, int, int, int]
    adds: tuple[int, ...]


@dataclass(frozen=True)
class Growth:
    """How a frame follows its size: 16-bit lengths in it, and what a byte more (0) and the words of
    the payload add to each checksum's sum."""

    lengths: tuple[int, ...]
    slopes: tuple[int, ...]
    covers: tuple[int, ...]


@dataclass(frozen=True)
class Shape:
    """All that is told of a packet's frames.

    Attributes
    ----------
    checksums: offset of each that scapy computes, and whether it is UDP's
    sctp: where an SCTP packet begins, and what its checksum adds to each sum
    growth: None where frames follow their sizes in another way
    """

    checksums: tuple[tuple[int, bool], ...]
    fields: tuple[Place, ...]
    sctp: tuple[int, tuple[int, ...]] | None
    growth: Growth | None


def key_of(builder: Builder, fields: list[FieldOf]) -> Any:
    """Equal for packets whose shapes are equal, too, unless values have a say in it."""
    layers = ((type(layer), tuple(layer.fields)) for layer in all_layers(builder.packet))
    varied = ((f.layer_number, f.varied.name, f.bits, f.low, type(f.field)) for f in fields)
    return tuple(layers), tuple(varied), builder.headers, builder.signature


def shape_of(builder: Builder, fields: list[FieldOf], size: int) -> Shape:
    """Asks scapy; LabError where a field cannot vary."""
    checksums = _checksums(builder, size)
    offsets = [offset for offset, _ in checksums]
    places = []
    for field in fields:
        bits = _locate(builder, field, size)
        low = field.number(0) & ~1
        frames = [builder.build(size, [(field, n)], crc=0) for n in (low, low | 1)]
        places.append(Place(bits, _grew(offsets, *frames)))
    sctp = _sctp(builder, offsets, size)
    return Shape(checksums, tuple(places), sctp, _growth(builder, offsets, size))


def sum_at(frame: bytes, offset: int) -> int:
    """The sum behind a checksum."""
    return ONES - int.from_bytes(frame[offset : offset + 2], "big")


def _grew(offsets: list[int], before: bytes, after: bytes) -> tuple[int, ...]:
    return tuple((sum_at(after, at) - sum_at(before, at)) % ONES for at in offsets)


def _locate(builder: Builder, field: FieldOf, size: int) -> tuple[int, int, int, int]:
    """Where a field stands: offset, width, shift and mask."""
    name = field.varied.name
    if (field.layer_number, name) in builder.free:
        raise LabError(
            f"vary {name}: it follows the frame's bytes where the packet gives none; give it "
            f"one, such as {type(field.layer).__name__}({name}=0), and it varies"
        )
    every = (1 << field.bits) - 1
    frames = [builder.build(size, [(field, wire)], checksums=0) for wire in (0, every)]
    place = bits_between(*frames)
    if place is None or place[3] >> place[2] != every:
        raise LabError(
            f"vary {name}: it does not stand in one piece in the frame, or others follow it"
        )
    return place


def _checksums(builder: Builder, size: int) -> tuple[tuple[int, bool], ...]:
    from scapy.layers.inet import UDP

    layers, places = all_layers(builder.packet), []
    for place in builder.free:
        if place in builder.crcs:
            continue
        held = [builder.build(size, [], checksums=n, held=(place,), crc=0) for n in (0, ONES)]
        # Checksums around this one follow it; it is what also differs with all held still.
        for offset in range(len(held[0]) - 1):
            here = slice(offset, offset + 2)
            if held[0][here] == b"\0\0" and held[1][here] == b"\xff\xff":
                places.append((offset, isinstance(layers[place[0]], UDP)))
                break
    return tuple(places)


def _sctp(builder: Builder, offsets: list[int], size: int) -> tuple[int, tuple[int, ...]] | None:
    if not builder.crcs:
        return None
    summary = builder.packet.summary()
    if len(builder.crcs) > 1:
        raise LabError(
            f"{summary}: two SCTP checksums would follow, and one can: give one, SCTP(chksum=0)"
        )
    found = bits_between(*(builder.build(size, [], checksums=0, crc=n) for n in (0, 0xFFFFFFFF)))
    if found is None or found[1:3] != (4, 0):
        raise LabError(f"{summary}: SCTP.chksum does not stand in one piece")
    adds = _grew(offsets, *(builder.build(size, [], crc=crc) for crc in (0, 1)))
    return found[0] - SCTP_CHECKSUM, adds


def _growth(builder: Builder, offsets: list[int], size: int) -> Growth | None:
    """Told of frames whose payload is zeros, or a one and zeros."""
    room = size - FCS - builder.headers
    try:
        held = [
            builder.build(size + more, [], checksums=0, crc=0, payload=bytes(room + more))
            for more in (0, GROWN)
        ]
        short = builder.build(size, [], crc=0, payload=bytes(room))
        longer, marked = (
            builder.build(size + 1, [], crc=0, payload=begin + bytes(room))
            for begin in (b"\0", b"\1")
        )
    except LabError:  # a length that is not told, or too long for its field
        return None
    lengths, at = [], 0
    before, after = (frame[: builder.headers] for frame in held)
    while at < len(before):
        if before[at] == after[at]:
            at += 1
            continue
        word, grown = (int.from_bytes(frame[at : at + 2], "big") for frame in (before, after))
        if grown - word != GROWN:
            return None
        lengths.append(at)
        at += 2
    # The byte that was marked is the upper one of a word, 256 times what a lower one adds.
    covers = tuple(add * 256 % ONES for add in _grew(offsets, longer, marked))
    return Growth(tuple(lengths), _grew(offsets, short, longer), covers)
