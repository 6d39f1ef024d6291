# SPDX-License-Identifier: BSD-3-Clause
"""A port as a scapy socket of layer 3: IP packets go in and come out, as through a host's stack."""

import ipaddress
import time
from typing import Any

from scapy.layers.inet import IP
from scapy.layers.inet6 import IPv6
from scapy.packet import Packet
from scapy.plist import PacketList, SndRcvList

from labkit.errors import PortError
from labkit.lab.address_questions import Neighbour, ask, check_source, parse_source
from labkit.lab.socket import PortSocket, check_packets
from labkit.packet import codec
from labkit.packet.build import is_single, packet_bytes
from labkit.packet.filter import Filter

ETHERNET = 14
LAYERS = {b"\x08\x00": IP, b"\x86\xdd": IPv6}
RESPONDERS = {b"\x08\x06": "arp_responder", b"\x86\xdd": "nd_responder"}
FORGET_SECONDS = 60.0  # after which a neighbour is asked again


class IpSocket(PortSocket):
    """Sends and hears IP packets. It asks for MAC addresses itself (ARP, neighbour discovery), and
    answers for the address that it sends from.

    All addresses are on the port's link: there are no routes. Frames that carry no IP, or are for
    another MAC address, are passed over. The descriptor is readable for those too: ask has_frame.
    A filter is about whole frames, and leaves questions for the own addresses to be answered.

    Attributes
    ----------
    source: address of packets that name none; None: the lowest other host of the target's /24
        or /64
    """

    desc = "IP packets of a labkit port"
    answers = True  # for the addresses that it sends from

    def __init__(
        self,
        port: Neighbour,
        source: str | None = None,
        filter: Filter | None = None,
    ) -> None:
        self._packet: tuple[bytes, float] | None = None
        super().__init__(port.frames, filter)
        self.source = None if source is None else str(parse_source(source))
        self._port = port
        self._own: set[str] = set()
        self._macs: dict[str, tuple[str, float]] = {}

    @property
    def has_frame(self) -> bool:
        """Whether recv() returns at once."""
        if self._packet is None:
            self._packet = self._next()
        return self._packet is not None

    def send(self, x: Packet | bytes) -> int:
        """Sends one IP packet; returns its length in bytes. Raises Unreachable when nobody answers
        for its destination."""
        if self.closed:
            raise self._is_closed()
        frame = self._frame(x)
        self._frames.send_one(frame)
        return len(frame) - ETHERNET

    def sr(self, x: Any, *args: Any, **kargs: Any) -> tuple[SndRcvList, PacketList]:
        """See PortSocket.sr()."""
        packets = check_packets(x)
        return super().sr([self._from_us(p) for many in packets for p in many], *args, **kargs)

    def sr1(self, x: Packet, **kargs: Any) -> Packet | None:
        """See PortSocket.sr1()."""
        return super().sr1(
            self._from_us(x) if isinstance(x, Packet) and is_single(x) else x, **kargs
        )

    def _next(self) -> tuple[bytes, float] | None:
        found, self._packet = self._packet, None
        while found is None and (frame := self._reader.read()) is not None:
            if self._is_for_us(frame[0]) and self._takes(frame[0]):
                found = frame
        return found

    def _takes(self, frame: bytes) -> bool:
        return all(each.matches(frame) for each in tuple(self._filters))

    def _set_filter(self, filter: Filter | None) -> None:
        """Of what is for the user, in _next(), and of a packet that was looked at already."""
        if self._packet is not None and filter is not None and not filter.matches(self._packet[0]):
            self._packet = None

    def _layer(self, frame: bytes) -> tuple[type[Packet], bytes]:
        return LAYERS[frame[12:14]], frame[ETHERNET:]

    def _is_for_us(self, frame: bytes) -> bool:
        """Answers questions for the own addresses on the way."""
        mac = bytes.fromhex(self._port.mac.replace(":", ""))
        if len(frame) <= ETHERNET or not (frame[:6] == mac or frame[0] & 1):
            return False
        kind = RESPONDERS.get(frame[12:14])
        if kind is not None and self._own and self.answers:
            verdict, answer = codec.handle(
                kind, frame, codec.Endpoint(self._port.mac, tuple(sorted(self._own)))
            )
            if verdict.name == "next":
                self._frames.send_one(answer)
                return False
        return frame[12:14] in LAYERS

    def _frame(self, x: Any) -> bytes:
        packet = x
        if isinstance(x, (bytes, bytearray, memoryview)):
            data = bytes(x)
            version = data[0] >> 4 if data else None
            if version not in (4, 6):
                raise PortError(
                    f"the first byte of the packet is {data[:1].hex() or 'missing'}, and an IP "
                    "packet begins with 4 or 6; use port.socket() for whole frames"
                )
            try:
                packet = IP(data) if version == 4 else IPv6(data)
            except Exception:  # scapy says so of bytes that end too soon
                raise PortError(
                    f"the packet has {len(data)} bytes and ends inside its IPv{version} header; "
                    "give the whole packet"
                ) from None
        packet = self._from_us(packet)
        packet.sent_time = time.time()
        destination = ipaddress.ip_address(str(packet.dst))
        self._own.add(str(packet.src))
        mac = self._mac_of(destination, str(packet.src))
        kind = b"\x08\x00" if destination.version == 4 else b"\x86\xdd"
        return bytes.fromhex((mac + self._port.mac).replace(":", "")) + kind + packet_bytes(packet)

    def _from_us(self, packet: Any) -> Packet:
        """The packet with a source address, without which scapy takes one of this machine."""
        if not isinstance(packet, (IP, IPv6)):
            raise PortError(
                f"a packet of a socket of layer 3 begins with IP or IPv6, not "
                f"{getattr(packet, 'name', type(packet).__name__)}; use port.socket() for whole "
                "frames"
            )
        if packet.fields.get("dst") is None:
            raise PortError(
                f"the packet names no destination; give it one, as in {packet.name}(dst='10.0.0.2')"
            )
        if not is_single(packet):
            packet = next(iter(packet))
        if packet.fields.get("src") is None:
            packet = packet.copy()
            packet.src = str(check_source(self.source, ipaddress.ip_address(str(packet.dst))))
        return packet

    def _mac_of(self, target: ipaddress.IPv4Address | ipaddress.IPv6Address, source: str) -> str:
        """Multicast and broadcast addresses have theirs (RFC 1112 6.4, RFC 2464 7)."""
        if target.version == 4 and target.packed == b"\xff" * 4:
            return "ff:ff:ff:ff:ff:ff"
        if target.is_multicast:
            low = target.packed[-4:]
            if target.version == 6:
                return (b"\x33\x33" + low).hex(":")
            return (b"\x01\x00\x5e" + bytes([low[1] & 0x7F]) + low[2:]).hex(":")
        mac, until = self._macs.get(str(target), ("", 0.0))
        if time.monotonic() > until:
            mac = ask(self._port, str(target), source=source)
            self._macs[str(target)] = mac, time.monotonic() + FORGET_SECONDS
        return mac
