# SPDX-License-Identifier: BSD-3-Clause
"""Hosts: the nodes that answer for addresses, put together."""

from collections.abc import Sequence

from labkit.path import nodes
from labkit.path.chain import Chain
from labkit.path.path import Path
from labkit.path.types import PortLike


def host(addresses: Sequence[str]) -> Chain:
    """Answers ping, ARP and neighbour discovery for these addresses; passes on what is not asked
    of them."""
    return (
        nodes.icmp_echo(addresses) | nodes.arp_responder(addresses) | nodes.nd_responder(addresses)
    )


def echo_host(port: PortLike | str, addresses: Sequence[str], udp_port: int, name: str) -> Path:
    """A host that sends UDP datagrams to `udp_port` back, and refuses by name what it does not
    answer."""
    service, refuse = nodes.udp_echo(addresses, udp_port), nodes.refuse(addresses, udp_port)
    return Path(nodes.rx(port) >> (service | host(addresses) | refuse) >> nodes.tx(port), name=name)
