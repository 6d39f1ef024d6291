# SPDX-License-Identifier: BSD-3-Clause
"""A link as one line of a notebook: its rate with a queue, what gets lost, what time it takes."""

from collections.abc import Sequence
from typing import Literal

from labkit.arguments.checked import EVERY, checked
from labkit.errors import PathError
from labkit.path.chain import Chain
from labkit.path.delay import delay as delay_line
from labkit.path.function_types import MOST_FRAMES, LoadType, TimeType
from labkit.path.functions import queue
from labkit.path.impair import impair
from labkit.path.types import probability_of
from labkit.text import shown

SHORTEST = 64  # bytes of a frame, with its FCS
LEAST_UNDER_WAY = 65_536


@checked(PathError, but=EVERY)
def link(
    rate: float | str | None = None,
    delay: float | str = 0.0,
    *,
    jitter: float | str = 0.0,
    distribution: Literal["uniform", "normal", "pareto", "paretonormal"]
    | Sequence[float | str] = "uniform",
    reorder: bool = False,
    loss: float | str = 0.0,
    burst_start: float | str = 0.0,
    burst_end: float | str | None = None,
    burst_loss: float | str = 1.0,
    duplicate: float | str = 0.0,
    corrupt: float | str = 0.0,
    limit: str = "1000 packets",
    aqm: Literal["fifo", "red", "codel", "fq_codel", "pie"] = "fifo",
    seed: int = 0,
    name: str | None = None,
) -> Chain:
    """A link that is slow, long and bad, in this order: lk.queue >> lk.impair >> lk.delay, of which
    those are left out that have nothing to do.

    rate, limit, aqm: as of lk.queue(); None: no limit, and no queue
    delay, jitter, distribution, reorder: as of lk.delay()
    loss, burst_start, burst_end, burst_loss, duplicate, corrupt: as of lk.impair(); what is lost
    has taken its time of the link before
    seed: of all three
    name: of the nodes, behind it _queue, _impair and _delay

    As many frames may be under way as the rate brings in the longest time that a name of a
    distribution stands for, 65,536 at least. Frames wait in buffers of the port that they came by:
    a fast, long link needs more (mbufs= of lab.port).

        lab.run(lk.rx(a) >> lk.link("10 Mbit/s", "20 ms", jitter="2 ms", loss="0.1 %") >> lk.tx(b))
    """
    bad = impair(
        *(loss, duplicate),
        burst_start=burst_start,
        burst_end=burst_end,
        burst_loss=burst_loss,
        corrupt=corrupt,
        seed=seed,
        name=name and f"{name}_impair",
    )
    long = delay_line(
        *(delay, jitter, distribution),
        reorder=reorder,
        limit=_under_way(rate, delay, jitter),
        seed=seed,
        name=name and f"{name}_delay",
    )
    if rate is None and (limit, aqm) != ("1000 packets", "fifo"):
        raise PathError(
            f"limit is {shown(limit)} and aqm {shown(aqm)}, but there is no rate to wait for; give "
            "rate= too"
        )
    parts = []
    if rate is not None:
        parts.append(queue(rate, limit, aqm, seed=seed, name=name and f"{name}_queue"))
    if any(map(probability_of, (loss, burst_start, duplicate, corrupt))):
        parts.append(bad)
    if TimeType().given(delay) or TimeType().given(jitter) or not isinstance(distribution, str):
        parts.append(long)
    chain, *others = parts or [bad]
    for part in others:
        chain = chain >> part
    return chain


def _under_way(rate: float | str | None, delay: float | str, jitter: float | str) -> int:
    """Frames that the rate brings meanwhile."""
    if rate is None:
        return LEAST_UNDER_WAY
    per_second = LoadType().amount(LoadType().check("link", "rate", rate))
    frames = per_second.number / (1 if per_second.of_frames else SHORTEST)
    seconds = 0.0
    for what, time in (("delay", delay), ("jitter", jitter)):
        checked_time = TimeType().check("link", what, TimeType().given(time))
        assert isinstance(checked_time, (int, float))
        seconds += checked_time
    return max(LEAST_UNDER_WAY, min(MOST_FRAMES, round(2 * frames * seconds)))
