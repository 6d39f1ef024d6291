# SPDX-License-Identifier: BSD-3-Clause
"""Hosts: the nodes that answer for addresses, put together."""

from collections.abc import Sequence
from typing import Annotated

from labkit.path import nodes
from labkit.path.chain import Chain
from labkit.path.declaration import node
from labkit.path.path import Path
from labkit.path.types import Addresses, Mac, Name, PortLike, PythonsPort, UdpPort
from labkit.path.values import WholeType

ANSWERS = 1000  # ICMP errors a second; RFC 1812 4.3.2.8 asks for a limit, not for a number


@node(
    role="process",
    outputs=("next", "other"),
    reference="RFC 1122 3.2.2.1, RFC 4443 3.1",
    counters=("port_unreachable", "protocol_unreachable", "limited"),
)
def icmp_unreachable(
    addresses: Addresses,
    rate: Annotated[int, WholeType(1, 1_000_000)] = ANSWERS,
    but_from: Annotated[int, WholeType(0, 65535)] = 0,
    mac: Mac | None = None,
    *,
    name: Name = None,
) -> None:
    """Tells senders that its addresses have no such UDP port or IP protocol, as a host does.

    What a closed port is answered with: ICMP port unreachable (RFC 1122 4.1.3.1) or ICMPv6 code 4;
    a protocol that nobody answers: ICMP protocol unreachable, or an ICMPv6 parameter problem that
    points at it. The packet is quoted up to 576 bytes of answer (RFC 1812 4.3.2.3), with IPv6 1,280
    (RFC 4443 2.4). What is not to be answered leaves by `other`: what was sent to a group, ICMP,
    fragments, what has errors, and what is above `rate` answers a second. It stands behind the
    nodes that answer, in front of refuse, which then tells the reason:

        lk.udp_echo(at) | lk.icmp_echo(at) | lk.arp_responder(at) | lk.icmp_unreachable(at)

    but_from: UDP ports from this one on are taken to be somebody's, 0: none
    """


def host(addresses: Sequence[str], mac: str | None = None, of: str | None = None) -> Chain:
    """Answers ping, ARP and neighbour discovery for these addresses; passes on what is not asked
    of them. of: what its nodes are named after"""
    icmp, arp, nd = (of and f"{of}.{kind}" for kind in ("icmp_echo", "arp", "nd"))
    return (
        nodes.icmp_echo(addresses, mac, name=icmp)
        | nodes.arp_responder(addresses, mac, name=arp)
        | nodes.nd_responder(addresses, mac, name=nd)
    )


@node(role="source", label="from Python", changes=True)
def host_send(port: PythonsPort | None = None, *, name: Name = None) -> None:
    """Frames that Python sends from a host of a topology, on a port that it has for that."""


@node(role="process", label="to Python", changes=True)
def host_hear(port: PythonsPort | None = None, *, name: Name = None) -> None:
    """Copies what comes to a host of a topology for Python, and passes it on."""


@node(role="end", takes_frames_out=False, reference="RFC 1122", counters=("taken",), changes=True)
def host_refuse(
    addresses: Addresses,
    udp_port: UdpPort | None = None,
    mac: Mac | None = None,
    port: PythonsPort | None = None,
    *,
    name: Name = None,
) -> None:
    """As refuse, but for answers to what Python asked from the host: they are taken."""


def echo_host(
    port: PortLike | str,
    addresses: Sequence[str],
    udp_port: int,
    name: str,
    *,
    unreachable: bool = False,
) -> Path:
    """A host that sends UDP datagrams to `udp_port` back, and refuses by name what it does not
    answer.

    unreachable: senders are told so, with ICMP
    """
    answers = nodes.udp_echo(addresses, udp_port) | host(addresses)
    if unreachable:
        answers = answers | icmp_unreachable(addresses)
    refuse = nodes.refuse(addresses, udp_port)
    return Path(nodes.rx(port) >> (answers | refuse) >> nodes.tx(port), name=name)
