# SPDX-License-Identifier: BSD-3-Clause
"""From a scapy packet to templates and field programs.

scapy itself is asked where things are. Where a field stands: two frames that differ in it alone,
with the checksums held still. What it adds to a checksum: two frames whose field differs by one. So
every layer that scapy knows can vary, behind any number of tunnels. At the end the program makes
some frames and scapy the same ones: if one byte differs, the stream is refused.
"""

import random
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from labkit.errors import LabError
from labkit.packet.frame_bytes import built
from labkit.packet.signature import MAGIC, SIGNATURE_LENGTH
from labkit.traffic.field_of import FieldOf, fields_of
from labkit.traffic.fields import Vary, all_layers
from labkit.traffic.payload import COUNTING, Payload
from labkit.traffic.program import (
    MOST_CHECKSUMS,
    MOST_FIELDS,
    Checksum,
    Compiled,
    Program,
    Sctp,
    Template,
)
from labkit.traffic.sizes import FCS
from labkit.traffic.wire import Wire, bits_between, parts_of

if TYPE_CHECKING:
    from scapy.packet import Packet

CHECKSUM_NAMES = ("chksum", "cksum")
SCTP_CHECKSUM = 8  # its offset in SCTP's header (RFC 9260 3.1)
ONES = 0xFFFF  # sums of one's complement numbers are taken modulo this
PROOFS = 3  # frames compared with scapy's at the shortest and at the longest size


def compile_stream(
    packet: "Packet",
    order: Sequence[int],
    vary: Sequence[Vary],
    seed: int,
    signature: bool,
    fill: Payload = COUNTING,
) -> Compiled:
    """Compiles; LabError where the packet cannot be built or a field cannot vary.

    packet: with its MAC addresses
    order: sizes of the frames, one after the other, in bytes with FCS
    vary, seed, signature: as of lk.Stream
    fill: behind the packet
    """
    sizes = tuple(dict.fromkeys(order))
    maker = _Maker(packet, seed, signature, fill)
    fields = fields_of(packet, vary)
    places = maker.checksum_places(sizes[0])
    made = [
        (n, program)
        for n, field in enumerate(fields)
        for program in maker.program(field, places, sizes[0], _seed(seed, n))
    ]
    owners, programs = [n for n, _ in made], tuple(program for _, program in made)
    if len(programs) > MOST_FIELDS:
        raise LabError(
            f"{len(programs)} parts of varying fields, of which one longer than 8 bytes has "
            f"several; at most {MOST_FIELDS}"
        )
    sctp = maker.sctp_place(places, sizes[0])
    templates = tuple(maker.template(size, fields, programs, places, sctp) for size in sizes)
    changing = [
        i
        for i in range(len(places))
        if any(t.checksums[i].signature_factor for t in templates)
        or any(p.factors[i] for p in programs)
        or (sctp is not None and sctp.factors[i])
    ]
    if len(changing) > MOST_CHECKSUMS:
        raise LabError(
            f"{packet.summary()}: {len(changing)} checksums would follow, and at most "
            f"{MOST_CHECKSUMS} can; give some in the packet, such as UDP(chksum=0)"
        )
    compiled = Compiled(
        tuple(_with(t, changing) for t in templates),
        tuple(sizes.index(size) for size in order),
        tuple(replace(p, factors=tuple(p.factors[i] for i in changing)) for p in programs),
        signature,
    )
    maker.prove(compiled, fields, owners, sizes)
    return compiled


def with_addresses(packet: "Packet", source: str | None, destination: str | None) -> "Packet":
    """The packet with MAC addresses where it names none: scapy would ask the host's routes."""
    made = packet.copy()
    for name, address in (("src", source), ("dst", destination)):
        if name not in made.fields:
            if address is None:
                raise LabError(f"the packet's Ether() has no {name}; give one: Ether({name}=...)")
            made.setfieldval(name, address)
    return made


def _with(template: Template, changing: list[int]) -> Template:
    """The template with the checksums that change."""
    sctp = template.sctp
    if sctp is not None:
        sctp = replace(sctp, factors=tuple(sctp.factors[i] for i in changing))
    return replace(template, checksums=tuple(template.checksums[i] for i in changing), sctp=sctp)


class _Maker:
    """Builds frames of a stream with scapy."""

    def __init__(self, packet: "Packet", seed: int, signature: bool, fill: Payload) -> None:
        self.packet = packet
        self.fill = fill
        self.seed = seed
        self.signature = signature
        self.headers = len(packet)
        self.free = [
            (number, name)
            for number, layer in enumerate(all_layers(packet))
            for name in CHECKSUM_NAMES
            if name in layer.default_fields and layer.getfieldval(name) is None
        ]
        layers = all_layers(packet)
        self.crcs = [place for place in self.free if layers[place[0]].name == "SCTP"]

    def build(
        self,
        size: int,
        values: "list[tuple[FieldOf, int]]",
        signature: bytes = bytes(14),
        checksums: int | None = None,
        crc: int | None = None,
    ) -> bytes:
        """A frame without FCS; `signature` behind its magic; `checksums` instead of right ones, and
        `crc` instead of SCTP's."""
        packet = self.packet.copy()
        for field, wire in values:
            field.set(packet, wire)
        if checksums is not None:
            for number, name in self.free:
                all_layers(packet)[number].setfieldval(name, checksums)
        for number, name in self.crcs if crc is not None else ():
            all_layers(packet)[number].setfieldval(name, crc)
        room = size - FCS - self.headers
        payload = self.fill.first(room)
        if self.signature:
            payload = payload[:-SIGNATURE_LENGTH] + MAGIC + signature
        if payload:
            packet.add_payload(payload)
        frame = built(packet)
        if len(frame) != size - FCS:
            raise LabError(
                f"{self.packet.summary()} has {len(frame)} bytes instead of {size - FCS}: one of "
                "its fields changes the length of the frame; vary another one"
            )
        return frame

    def program(
        self, field: FieldOf, places: list[tuple[int, bool]], size: int, seed: int
    ) -> list[Program]:
        """What the generator does with a field; the parts of a long one step together."""
        wires = self.locate(field, size)
        low = field.number(0) & ~1
        frames = [self.build(size, [(field, n)], crc=0) for n in (low, low | 1)]
        # A part begins whole words before the next: what it adds is the same.
        factors = tuple(_factor(frames, offset, wires[0]) for offset, _ in places)
        varied = field.varied
        return [Program(wire, varied.random, seed, factors, varied.hold) for wire in wires]

    def locate(self, field: FieldOf, size: int) -> list[Wire]:
        """Where a field stands, in parts of what a field program touches."""
        name, bits = field.varied.name, field.bits
        if (field.layer_number, name) in self.free:
            raise LabError(
                f"vary {name}: it follows the frame's bytes where the packet gives none; give it "
                f"one, such as {type(field.layer).__name__}({name}=0), and it varies"
            )
        every = (1 << bits) - 1
        frames = [self.build(size, [(field, wire)], checksums=0) for wire in (0, every)]
        place = bits_between(*frames)
        if place is None or place[3] >> place[2] != every:
            raise LabError(
                f"vary {name}: it does not stand in one piece in the frame, or others follow it"
            )
        start, step, count, values = field.numbers
        return parts_of(Wire(*place, start, step, count, values), name)

    def checksum_places(self, size: int) -> list[tuple[int, bool]]:
        """Offset, and whether it is UDP's, of every checksum that scapy computes."""
        from scapy.layers.inet import UDP

        places = []
        all_free, layers = self.free, all_layers(self.packet)
        zero = self.build(size, [], checksums=0, crc=0)
        for number, name in all_free:
            if (number, name) in self.crcs:
                continue
            self.free = [(number, name)]
            held = [self.build(size, [], checksums=number, crc=0) for number in (0, ONES)]
            self.free = all_free
            # Checksums around this one follow it; it is what also differs with all held still.
            for offset in range(len(zero) - 1):
                if held[0][offset : offset + 2] == b"\0\0" and held[1][offset : offset + 2] == (
                    b"\xff\xff"
                ):
                    places.append((offset, isinstance(layers[number], UDP)))
                    break
        return places

    def sctp_place(self, places: list[tuple[int, bool]], size: int) -> Sctp | None:
        """Where the SCTP packet begins whose checksum is to be made; it goes to the frame's end."""
        if not self.crcs:
            return None
        if len(self.crcs) > 1:
            raise LabError(
                f"{self.packet.summary()}: two SCTP checksums would follow, and one can; give one of "
                "them: SCTP(chksum=0)"
            )
        held = [self.build(size, [], checksums=0, crc=crc) for crc in (0, (1 << 32) - 1)]
        found = bits_between(*held)
        if found is None or found[1:3] != (4, 0):
            raise LabError(f"{self.packet.summary()}: SCTP.chksum does not stand in one piece")
        frames = [self.build(size, [], crc=crc) for crc in (0, 1)]
        factors = (_sum_at(frames[1], at) - _sum_at(frames[0], at) for at, _ in places)
        return Sctp(found[0] - SCTP_CHECKSUM, 0, tuple(factor % ONES for factor in factors))

    def template(
        self,
        size: int,
        fields: list[FieldOf],
        programs: tuple[Program, ...],
        places: list[tuple[int, bool]],
        sctp: Sctp | None,
    ) -> Template:
        """The frame of one size with the first value of each field."""
        values = [(field, field.number(0)) for field in fields]
        frame = self.build(size, values)
        first = self.build(size, values, crc=0) if sctp else frame
        later = self.build(size, values, bytes(13) + b"\x01", crc=0) if self.signature else first
        checksums = []
        for i, (offset, is_udp) in enumerate(places):
            total = _sum_at(first, offset)
            base = total
            for program in programs:
                bits = program.wire.value(0) << program.wire.shift & program.wire.mask
                base -= bits % ONES * program.factors[i]
            # The sum over a frame is never 0: its headers are not.
            checksums.append(
                Checksum(
                    offset, is_udp, base % ONES or ONES, (_sum_at(later, offset) - total) % ONES
                )
            )
        # Of what the packet brings any byte may be a header to a node, even in a Raw.
        ends = [self.headers, *(p.wire.offset + p.wire.width for p in programs)]
        ends += [offset + 2 for offset, _ in places]
        if sctp is not None:
            sctp = replace(sctp, length=len(frame) - sctp.offset)
        return Template(frame, min(max(ends), len(frame)), tuple(checksums), sctp)

    def prove(
        self,
        compiled: Compiled,
        fields: list[FieldOf],
        owners: list[int],
        sizes: tuple[int, ...],
    ) -> None:
        """Compares frames of the program with scapy's."""
        from labkit.packet import codec  # native: a stream is declared without it

        draw = random.Random(self.seed)
        for size in {min(sizes), max(sizes)}:
            for _ in range(PROOFS):
                chosen = [draw.randrange(field.numbers[2]) for field in fields]
                signature = bytes(2) + draw.randbytes(12)
                stream = compiled.to_dict() | {"order": [sizes.index(size)]}
                for field, owner in zip(stream["fields"], owners, strict=True):
                    i = chosen[owner]
                    field |= {"count": 1, "is_random": 0}
                    if field["values"] is not None:
                        field["values"] = [field["values"][i]]
                    else:
                        field["start"] = (field["start"] + i * field["step"]) % (1 << 64)
                made = codec.make_frames(stream, 1, signature[2:])[0]
                wanted = self.build(
                    size,
                    [(field, field.number(i)) for field, i in zip(fields, chosen, strict=True)],
                    signature,
                )
                if made != wanted:
                    at = next(n for n in range(len(made)) if made[n] != wanted[n])
                    names = ", ".join(field.varied.name for field in fields) or "the signature"
                    raise LabError(
                        f"{self.packet.summary()}: byte {at} of the frame does not follow {names} "
                        "as scapy would have it; vary other fields, or give that byte's field a "
                        "value in the packet"
                    )


def _factor(frames: list[bytes], offset: int, wire: Wire) -> int:
    """What the sum behind a checksum grows by as the field's bytes, a number, grow by 1; of two
    frames whose field differs by 1."""
    before, after = (_sum_at(frame, offset) for frame in frames)
    return (after - before) * pow(2, 16 - wire.shift % 16, ONES) % ONES


def _sum_at(frame: bytes, offset: int) -> int:
    """The sum behind a checksum."""
    return ONES - int.from_bytes(frame[offset : offset + 2], "big")


def _seed(seed: int, number: int) -> int:
    """A seed of its own for every field of a stream."""
    return (seed * 0x9E3779B97F4A7C15 + number * 0xD1B54A32D192ED03) % (1 << 64)
