# SPDX-License-Identifier: BSD-3-Clause
"""The node that knows which flows are new."""

from typing import Annotated

from labkit.path.declaration import node
from labkit.path.function_types import MOST_FRAMES, TimeType
from labkit.path.types import Name
from labkit.path.values import WholeType

DAY = 86_400.0

Idle = Annotated[float | str, TimeType(highest=DAY, what="idle after")]
Flows = Annotated[int, WholeType(1, MOST_FRAMES)]


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
