# SPDX-License-Identifier: BSD-3-Clause
"""ARP (RFC 826) and neighbour discovery (RFC 4861) on the wire of whoever asks."""

import ipaddress
import time
from typing import TYPE_CHECKING, Protocol

from labkit.errors import LabError, Unreachable
from labkit.lab.frame_reader import FrameReader
from labkit.lab.port_declaration import PortDeclaration
from labkit.lab.port_frames import PortFrames
from labkit.packet.host_address import Address, why_no_host
from labkit.text import shown

if TYPE_CHECKING:
    from scapy.packet import Packet

ATTEMPTS = 3
SHORTEST = 14  # bytes: an Ethernet header


class Neighbour(Protocol):
    """Who asks: what there is to know of a port."""

    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def mac(self) -> str: ...  # noqa: D102

    declaration: PortDeclaration
    frames: PortFrames


def ask(port: Neighbour, target: str, *, source: str | None = None, timeout: float = 1.0) -> str:
    """See labkit.lab.neighbours.resolve."""
    if port.declaration.neighbour is not None:
        return port.declaration.neighbour
    destination = parse_address(target)
    sender = check_source(source, destination)
    question = (
        _arp(port, sender, destination)
        if destination.version == 4
        else _solicitation(port, sender, destination)
    )
    reader = port.frames.new_reader()
    for _ in range(ATTEMPTS):
        port.frames.send([bytes(question)])
        answer = _answer(port, reader, question, timeout)
        if answer is not None:
            return _link_address(answer)
    protocol = "ARP" if destination.version == 4 else "neighbour discovery"
    raise Unreachable(
        f"{target} did not answer {protocol} on port {port.name} ({ATTEMPTS} questions from "
        f"{sender}); is a path or host with this address on the other side, and the link up?"
    )


def parse_address(text: str) -> Address:
    """The address of a target; LabError for what is none of a host, which alone answers."""
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        raise LabError(
            f"target is {shown(text)}; it is an IPv4 or IPv6 address such as 10.0.0.2 or fd00::2"
        ) from None
    if kind := why_no_host(found):
        raise LabError(f"target is {text}, {kind}; name a host's, such as 10.0.0.2 or fd00::2")
    return found


def check_source(source: str | None, destination: Address) -> Address:
    """The address to send from; without one, the lowest other host of the target's /24 or /64."""
    if source is None:
        if kind := why_no_host(destination):
            raise LabError(
                f"{destination} is {kind}, which does not tell whom to send from; name source="
            )
        width = 24 if destination.version == 4 else 64
        hosts = ipaddress.ip_network(f"{destination}/{width}", strict=False)
        first = hosts[1]
        return first if first != destination else hosts[2]
    sender = parse_source(source)
    if sender.version != destination.version:
        raise LabError(
            f"source {sender} and target {destination} are of different IP versions; "
            f"name an IPv{destination.version} source"
        )
    if sender == destination:
        raise LabError(
            f"source and target are both {sender}, and no host answers itself; name another source"
        )
    return sender


def parse_source(source: str) -> Address:
    """The address of a sender; LabError for what is none of a host, which alone is answered."""
    try:
        interface = ipaddress.ip_interface(source)
    except ValueError:
        raise LabError(f"source is {shown(source)}; it is an address such as 10.0.0.1") from None
    if kind := why_no_host(interface):
        raise LabError(f"source is {source}, {kind}; name a host's, such as 10.0.0.1 or fd00::1")
    return interface.ip


def _answer(
    port: Neighbour, reader: FrameReader, question: "Packet", timeout: float
) -> "Packet | None":
    """The first frame that answers the question; None when none came within `timeout` seconds."""
    from scapy.layers.l2 import Ether  # not the dissector: it loads all layers, and these are known

    end = time.monotonic() + timeout
    while True:
        frame = reader.read()
        if frame is not None:
            packet: Packet = Ether(frame[0].ljust(SHORTEST, b"\0"))  # shorter is none, and raises
            if packet.answers(question):
                return packet
        elif not port.frames.wait(reader, max(0.0, end - time.monotonic())):
            return None


def _arp(port: Neighbour, sender: Address, target: Address) -> "Packet":
    from scapy.layers.l2 import ARP, Ether

    return Ether(src=port.mac, dst="ff:ff:ff:ff:ff:ff") / ARP(
        op="who-has", hwsrc=port.mac, psrc=str(sender), pdst=str(target)
    )


def _solicitation(port: Neighbour, sender: Address, target: Address) -> "Packet":
    from scapy.layers.inet6 import ICMPv6ND_NS, ICMPv6NDOptSrcLLAddr, IPv6
    from scapy.layers.l2 import Ether

    low = target.packed[-3:]
    group = ipaddress.IPv6Address(bytes.fromhex("ff0200000000000000000001ff") + low)
    return (
        Ether(src=port.mac, dst=f"33:33:ff:{low.hex(':')}")
        / IPv6(src=str(sender), dst=str(group), hlim=255)
        / ICMPv6ND_NS(tgt=str(target))
        / ICMPv6NDOptSrcLLAddr(lladdr=port.mac)
    )


def _link_address(answer: "Packet") -> str:
    from scapy.layers.inet6 import ICMPv6NDOptDstLLAddr
    from scapy.layers.l2 import ARP, Ether

    if ARP in answer:
        return str(answer[ARP].hwsrc)
    if ICMPv6NDOptDstLLAddr in answer:
        return str(answer[ICMPv6NDOptDstLLAddr].lladdr)
    return str(answer[Ether].src)
