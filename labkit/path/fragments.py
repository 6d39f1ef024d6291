# SPDX-License-Identifier: BSD-3-Clause
"""Nodes that cut packets into fragments, and put fragments together."""

from typing import Annotated

from labkit.arguments.checked import EVERY, checked
from labkit.errors import PathError
from labkit.path.cells import Cell
from labkit.path.chain import Chain
from labkit.path.declaration import node
from labkit.path.function_types import OwnState, State, TimeType
from labkit.path.release import new_state, released_by
from labkit.path.types import Name
from labkit.path.values import WholeType

Mtu = Annotated[int, WholeType(68, 65535)]
Timeout = Annotated[float | str, TimeType(0.001, 3600, what="timeout")]
Entries = Annotated[int, WholeType(1, 65536)]


@node(
    role="process",
    outputs=("next", "other"),
    reference="RFC 791 3.2, RFC 8200 4.5",
    counters=("fragmented", "made", "taken"),
)
def fragment(mtu: Mtu, *, name: Name = None) -> None:
    """Cuts IP packets that are longer than an MTU into fragments.

    mtu: bytes of the longest packet that passes, its IP header included, 68 (RFC 791 3.2) at least

    Packets that must not be fragmented leave by `other`, or end in drop_fragment_forbidden where
    nothing is behind it: IPv4 with DF set, IPv6 that is a fragment already. Other IPv6 packets are
    fragmented as their source would do it; a router would not. What is no IP packet passes, however
    long. Where the port that a frame came by has too few buffers left, it ends in
    drop_fragment_no_buffer.

    RunningPath.counters.functions tells how many packets were fragmented, and the fragments made.
    """


@node(
    role="process",
    kind="reassemble",
    outputs=("next",),
    reference="RFC 791 3.2, RFC 815, RFC 8200 4.5, RFC 5722",
    counters=("reassembled", "taken", "held", "most_held", "made"),
    table={
        "ip_src": Cell.IP,
        "ip_dst": Cell.IP,
        "id": Cell.WHOLE,
        "fragments": Cell.WHOLE,
        "bytes": Cell.WHOLE,
        "of": Cell.WHOLE,
        "age_s": Cell.SECONDS,
    },
)
def reassembling(
    state: OwnState,
    timeout: Timeout = 30.0,
    entries: Entries = 1024,
    fragments: Entries = 2048,
    *,
    name: Name = None,
) -> None:
    """Puts fragments of IP packets together."""


@node(role="source", brings_frames_in=False)
def reassemble_release(state: State, *, name: Name = None) -> None:
    """Gives up packets whose fragments do not come."""


@checked(PathError, but=EVERY)
def reassemble(
    timeout: float | str = "30 s",
    entries: int = 1024,
    fragments: int = 2048,
    *,
    name: str | None = None,
) -> Chain:
    """Puts fragments of IP packets together; all other frames pass.

    timeout: after which the fragments of a packet end in drop_reassemble_timeout, since the first
    of them came
    entries: packets that may wait for fragments at once; what would begin one more ends in
    drop_reassemble_full. A packet of more than 64 fragments ends in drop_reassemble_too_many.
    fragments: that may wait at once, of all packets, each in a buffer of the port that it came by,
    of which that has some thousands; one more ends in drop_reassemble_full

    A packet whose fragments overlap is given up (drop_reassemble_overlap, RFC 5722); an exact copy
    of a fragment is not, and ends in drop_reassemble_duplicate. Lengths and offsets that cannot be
    end in drop_reassemble_bad, and what is longer than a buffer of the port by which the first
    fragment came (its MTU) in drop_reassemble_too_long.

    RunningPath.counters.functions tells packets reassembled, fragments held now and most_held;
    RunningPath.tables packets that wait: addresses, identification, fragments and bytes that came,
    of how many bytes as far as that is known, and for how long.
    """
    state = new_state()
    entry = reassembling(state, timeout, entries, fragments, name=name)
    return released_by(entry, reassemble_release(state, name=name and f"{name}_release"))
