# SPDX-License-Identifier: BSD-3-Clause
"""Where a stream's frames go when its packet does not say."""

import ipaddress
from typing import Any

from labkit.errors import LabError
from labkit.lab.neighbours import resolve
from labkit.lab.port import Port
from labkit.packet.host_address import why_no_host
from labkit.path.address_types import MOST_ADDRESSES
from labkit.traffic.field_of import FieldOf
from labkit.traffic.fields import all_layers, count_of
from labkit.traffic.replay import Replay
from labkit.traffic.stream import Stream


def destination_mac(port: Port, stream: Stream | Replay) -> str | None:
    """The MAC that frames go to: the other end of a cable, or who answers for the IP destination.

    None where the packet says it itself. Raises Unreachable when nobody answers, PortError for a
    port that was closed.
    """
    port.check_open()
    if not isinstance(stream, Stream) or "dst" in stream.packet.fields:
        return None
    peer = port.declaration.peer
    # Behind the cable of a tunnel port there is no host, but the way into the tunnel.
    lab = port.lab
    if peer is not None and peer not in lab.tunnels.far_ends:
        return str(lab.ports[peer].mac)
    if peer is None and port.declaration.device.kind == "ring":
        return port.mac
    source, destination = _addresses(stream)
    if destination is None:
        raise LabError(f"{stream!r}: nobody can be asked for its MAC; give it: Ether(dst=...)")
    return resolve(port, destination, source=source)


def source_addresses(streams: list[Stream | Replay]) -> list[str]:
    """IP sources of the streams, for which the port answers ARP, neighbour discovery and ping: the
    first 16 of each IP version."""
    found = [a for stream in streams if isinstance(stream, Stream) for a in _sources(stream)]
    kept: list[str] = []
    for is_v6 in (False, True):
        of_version = [
            a
            for a in dict.fromkeys(found)
            if (":" in a) == is_v6 and not why_no_host(ipaddress.ip_address(a))
        ]
        kept += of_version[:MOST_ADDRESSES]
    return kept


def _sources(stream: Stream) -> list[str]:
    """The values of a varied source, as many as a responder takes; else the packet's one."""
    header = _outermost_ip(stream)
    if header is None:
        return []
    for varied in stream.vary:
        field = FieldOf(stream.packet, varied)
        if field.layer is header and varied.name == "src":
            kind = ipaddress.IPv4Address if header.version == 4 else ipaddress.IPv6Address
            count = min(count_of(varied.values), MOST_ADDRESSES)
            return [str(kind(field.number(i))) for i in range(count)]
    return [header.src]


def _addresses(stream: Stream) -> tuple[str | None, str | None]:
    """Source and destination of the outermost IP header."""
    header = _outermost_ip(stream)
    return (None, None) if header is None else (header.src, header.dst)


def _outermost_ip(stream: Stream) -> Any:
    from scapy.layers.inet import IP
    from scapy.layers.inet6 import IPv6

    layers = all_layers(stream.packet)
    return next((layer for layer in layers if isinstance(layer, (IP, IPv6))), None)
