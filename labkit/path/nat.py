# SPDX-License-Identifier: BSD-3-Clause
"""The node that translates addresses and ports."""

from collections.abc import Iterable, Mapping
from typing import Annotated, Literal

from labkit.arguments.checked import EVERY, checked
from labkit.errors import PathError
from labkit.path.cells import Cell
from labkit.path.chain import Node
from labkit.path.declaration import node
from labkit.path.function_types import OwnState, State
from labkit.path.nat_types import PoolType, TargetsType
from labkit.path.release import new_state
from labkit.path.types import Name
from labkit.path.values import ChoiceType, WholeType
from labkit.text import shown

BOTH = ("next", "other")
REFERENCE = "RFC 3022, RFC 4787, RFC 5382, RFC 5508, RFC 1624"
FILTERING = ("address-and-port-dependent", "endpoint-independent")
Filtering = Annotated[
    Literal["address-and-port-dependent", "endpoint-independent"], ChoiceType(FILTERING)
]
Port = Annotated[int, WholeType(1, 65535)]


@node(
    role="process",
    kind="nat",
    back="nat_back",
    outputs=BOTH,
    reference=REFERENCE,
    asks_connections=lambda _: True,
    counters=(
        *("translated", "hairpinned", "bindings", "new_bindings", "most_bindings", "exhausted"),
    ),
    table={
        "protocol": Cell.PROTOCOL,
        "inside": Cell.IP,
        "inside_port": Cell.WHOLE,
        "outside": Cell.IP,
        "outside_port": Cell.WHOLE,
        "connections": Cell.WHOLE,
    },
)
def translating(
    state: OwnState,
    source: Annotated[list[str], PoolType()],
    dst: Annotated[dict[str, str], TargetsType()],
    first_port: Port = 1024,
    last_port: Port = 65535,
    filtering: Filtering = "address-and-port-dependent",
    *,
    name: Name = None,
) -> None:
    """Translates addresses and ports of connections."""


@node(role="process", kind="nat_back", outputs=BOTH, reference=REFERENCE)
def translating_back(state: State, *, name: Name = None) -> None:
    """The direction from outside through a nat."""


@checked(PathError, but=EVERY)
def nat(
    source: str | Iterable[str] | None = None,
    *,
    dst: Mapping[str, str] | None = None,
    ports: str = "1024-65535",
    filtering: Literal[
        "address-and-port-dependent", "endpoint-independent"
    ] = "address-and-port-dependent",
    name: str | None = None,
) -> Node:
    """Translates addresses and ports (NAPT): of those who are inside to outside addresses, and of
    outside addresses to those who stand behind them. IPv4 and IPv6.

        ct, nat = lk.conntrack(), lk.nat("192.0.2.1", dst={"192.0.2.1:80": "10.0.0.5:8080"})
        lab.run(lk.Path(lk.rx(a) >> ct >> nat >> lk.tx(b), lk.rx(b) >> ct >> nat >> lk.tx(a)))

    The first chain goes from inside to outside, others from outside to inside. A lk.conntrack() in
    front of it in each finds the connection, which is translated as it was with its first packet.

    source: outside addresses: one, a prefix ("192.0.2.0/28"), a range ("192.0.2.1-192.0.2.9") or a
    list of them, 256 at most. Connections that begin inside come from there. None: they stay.
    dst: who stands behind an outside address and port: "192.0.2.1:80" (TCP and UDP), "udp
    192.0.2.1:53", "192.0.2.1" (everything), "[2001:db8::1]:80"; without a port behind it the port
    stays
    ports: the outside ports that may be chosen
    filtering: who may send to an outside port that is bound to somebody inside: those that were
    called from it, or "endpoint-independent": anybody

    How it behaves, in the words of RFC 4787, RFC 5382 and RFC 5508: mapping is
    endpoint-independent; a port is kept where it is in `ports` and free, else drawn at random, even
    for even and odd for odd if possible, never overloaded; a host keeps one outside address
    (paired); a binding lasts as long as its connections do in the conntrack, and the RFC asks for
    2 minutes or more for UDP: lk.conntrack(udp="120 s", udp_stream="300 s"). ICMP errors are
    translated with what they quote, and related ones refresh nothing. SCTP keeps its ports.
    Checksums are mended, a UDP checksum of 0 stays.

    A connection for which no port is left ends in drop_nat_no_port; what comes to an address of
    `source` where nobody is bound, in drop_nat_no_binding; what is no part of a connection, in
    drop_nat_untracked. Untracked packets pass as they are.

    From inside to inside, by an outside address (hairpinning): such frames leave by `other`, both
    addresses translated: nat["other"] >> lk.tx(a). Where nothing is behind it they end in
    drop_nat_hairpin. MAC addresses stay as they are.

    RunningPath.tables has a row for each binding, by node: protocol, inside address and port (of an
    ICMP query: identifier), outside address and port, and how many connections use it.
    RunningPath.counters.functions tells frames translated and hairpinned, bindings now,
    new_bindings, most_bindings, and connections that found no port (exhausted).
    """
    if not source and source != "" and not dst:
        raise PathError('nat: give it addresses, such as lk.nat("192.0.2.1"), or dst=')
    first, last = _range(ports)
    return translating(
        new_state(),
        source,  # type: ignore[arg-type]  # one is a list
        dst,  # type: ignore[arg-type]
        first,
        last,
        filtering,
        name=name,
    )


def _range(ports: str) -> tuple[int, int]:
    low, _, high = ports.partition("-") if isinstance(ports, str) else ("", "", "")
    numbers = [part.strip() for part in (low, high or low)]
    if all(n.isascii() and n.isdigit() for n in numbers):
        first, last = map(int, numbers)
        if 0 < first <= last < 65536:
            return first, last
    raise PathError(
        f'nat: ports is {shown(ports)}; it is a range within 1 to 65535, such as "1024-65535"'
    )
