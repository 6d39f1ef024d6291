# SPDX-License-Identifier: BSD-3-Clause
"""A compiled stream: templates and field programs (native/packet/frame_program.h)."""

from dataclasses import dataclass
from typing import Any

from labkit.traffic.wire import Wire

# As in C, told again because streams are made without native modules
MOST_FIELDS = 32
MOST_CHECKSUMS = 6
FLOW_BY_PLACE, FLOW_BY_VALUE = 1, 2


@dataclass(frozen=True)
class Checksum:
    """A checksum of a template: where it is, and the sum over what stays the same."""

    offset: int
    is_udp: bool
    base: int
    signature_factor: int


@dataclass(frozen=True)
class Template:
    """The frame of one size, without FCS; a frame differs from it in the first `head` bytes."""

    data: bytes
    head: int
    checksums: tuple[Checksum, ...]
    sctp: "Sctp | None" = None


@dataclass(frozen=True)
class Sctp:
    """An SCTP packet in a template, and what its checksum adds to the others."""

    offset: int
    length: int
    factors: tuple[int, ...]


@dataclass(frozen=True)
class Program:
    """A field that varies, and what a value of it adds to each checksum.

    Attributes
    ----------
    hold: frames that each value stays for
    tells_flows: whether frames of different values are of different flows
    """

    wire: Wire
    is_random: bool
    seed: int
    factors: tuple[int, ...]
    hold: int = 1
    tells_flows: bool = False

    @property
    def flow(self) -> int:
        """As struct lk_field has it: values that are listed twice are one flow."""
        values = self.wire.values
        if not self.tells_flows:
            return 0
        return FLOW_BY_VALUE if values and len(set(values)) < len(values) else FLOW_BY_PLACE


@dataclass(frozen=True)
class Compiled:
    """A stream as the generator runs it: templates, which of them frame n has, field programs."""

    templates: tuple[Template, ...]
    order: tuple[int, ...]
    programs: tuple[Program, ...]
    has_signature: bool

    @property
    def longest(self) -> int:
        """Bytes of the longest frame, without FCS."""
        return max(len(template.data) for template in self.templates)

    def to_dict(self) -> dict[str, Any]:
        """Plain data for the engine."""
        return {
            "templates": [
                {
                    "data": t.data.hex(),
                    "head": t.head,
                    "checksums": [
                        [c.offset, c.is_udp, c.base, c.signature_factor] for c in t.checksums
                    ],
                    "sctp": t.sctp and [t.sctp.offset, t.sctp.length, list(t.sctp.factors)],
                }
                for t in self.templates
            ],
            "order": list(self.order),
            "fields": [
                {
                    "offset": p.wire.offset,
                    "width": p.wire.width,
                    "shift": p.wire.shift,
                    "mask": p.wire.mask,
                    "start": p.wire.start,
                    "step": p.wire.step % (1 << 64),
                    "count": p.wire.count,
                    "values": p.wire.values,
                    "is_random": int(p.is_random),
                    "seed": p.seed,
                    "hold": p.hold,
                    "flow": p.flow,
                    "factors": list(p.factors),
                }
                for p in self.programs
            ],
            "has_signature": int(self.has_signature),
        }

    def frames(self, count: int) -> list[bytes]:
        """The first `count` frames, made by the code that the generator runs."""
        from labkit.packet import codec  # native: a stream is declared without it

        return codec.make_frames(self.to_dict(), count)
