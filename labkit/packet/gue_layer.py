# SPDX-License-Identifier: BSD-3-Clause
"""Generic UDP Encapsulation as a scapy layer: draft-ietf-intarea-gue-09.

    Ether() / IP() / UDP(sport=50000) / GUE() / IP() / UDP()      variant 0
    Ether() / IP() / UDP(sport=50000, dport=6080) / IP() / UDP()  variant 1: no GUE header

Optional fields are those of draft-ietf-intarea-gue-extensions-06; its flags N and A count as
reserved. The word of private flags is as in Linux (include/net/gue.h). In variant 1 the first bits
of the payload are an IP version.
"""

from typing import Any

from scapy.contrib.etherip import EtherIP
from scapy.fields import (
    BitEnumField,
    BitField,
    ByteEnumField,
    ByteField,
    ConditionalField,
    FlagsField,
    ShortField,
    StrLenField,
    XIntField,
    XLongField,
    XStrLenField,
)
from scapy.layers.inet import IP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import GRE
from scapy.packet import Packet, Raw, bind_layers, bind_top_down

from labkit.errors import TunnelError

GUE_PORT = 6080
MOST_FIELDS = 124  # bytes of optional fields and private data: 31 words
PROTOCOLS = {4: "IPv4", 41: "IPv6", 47: "GRE", 59: "no next header", 97: "EtherIP"}
VARIANT_1 = {4: (IP, 20), 6: (IPv6, 40)}  # by IP version: the layer and its least bytes
SECURITY_BYTES = {0: 0, 1: 8, 2: 16, 3: 32}  # of the SEC field; higher values are reserved
FIELD_BYTES = {  # which flag brings how many bytes, in their order on the wire
    "group_present": 4,
    "fragment_present": 8,
    "transform_present": 4,
    "remcsum_present": 4,
    "chksum_present": 4,
    "private_present": 4,
}
REMCSUM = 1 << 31  # the one private flag that Linux knows


def _fields_size(gue: "GUE") -> int:
    """Bytes of the fields that the flags announce; -1 when nobody knows."""
    if gue.security not in SECURITY_BYTES or gue.reserved:
        return -1
    size: int = SECURITY_BYTES[gue.security]
    return size + sum(length for flag, length in FIELD_BYTES.items() if getattr(gue, flag))


def _fields_fit(gue: "GUE") -> bool:
    """Whether the fields that the flags announce are within the header.

    Otherwise the header is malformed, and what is in it is private data.
    """
    size = _fields_size(gue)
    return size >= 0 and (gue.hlen is None or size <= gue.hlen * 4)


def _is_there(flag: str) -> Any:
    return lambda gue: getattr(gue, flag) and _fields_fit(gue)


def _private_size(gue: "GUE") -> int:
    """Bytes between the optional fields and the payload."""
    words: int = gue.hlen
    return words * 4 - (_fields_size(gue) if _fields_fit(gue) else 0)


class GUE(Packet):  # type: ignore[misc]
    """GUE, variant 0. hlen is computed when it is None; private data is padded to words.

    Fields
    ------
    variant: 0; 2 and 3 are not defined, 1 has no header
    control: 1: a control message, ctype instead of proto
    hlen: words of 4 bytes behind the first
    proto: IP protocol number of the payload
    group_present to private_present: the flags; each brings the field of that name
    remcsum_start, remcsum_offset: where the checksum covers from, and where it stands
    private_flags, private: flags of two ends that know each other; their fields, and other data
    """

    name = "GUE"
    fields_desc = [  # noqa: RUF012 (scapy's way)
        BitField("variant", 0, 2),
        BitField("control", 0, 1),
        BitField("hlen", None, 5),
        ConditionalField(ByteEnumField("proto", 59, PROTOCOLS), lambda gue: not gue.control),
        ConditionalField(ByteField("ctype", 0), lambda gue: gue.control),
        BitField("group_present", 0, 1),
        BitEnumField("security", 0, 3, {0: "none", 1: "64 bits", 2: "128 bits", 3: "256 bits"}),
        BitField("fragment_present", 0, 1),
        BitField("transform_present", 0, 1),
        BitField("remcsum_present", 0, 1),
        BitField("chksum_present", 0, 1),
        BitField("reserved", 0, 7),
        BitField("private_present", 0, 1),
        ConditionalField(XIntField("group", 0), _is_there("group_present")),
        ConditionalField(
            XStrLenField("cookie", b"", length_from=lambda gue: SECURITY_BYTES[gue.security]),
            _is_there("security"),
        ),
        ConditionalField(XLongField("fragmentation", 0), _is_there("fragment_present")),
        ConditionalField(XIntField("transform", 0), _is_there("transform_present")),
        ConditionalField(ShortField("remcsum_start", 0), _is_there("remcsum_present")),
        ConditionalField(ShortField("remcsum_offset", 0), _is_there("remcsum_present")),
        ConditionalField(XIntField("chksum", 0), _is_there("chksum_present")),
        ConditionalField(
            FlagsField("private_flags", 0, 32, {REMCSUM: "REMCSUM"}),
            _is_there("private_present"),
        ),
        StrLenField("private", b"", length_from=_private_size),
    ]

    @classmethod
    def dispatch_hook(cls, _pkt: bytes | None = None, *_: Any, **__: Any) -> Any:
        """The layer of received bytes: this one, IP of variant 1, or Raw for what is neither."""
        if _pkt is None:
            return GUE
        first = _pkt[0] if _pkt else 0
        if first >> 6 == 1:
            layer, least = VARIANT_1.get(first >> 4, (Raw, 0))
            return layer if len(_pkt) >= least else Raw
        return GUE if len(_pkt) >= 4 + (first & 31) * 4 else Raw

    def post_build(self, header: bytes, payload: bytes) -> bytes:
        """Pads private data, and computes hlen."""
        if self.hlen is None:
            self._check_cookie()
            header += bytes(-len(header) % 4)
            size = len(header) - 4
            if size > MOST_FIELDS:
                raise TunnelError(
                    f"GUE: optional fields and private data have {size} bytes; the header holds "
                    f"at most {MOST_FIELDS} (draft-ietf-intarea-gue-09 3.1)"
                )
            header = bytes([header[0] & 0xE0 | size // 4]) + header[1:]
        return header + payload

    def _check_cookie(self) -> None:
        expected = SECURITY_BYTES.get(self.security)
        if expected is not None and len(self.cookie or b"") != expected:
            raise TunnelError(
                f"GUE: cookie has {len(self.cookie or b'')} bytes, security={self.security} "
                f"announces {expected}; sizes by security: {SECURITY_BYTES}"
            )

    def answers(self, other: Packet) -> int:
        """Whether what is carried answers what another one carries."""
        return int(isinstance(other, GUE) and self.payload.answers(other.payload))

    def mysummary(self) -> str:
        """One line."""
        return str(self.sprintf("GUE control %ctype%" if self.control else "GUE %proto%"))


for protocol, layer in ((4, IP), (41, IPv6), (47, GRE), (97, EtherIP)):
    bind_layers(GUE, layer, variant=0, control=0, proto=protocol)
# The destination port says what it is, also when the source port is that of another protocol; that
# one, bound before, would otherwise be asked first.
UDP.payload_guess.insert(0, ({"dport": GUE_PORT}, GUE))
bind_top_down(UDP, GUE, dport=GUE_PORT)
