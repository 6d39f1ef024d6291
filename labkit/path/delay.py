# SPDX-License-Identifier: BSD-3-Clause
"""A line that takes time, as two nodes: what holds frames, and what lets go of them."""

from collections.abc import Sequence
from typing import Literal

from labkit.arguments.checked import EVERY, checked
from labkit.errors import PathError
from labkit.path.chain import Chain
from labkit.path.declaration import node
from labkit.path.distributions import Distribution
from labkit.path.function_types import Held, Jitter, OwnState, State, Switch, Time
from labkit.path.release import new_state, released_by
from labkit.path.types import Name, Seed
from labkit.text import shown


@node(
    role="process",
    tells_due=True,
    kind="delay",
    outputs=(),
    reference="tc-netem",
    counters=("passed", "reordered", "held", "most_held"),
)
def under_way(
    state: OwnState,
    time: Time,
    jitter: Jitter = 0.0,
    distribution: Distribution = "uniform",
    reorder: Switch = False,
    limit: Held = 4096,
    seed: Seed = 0,
    *,
    name: Name = None,
) -> None:
    """Holds each frame for a while."""


@node(role="source", brings_frames_in=False, tells_due=True)
def delay_release(state: State, *, name: Name = None) -> None:
    """Lets go of the frames of a delay line when their time has come."""


@checked(PathError, but=EVERY)
def delay(
    time: float | str,
    jitter: float | str = 0.0,
    distribution: Literal["uniform", "normal", "pareto", "paretonormal"]
    | Sequence[float | str] = "uniform",
    *,
    reorder: bool = False,
    limit: int = 4096,
    seed: int = 0,
    name: str | None = None,
) -> Chain:
    """A line that takes time: every frame leaves a while after it came.

    time: such as "20 ms", or seconds
    jitter: by how much it differs from frame to frame
    distribution: "uniform": at most by the jitter to either side. "normal": by this standard
    deviation. "pareto": by this standard deviation, hardly less than the time (0.63 of the jitter)
    and sometimes much more, up to 24 times the jitter, as behind a busy router. "paretonormal": a
    quarter of normal, three quarters of pareto. The mean is the time with each of them, as long as
    none would be below 0, which none is.
    A list of times, such as what was measured: each frame takes `time` and one of these, or what
    lies between two of them; it takes no jitter=.
    reorder: frames may pass each other; else one that would leave before the last one waits for it
    limit: frames under way at once; what is more ends in drop_delay_full. Each has a buffer of the
    port that it came by, which has some thousands (mbufs= of lab.port). A rate r over a time t has
    r x t frames under way.
    seed: of the jitter

    RunningPath.counters.functions tells, by node: frames passed, reordered (one that came later
    left before), held now, most_held.
    """
    if not isinstance(distribution, str) and jitter != 0:
        raise PathError(
            f"jitter is {shown(jitter)}, but the distribution is a list of times; leave it out"
        )
    state = new_state()
    entry = under_way(state, time, jitter, distribution, reorder, limit, seed, name=name)
    return released_by(entry, delay_release(state, name=name and f"{name}_release"))
