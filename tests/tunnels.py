# SPDX-License-Identifier: BSD-3-Clause
"""Tunnels of every kind, frames to put into them, and outer frames changed at one place."""

from typing import Any

from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import ICMPv6EchoRequest, IPv6, IPv6ExtHdrDestOpt
from scapy.layers.l2 import ARP, Dot1Q, Ether
from scapy.packet import Packet, Raw

import labkit as lk
from labkit.packet import codec

MACS = {"local_mac": "02:00:00:00:00:0a", "remote_mac": "02:00:00:00:00:0b"}
V4 = {"local": "192.0.2.1", "remote": "192.0.2.2", **MACS}
V6 = {"local": "2001:db8::1", "remote": "2001:db8::2", **MACS}
OUTER: dict[int, dict[str, Any]] = {4: V4, 6: V6}

OPTION = lk.GeneveOption(0x0102, 0x01, b"\x01\x02\x03\x04")
CRITICAL = lk.GeneveOption(0x0102, 0x02, b"", critical=True)


def tunnels(version: int) -> dict[str, lk.Tunnel]:
    """Every protocol and payload, with IPv4 or IPv6 outside."""
    outer = OUTER[version]
    return {
        "vxlan": lk.Vxlan(vni=42, **outer),
        "geneve": lk.Geneve(vni=42, **outer),
        "geneve_options": lk.Geneve(vni=42, options=(OPTION, CRITICAL), **outer),
        "geneve_ip": lk.Geneve(vni=42, payload="ip", **outer),
        "gue": lk.Gue(**outer),
        "gue_variant_1": lk.Gue(variant=1, **outer),
        "gue_gre": lk.Gue(payload="gre", **outer),
        "gue_etherip": lk.Gue(payload="etherip", **outer),
    }


TUNNELS = {
    f"{name}_v{version}": tunnel for version in (4, 6) for name, tunnel in tunnels(version).items()
}

LINK = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
DATA = UDP(sport=1024, dport=9000) / Raw(b"what is carried")
INNER: dict[str, Packet] = {
    "udp_v4": LINK / IP(src="10.0.0.1", dst="10.0.0.2") / DATA,
    "udp_v6": LINK / IPv6(src="fd00::1", dst="fd00::2") / DATA,
    "tcp_v4": LINK / IP(src="10.0.0.1", dst="10.0.0.2") / TCP(sport=5, dport=6) / Raw(b"odd"),
    "icmp": LINK / IP(src="10.0.0.1", dst="10.0.0.2") / ICMP() / Raw(b"ping"),
    "icmpv6": LINK / IPv6(src="fd00::1", dst="fd00::2") / ICMPv6EchoRequest(data=b"ping"),
    "arp": LINK / ARP(psrc="10.0.0.1", pdst="10.0.0.2"),
    "vlan": LINK / Dot1Q(vlan=7) / IP(src="10.0.0.1", dst="10.0.0.2") / DATA,
    "extensions": LINK / IPv6(src="fd00::1", dst="fd00::2") / IPv6ExtHdrDestOpt() / DATA,
    "empty": LINK / Raw(b""),
    "no_ip": Ether(src=LINK.src, dst=LINK.dst, type=0x88B5) / Raw(b"local experiment"),
    "jumbo": LINK / IP(src="10.0.0.1", dst="10.0.0.2") / UDP(sport=1, dport=2) / Raw(bytes(8800)),
}


FRAMES = {name: bytes(packet) for name, packet in INNER.items()}
FRAMES["nested"] = lk.Vxlan(vni=1, **V6).encap(FRAMES["udp_v4"])
NO_IP = ("arp", "vlan", "no_ip", "empty")  # do not go into a tunnel that carries IP


def carried(tunnel: lk.Tunnel) -> dict[str, bytes]:
    """The frames that go into this tunnel; one of them is a tunnel itself."""
    if tunnel.carries_ethernet:
        return FRAMES
    return {name: frame for name, frame in FRAMES.items() if name not in NO_IP}


def ip_at(frame: bytes) -> int:
    """Where the outer IP header stands."""
    at = 14
    while frame[at - 2 : at] in (b"\x81\x00", b"\x88\xa8"):
        at += 4
    return at


def is_ipv4(frame: bytes) -> bool:
    return frame[ip_at(frame) - 2 : ip_at(frame)] == b"\x08\x00"


def udp_at(frame: bytes) -> int:
    """Where the outer UDP header stands, without extension headers."""
    return ip_at(frame) + ((frame[ip_at(frame)] & 15) * 4 if is_ipv4(frame) else 40)


def put(frame: bytes, at: int, what: bytes) -> bytes:
    """The frame with other bytes in one place."""
    return frame[:at] + what + frame[at + len(what) :]


def with_checksums(frame: bytes, *, udp: bool = True) -> bytes:
    """The frame with a right IPv4 header checksum and, unless it is 0, a right UDP checksum."""
    ip, at = ip_at(frame), udp_at(frame)
    if is_ipv4(frame):
        header = put(frame, ip + 10, b"\0\0")[ip:at]
        frame = put(frame, ip + 10, codec.checksum(header).to_bytes(2, "big"))
    if udp and frame[at + 6 : at + 8] != b"\0\0":
        addresses = frame[ip + 12 : ip + 20] if is_ipv4(frame) else frame[ip + 8 : ip + 40]
        end = at + int.from_bytes(frame[at + 4 : at + 6], "big")
        pseudo = addresses + b"\0\x11" + frame[at + 4 : at + 6]
        datagram = put(frame, at + 6, b"\0\0")[at:end]
        value = codec.checksum(pseudo + datagram) or 0xFFFF
        frame = put(frame, at + 6, value.to_bytes(2, "big"))
    return frame


def with_lengths(frame: bytes) -> bytes:
    """The frame with outer lengths up to its end, and checksums to match."""
    ip, at = ip_at(frame), udp_at(frame)
    frame = put(frame, at + 4, (len(frame) - at).to_bytes(2, "big"))
    total = len(frame) - ip
    if is_ipv4(frame):
        return with_checksums(put(frame, ip + 2, total.to_bytes(2, "big")))
    return with_checksums(put(frame, ip + 4, (total - 40).to_bytes(2, "big")))
