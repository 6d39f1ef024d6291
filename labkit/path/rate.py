# SPDX-License-Identifier: BSD-3-Clause
"""A gauge of the rate of what passes, as two nodes: one counts, one looks at the time."""

from typing import Annotated, Literal

from labkit.arguments.checked import EVERY, checked
from labkit.errors import PathError
from labkit.path.chain import Chain
from labkit.path.declaration import node
from labkit.path.function_types import FCS, L1, Overhead, OwnState, State, TimeType
from labkit.path.release import new_state, released_by
from labkit.path.types import Name
from labkit.text import near, shown

Window = Annotated[float | str, TimeType(0.0001, 60, what="window")]
LAYERS = {"L2": FCS, "L1": L1}


@node(
    role="process",
    kind="rate",
    reference="RFC 2544",
    counters=(
        *("frames", "bytes", "pps", "bits_per_second"),
        *("highest_pps", "highest_bits_per_second"),
    ),
)
def gauge(
    state: OwnState, window: Window = 1.0, overhead: Overhead = 4, *, name: Name = None
) -> None:
    """Measures the rate of what passes."""


@node(role="source", brings_frames_in=False)
def rate_clock(state: State, *, name: Name = None) -> None:
    """Ends the windows of a gauge while nothing passes it."""


@checked(PathError, but=EVERY)
def rate(
    window: float | str = "1 s", layer: Literal["L2", "L1"] = "L2", *, name: str | None = None
) -> Chain:
    """A gauge: passes every frame on, and tells the rate of what passes.

    window: over which a rate is taken, 0.1 ms to 60 s; a short one sees bursts that a long one
    averages away
    layer: "L2": bits of frames with their FCS; "L1": with preamble and gap too

    RunningPath.counters.functions, recordings and lk.watch tell frames and bytes in all, pps and
    bits_per_second of the last window that is over, and the highest of a window so far. Windows
    are counted from the start of the path by the time at which frames came.

        lk.rx(a) >> lk.rate("10 ms", name="offered") >> lk.police("1 Mbit/s") >> lk.tx(b)
    """
    if layer not in LAYERS:
        raise PathError(f'layer is {shown(layer)}; it is "L2" or "L1"{near(str(layer), LAYERS)}')
    state = new_state()
    clock = rate_clock(state, name=name and f"{name}_clock")
    return released_by(gauge(state, window, LAYERS[layer], name=name), clock)
