# SPDX-License-Identifier: BSD-3-Clause
"""Nodes that look at how long frames and their headers are: header_limit, mtu, too_big."""

from typing import Annotated

from labkit.path.declaration import node
from labkit.path.types import Addresses, Name
from labkit.path.values import WholeType

HeaderBytes = Annotated[int, WholeType(14, 65_535)]
PacketBytes = Annotated[int, WholeType(68, 65_535)]


@node(
    role="process",
    reference="ena_com_prepare_tx",
    counters=("passed", "dropped", "notified", "longest"),
)
def header_limit(limit: HeaderBytes = 96, *, name: Name = None) -> None:
    """Drops frames whose headers are longer than a NIC's low-latency queue takes.

    limit: bytes from the first of the frame to the end of its UDP or TCP header; of a tunnel that
    NICs know (VXLAN, GENEVE, GUE at their ports) to the end of that inside. ENA's queues take 96,
    wide ones 224.

    What is longer ends in drop_header_too_long. RunningPath.counters.functions tells frames passed
    and dropped, the longest headers, and whether the device would have notified its driver
    (notified: 0 or 1).
    """


@node(
    role="process",
    outputs=("next", "other"),
    reference="RFC 1191 4, RFC 8201 4",
    counters=("passed", "exceeded"),
)
def mtu(limit: PacketBytes = 1500, *, name: Name = None) -> None:
    """Takes no packets that are longer than an MTU; they leave by `other`, where lk.too_big() may
    answer them, or end in drop_over_mtu where nothing is behind it, and nobody is told.

    limit: bytes of a packet with its IP header, without Ethernet and VLAN tags
    RunningPath.counters.functions tells frames passed and exceeded.
    """


@node(role="process", outputs=("next", "other"), reference="RFC 1191 4, RFC 4443 3.2")
def too_big(addresses: Addresses, limit: PacketBytes = 1500, *, name: Name = None) -> None:
    """Answers packets that are longer than an MTU: ICMP fragmentation needed, or ICMPv6 packet too
    big. The answer goes on as `next`, in the place of the packet.

        limit = lk.mtu(1500)
        lab.run(lk.Path(
            lk.rx(a) >> limit >> lk.tx(b),
            limit["other"] >> lk.too_big("10.0.0.1", 1500) >> lk.tx(a),
        ))

    addresses: that answers come from, the first one of each IP version
    limit: the MTU that they tell

    What is not to be answered leaves by `other`: packets of IPv4 without DF, what goes to a group,
    ICMP errors, and what has no address to answer. Put a policer behind it that limits answers
    (RFC 1812 4.3.2.8, RFC 4443 2.4 f).
    """
