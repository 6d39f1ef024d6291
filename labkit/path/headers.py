# SPDX-License-Identifier: BSD-3-Clause
"""Nodes that tell frames apart by their headers: their class, their length, whether their flow is
new."""

from ipaddress import IPv4Address
from typing import Annotated, Literal

from labkit.arguments.checked import EVERY, checked
from labkit.errors import PathError
from labkit.path.chain import Node
from labkit.path.declaration import node
from labkit.path.function_types import MOST_FRAMES, Outputs, TimeType
from labkit.path.types import Addresses, Name
from labkit.path.values import WholeType
from labkit.text import near, shown

CLASSES = ("link_local", "fragment", "icmp", "tcp", "udp", "ipv4", "ipv6")  # enum lk_class
CLASS_BITS = 4
DAY = 86_400.0

TrafficClass = Literal["link_local", "fragment", "icmp", "tcp", "udp", "ipv4", "ipv6"]
Order = Annotated[int, WholeType(0, 2 ** (CLASS_BITS * len(CLASSES)) - 1)]
Address = Annotated[int, WholeType(0, 2**32 - 1)]
HeaderBytes = Annotated[int, WholeType(14, 65_535)]
PacketBytes = Annotated[int, WholeType(68, 65_535)]
Idle = Annotated[float | str, TimeType(highest=DAY, what="idle after")]
Flows = Annotated[int, WholeType(1, MOST_FRAMES)]


@node(role="process", kind="classify", reference="RFC 2475 2.3.1")
def classified(classes: Outputs, order: Order, resolver: Address = 0, *, name: Name = None) -> None:
    """Sends frames out by their class."""


@checked(PathError, but=EVERY)
def classify(
    *classes: TrafficClass,
    resolver: str | None = None,
    name: str | None = None,
) -> Node:
    """Sends each frame out of the output of the first of these classes that it is of; what is of
    none goes on as `next`.

        kinds = lk.classify("link_local", "fragment")
        end = lk.tx(b)
        lab.run(lk.Path(
            lk.rx(a) >> kinds >> end,
            kinds["link_local"] >> lk.police("1024 pps", "1024 packets") >> end,
            kinds["fragment"] >> end,
        ))

    classes: "link_local": to EC2's DNS, instance metadata or time (169.254.169.0/24,
    fd00:ec2::/32); "fragment": of IPv4 or IPv6 (RFC 791, RFC 8200 4.5); "icmp": ICMP and ICMPv6;
    "tcp", "udp", "ipv4", "ipv6"
    resolver: an address of IPv4 that is link-local, too, such as that of a VPC's resolver (its
    first address + 2)
    """
    if not classes or len(set(classes)) < len(classes):
        raise PathError(f"classes are {shown(classes)}; name one or more, each once")
    order = 0
    for place, word in enumerate(classes):
        if word not in CLASSES:
            raise PathError(f"{shown(word)} is no class of frames{near(word, CLASSES)}")
        order |= (CLASSES.index(word) + 1) << CLASS_BITS * place
    return classified(list(classes), order, _number(resolver), name=name)


def _number(resolver: str | None) -> int:
    try:
        return 0 if resolver is None else int(IPv4Address(resolver))
    except ValueError:
        raise PathError(
            f'resolver is {shown(resolver)}; it is an address of IPv4 such as "10.0.0.2"'
        ) from None


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


@node(
    role="process",
    outputs=("next", "other"),
    reference="Amazon EC2 User Guide, Nitro considerations",
    counters=("fast", "first", "woken", "exceptions"),
)
def slow_path(idle: Idle = 60.0, flows: Flows = 65_536, *, name: Name = None) -> None:
    """Sends out by `other` what needs a full evaluation: the first packet of a flow and of one that
    was idle, fragments and ICMP; the rest is fast and goes on as `next`.

        slow, both = lk.slow_path(), lk.allowance("1 Mpps")
        end = lk.tx(b)
        lab.run(lk.Path(
            lk.rx(a) >> slow >> lk.shape(both) >> end,
            slow["other"] >> lk.police("10 kpps") >> lk.shape(both, weight=10) >> end,
        ))

    idle: how long a flow may rest, such as "60 s"
    flows: that are remembered; those seen longest ago are forgotten first
    RunningPath.counters.functions tells frames that were fast, first of their flow, woken, and
    exceptions.
    """
