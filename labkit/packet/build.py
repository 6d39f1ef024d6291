# SPDX-License-Identifier: BSD-3-Clause
"""scapy packets into bytes, and what is no frame."""

from collections.abc import Iterator
from typing import Any

from scapy.base_classes import Gen
from scapy.config import conf
from scapy.fields import FlagValue
from scapy.packet import NoPayload, Packet
from scapy.volatile import VolatileValue

from labkit.errors import PortError
from labkit.packet.frame_bytes import built, frame_bytes

# Values that stand for themselves. Others, such as a net, may stand for many packets.
PLAIN = (type(None), int, str, bytes, float, FlagValue)


def packet_bytes(packet: Packet) -> bytes:
    """bytes(packet), in a third of the time for a packet whose fields have one value each.

    PortError for one that scapy cannot build.

    Before scapy builds a packet it copies it, to have a packet of each value that its fields range
    over. One that says it is explicit is not copied.
    """
    if packet.raw_packet_cache is not None or not is_single(packet):
        return built(packet, PortError)  # dissected, its bytes are kept; or many
    layers = list(_layers(packet))
    before = [layer.explicit for layer in layers]
    try:
        for layer in layers:
            layer.explicit = 1
        return built(packet, PortError)
    finally:
        for layer, was in zip(layers, before, strict=True):
            layer.explicit = was


def is_single(packet: Packet) -> bool:
    """Whether a packet stands for itself alone, and not for those that its fields range over."""
    return all(map(_is_plain, _layers(packet)))


def _layers(packet: Packet) -> Iterator[Packet]:
    while not isinstance(packet, NoPayload):
        yield packet
        packet = packet.payload


def _is_plain(layer: Packet) -> bool:
    for name, value in layer.fields.items():
        is_many = isinstance(value, (Gen, VolatileValue))
        if is_many or not (isinstance(value, PLAIN) or layer.get_field(name).islist):
            return False
    defaults = (*layer.default_fields.values(), *layer.overloaded_fields.values())
    return not any(isinstance(value, VolatileValue) for value in defaults)


def whole_frame(frame: Any) -> bytes:
    """A whole frame: bytes as they are, a packet that begins with a layer of frames built."""
    if not isinstance(frame, Packet):
        return frame_bytes(frame, PortError)
    name = network_layer(frame)
    if name is not None:
        raise PortError(
            f"the packet begins with {name}, and a frame is sent whole: put an Ether in front of "
            "it, or send it on port.socket(layer=3), which finds the MAC address itself"
        )
    return packet_bytes(frame)


def network_layer(packet: Any) -> str | None:
    """The name of a packet's first layer when that has its place inside an Ethernet frame: "IP"."""
    return packet.name if type(packet) in conf.l3types.layer2num else None
