# SPDX-License-Identifier: BSD-3-Clause
"""Bytes of the payload that differ from frame to frame."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Any

from labkit.arguments.checked import checked
from labkit.arguments.hints import Between
from labkit.errors import LabError
from labkit.text import shown
from labkit.traffic.fields import Vary, listed_values, values_told

WIDEST = 64


@dataclass(frozen=True)
class PayloadBytes:
    """A place in the payload, in place of a field of scapy's."""

    offset: int
    width: int

    @property
    def name(self) -> str:
        """As a slice."""
        return f"payload[{self.offset}:{self.offset + self.width}]"

    def put(self, data: bytearray, start: int, wire: int) -> None:
        """Writes what of a value stands in data, which begin at byte `start` of the payload."""
        for n, byte in enumerate(wire.to_bytes(self.width, "big"), self.offset - start):
            if 0 <= n < len(data):
                data[n] = byte


@dataclass(frozen=True)
class VaryPayload(Vary):
    """Bytes of the payload and the values they take; made by lk.vary_payload()."""

    def to_dict(self) -> dict[str, Any]:
        """JSON values: field such as "payload[4:8]", values (a range as text), random."""
        return (
            {"field": self.name, "values": values_told(self.values), "random": self.random}
            | ({"hold": self.hold} if self.hold != 1 else {})
            | ({"wrap": True} if self.wrap else {})
        )

    def __reduce__(self) -> tuple[Any, ...]:
        others = (self.values, self.random, self.nth, self.layer, self.hold, self.bits, self.wrap)
        return VaryPayload, (self.field, *others)


@checked(but=("values",))
def vary_payload(
    offset: Annotated[int, Between(0, 65_535, "bytes")],
    width: Annotated[int, Between(1, WIDEST, "bytes")],
    values: Iterable[int | bytes],
    *,
    random: bool = False,
    wrap: bool = False,
) -> Vary:
    """Bytes of the payload that differ from frame to frame, as lk.vary() does for a field.

    offset: of the first of them, from where the packet's Raw begins, or else behind the packet
    width: how many
    values: a range or a list of big-endian numbers, or of bytes
    random, wrap: as of lk.vary

    The signature, the last 18 bytes, stays. Checksums follow.
    """
    given = listed_values(values)
    if not isinstance(given, range):
        for value in given:
            if isinstance(value, bytes) and len(value) != width:
                raise LabError(
                    f"values has {shown(value)} with {len(value)} bytes; width is {width}"
                )
        given = tuple(int.from_bytes(v, "big") if isinstance(v, bytes) else v for v in given)
    return VaryPayload(PayloadBytes(offset, width), given, random, wrap=wrap)
