# SPDX-License-Identifier: BSD-3-Clause

# scapy.contrib.description = Generic UDP Encapsulation (GUE)
# scapy.contrib.status = loads

"""GUE as a scapy layer: draft-ietf-intarea-gue-09, with the private flags of its extensions.

UDP(dport=6080) / GUE() / IP() / ...                    variant 0
UDP(dport=6080) / GUE() / GRE(proto=0x6558) / Ether()   Ethernet in GRE
UDP(dport=6080) / GUE() / EtherIP() / Ether()           Ethernet in EtherIP
UDP(dport=6080) / IP() / ...                            variant 1: no header
"""

from typing import Any, ClassVar

from scapy.contrib.etherip import EtherIP
from scapy.fields import (
    BitField,
    BitFieldLenField,
    ByteEnumField,
    ConditionalField,
    StrLenField,
    XIntField,
    XShortField,
)
from scapy.layers.inet import IP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import GRE
from scapy.packet import Packet, Raw, bind_bottom_up, bind_layers

UDP_PORT = 6080
PRIVATE_FLAGS = 0x0001
NO_NEXT_HEADER = 59
PROTOCOLS = {4: "IPv4", 41: "IPv6", 47: "GRE", NO_NEXT_HEADER: "no next header", 97: "EtherIP"}
PAYLOADS: dict[int, type[Packet]] = {4: IP, 41: IPv6, 47: GRE, 97: EtherIP}


def _words(packet: Packet, data: int) -> int:
    """Words behind the first one: private flags and what follows them."""
    return (data + (4 if packet.flags & PRIVATE_FLAGS else 0)) // 4


class GUE(Packet):  # type: ignore[misc]
    """The header of variant 0: draft-ietf-intarea-gue-09 3.1.

    hlen counts words of 4 bytes behind the first one and is computed when it is None; `data` are
    extension fields and private data, a multiple of 4 bytes. proto is an IP protocol number, or the
    type of a control message when `control` is set.
    """

    name = "GUE"
    fields_desc: ClassVar[list[Any]] = [
        BitField("variant", 0, 2),
        BitField("control", 0, 1),
        BitFieldLenField("hlen", None, 5, length_of="data", adjust=_words),
        ByteEnumField("proto", None, PROTOCOLS),
        XShortField("flags", 0),
        ConditionalField(
            XIntField("private_flags", 0), lambda packet: bool(packet.flags & PRIVATE_FLAGS)
        ),
        StrLenField("data", b"", length_from=lambda packet: packet._data_length()),
    ]

    def _data_length(self) -> int:
        private = 4 if self.flags & PRIVATE_FLAGS else 0
        return max((self.hlen or 0) * 4 - private, 0)

    def post_build(self, header: bytes, payload: bytes) -> bytes:
        """Fills in the protocol of the payload."""
        if self.proto is None:
            numbers = {kind: number for number, kind in PAYLOADS.items()}
            number = numbers.get(type(self.payload), NO_NEXT_HEADER)
            header = header[:1] + bytes([number]) + header[2:]
        return header + payload

    def guess_payload_class(self, payload: bytes) -> type[Packet]:
        """By the protocol; a control message's payload is Raw."""
        known: dict[int, type[Packet]] = {} if self.control else PAYLOADS
        kind: type[Packet] = known.get(self.proto, Raw)
        return kind

    @classmethod
    def dispatch_hook(cls, raw: bytes | None = None, *_: Any, **__: Any) -> type[Packet]:
        """Variant 1 has no header: the first bits are those of an IP version."""
        versions: dict[int, type[Packet]] = {4: IP, 6: IPv6}
        return versions.get(raw[0] >> 4, cls) if raw else cls


bind_bottom_up(UDP, GUE, dport=UDP_PORT)
bind_layers(UDP, GUE, dport=UDP_PORT)
