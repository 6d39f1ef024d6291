# SPDX-License-Identifier: BSD-3-Clause
"""A stream: frames that are made of one scapy packet, and how often they are sent."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Annotated, Any

from labkit.arguments.checked import checked
from labkit.arguments.hints import Between, is_real
from labkit.errors import LabError
from labkit.packet.frame_bytes import built
from labkit.packet.signature import SIGNATURE_LENGTH
from labkit.text import shown
from labkit.traffic.builder import own_payload
from labkit.traffic.captured import check_no_padding, warn_of_given
from labkit.traffic.compile import compile_stream, with_addresses
from labkit.traffic.field_of import fields_of, with_drawn
from labkit.traffic.fields import Vary, all_layers, as_fields, count_of
from labkit.traffic.packet_check import one_packet
from labkit.traffic.payload import COUNTING, Payload, payload_of
from labkit.traffic.placed import Placeable
from labkit.traffic.program import MOST_FIELDS, Compiled
from labkit.traffic.rate import Rate
from labkit.traffic.rebuild import rebuilt
from labkit.traffic.sizes import FCS, Sizes

if TYPE_CHECKING:
    from scapy.packet import Packet

SHORTEST = 64
MOST_BURST = 65_536
LONGEST_802_3 = 1_518
NO_MAC = "00:00:00:00:00:00"


def check_weight(weight: float) -> None:
    """Raises a LabError for what is no share."""
    if not (is_real(weight) and weight > 0 and math.isfinite(weight)):
        raise LabError(f"weight is {shown(weight)}; it is a positive number")


@checked(but=("packet", "size", "rate", "vary", "weight", "payload"))
@dataclass(frozen=True, init=False)
class Stream(Placeable):
    """Frames of one scapy packet: sizes, varying fields, rate.

    Each frame ends in a signature (magic, stream, sequence number, TSC), the last 18 bytes of the
    payload, by which the receiver knows it; checksums are right.

    Attributes
    ----------
    packet: from Ether on. Where Ether() names no addresses, it goes from the port's MAC to that of
        the other end of a cable, else to the MAC that answers for the IP destination. A checksum
        that the packet gives is sent as it is. Random values of scapy's with a fixed width, such as
        RandShort(), RandIP("10.0.0.0/8"), RandChoice(53, 443) and what fuzz() makes of fields that
        are not given, become fields that vary at random, but where `vary` names the field. So
        fuzz() lets IP.version and IP.flags vary too, and most of its frames are malformed: give
        a value to what is not to be. Fields without a fixed width keep their defaults in it.
    sizes: bytes of a frame with FCS, as in RFC 2544: 64 is 60 bytes in memory. The payload is
        filled up. Given as `size`: a number, several in turn, weights such as {64: 28, 570: 16},
        lk.IMIX or "IMIX"; None: the shortest that holds the signature, 64 or more.
    rate: intended load, such as "700 kpps"; None: what the trial says
    vary: up to 32 fields that differ from frame to frame. Each takes its next value with every
        frame: 10 addresses and 10 ports are 10 flows; multiplied, as in lk.vary(IP.src, sources) *
        lk.vary(UDP.sport, ports), they are 100.
    weight: share among the streams that a trial's rate is given to
    burst: frames sent back to back
    seed: of randomly drawn fields; the same seed gives the same frames
    payload: what fills the frame behind the packet: bytes or a text (once, then zeros), or
        lk.Payload.repeat, .random or .prbs; None: bytes that count from 0 to 255
    rebuild: True: lengths and checksums that the packet gives, as a captured one does, are made
        anew for every size; padding goes. Else there is a warning of those that are wrong
    signature: False: frames are counted, but not tracked and timed
    """

    packet: "Packet"
    sizes: Sizes
    rate: Rate | None
    vary: tuple[Vary, ...]
    weight: float
    burst: int
    seed: int
    signature: bool
    payload: Payload = COUNTING

    def __init__(
        self,
        packet: "Packet",
        size: Sizes | int | str | Mapping[int, int] | Iterable[int] | None = None,
        rate: Rate | str | float | None = None,
        vary: Vary | Sequence[Vary] = (),
        *,
        weight: float = 1,
        burst: Annotated[int, Between(1, MOST_BURST, "frames")] = 1,
        seed: int = 0,
        signature: bool = True,
        payload: Payload | bytes | str | None = None,
        rebuild: bool = False,
    ) -> None:
        packet, drawn = one_packet(packet)
        packet = rebuilt(packet) if rebuild else packet
        check_no_padding(packet)
        varied = with_drawn(packet, as_fields(vary), drawn)
        if len(varied) > MOST_FIELDS:
            raise LabError(f"{len(varied)} varying fields; at most {MOST_FIELDS}")
        check_weight(weight)
        # Without addresses scapy would ask the host's network for them.
        addressed = with_addresses(packet, NO_MAC, NO_MAC)
        length = len(built(addressed))
        in_payload = [f.payload for f in fields_of(packet, varied) if f.payload is not None]
        shortest = length + (SIGNATURE_LENGTH if signature else 0) + FCS
        sizes = Sizes.parse(max(SHORTEST, shortest) if size is None else size)
        if min(sizes.order) < shortest:
            parts = f"{length} bytes of packet"
            parts += f", {SIGNATURE_LENGTH} of signature" if signature else ""
            raise LabError(
                f"size {min(sizes.order)} is too short for {packet.summary()}: {parts} and {FCS} "
                f"of FCS make {shortest}; choose {shortest} or more"
                + (", or signature=False" if signature else "")
            )
        room = own_payload(packet) + min(sizes.order) - shortest
        for place in in_payload:
            if place.offset + place.width > room:
                raise LabError(
                    f"vary {place.name}: frames of {min(sizes.order)} bytes have {room} bytes of "
                    "payload" + (" before the signature" if signature else "")
                )
        if packet.name == "802.3" and max(sizes.order) > LONGEST_802_3:
            raise LabError(
                f"size {max(sizes.order)} is too long for Dot3(): above 1,500 bytes its length is "
                f"read as a type (IEEE 802.3 3.2.6); choose {LONGEST_802_3} or less, or Ether()"
            )
        fill = payload_of(payload)
        warn_of_given(addressed, sizes.order, varied, signature, fill)
        values: dict[str, Any] = {
            "packet": packet,
            "sizes": sizes,
            "rate": None if rate is None else Rate.parse(rate),
            "vary": varied,
            "weight": float(weight),
            "burst": burst,
            "seed": seed,
            "signature": signature,
            "payload": fill,
        }
        for name, value in values.items():
            object.__setattr__(self, name, value)

    def resized(self, size: Sizes | int | str | Mapping[int, int] | Iterable[int]) -> "Stream":
        """The same frames in other sizes."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        del values["sizes"]
        return Stream(**values, size=size)

    def compile(self, source: str | None = None, destination: str | None = None) -> Compiled:
        """The stream as the generator runs it; the MACs are used where the packet names none."""
        packet = with_addresses(self.packet, source, destination)
        return compile_stream(
            packet, self.sizes.order, self.vary, self.seed, self.signature, self.payload
        )

    def frames(self, count: int) -> list[bytes]:
        """The first frames of the stream as the generator makes them, without FCS. Their signatures
        tell stream 0 and TSC 0; MACs that the packet does not name are 02:00:00:00:00:01 and :02.
        """
        return self.compile("02:00:00:00:00:01", "02:00:00:00:00:02").frames(count)

    def __reduce__(self) -> tuple[Any, ...]:
        # scapy's own pickles are frames, of which lengths and checksums are the packet's.
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        del values["packet"]
        layers = [(type(layer), layer.fields) for layer in all_layers(self.packet)]
        return _unpickled, (layers, values)

    def __repr__(self) -> str:
        parts = [self.packet.summary(), str(self.sizes)]
        parts += [str(self.rate)] if self.rate is not None else []
        parts += [f"{v.name} × {count_of(v.values):,}" for v in self.vary]
        parts += [f"bursts of {self.burst}"] if self.burst > 1 else []
        return f"<Stream {', '.join(parts)}>"


def _unpickled(layers: list[tuple[Any, dict[str, Any]]], values: dict[str, Any]) -> Stream:
    packets = []
    for kind, given in layers:
        packets.append(kind())
        packets[-1].fields.update(given)
    packet = packets[0]
    for layer in packets[1:]:
        packet /= layer
    stream = Stream.__new__(Stream)
    for name, value in {"packet": packet, **values}.items():
        object.__setattr__(stream, name, value)
    return stream
