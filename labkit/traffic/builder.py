# SPDX-License-Identifier: BSD-3-Clause
"""Frames of a stream as scapy builds them."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from labkit.errors import LabError
from labkit.packet.frame_bytes import built
from labkit.packet.signature import MAGIC, SIGNATURE_LENGTH
from labkit.traffic.field_of import FieldOf
from labkit.traffic.fields import all_layers
from labkit.traffic.payload import Payload
from labkit.traffic.sizes import FCS

if TYPE_CHECKING:
    from scapy.packet import Packet

CHECKSUM_NAMES = ("chksum", "cksum")


class Builder:
    """Builds frames of a stream with scapy, all of them of one copy of the packet.

    Attributes
    ----------
    packet: with its MAC addresses
    headers: its length
    free: number of the layer and name of each checksum that scapy computes
    crcs: those of them that are SCTP's
    own: bytes of payload that the packet brings
    """

    def __init__(self, packet: "Packet", signature: bool, fill: Payload) -> None:
        self.packet = packet
        self.fill = fill
        self.signature = signature
        self.headers = len(packet)
        self._made = packet.copy()
        self._layers = all_layers(self._made)
        self._given = [
            (dict(layer.fields), layer.raw_packet_cache, layer.raw_packet_cache_fields)
            for layer in self._layers
        ]
        self.own = own_payload(packet)
        self._end = self._layers[-1].payload
        self.free = [
            (number, name)
            for number, layer in enumerate(self._layers)
            for name in CHECKSUM_NAMES
            if name in layer.default_fields and layer.getfieldval(name) is None
        ]
        self.crcs = [place for place in self.free if self._layers[place[0]].name == "SCTP"]

    def payload(
        self,
        size: int,
        signature: bytes = bytes(14),
        values: "Sequence[tuple[FieldOf, int]]" = (),
    ) -> bytes:
        """What follows the packet in a frame of this size, with the `values` that are in it;
        `signature` stands behind its magic."""
        payload = self.fill.first(size - FCS - self.headers)
        if self.signature:
            payload = payload[:-SIGNATURE_LENGTH] + MAGIC + signature
        return _patched(payload, self.own, values)

    def build(
        self,
        size: int,
        values: "list[tuple[FieldOf, int]]",
        signature: bytes = bytes(14),
        *,
        checksums: int | None = None,
        held: tuple[tuple[int, str], ...] | None = None,
        crc: int | None = None,
        payload: bytes | None = None,
    ) -> bytes:
        """A frame without FCS.

        checksums: in place of right ones, or in those of them that are `held`
        crc: in place of SCTP's
        payload: another one
        """
        try:
            for field, wire in values:
                if field.payload is None:
                    field.set(self._made, wire)
            if self.own:
                load = _patched(self._layers[-1].load, 0, values)
                self._layers[-1].setfieldval("load", load)
            if checksums is not None:
                for number, name in self.free if held is None else held:
                    self._layers[number].setfieldval(name, checksums)
            for number, name in self.crcs if crc is not None else ():
                self._layers[number].setfieldval(name, crc)
            payload = self.payload(size, signature, values) if payload is None else payload
            if payload:
                self._layers[-1].add_payload(payload)
            for layer in self._layers:
                layer.explicit = 1  # it is one packet, which scapy need not look for in a copy
            frame = built(self._made)
        finally:
            for layer, given in zip(self._layers, self._given, strict=True):
                layer.fields = dict(given[0])
                layer.raw_packet_cache, layer.raw_packet_cache_fields = given[1:]
            self._layers[-1].payload = self._end
        if len(frame) != size - FCS:
            raise LabError(
                f"{self.packet.summary()} has {len(frame)} bytes instead of {size - FCS}: one of "
                "its fields changes the length of the frame; vary another one"
            )
        return frame


def own_payload(packet: "Packet") -> int:
    """Bytes of the Raw that a packet ends in."""
    last = packet.lastlayer()
    return len(last.load) if last.name == "Raw" else 0


def _patched(data: bytes, start: int, values: "Sequence[tuple[FieldOf, int]]") -> bytes:
    """The bytes of the payload from `start` on, with values of those that vary there."""
    patched = bytearray(data)
    for field, wire in values:
        if field.payload is not None:
            field.payload.put(patched, start, wire)
    return bytes(patched)
