# SPDX-License-Identifier: BSD-3-Clause
"""The format of every kind of layer: a text as reader.py tells, or a function."""

from collections.abc import Callable
from typing import NamedTuple

from labkit.packet.fields import application, icmp, icmpv6, ip, link, transport, tunnel
from labkit.packet.fields.reader import Pair, Parts, Reader


class Placed(NamedTuple):
    """A field with its place.

    Attributes
    ----------
    name, value: as they are shown
    bit, bits: where it is in its layer, from bit 0, the highest one of the first byte; bits is 0
        where it has no bytes of its own
    """

    name: str
    value: str
    bit: int
    bits: int


Format = str | Callable[[Reader], Parts]

FORMATS: dict[str, Format] = {  # of the kinds in native/packet/layers.h
    "data": "",
    "padding": "",
    "trailer": "",
    "fcs": "fcs:32:digits",
    "eth": link.ETHERNET,
    "dot3": link.DOT3,
    "llc": link.llc,
    "snap": link.SNAP,
    "sll": link.sll,
    "sll2": link.sll2,
    "loop": link.loop,
    "vlan": link.VLAN,
    "itag": link.ITAG,
    "mpls": link.MPLS,
    "pw": link.PW,
    "pppoed": link.PPPOE,
    "pppoe": link.PPPOE,
    "ppp": link.ppp,
    "nsh": link.nsh,
    "arp": link.arp,
    "ip": ip.ip,
    "ipv6": ip.IPV6,
    "hop_by_hop": ip.options,
    "routing": ip.routing,
    "fragment": ip.FRAGMENT,
    "destination": ip.options,
    "ah": ip.ah,
    "mobility": ip.mobility,
    "hip": ip.hip,
    "shim6": ip.shim6,
    "esp": "spi:32:hex seq:32",
    "icmp": icmp.icmp,
    "icmpv6": icmpv6.icmpv6,
    "igmp": icmp.igmp,
    "tcp": transport.tcp,
    "udp": transport.UDP,
    "udplite": transport.UDPLITE,
    "sctp": transport.SCTP,
    "gre": tunnel.gre,
    "erspan": tunnel.erspan,
    "etherip": "version:4 ?reserved:12:hex",
    "vxlan": tunnel.vxlan,
    "vxlan_gpe": tunnel.vxlan_gpe,
    "geneve": tunnel.geneve,
    "gue": tunnel.gue,
    "gtp": tunnel.gtp,
    "teredo": tunnel.teredo,
    "l2tp": tunnel.l2tp,
    "l2tpv3": "session_id:32:hex",
    # Data that the layer before it tells of
    "stp": link.STP,
    "pppoe_tags": link.pppoe_tags,
    "sctp_chunks": transport.sctp_chunks,
    "dns": application.dns,
    "dhcp": application.dhcp,
    "dhcpv6": application.dhcpv6,
    "ntp": application.NTP,
}


def fields_of(kind: str, data: bytes) -> tuple[Pair, ...]:
    """(name, value) of a layer's fields that are in its bytes."""
    return tuple(_parts(kind, Reader(data)))


def placed_fields(kind: str, data: bytes) -> tuple[Placed, ...]:
    """The same fields, each with its place."""
    reader, before = Reader(data), 0
    found = []
    for pair in _parts(kind, reader):
        begin = reader.first_bit(pair, before)
        found.append(Placed(*pair, begin, reader.bit - begin))
        before = reader.bit
    return tuple(found)


def _parts(kind: str, reader: Reader) -> Parts:
    layout = FORMATS[kind]
    return reader.read(layout) if isinstance(layout, str) else layout(reader)
