# SPDX-License-Identifier: BSD-3-Clause
"""The node that tells frames apart by their class."""

from ipaddress import IPv4Address
from typing import Annotated, Literal

from labkit.arguments.checked import EVERY, checked
from labkit.errors import PathError
from labkit.path.chain import Node
from labkit.path.declaration import node
from labkit.path.function_types import Outputs
from labkit.path.types import Name
from labkit.path.values import WholeType
from labkit.text import near, shown

CLASSES = ("link_local", "fragment", "icmp", "tcp", "udp", "ipv4", "ipv6")  # enum lk_class
CLASS_BITS = 4

FrameClass = Literal["link_local", "fragment", "icmp", "tcp", "udp", "ipv4", "ipv6"]
Order = Annotated[int, WholeType(0, 2 ** (CLASS_BITS * len(CLASSES)) - 1)]
Address = Annotated[int, WholeType(0, 2**32 - 1)]


@node(role="process", kind="classify", reference="RFC 2475 2.3.1")
def classified(classes: Outputs, order: Order, resolver: Address = 0, *, name: Name = None) -> None:
    """Sends frames out by their class."""


@checked(PathError, but=EVERY)
def classify(
    *classes: FrameClass,
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
