# SPDX-License-Identifier: BSD-3-Clause
"""From a scapy packet to templates and field programs.

scapy itself is asked where things are. Where a field stands: two frames that differ in it alone,
with the checksums held still. What it adds to a checksum: two frames whose field differs by one. So
every layer that scapy knows can vary, behind any number of tunnels. What was found of one packet is
taken for that of others with the same fields, and frames of other sizes are made of one. At the end
the program makes some frames and scapy the same ones: if one byte differs, scapy is asked for all,
and if one still does, the stream is refused.
"""

import random
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from labkit.errors import LabError
from labkit.traffic.builder import Builder
from labkit.traffic.field_of import FieldOf, fields_of
from labkit.traffic.fields import Vary
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
from labkit.traffic.shape import ONES, Growth, Shape, key_of, shape_of, sum_at
from labkit.traffic.sizes import FCS
from labkit.traffic.wire import Wire, parts_of

if TYPE_CHECKING:
    from scapy.packet import Packet

PROOFS = 3  # frames compared with scapy's at the shortest and at the longest size
BETWEEN = 3  # sizes between them of which one is compared, where they were not built
MOST_SHAPES = 64

_shapes: dict[Any, Shape] = {}


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
    compiler = _Compiler(Builder(packet, signature, fill), fields_of(packet, vary), order, seed)
    key = key_of(compiler.builder, compiler.fields)
    if key in _shapes and (known := compiler.derived(_shapes[key], 1)) is not None:
        return known
    shape = shape_of(compiler.builder, compiler.fields, compiler.sizes[0])
    compiled = compiler.derived(shape)
    if compiled is None:
        compiled = compiler.compiled(shape, compiler.built(shape))
        compiler.prove(compiled, {min(compiler.sizes), max(compiler.sizes)}, PROOFS)
    elif len(_shapes) < MOST_SHAPES or key in _shapes:
        _shapes[key] = shape
    else:
        _shapes.clear()
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


class _Compiler:
    """Compiles one stream."""

    def __init__(
        self, builder: Builder, fields: list[FieldOf], order: Sequence[int], seed: int
    ) -> None:
        self.builder = builder
        self.fields = fields
        self.order = order
        self.sizes = tuple(dict.fromkeys(order))
        self.seed = seed
        self.values = [(field, field.number(0)) for field in fields]

    def derived(self, shape: Shape, proofs: int = PROOFS) -> Compiled | None:
        """Its frames by what is told of their shape; None where scapy has others."""
        if shape.growth is None:
            return None
        made = self.templates(shape, shape.growth)
        if made is None:
            return None
        compiled = self.compiled(shape, made)
        kinds = sorted(self.sizes)
        try:
            self.prove(compiled, {kinds[0], kinds[-1]}, proofs)
            step = max(1, len(kinds) // (BETWEEN + 1))
            self.prove(compiled, kinds[1:-1][step - 1 :: step], 1)
        except LabError:
            return None
        return compiled

    def compiled(self, shape: Shape, templates: list[Template]) -> Compiled:
        """The stream of all templates, with the checksums that change."""
        programs = self.programs(shape)
        if len(programs) > MOST_FIELDS:
            raise LabError(
                f"{len(programs)} parts of varying fields, of which one longer than 8 bytes has "
                f"several; at most {MOST_FIELDS}"
            )
        changing = [
            i
            for i in range(len(shape.checksums))
            if any(t.checksums[i].signature_factor for t in templates)
            or any(p.factors[i] for p in programs)
            or (shape.sctp is not None and shape.sctp[1][i])
        ]
        if len(changing) > MOST_CHECKSUMS:
            raise LabError(
                f"{self.builder.packet.summary()}: {len(changing)} checksums would follow, and at "
                f"most {MOST_CHECKSUMS} can; give some in the packet, such as UDP(chksum=0)"
            )
        numbers = {size: n for n, size in enumerate(self.sizes)}
        return Compiled(
            tuple(_with(t, changing) for t in templates),
            tuple(numbers[size] for size in self.order),
            tuple(replace(p, factors=tuple(p.factors[i] for i in changing)) for p in programs),
            self.builder.signature,
        )

    def programs(self, shape: Shape) -> list[Program]:
        """What the generator does with each field; the parts of a long one step together."""
        made = []
        self.owners: list[int] = []
        for n, (field, place) in enumerate(zip(self.fields, shape.fields, strict=True)):
            start, step, count, values = field.numbers
            wires = parts_of(Wire(*place.bits, start, step, count, values), field.varied.name)
            # As the field's bytes, a number, grow by 1. A part begins whole words before the next:
            # what it adds is the same.
            unit = pow(2, 16 - wires[0].shift % 16, ONES)
            factors = tuple(add * unit % ONES for add in place.adds)
            varied, seed = field.varied, _seed(self.seed, n)
            made += [
                Program(wire, varied.random, seed, factors, varied.hold, field.tells_flows)
                for wire in wires
            ]
            self.owners += [n] * len(wires)
        return made

    def templates(self, shape: Shape, growth: Growth) -> list[Template] | None:
        """The frames of all sizes, of the shortest one's headers."""
        builder, shortest = self.builder, min(self.sizes)
        room = shortest - FCS - builder.headers
        first = builder.build(shortest, self.values, crc=0, payload=bytes(room))
        sums = [sum_at(first, offset) for offset, _ in shape.checksums]
        varying, head = self._varying(shape), self._head(shape)
        words = [(at, int.from_bytes(first[at : at + 2], "big")) for at in growth.lengths]
        if any(offset + 2 > builder.headers for offset, _ in shape.checksums):
            return None
        made = []
        for size in self.sizes:
            more, payload = size - shortest, builder.payload(size, values=self.values)
            start = bytearray(first[: builder.headers])
            for at, word in words:
                if word + more > ONES:
                    return None
                start[at : at + 2] = (word + more).to_bytes(2, "big")
            is_odd = len(payload) % 2
            words_sum = int.from_bytes(payload + bytes(is_odd), "big") % ONES
            checksums = []
            for i, (offset, is_udp) in enumerate(shape.checksums):
                total = sums[i] + growth.slopes[i] * more + growth.covers[i] * words_sum
                stored = ONES - (total % ONES or ONES)
                start[offset : offset + 2] = (stored or ONES * is_udp).to_bytes(2, "big")
                factor = growth.covers[i] * (256 if is_odd else 1) % ONES
                factor = factor if builder.signature else 0
                base = (total - varying[i]) % ONES or ONES
                checksums.append(Checksum(offset, is_udp, base, factor))
            made.append(_template(bytes(start) + payload, head, checksums, shape))
        return made

    def built(self, shape: Shape) -> list[Template]:
        """The frames of all sizes, each built by scapy."""
        varying, head = self._varying(shape), self._head(shape)
        made = []
        for size in self.sizes:
            frame = first = self.builder.build(size, self.values)
            if shape.sctp is not None:
                first = self.builder.build(size, self.values, crc=0)
            later = first
            if self.builder.signature:
                later = self.builder.build(size, self.values, bytes(13) + b"\x01", crc=0)
            checksums = []
            for i, (offset, is_udp) in enumerate(shape.checksums):
                total = sum_at(first, offset)
                # The sum over a frame is never 0: its headers are not.
                base = (total - varying[i]) % ONES or ONES
                checksums.append(
                    Checksum(offset, is_udp, base, (sum_at(later, offset) - total) % ONES)
                )
            made.append(_template(frame, head, checksums, shape))
        return made

    def _varying(self, shape: Shape) -> list[int]:
        """What the first values of the fields add to each sum."""
        programs = self.programs(shape)
        bits = [p.wire.value(0) << p.wire.shift & p.wire.mask for p in programs]
        return [
            sum(b % ONES * p.factors[i] for b, p in zip(bits, programs, strict=True))
            for i in range(len(shape.checksums))
        ]

    def _head(self, shape: Shape) -> int:
        """Of what the packet brings any byte may be a header to a node, even in a Raw."""
        ends = [self.builder.headers, *(p.bits[0] + p.bits[1] for p in shape.fields)]
        return max(ends + [offset + 2 for offset, _ in shape.checksums])

    def prove(self, compiled: Compiled, sizes: Iterable[int], proofs: int) -> None:
        """Compares frames of the program with scapy's, some at each of the sizes."""
        from labkit.packet import codec  # native: a stream is declared without it

        draw, numbers = random.Random(self.seed), {size: n for n, size in enumerate(self.sizes)}
        for size in sizes:
            one = replace(compiled, templates=(compiled.templates[numbers[size]],), order=(0,))
            for _ in range(proofs):
                chosen = [draw.randrange(field.numbers[2]) for field in self.fields]
                signature = bytes(2) + draw.randbytes(12)
                stream = one.to_dict()
                for field, owner in zip(stream["fields"], self.owners, strict=True):
                    i = chosen[owner]
                    field |= {"count": 1, "is_random": 0}
                    if field["values"] is not None:
                        field["values"] = [field["values"][i]]
                    else:
                        field["start"] = (field["start"] + i * field["step"]) % (1 << 64)
                made = codec.make_frames(stream, 1, signature[2:])[0]
                values = zip(self.fields, chosen, strict=True)
                wanted = self.builder.build(
                    size, [(field, field.number(i)) for field, i in values], signature
                )
                if made != wanted:
                    self._refuse(made, wanted)

    def _refuse(self, made: bytes, wanted: bytes) -> None:
        at = next(n for n in range(len(made)) if made[n] != wanted[n])
        names = ", ".join(field.varied.name for field in self.fields) or "the signature"
        raise LabError(
            f"{self.builder.packet.summary()}: byte {at} of the frame does not follow {names} as "
            "scapy would have it; vary other fields, or give that byte's field a value in the "
            "packet"
        )


def _template(frame: bytes, head: int, checksums: list[Checksum], shape: Shape) -> Template:
    sctp = None
    if shape.sctp is not None:
        offset, adds = shape.sctp
        sctp = Sctp(offset, len(frame) - offset, adds)
    return Template(frame, min(head, len(frame)), tuple(checksums), sctp)


def _with(template: Template, changing: list[int]) -> Template:
    """The template with the checksums that change."""
    sctp = template.sctp
    if sctp is not None:
        sctp = replace(sctp, factors=tuple(sctp.factors[i] for i in changing))
    return replace(template, checksums=tuple(template.checksums[i] for i in changing), sctp=sctp)


def _seed(seed: int, number: int) -> int:
    """A seed of its own for every field of a stream."""
    return (seed * 0x9E3779B97F4A7C15 + number * 0xD1B54A32D192ED03) % (1 << 64)
