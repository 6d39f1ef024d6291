# SPDX-License-Identifier: BSD-3-Clause
"""A varied field in a packet: in which layer it is, and its values as numbers on the wire."""

from collections.abc import Sequence
from functools import cached_property
from ipaddress import IPv4Address, IPv6Address
from numbers import Integral, Number
from typing import TYPE_CHECKING, Any

from labkit.errors import LabError
from labkit.packet.mac import HOW_TO_WRITE, is_mac
from labkit.text import shown
from labkit.traffic.addresses import Addresses
from labkit.traffic.fields import (
    MOST_VALUES,
    Value,
    Vary,
    all_layers,
    count_of,
    nth_layer,
    plain_field,
)
from labkit.traffic.payload_bytes import PayloadBytes

if TYPE_CHECKING:
    from scapy.packet import Packet

# By scapy's names: addresses, ports, protocol, VLAN and tunnel
FLOW_FIELDS = {"src", "dst", "sport", "dport", "proto", "nh", "vlan", "vni"}
WHOLE = "it is a whole number, and a fraction would be cut; give a range, or a list of int"


class FieldOf:
    """A varied field in a packet: sets it, and knows its values as numbers."""

    def __init__(self, packet: "Packet", varied: Vary) -> None:
        self.varied = varied
        if isinstance(varied.field, PayloadBytes):
            self._in_payload(packet, varied.field)
            return
        self.payload: PayloadBytes | None = None
        self.layer_number = self._find(packet)
        layer = nth_layer(packet, self.layer_number)
        self.field = plain_field(layer.get_field(varied.name), layer, varied.values[0])
        self.layer = layer
        self.whole: int = round(self.field.sz * 8)
        self.bits, self.low = self.whole, 0
        if varied.bits is not None:
            high, self.low = varied.bits
            self.bits = high - self.low + 1
            if high >= self.whole:
                raise LabError(
                    f"vary {varied.name}: bits={varied.bits} is outside of its {self.whole} bits; "
                    f"the highest is {self.whole - 1}"
                )
        self.is_bits = hasattr(self.field, "rev")  # scapy's BitField

    def _in_payload(self, packet: "Packet", place: PayloadBytes) -> None:
        """Its values are numbers as those of a wide field at the end of the packet."""
        from scapy.fields import BitField

        self.payload = place
        self.layer_number = len(all_layers(packet)) - 1
        self.layer = nth_layer(packet, self.layer_number)
        self.whole = self.bits = 8 * place.width
        self.low, self.is_bits = 0, True
        self.field = BitField(place.name, 0, self.bits)

    @property
    def tells_flows(self) -> bool:
        """Whether it is part of what a flow is told by."""
        return self.payload is None and self.varied.name in FLOW_FIELDS

    @property
    def place(self) -> tuple[tuple[int, str], int]:
        """Layer and field, and the bits of it as a mask."""
        name, low = self.varied.name, self.low
        if self.payload is not None:
            name, low = "payload", 8 * self.payload.offset
        return (self.layer_number, name), (1 << self.bits) - 1 << low

    def _find(self, packet: "Packet") -> int:
        """The number of the layer that is meant; LabError where there is none, or several kinds."""
        varied = self.varied
        layers = all_layers(packet)
        found = [
            number
            for number, layer in enumerate(layers)
            if any(field is varied.field for field in layer.fields_desc)
            and varied.layer in (None, type(layer))
        ]
        kinds = list(dict.fromkeys(type(layers[number]).__name__ for number in found))
        if len(kinds) > 1 and varied.nth is None:
            ways = " or ".join(
                f"nth={n} ({type(layers[number]).__name__})" for n, number in enumerate(found, 1)
            )
            raise LabError(
                f"vary {varied.name}: {', '.join(kinds)} of {packet.summary()} share this field, "
                f"so it does not tell which of them is meant; give layer={kinds[-1]}, or {ways}"
            )
        nth = varied.nth or 1
        if len(found) < nth:
            owner = varied.owner.__name__
            raise LabError(
                f"vary {varied.name}: the packet {packet.summary()} has {len(found)} layers "
                f"{owner}, and nth is {nth}"
            )
        return found[nth - 1]

    def set(self, packet: "Packet", wire: int) -> None:
        """Gives the field of a packet the value that is this number on the wire."""
        layer = nth_layer(packet, self.layer_number)
        if self.varied.bits is not None:
            mask = (1 << self.bits) - 1
            wire = self._whole_wire(layer) & ~(mask << self.low) | wire << self.low
        if self.is_bits:
            layer.setfieldval(self.varied.name, wire)
            return
        data = wire.to_bytes(self.whole // 8, "big")
        try:
            value = self.field.getfield(layer, data)[1]
        except Exception:  # fields of scapy raise what they like
            raise LabError(
                f"vary {self.varied.name}: it has no fixed width on the wire; vary another field"
            ) from None
        layer.setfieldval(self.varied.name, value)

    def wire(self, value: Value) -> int:
        """A value as a number on the wire."""
        if self.varied.wrap and _is_whole(value):
            value = int(value) % (1 << self.bits)
        if self.varied.bits is not None:
            if not _is_whole(value) or not 0 <= int(value) < 1 << self.bits:
                raise self._outside(value)
            return int(value)
        try:
            inner = self.field.any2i(self.layer, self._taken(value))
            if self.is_bits:
                number = int(inner)
            else:
                number = int.from_bytes(self.field.addfield(self.layer, b"", inner), "big")
        except Exception as error:  # fields of scapy raise what they like
            if isinstance(value, Integral) and not 0 <= value < 1 << self.bits:
                raise self._outside(value) from None
            if _is_fraction(value):
                raise self._no_value(value, WHOLE) from None
            no_name = "scapy knows no such name; " if isinstance(error, KeyError) else ""
            raise self._no_value(value, no_name + self._allowed + _one_by_one(value)) from None
        if not 0 <= number < 1 << self.bits:
            raise self._outside(value)
        if _is_fraction(value) and not _is_fraction(self._told(number)):
            raise self._no_value(value, WHOLE)
        return number

    def _whole_wire(self, layer: "Packet") -> int:
        """The number of all its bits in a packet."""
        value = layer.getfieldval(self.varied.name)
        if value is None:
            raise LabError(
                f"vary {self.varied.name}: the packet gives it no value, of which some bits could "
                "stay; give it one, or let all of its bits vary"
            )
        if self.is_bits:
            return int(value)
        return int.from_bytes(self.field.addfield(layer, b"", value), "big")

    def number(self, i: int) -> int:
        """Value number i as a number on the wire."""
        start, step, _, values = self.numbers
        return values[i] if values is not None else (start + i * step) % (1 << self.bits)

    @cached_property
    def numbers(self) -> tuple[int, int, int, tuple[int, ...] | None]:
        """start, step, count, values: as a progression where it is one."""
        values = self.varied.values
        count = count_of(values)
        if isinstance(values, (range, Addresses)) and count > 1:
            start, last = self.wire(values[0]), self.wire(values[-1])
            step = self.wire(values[1]) - start
            end = start + step * (count - 1)
            if (end % (1 << self.bits) if self.varied.wrap else end) == last:
                return start, step, count, None
        if count > MOST_VALUES:
            raise LabError(
                f"vary {self.varied.name}: a range of {count} values does not count up "
                f"on the wire; give at most {MOST_VALUES}"
            )
        listed = tuple(self.wire(value) for value in values)
        step = listed[1] - listed[0] if len(listed) > 1 else 0
        if all(number == listed[0] + i * step for i, number in enumerate(listed)):
            return listed[0], step, len(listed), None
        return listed[0], 0, len(listed), listed

    def _taken(self, value: Value) -> Any:
        """A value as scapy is given it; ValueError for what it would ask name servers for, draw,
        make up, or take the first of."""
        from scapy.fields import MACField

        if _one_by_one(value):
            raise ValueError
        kind = self._address
        if kind is not None:
            address = kind(int(value) if _is_whole(value) else _text(value))
            if getattr(address, "scope_id", None):
                raise ValueError
            return str(address)
        if isinstance(self.field, MACField):
            text = int(value).to_bytes(6, "big").hex(":") if _is_whole(value) else _text(value)
            if not is_mac(text):
                raise ValueError  # scapy makes up the rest
            return text
        return value

    @property
    def _address(self) -> "type[IPv4Address | IPv6Address] | None":
        """What its values are, where they are IP addresses."""
        from scapy.fields import IP6Field, IPField

        kinds = ((IPField, IPv4Address), (IP6Field, IPv6Address))
        return next((kind for field, kind in kinds if isinstance(self.field, field)), None)

    @property
    def _allowed(self) -> str:
        """What its values may be."""
        from scapy.fields import FlagsField, MACField

        if self._address is not None:
            kind, such = ("IPv4", "192.0.2.1") if self.bits == 32 else ("IPv6", "2001:db8::1")
            return f"it is an {kind} address without prefix and zone, such as {such}"
        if isinstance(self.field, MACField):
            return HOW_TO_WRITE
        flags = f", or names of {self.field.names}" if isinstance(self.field, FlagsField) else ""
        return f"it is a whole number from 0 to {(1 << self.bits) - 1}{flags}"

    def _told(self, number: int) -> Any:
        """What scapy says of a number on the wire."""
        if self.is_bits:
            return self.field.i2h(self.layer, self.field.m2i(self.layer, number))
        data = number.to_bytes(self.bits // 8, "big")
        return self.field.i2h(self.layer, self.field.getfield(self.layer, data)[1])

    def _no_value(self, value: object, why: str) -> LabError:
        return LabError(f"vary {self.varied.name}: {shown(value)} is no value of it: {why}")

    def _outside(self, value: object) -> LabError:
        return self._no_value(value, f"it is outside of 0 to {(1 << self.bits) - 1}")


def fields_of(packet: "Packet", vary: Sequence[Vary]) -> list[FieldOf]:
    """The varied fields of a packet; LabError where two are one."""
    fields = [FieldOf(packet, varied) for varied in vary]
    seen: dict[tuple[int, str], int] = {}
    for field in fields:
        place, mask = field.place
        if seen.get(place, 0) & mask and field.payload is not None:
            raise LabError(
                f"vary {field.varied.name}: another one varies some of these bytes; give each byte "
                "one of them"
            )
        both, whole = seen.get(place, 0) & mask, (1 << field.whole) - 1
        if both not in (0, whole):
            bits = both.bit_length() - 1, (both & -both).bit_length() - 1
            raise LabError(
                f"vary {place[1]}: bits {bits} of {type(field.layer).__name__}.{place[1]} vary in "
                "two ways; give each bit to one of them"
            )
        if both:
            raise LabError(
                f"vary {place[1]}: two of them are the {place[1]} of one layer, "
                f"{type(field.layer).__name__}; give one of them all values, or tell layers of one "
                "kind apart with nth= or layer="
            )
        seen[place] = seen.get(place, 0) | mask
    return fields


def with_drawn(packet: "Packet", vary: Sequence[Vary], drawn: Sequence[Vary]) -> tuple[Vary, ...]:
    """The fields that vary, and those that the packet itself lets scapy draw, but for the same."""
    named = {
        (field.layer_number, varied.name) for varied in vary for field in [FieldOf(packet, varied)]
    }
    others = (FieldOf(packet, varied) for varied in drawn)
    return (*vary, *(f.varied for f in others if (f.layer_number, f.varied.name) not in named))


def _is_fraction(value: object) -> bool:
    """Whether it is a number that is not of a whole kind; 1.0 is one."""
    return isinstance(value, Number) and not isinstance(value, Integral)


def _one_by_one(value: object) -> str:
    """What is to be said of what stands for other values each time."""
    is_volatile = value is None or hasattr(value, "_fix")  # scapy's
    return "; each value is told, and random=True draws from them" if is_volatile else ""


def _is_whole(value: object) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool)


def _text(value: object) -> str:
    """An address as text; scapy's nets of several are none."""
    if not isinstance(value, (str, bytes, IPv4Address, IPv6Address)):
        raise ValueError
    return value.decode() if isinstance(value, bytes) else str(value)
