# SPDX-License-Identifier: BSD-3-Clause
"""scapy's random values in a packet, RandShort() and its like and those of fuzz(), as fields that
vary at random."""

from collections.abc import Iterator
from ipaddress import IPv6Address
from typing import TYPE_CHECKING, Any

from labkit.errors import LabError
from labkit.packet.frame_bytes import built
from labkit.traffic.addresses import Addresses
from labkit.traffic.field_of import FieldOf
from labkit.traffic.fields import MOST_OF_RANGE, Vary, all_layers

if TYPE_CHECKING:
    from scapy.packet import Packet

# A value of the field that stays, and what is drawn: highest and lowest bit, values
Drawn = tuple[Any, list[tuple[tuple[int, int] | None, Any]]]
WIDEST = 64  # bits that are drawn at once


def drawn_fields(packet: "Packet") -> "tuple[Packet, list[Vary]]":
    """A copy of the packet with values in place of random ones, and what varies there.

    What has no fixed width stays as it is where it was given; where fuzz() made it, by which the
    values are the layer's defaults, it has scapy's default again.
    """
    made = packet.copy()
    fields, doubtful = [], []
    for layer, nth in _counted(made):
        for field in layer.fields_desc:
            value = layer.getfieldval(field.name)
            if not hasattr(value, "_fix"):
                continue
            is_given = field.name in layer.fields or hasattr(field.default, "_fix")
            drawn = _drawn(value)
            if not is_given:
                layer.default_fields[field.name] = layer.copy_field_value(field.name, field.default)
            if drawn is None:
                continue
            stays, parts = drawn
            varied = [
                Vary(field, values, True, nth, type(layer), 1, bits) for bits, values in parts
            ]
            if is_given:
                fields += varied
                layer.setfieldval(field.name, stays)
            else:
                doubtful += varied
    return made, fields + [varied for varied in doubtful if _keeps_length(made, varied)]


def _counted(packet: "Packet") -> "Iterator[tuple[Packet, int]]":
    """Each layer, and which of its class it is."""
    seen: dict[type, int] = {}
    for layer in all_layers(packet):
        seen[type(layer)] = seen.get(type(layer), 0) + 1
        yield layer, seen[type(layer)]


def _keeps_length(packet: "Packet", varied: Vary) -> bool:
    """Whether it is a field that can vary in frames of one length."""
    try:
        field = FieldOf(packet, varied)
        start, _, count, values = field.numbers
        lengths = set()
        for number in (start, field.number(count - 1), *(values or ())[:1]):
            one = packet.copy()
            for name in ("src", "dst"):  # scapy would ask the host's routes
                if name not in one.fields:
                    one.setfieldval(name, "00:00:00:00:00:00")
            field.set(one, number)
            lengths.add(len(built(one)))
    except LabError:
        return False
    return len(lengths) == 1


def _drawn(value: Any) -> Drawn | None:
    """What a random value stands for; None: it has no fixed width, or is not drawn evenly."""
    from scapy.volatile import RandChoice, RandIP, RandIP6, RandMAC, RandNum

    make = type(value)._fix
    if make is RandNum._fix:
        low, count = value.min, min(value.max + 1 - value.min, MOST_OF_RANGE)
        return (low, [(None, range(low, low + count))]) if count > 0 else None
    if make is RandChoice._fix:
        return value._choice[0], [(None, tuple(value._choice))]
    if make is RandIP._fix:
        net = value.ip
        hosts = Addresses("IPv4", int(net.start), int(net.stop - net.start) + 1, 1)
        return hosts[0], [(None, hosts)]
    if make is RandMAC._fix:
        number, parts = _pieces([_range(byte) for byte in value.mac], 8)
        return number.to_bytes(6, "big").hex(":"), parts
    if make is RandIP6._fix and (groups := _groups(value)) is not None:
        number, parts = _pieces(groups, 16)
        return str(IPv6Address(number)), parts
    return None


def _range(value: Any) -> range:
    return range(value.min, value.max + 1) if hasattr(value, "_fix") else range(value, value + 1)


def _groups(address: Any) -> list[range] | None:
    """The eight numbers of a RandIP6; None where their places differ from one to the next."""
    given: list[Any] = list(address.sp)
    rest = 8 - sum(one not in ("", "**") for one in given)
    open_ends = [one for one in given if one in ("", "**")]
    if "**" in open_ends and len(open_ends) > 1:
        return None
    groups, is_filled = [], False
    for one in given:
        if one not in ("", "**"):
            groups.append(_range(one))
        elif not is_filled:  # "::" at an end is two empty ones
            groups += [range(0x10000 if one else 1)] * rest
            is_filled = True
    return groups if len(groups) == 8 and all(groups) else None


def _pieces(groups: list[range], bits: int) -> tuple[int, list[tuple[tuple[int, int] | None, Any]]]:
    """A number of groups of `bits` bits with the first of each, and what varies of it; whole groups
    beside one another are drawn at once."""
    pieces: list[tuple[int, int, bool, range]] = []
    number, everything = 0, 1 << bits
    for n, group in enumerate(groups):
        low = bits * (len(groups) - 1 - n)
        number |= group.start << low
        if len(group) == 1:
            continue
        high = low + bits - 1
        is_whole = len(group) == everything
        last = pieces[-1] if pieces else None
        if is_whole and last and last[2] and last[1] == high + 1 and last[0] - low < WIDEST:
            pieces[-1] = (last[0], low, True, group)
        else:
            pieces.append((high, low, is_whole, group))
    parts: list[tuple[tuple[int, int] | None, Any]] = []
    for high, low, is_whole, group in pieces:
        count = min(1 << high - low + 1, MOST_OF_RANGE)
        parts.append(((high, low), range(count) if is_whole else group))
    return number, parts
