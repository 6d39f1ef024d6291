# SPDX-License-Identifier: BSD-3-Clause
"""What a stream's packet must be: one packet, the same bytes whenever scapy builds it."""

from collections.abc import Iterator
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

from labkit.errors import LabError
from labkit.packet.mac import HOW_TO_WRITE, is_mac
from labkit.text import shown
from labkit.traffic.fields import Vary, all_layers, plain_field
from labkit.traffic.random_values import drawn_fields

if TYPE_CHECKING:
    from scapy.packet import Packet


def one_packet(packet: Any) -> "tuple[Packet, list[Vary]]":
    """A copy of the packet, its addresses told as such, and the fields that scapy would draw;
    LabError for what stands for many packets, or for other ones each time."""
    from scapy.layers.l2 import Dot3, Ether

    if not isinstance(packet, (Ether, Dot3)):
        raise LabError(
            f"packet is {shown(packet)}; a stream's packet begins with Ether() or Dot3(), such as "
            'Ether()/IP(src="10.0.0.1", dst="10.0.0.2")/UDP(sport=1, dport=2)'
        )
    packet, drawn = drawn_fields(packet)
    for name, value in _values(packet):
        if hasattr(value, "_fix"):
            raise LabError(
                f"{name} is {_command(value)}, another value in each frame that scapy builds; "
                f"leave it out of the packet, and let the field vary: "
                f"vary=lk.vary({name}, [...], random=True) draws from a range or a list"
            )
    if (meant := packet.__iterlen__()) != 1:
        raise LabError(
            f"{packet.summary()} stands for {meant} packets, and a stream has one; let the "
            'field vary instead, such as vary=lk.vary(IP.dst, ["10.0.0.1", "10.0.0.2"])'
        )
    for layer in all_layers(packet):
        _check_addresses(layer)
    one: Packet = next(iter(packet))  # with the address that a net of one, such as a name, has
    return one, drawn


def _command(value: Any) -> str:
    try:
        return str(value.command())
    except TypeError:  # of numbers in a RandChoice
        return shown(value)


def _values(packet: "Packet") -> Iterator[tuple[str, Any]]:
    """Every field's value with its name, such as "UDP.sport", those of options too."""
    for layer in all_layers(packet):
        for field in layer.fields_desc:
            name = f"{type(layer).__name__}.{field.name}"
            yield from _within(name, layer.getfieldval(field.name))


def _within(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    from scapy.packet import Packet

    if isinstance(value, Packet):
        yield from _values(value)
    elif isinstance(value, (list, tuple)):
        for one in value:
            yield from _within(name, one)
    else:
        yield name, value


def _check_addresses(layer: "Packet") -> None:
    """A text that is none goes into an address's field as it is, or what scapy makes up."""
    from scapy.fields import IP6Field, IPField, MACField

    for name, value in layer.fields.items():
        if not isinstance(value, (str, bytes)):
            continue
        text = value if isinstance(value, str) else value.decode(errors="replace")
        plain = plain_field(layer.get_field(name), layer, value)
        where = f"{type(layer).__name__}.{name} is {text!r}"
        if isinstance(plain, MACField) and not is_mac(text):
            raise LabError(f"{where}; {HOW_TO_WRITE}")
        if isinstance(plain, (IPField, IP6Field)) and not _is_address(text):
            raise LabError(f"{where}; it is an address such as 10.0.0.2 or fd00::2, and no name")


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
