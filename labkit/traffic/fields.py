# SPDX-License-Identifier: BSD-3-Clause
"""Fields that vary from frame to frame: which of them, and their values."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from numbers import Integral
from typing import TYPE_CHECKING, Any, overload

from labkit.arguments.checked import EVERY, checked
from labkit.arguments.hints import is_many
from labkit.errors import LabError
from labkit.text import shown
from labkit.traffic.addresses import Addresses

if TYPE_CHECKING:
    from scapy.packet import Packet

MOST_VALUES = 1 << 20  # listed one by one; a range may have more
MOST_OF_RANGE = (1 << 64) - 1  # struct lk_field counts them in 64 bits
ADDRESSES = ("192.0.2.1", "2001:db8::1", "02:00:00:00:00:01")  # one of each kind

Value = int | str


@dataclass(frozen=True)
class Vary:
    """A field of a packet and the values it takes; made by lk.vary(). It can be pickled.

    Attributes
    ----------
    field: scapy's
    values: in the order in which they are used
    random: drawn at random instead
    nth: which of the layers that have the field; None: the first one
    layer: the class of layers that are meant; None: all that have the field
    hold: frames that each value stays for; more than 1 in a product alone
    bits: the highest and the lowest that vary, 0 being the last one; None: all
    wrap: values past the field's width begin again at 0
    """

    field: Any
    values: Sequence[Value]
    random: bool = False
    nth: int | None = None
    layer: Any = None
    hold: int = 1
    bits: tuple[int, int] | None = None
    wrap: bool = False

    def __mul__(self, other: "Vary | Product") -> "Product":
        """All pairs of two fields' values; this one turns fastest."""
        return Product((self,)) * other

    @property
    def name(self) -> str:
        """Such as "sport"."""
        return str(self.field.name)

    @property
    def owner(self) -> Any:
        """The class of layers that is named with the field."""
        return self.layer or layers_with(self.field)[0]

    def to_dict(self) -> dict[str, Any]:
        """JSON values: field such as "UDP.sport", values (a range as text), random, nth."""
        return (
            {
                "field": f"{self.owner.__name__}.{self.name}",
                "values": values_told(self.values),
                "random": self.random,
                "nth": self.nth or 1,
            }
            | ({"hold": self.hold} if self.hold != 1 else {})
            | ({"bits": list(self.bits)} if self.bits else {})
            | ({"wrap": True} if self.wrap else {})
        )

    def __reduce__(self) -> tuple[Any, ...]:
        # A layer knows its fields by identity, which a copy of one has not.
        others = (self.values, self.random, self.nth, self.layer, self.hold, self.bits, self.wrap)
        return _unpickled, (self.owner, self.name, *others)


def _unpickled(owner: Any, name: str, *others: Any) -> Vary:
    return Vary(next(field for field in owner.fields_desc if field.name == name), *others)


class Product(Sequence[Vary]):
    """All combinations of the values of several fields, of which the first one turns fastest.

    lk.vary(IP.src, sources) * lk.vary(UDP.sport, ports): all sources with the first port, then all
    of them with the second one. A sequence of its fields, which lk.Stream takes as `vary` or in it.
    """

    def __init__(self, fields: Iterable[Vary]) -> None:
        held, hold = [], 1
        for field in fields:
            if field.random:
                raise LabError(
                    f"vary {field.name}: random=True has no place in a product, which takes every "
                    "value in turn; leave it out there, or list the fields side by side"
                )
            held.append(replace(field, hold=hold))
            hold *= count_of(field.values)
        if hold > MOST_OF_RANGE:
            raise LabError(
                f"{' * '.join(field.name for field in held)} has {hold:,} combinations; 2**64 - 1 "
                "at most: give some of them fewer values"
            )
        self._fields = tuple(held)

    def __mul__(self, other: "Vary | Product") -> "Product":
        """All combinations with another field too."""
        if not isinstance(other, (Vary, Product)):
            raise LabError(
                f"{shown(other)} cannot be multiplied with a varying field; write "
                "lk.vary(IP.src, ...) * lk.vary(UDP.sport, ...)"
            )
        return Product((*self, *([other] if isinstance(other, Vary) else other)))

    @overload
    def __getitem__(self, at: int) -> Vary: ...
    @overload
    def __getitem__(self, at: slice) -> tuple[Vary, ...]: ...
    def __getitem__(self, at: int | slice) -> Vary | tuple[Vary, ...]:
        """Its fields, the one that turns fastest first."""
        return self._fields[at]

    def __len__(self) -> int:
        return len(self._fields)

    def __repr__(self) -> str:
        return f"<Product {' * '.join(f'{f.name} × {count_of(f.values):,}' for f in self)}>"


def layers_with(field: Any) -> list[Any]:
    """The classes of layers that have this very field: scapy hands it on to subclasses."""
    from scapy.config import conf

    def having(layers: Iterable[Any]) -> list[Any]:
        return [layer for layer in layers if any(f is field for f in layer.fields_desc)]

    # The copy that a subclass with another default has may know its first owners alone.
    return having(field.owners) or having(conf.layers)


def values_told(values: Sequence[Value]) -> str | list[Value]:
    """Values as JSON, a range as text."""
    if isinstance(values, (range, Addresses)):
        return str(values)
    return list(map(_json, values))


def _json(value: Value) -> Value:
    return int(value) if isinstance(value, Integral) else str(value)


@checked(but=EVERY)
def vary(
    field: Any,
    values: Iterable[Value],
    *,
    random: bool = False,
    nth: int | None = None,
    layer: Any = None,
    bits: Any = None,
    wrap: bool = False,
) -> Vary:
    """A field that differs from frame to frame.

    field: any of scapy's, such as UDP.sport, IP.dst, Dot1Q.vlan, IPv6.fl
    values: a range or a list of what scapy takes for it; used in turn, over and over. Several
        fields step together, each with every frame; for all pairs of two fields multiply them:
        lk.vary(IP.src, sources) * lk.vary(UDP.sport, ports), of which the first turns fastest.
        Addresses may be numbers too.
    random: drawn at random instead (with the stream's seed)
    nth: which layer of that kind, 2 for the inner IP of a tunnel; None: the outermost one
    layer: the class of the layer that is meant, such as Dot1AD. scapy's layers share fields with
        those they are derived from: Dot1AD.vlan and Dot1Q.vlan are one field, as IPerror.src and
        IP.src are. A packet with both needs layer= or nth=, which then counts all of them.

    bits: some of the field's alone, of which values are the numbers: (7, 2) the DSCP and (1, 0) the
        ECN of IP.tos (RFC 2474 3, RFC 3168 5); bit 0 is the last one. Flags have names: "S" the SYN
        of TCP.flags, "DF" of IP.flags
    wrap: numbers past the field's width begin again at 0, instead of being refused

    Checksums follow the field, unless the packet gives them: what a packet says stays as it is.
    """
    if isinstance(field, type) and hasattr(field, "fields_desc"):
        names = ", ".join(f"{field.__name__}.{f.name}" for f in field.fields_desc)
        raise LabError(f"field is {field.__name__}, a whole layer; give one of {names}")
    if not hasattr(field, "owners") or not hasattr(field, "addfield"):
        raise LabError(f"field is {shown(field)}; give a field of a scapy layer, such as UDP.sport")
    listed = listed_values(values)
    if not isinstance(random, bool):
        raise LabError(f"random is {shown(random)}; it is True or False")
    is_whole = isinstance(nth, Integral) and not isinstance(nth, bool)
    if nth is not None and not (is_whole and nth >= 1):
        raise LabError(f"nth is {shown(nth)}; 1 is the outermost layer of the field's kind")
    owners = layers_with(field)
    if layer is not None and not any(layer is owner for owner in owners):
        there = ", ".join(owner.__name__ for owner in owners)
        raise LabError(
            f"layer is {getattr(layer, '__name__', shown(layer))}; layers with this field "
            f"{field.name} are the classes {there}"
        )
    if not isinstance(wrap, bool):
        raise LabError(f"wrap is {shown(wrap)}; it is True or False")
    number = None if nth is None else int(nth)
    return Vary(field, listed, random, number, layer, 1, _bits(bits, field), wrap)


def _bits(bits: Any, field: Any) -> tuple[int, int] | None:
    """The highest and the lowest."""
    if isinstance(bits, str) and (names := getattr(getattr(field, "fld", field), "names", None)):
        return _flags(bits, list(names))
    pair = bits if isinstance(bits, tuple) else (bits, bits)
    if bits is None:
        return None
    if len(pair) != 2 or any(isinstance(b, bool) or not isinstance(b, int) for b in pair):
        raise LabError(f"bits is {shown(bits)}; it is one bit, or the highest and lowest as (7, 2)")
    if pair[0] < pair[1] or pair[1] < 0:
        raise LabError(f"bits is {shown(bits)}; the highest is first, as (7, 2), and the last is 0")
    return pair


def _flags(text: str, names: list[str]) -> tuple[int, int]:
    """The bits of flags beside one another, such as "S", "DF" or "MF+DF"."""
    wanted = [text] if text in names else text.split("+") if "+" in text else list(text)
    there = {name: bit for bit, name in enumerate(names)}
    found = sorted(there[name] for name in wanted if name in there)
    if len(found) != len(wanted) or not found:
        raise LabError(f"bits is {text!r}; the flags of this field are {', '.join(names)}")
    if found != list(range(found[0], found[-1] + 1)):
        raise LabError(
            f"bits is {text!r}, which do not stand beside one another in {', '.join(names)}; let "
            "each of them vary"
        )
    return found[-1], found[0]


def count_of(values: Sequence[Value]) -> int:
    """How many values; Python cannot tell the length of a long range."""
    if isinstance(values, Addresses):
        return values.total
    if isinstance(values, range):
        return max(0, -((values.start - values.stop) // values.step))
    return len(values)


def listed_values(values: Any) -> Sequence[Value]:
    """A range as it is, other values as a tuple."""
    is_listed = is_many(values) and not isinstance(values, (bytes, Mapping))
    is_random = hasattr(values, "_fix")  # of scapy's volatile values, each of which is endless
    if is_random or not is_listed:
        listed: Sequence[Value] = ()
    else:
        listed = values if isinstance(values, (range, Addresses)) else tuple(values)
    count = count_of(listed)
    if count == 0:
        hint = "; random=True draws from a range" if is_random else ""
        raise LabError(
            f"values is {shown(values)}; give a range or a list, such as range(1024, 2048) or "
            f'["10.0.0.1", "10.0.0.2"]{hint}'
        )
    if isinstance(listed, (range, Addresses)) and count > MOST_OF_RANGE:
        raise LabError(
            f"values is {shown(values)}, {count:,} values; a range has 2**64 - 1 at most"
        )
    if not isinstance(listed, (range, Addresses)) and count > MOST_VALUES:
        raise LabError(f"{count} values; at most {MOST_VALUES} in a list, or give a range")
    return listed


def as_fields(vary: Any) -> tuple[Vary, ...]:
    """What lk.Stream takes as `vary`, one field or several; LabError for what is none."""
    is_listed = isinstance(vary, Sequence) and not isinstance(vary, str)
    if isinstance(vary, Product):
        return tuple(vary)
    given = tuple(vary) if is_listed else (vary,)
    fields = tuple(f for one in given for f in (one if isinstance(one, Product) else (one,)))
    for field in fields:
        if not isinstance(field, Vary):
            raise LabError(f"vary is {shown(field)}; write lk.vary(UDP.sport, range(1024, 2048))")
    return fields


def plain_field(field: Any, layer: "Packet", value: Any) -> Any:
    """The field itself, out of what scapy wraps it in, as it is for this value.

    A field that is an address or plain text by its value alone, as ARP's are, is an address.
    """
    from scapy.fields import IP6Field, IPField, MACField, MultipleTypeField

    if isinstance(field, MultipleTypeField):
        wrapper, field = field, field.dflt
        with suppress(Exception):  # of a value that is none, which is told where it is used
            field = wrapper._find_fld_pkt_val(layer, value)[0]
        for kind, address in zip((IPField, IP6Field, MACField), ADDRESSES, strict=True):
            if any(isinstance(one, kind) for one, _ in wrapper.flds):
                other = wrapper._find_fld_pkt_val(layer, address)[0]
                field = other if isinstance(other, kind) else field
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
