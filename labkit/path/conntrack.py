# SPDX-License-Identifier: BSD-3-Clause
"""The node that keeps account of connections."""

from dataclasses import dataclass
from typing import Annotated, Literal

from labkit.arguments.checked import EVERY, checked
from labkit.errors import PathError
from labkit.path.cells import Cell
from labkit.path.chain import Node
from labkit.path.declaration import node
from labkit.path.function_types import OwnState, State, Switch, TimeType
from labkit.path.release import new_state
from labkit.path.types import FrameFilter, Name
from labkit.path.values import ChoiceType, RealType, Value, WholeType

MOST_ENTRIES = 2**24 - 1  # native/dataplane/conntrack.h has 24 bits for the place of one
REFERENCE = "RFC 9293, RFC 4787 4.3, RFC 5382, RFC 5508, nf_conntrack"

# In the order of enum lk_connection_state
STATES = (
    *("syn-sent", "syn-received", "established", "fin-wait", "close-wait", "last-ack"),
    *("time-wait", "closed", "one-way", "stream", "asked", "other"),
)


@dataclass(frozen=True)
class EntriesType(WholeType):
    """How many connections a table takes."""

    lowest: int = 1
    highest: int = MOST_ENTRIES

    def lines(self, value: Value) -> list[str]:
        """In words."""
        return [f"{value:,} connections"]


@dataclass(frozen=True)
class TimeoutType(TimeType):
    """How long a connection is kept without a packet; kept in seconds."""

    lowest: float = 0.001
    highest: float = 10_000_000
    meaning: str = (
        'it is a time of {lowest} to {highest} s, a number of seconds or a text such as "350 s"'
    )

    def lines(self, value: Value) -> list[str]:
        """There are too many to be drawn."""
        return []


@dataclass(frozen=True)
class PerSecondType(RealType):
    """New connections a second."""

    lowest: float = 0.001
    highest: float = 1e9

    def lines(self, value: Value) -> list[str]:
        """Where there is a limit."""
        return [] if value is None else [f"{value:,} new a second"]


Entries = Annotated[int, EntriesType()]
PerSecond = Annotated[float, PerSecondType()]
Timeout = Annotated[float | str, TimeoutType()]
Otherwise = Annotated[Literal["drop", "pass"], ChoiceType(("drop", "pass"))]


@node(
    role="process",
    kind="conntrack",
    back="conntrack_back",
    tells_connections=True,
    reference=REFERENCE,
    counters=(
        *("new", "expired", "active", "available", "most_active", "exceeded", "new_exceeded"),
        *("invalid", "related", "untracked"),
    ),
    table={
        "protocol": Cell.PROTOCOL,
        "source": Cell.IP,
        "source_port": Cell.WHOLE,
        "target": Cell.IP,
        "target_port": Cell.WHOLE,
        "state": Cell.choice(*STATES),
        "packets": Cell.WHOLE,
        "bytes": Cell.WHOLE,
        "packets_back": Cell.WHOLE,
        "bytes_back": Cell.WHOLE,
        "age_s": Cell.SECONDS,
        "left_s": Cell.SECONDS,
    },
)
def tracker(
    state: OwnState,
    entries: Entries = 100_000,
    new_per_second: PerSecond | None = None,
    when_full: Otherwise = "drop",
    invalid: Otherwise = "drop",
    pickup: Switch = False,
    tcp_established: Timeout = 432_000.0,
    tcp_opening: Timeout = 600.0,
    tcp_closing: Timeout = 600.0,
    udp: Timeout = 30.0,
    udp_stream: Timeout = 180.0,
    icmp: Timeout = 600.0,
    other: Timeout = 600.0,
    untracked: FrameFilter | None = None,
    *,
    name: Name = None,
) -> None:
    """Keeps account of connections, and drops what belongs to none."""


@node(role="process", kind="conntrack_back", tells_connections=True, reference=REFERENCE)
def tracker_back(state: State, *, name: Name = None) -> None:
    """The other direction through a conntrack."""


@checked(PathError, but=EVERY)
def conntrack(
    entries: int = 100_000,
    *,
    new_per_second: float | None = None,
    when_full: Literal["drop", "pass"] = "drop",
    invalid: Literal["drop", "pass"] = "drop",
    pickup: bool = False,
    untracked: str | None = None,
    tcp_established: float | str = "432000 s",
    tcp_opening: float | str = "600 s",
    tcp_closing: float | str = "600 s",
    udp: float | str = "30 s",
    udp_stream: float | str = "180 s",
    icmp: float | str = "600 s",
    other: float | str = "600 s",
    name: str | None = None,
) -> Node:
    """Keeps account of connections: who began, in which state they are, how long they are kept.

    Both directions go through the same object, each in its chain:

        ct = lk.conntrack(entries=100_000)
        lab.run(lk.Path(lk.rx(a) >> ct >> lk.tx(b), lk.rx(b) >> ct >> lk.tx(a)))

    TCP, UDP and SCTP are told apart by addresses and ports, ICMP queries by their
    identifier, other protocols by addresses; IPv4 and IPv6, with VLAN tags or without. A fragment
    belongs to the connection of its packet's first fragment. ICMP errors belong to that of the
    packet that they quote. What is no IP, and neighbour discovery, passes untracked.

    entries: connections at once, 1 to 16,777,215; a new one that finds no room ends in
    drop_conntrack_full, those that are there go on
    new_per_second: connections that may begin in a second, and at most so many at once after a
    rest; others end in drop_conntrack_rate
    when_full: "pass": a connection for which there is no room passes untracked
    invalid: what belongs to no connection and cannot begin one, such as a TCP segment without a
    SYN before it, ends in drop_conntrack_invalid, a fragment without the first one in
    drop_conntrack_fragment; "pass": it passes, and a firewall behind knows it as `invalid`
    pickup: a TCP connection may begin in its middle, with an ACK
    untracked: a capture filter (pcap-filter) of frames that pass without an entry, such as
    "udp port 53"

    Time without a packet after which a connection is forgotten, in seconds or as "350 s"; defaults
    are those of EC2:

    tcp_established: both ends have opened and none has closed
    tcp_opening: there was a SYN, and no ACK of the answer yet
    tcp_closing: from the first FIN or a RST on
    udp: one way, or one question and one answer
    udp_stream: more than that
    icmp, other: of ICMP queries, and of all other protocols

    RunningPath.tables has a row for each connection, by node: protocol, who began (source,
    source_port; of an ICMP query its identifier) and whom it called (target, target_port), its
    state, packets and bytes (those of frames, without FCS) of both directions, its age, and how
    long it is kept without a further packet.

    RunningPath.counters.functions tells, by node: connections that were new, expired, active and
    available (entries that are free) now, most_active; frames that found no room (exceeded) or came
    too soon (new_exceeded), were invalid, related (ICMP errors) or untracked. A connection whose
    time is over is gone at once for the next of its packets; its entry is free within 2 ms.
    """
    return tracker(
        new_state(),
        entries,
        new_per_second,
        when_full,
        invalid,
        pickup,
        tcp_established,
        tcp_opening,
        tcp_closing,
        udp,
        udp_stream,
        icmp,
        other,
        untracked,
        name=name,
    )
