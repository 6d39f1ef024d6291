# SPDX-License-Identifier: BSD-3-Clause
"""The node that has room for so many flows."""

from typing import Annotated

from labkit.path.declaration import node
from labkit.path.function_types import TimeType
from labkit.path.slow_path import DAY
from labkit.path.types import Name
from labkit.path.values import WholeType

MOST_FLOWS = 2**22

Flows = Annotated[int, WholeType(1, MOST_FLOWS)]
Idle = Annotated[float | str, TimeType(highest=DAY, what="idle after")]


@node(
    role="process",
    outputs=("next", "other"),
    reference="Amazon EC2 User Guide, Metrics for ENA Express",
    counters=("passed", "exceeded", "flows", "used_percent"),
)
def flow_room(flows: Flows = 65_536, idle: Idle = 60.0, *, name: Name = None) -> None:
    """Sends out by `other` the frames of flows that come when so many others are there already.

        room, end = lk.flow_room(1000), lk.tx(b)
        lab.run(lk.Path(lk.rx(a) >> room >> end, room["other"] >> lk.delay("1 ms") >> end))

    flows: at once; those that are there go on when it is full
    idle: after which a flow gives up its place, such as "60 s"
    A flow: addresses, protocol and ports, each way by itself.
    RunningPath.counters.functions tells frames passed and exceeded, and flows and used_percent, how
    many there are now and which part of the room that is.
    """
