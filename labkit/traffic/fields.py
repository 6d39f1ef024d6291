# SPDX-License-Identifier: BSD-3-Clause
"""Fields that vary from frame to frame: which values, and which bits of the frame they are."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from ipaddress import ip_address
from numbers import Integral
from typing import TYPE_CHECKING, Any

from labkit.errors import LabError
from labkit.packet.mac import HOW_TO_WRITE, is_mac

if TYPE_CHECKING:
    from scapy.packet import Packet

MOST_VALUES = 1 << 20  # listed one by one; a range may have more
WINDOW = 8  # bytes that a field program touches

Value = int | str


@dataclass(frozen=True)
class Vary:
    """A field of a packet and the values it takes; made by lk.vary(). It can be pickled."""

    field: Any
    values: Sequence[Value]
    random: bool = False
    nth: int = 1

    @property
    def name(self) -> str:
        """Such as "sport"."""
        return str(self.field.name)

    def to_dict(self) -> dict[str, Any]:
        """JSON values: field such as "UDP.sport", values (a range as text), random, nth."""
        values = self.values
        return {
            "field": f"{self.field.owners[0].__name__}.{self.name}",
            "values": str(values) if isinstance(values, range) else list(map(_json, values)),
            "random": self.random,
            "nth": self.nth,
        }

    def __reduce__(self) -> tuple[Any, ...]:
        # A layer knows its fields by identity, which a copy of one has not.
        return _unpickled, (self.field.owners[0], self.name, self.values, self.random, self.nth)


def _unpickled(layer: Any, name: str, *others: Any) -> Vary:
    return Vary(getattr(layer, name), *others)


def _json(value: Value) -> Value:
    return int(value) if isinstance(value, Integral) else str(value)


def vary(field: Any, values: Iterable[Value], *, random: bool = False, nth: int = 1) -> Vary:
    """A field that differs from frame to frame.

    field: any of scapy's, such as UDP.sport, IP.dst, Dot1Q.vlan, IPv6.fl
    values: a range or a list of what scapy takes for it; used in turn, over and over. Several
        fields step together, each with every frame: for all pairs of two fields, give them numbers
        of values without a common divisor, or random=True.
    random: drawn at random instead (with the stream's seed)
    nth: which layer of that kind, 2 for the inner IP of a tunnel

    Checksums follow the field, unless the packet gives them: what a packet says stays as it is.
    """
    is_listed = isinstance(values, Iterable) and not isinstance(values, str)
    listed = values if isinstance(values, range) else tuple(values) if is_listed else ()
    if not listed:
        raise LabError(
            f"values is {values!r}; give a range or a list, such as range(1024, 2048) or "
            '["10.0.0.1", "10.0.0.2"]'
        )
    if not hasattr(field, "fields_desc") and not hasattr(field, "addfield"):
        raise LabError(f"field is {field!r}; give a field of a scapy layer, such as UDP.sport")
    if not isinstance(nth, int) or nth < 1:
        raise LabError(f"nth is {nth!r}; 1 is the outermost layer of the field's kind")
    if not isinstance(listed, range) and len(listed) > MOST_VALUES:
        raise LabError(f"{len(listed)} values; at most {MOST_VALUES} in a list, or give a range")
    return Vary(field, listed, random, nth)


def as_fields(vary: Any) -> tuple[Vary, ...]:
    """What lk.Stream takes as `vary`, one field or several; LabError for what is none."""
    is_listed = isinstance(vary, Sequence) and not isinstance(vary, str)
    fields = tuple(vary) if is_listed else (vary,)
    for field in fields:
        if not isinstance(field, Vary):
            raise LabError(f"vary is {field!r}; write lk.vary(UDP.sport, range(1024, 2048))")
    return fields


@dataclass(frozen=True)
class Wire:
    """A field on the wire: bits of the frame, and the values as numbers in them.

    Attributes
    ----------
    offset, width: bytes of the frame that hold it
    shift: bits of its last byte that are not its own
    mask: its bits in these bytes as a big-endian number
    start, step, count: value i is start + i * step
    values: or these
    """

    offset: int
    width: int
    shift: int
    mask: int
    start: int
    step: int
    count: int
    values: tuple[int, ...] | None

    def value(self, i: int) -> int:
        """Value number i."""
        return self.values[i] if self.values is not None else self.start + i * self.step


class FieldOf:
    """A varied field in a packet: sets it, and knows its values as numbers."""

    def __init__(self, packet: "Packet", varied: Vary) -> None:
        self.varied = varied
        self.layer_number = self._find(packet)
        layer = nth_layer(packet, self.layer_number)
        self.field = _plain(layer.get_field(varied.name), layer, varied.values[0])
        self.layer = layer
        self.bits: int = round(self.field.sz * 8)
        self.is_bits = hasattr(self.field, "rev")  # scapy's BitField

    def _find(self, packet: "Packet") -> int:
        found = [
            number
            for number, layer in enumerate(all_layers(packet))
            if any(field is self.varied.field for field in layer.fields_desc)
        ]
        owner = self.varied.field.owners[0].__name__
        if len(found) < self.varied.nth:
            raise LabError(
                f"vary {self.varied.name}: the packet {packet.summary()} has {len(found)} layers "
                f"{owner}, and nth is {self.varied.nth}"
            )
        return found[self.varied.nth - 1]

    def set(self, packet: "Packet", wire: int) -> None:
        """Gives the field of a packet the value that is this number on the wire."""
        layer = nth_layer(packet, self.layer_number)
        if self.is_bits:
            layer.setfieldval(self.varied.name, wire)
            return
        data = wire.to_bytes(self.bits // 8, "big")
        layer.setfieldval(self.varied.name, self.field.getfield(layer, data)[1])

    def wire(self, value: Value) -> int:
        """A value as a number on the wire."""
        from scapy.fields import IP6Field, IPField, MACField

        try:
            if isinstance(self.field, (IPField, IP6Field)):
                ip_address(value)  # what is none scapy would ask name servers for
            if isinstance(self.field, MACField) and not is_mac(str(value)):
                raise ValueError(HOW_TO_WRITE)  # scapy makes up the rest
            inner = self.field.any2i(self.layer, value)
            if self.is_bits:
                number = int(inner)
            else:
                number = int.from_bytes(self.field.addfield(self.layer, b"", inner), "big")
        except Exception as error:  # fields of scapy raise what they like
            raise LabError(
                f"vary {self.varied.name}: {value!r} is no value of it: {error}"
            ) from None
        if not 0 <= number < 1 << self.bits:
            raise LabError(
                f"vary {self.varied.name}: {value!r} is outside of 0 to {(1 << self.bits) - 1}"
            )
        return number

    def number(self, i: int) -> int:
        """Value number i as a number on the wire."""
        start, step, _, values = self.numbers
        return values[i] if values is not None else start + i * step

    @cached_property
    def numbers(self) -> tuple[int, int, int, tuple[int, ...] | None]:
        """start, step, count, values: as a progression where it is one."""
        values = self.varied.values
        if isinstance(values, range) and len(values) > MOST_VALUES:
            start, last = self.wire(values[0]), self.wire(values[-1])
            step = self.wire(values[1]) - start
            if start + step * (len(values) - 1) != last:
                raise LabError(
                    f"vary {self.varied.name}: a range of {len(values)} values does not count up "
                    f"on the wire; give at most {MOST_VALUES}"
                )
            return start, step, len(values), None
        listed = tuple(self.wire(value) for value in values)
        step = listed[1] - listed[0] if len(listed) > 1 else 0
        if all(number == listed[0] + i * step for i, number in enumerate(listed)):
            return listed[0], step, len(listed), None
        return listed[0], 0, len(listed), listed


def _plain(field: Any, layer: "Packet", value: Value) -> Any:
    """The field itself, out of what scapy wraps it in."""
    from scapy.fields import MultipleTypeField

    if isinstance(field, MultipleTypeField):
        field = field._find_fld_pkt_val(layer, value)[0]
    return getattr(field, "fld", field)


def all_layers(packet: "Packet") -> "list[Packet]":
    """The layers of a packet, the outermost first."""
    found = []
    layer = packet
    while layer:
        found.append(layer)
        layer = layer.payload
    return found


def nth_layer(packet: "Packet", number: int) -> "Packet":
    """Layer `number` of a packet, counted from 0."""
    return all_layers(packet)[number]


def bits_between(a: bytes, b: bytes) -> tuple[int, int, int, int] | None:
    """offset, width, shift and mask of the bits in which two frames differ, from the first to the
    last; None when they are equal."""
    differ = int.from_bytes(a, "big") ^ int.from_bytes(b, "big")
    if differ == 0:
        return None
    low = (differ & -differ).bit_length() - 1
    last = len(a) - 1 - low // 8
    first = len(a) - 1 - (differ.bit_length() - 1) // 8
    return first, last - first + 1, low % 8, differ >> (low // 8 * 8)
