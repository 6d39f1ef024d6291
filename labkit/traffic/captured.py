# SPDX-License-Identifier: BSD-3-Clause
"""Lengths and checksums that a packet gives, as a captured one does, and that are wrong in the
frames that are sent."""

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from labkit.errors import LabError
from labkit.packet.frame_bytes import built
from labkit.packet.signature import MAGIC, SIGNATURE_LENGTH
from labkit.traffic.field_of import FieldOf
from labkit.traffic.fields import Vary, all_layers
from labkit.traffic.payload import Payload
from labkit.traffic.rebuild import COMPUTED, is_left_out, rebuilt
from labkit.traffic.sizes import FCS

if TYPE_CHECKING:
    from scapy.packet import Packet

CHECKSUMS = ("chksum", "cksum", "checksum")
WHO_CALLED = 4  # lk.Stream(), behind what looks at its arguments
Given = tuple[int, str]  # number of the layer, name of the field


def check_no_padding(packet: "Packet") -> None:
    """LabError for a captured frame with its padding, behind which no signature has a place."""
    for layer in all_layers(packet):
        if layer.name == "Padding":
            raise LabError(
                f"{packet.summary()} ends in {len(layer)} bytes of Padding, as a short frame does "
                "that was captured; rebuild=True takes them off, and mends lengths and checksums"
            )


def warn_of_given(
    packet: "Packet",
    sizes: Sequence[int],
    vary: Sequence[Vary],
    signature: bool,
    fill: Payload,
) -> None:
    """Warns where the packet gives lengths or checksums other than the right ones.

    packet: with its MAC addresses
    """
    fields = [field for one in vary if (field := FieldOf(packet, one)).payload is None]
    varied = {(field.layer_number, field.varied.name) for field in fields}
    given = [place for place in _given(packet) if place not in varied]
    if not given:
        return
    wrong: dict[Given, str] = {}
    for size in dict.fromkeys((sizes[0], min(sizes), max(sizes))):
        # Two frames: what is right in one alone is so by chance.
        first, last = (
            _right(packet, fields, size, signature, fill, is_last) for is_last in (False, True)
        )
        for number, name in given:
            layer = all_layers(packet)[number]
            told = layer.getfieldval(name)
            right, other = first.get((number, name)), last.get((number, name))
            if told not in (right, other) or right != other:
                where = f"{type(layer).__name__}.{name}"
                is_sum = name in CHECKSUMS
                should = (
                    "each frame has another one"
                    if right != other
                    else f"{_number(right, is_sum)} is right at {size} bytes"
                )
                wrong.setdefault(
                    (number, name), f"{where} is {_number(told, is_sum)}, and {should}"
                )
    if wrong:
        warnings.warn(
            f"{packet.summary()}: {'; '.join(wrong.values())}. Receivers drop such frames, or "
            "cut off what is behind a length, the signature too. Unless it is meant to be wrong, "
            "let rebuild=True make lengths and checksums anew, or leave them out of the packet",
            stacklevel=WHO_CALLED,
        )


def _number(value: Any, is_sum: bool) -> str:
    return f"0x{value:x}" if is_sum and isinstance(value, int) else str(value)


def _given(packet: "Packet") -> list[Given]:
    """Lengths and checksums in place of scapy's; a UDP checksum that is left out is none."""
    return [
        (number, field.name)
        for number, layer in enumerate(all_layers(packet))
        for field in layer.fields_desc
        if field.name in COMPUTED
        and field.default is None
        and layer.fields.get(field.name) is not None
        and not (field.name == "chksum" and is_left_out(layer))
        and layer.name != "ARP"  # whose lengths are those of addresses
    ]


def _right(
    packet: "Packet",
    fields: list[FieldOf],
    size: int,
    signature: bool,
    fill: Payload,
    is_last: bool,
) -> dict[Given, Any]:
    """What scapy computes for all lengths and checksums of a frame of the stream."""
    made = packet.copy()
    for field in fields:
        field.set(made, field.number(field.numbers[2] - 1 if is_last else 0))
    varied = {(field.layer_number, field.varied.name) for field in fields}
    keep = {place: all_layers(made)[place[0]].getfieldval(place[1]) for place in varied}
    made = rebuilt(made)
    layers = all_layers(made)
    for (number, name), value in keep.items():
        layers[number].setfieldval(name, value)
    payload = fill.first(size - FCS - len(made))
    if signature:
        stamp = bytes([2 * is_last] * 2 + [7 * is_last] * 12)
        payload = payload[:-SIGNATURE_LENGTH] + MAGIC + stamp
    found: dict[Given, Any] = {}
    frame, at = built(made / payload), 0
    for number, layer in enumerate(layers):
        try:
            there = type(layer)(frame[at:])
        except Exception:  # layers of scapy raise what they like
            break
        found |= {(number, f.name): there.getfieldval(f.name) for f in there.fields_desc}
        at += len(layer) - len(layer.payload)
    return found
