# SPDX-License-Identifier: BSD-3-Clause
"""A limit for every flow by itself."""

from typing import Annotated, Literal

from labkit.arguments.checked import EVERY, checked
from labkit.arguments.hints import Between
from labkit.errors import PathError
from labkit.path.allowances import check_unit, counted_overhead, default_burst
from labkit.path.chain import Chain
from labkit.path.declaration import node
from labkit.path.function_types import (
    AmountType,
    AnyLoad,
    Burst,
    Limit,
    Overhead,
    OwnState,
    State,
)
from labkit.path.release import new_state, released_by
from labkit.path.types import Name
from labkit.path.values import ChoiceType, WholeType

MOST_FLOWS = 2**22

FlowKey = Annotated[Literal["5-tuple", "3-tuple"], ChoiceType(("5-tuple", "3-tuple"))]
Flows = Annotated[int, WholeType(1, MOST_FLOWS)]


@node(
    role="process",
    tells_due=True,
    kind="flow_limit",
    reference="RFC 2475 2.3.3.3",
    counters=(
        *("passed", "delayed", "dropped", "exceeded", "wait_ns", "longest_wait_ns"),
        *("held", "held_bytes", "most_held", "evicted"),
    ),
)
def limited(
    state: OwnState,
    rate: AnyLoad,
    burst: Burst,
    limit: Limit,
    flows: Flows = 65_536,
    key: FlowKey = "5-tuple",
    overhead: Overhead = 4,
    *,
    name: Name = None,
) -> None:
    """Holds the frames of each flow to a rate."""


@node(role="source", brings_frames_in=False, tells_due=True)
def flow_limit_release(state: State, *, name: Name = None) -> None:
    """Lets go of the frames of a flow limit when their time has come."""


@checked(PathError, but=EVERY)
def flow_limit(
    rate: float | str,
    burst: str | None = None,
    limit: str | None = None,
    *,
    flows: Annotated[int, Between(1, MOST_FLOWS)] = 65_536,
    key: Literal["5-tuple", "3-tuple"] = "5-tuple",
    overhead: Annotated[int, Between(-14, 1000, "B")] | None = None,
    name: str | None = None,
) -> Chain:
    """A rate that no flow passes: what is too much of one waits, then is dropped; flows do not hold
    each other up.

        lab.run(lk.rx(a) >> lk.flow_limit("5 Gbit/s", limit="1 MB") >> lk.tx(b))

    rate: such as "5 Gbit/s", "10 kpps" or "unlimited", of each flow
    burst: what of a flow passes at once after a rest, in the unit of the rate; None: what comes in
    10 ms, 64 kB or 64 packets at least
    limit: what of a flow may wait, in that unit; None: as much as the burst. What finds it full
    ends in drop_queue_full.
    flows: places for flows, in sets of four. A flow that has rested until a whole burst may pass
    again needs none. Where more flows than places are at their limit one of them loses its place,
    and may pass a burst too early (`evicted`).
    key: "5-tuple": addresses, protocol and the ports of TCP, UDP and SCTP, without them of other
    protocols and of fragments; "3-tuple": never with ports
    overhead: bytes that count beside a frame in memory; None: as of lk.allowance()

    RunningPath.counters.functions tells frames passed, delayed (they had to wait), dropped and
    exceeded, which is both; wait_ns in sum and longest_wait_ns; held and held_bytes now, most_held;
    flows evicted.
    """
    burst = burst if burst is not None else default_burst(rate)
    limit = limit if limit is not None else burst
    check_unit("burst", burst, rate, AmountType())
    check_unit("limit", limit, rate, AmountType(1))
    overhead = counted_overhead(rate, overhead)
    state, name = new_state(), name or "flow_limit"
    entry = limited(state, rate, burst, limit, flows, key, overhead, name=name)
    return released_by(entry, flow_limit_release(state, name=f"{name}_release"))
