# SPDX-License-Identifier: BSD-3-Clause
"""Links inside a path: what enters a wire comes out of its other end in a later walk.

So devices of a path may be joined in a ring, and need no ports between them. An end has a number of
its own where a node asks by which port a frame came.
"""

from typing import Annotated

from labkit.arguments.checked import EVERY, checked
from labkit.errors import PathError
from labkit.path.chain import Node
from labkit.path.declaration import node
from labkit.path.function_types import (
    Held,
    Jitter,
    Load,
    Overhead,
    OwnState,
    State,
    Switch,
    Time,
    overhead_of,
)
from labkit.path.release import new_state
from labkit.path.types import Name, Probability, Seed, WireEndType

WAITING = 1000  # frames that a queue holds, as Linux's txqueuelen


WireEnd = Annotated[str, WireEndType()]


@node(
    role="process",
    kind="wire",
    outputs=(),
    reference="tc-netem",
    counters=("passed", "passed_bytes", "held", "most_held"),
    changes=True,
)
def wire_begin(
    state: OwnState,
    rate: Load | None = None,
    delay: Time = 0.0,
    jitter: Jitter = 0.0,
    loss: Probability = 0.0,
    limit: Held = WAITING,
    up: Switch = True,
    overhead: Overhead = 4,
    seed: Seed = 0,
    *,
    name: Name = None,
) -> None:
    """Takes frames into one direction of a link."""


@node(role="source", brings_frames_in=False)
def wire_end(state: State, end: WireEnd, *, name: Name = None) -> None:
    """Lets frames out of one direction of a link when they have come to its end."""


@checked(PathError, but=EVERY)
def wire(
    end: str,
    rate: float | str | None = None,
    delay: float | str = 0.0,
    *,
    jitter: float | str = 0.0,
    loss: float | str = 0.0,
    limit: int = WAITING,
    up: bool = True,
    seed: int = 0,
    name: str | None = None,
) -> tuple[Node, Node]:
    """One direction of a link inside a path: where frames enter it, and where they come out, in
    the next walk at the earliest.

    end: its name for nodes that ask by which port a frame came, such as lk.switch
    rate: such as "100 Mbit/s"; None: at once. delay, jitter: such as "5 ms", jitter to either side
    at most; frames keep their order
    loss: a probability, 0 to 1 or such as "0.1 %" (drop_impair_loss)
    limit: frames that wait for the rate; what is more ends in drop_queue_full. A wire holds 4,096
    frames, those on the way included (drop_delay_full).
    up: False: frames end in drop_wire_down, those on the way too
    """
    state = new_state()
    overhead = 4 if rate is None else overhead_of(rate)
    entry = wire_begin(state, rate, delay, jitter, loss, limit, up, overhead, seed, name=name)
    return entry, wire_end(state, end, name=name and f"{name}.end")
