# SPDX-License-Identifier: BSD-3-Clause
"""A bad line, as two nodes that share it: what loses, doubles and damages frames, and what lets go
of those that it holds back."""

import itertools
from typing import Literal

from labkit.arguments.checked import EVERY, checked
from labkit.errors import PathError
from labkit.path.chain import Chain, as_chain
from labkit.path.declaration import node
from labkit.path.release import released_by
from labkit.path.types import (
    Displacement,
    Line,
    Name,
    OwnLine,
    PartOfFrame,
    Probability,
    Seed,
    probability_of,
)
from labkit.units import plain

_lines = itertools.count(1)


@node(role="process", kind="impair", reference="tc-netem")
def impair_line(
    line: OwnLine,
    loss: Probability = 0.0,
    duplicate: Probability = 0.0,
    reorder: Probability = 0.0,
    displacement: Displacement = 3,
    seed: Seed = 0,
    burst_start: Probability = 0.0,
    burst_end: Probability = 0.0,
    burst_loss: Probability = 1.0,
    corrupt: Probability = 0.0,
    corrupt_part: PartOfFrame = "frame",
    truncate: Probability = 0.0,
    *,
    name: Name = None,
) -> None:
    """Loses, doubles, damages and holds back frames at random."""


@node(role="source", brings_frames_in=False)
def impair_release(line: Line, *, name: Name = None) -> None:
    """Lets go of frames that impair holds back, when nothing comes that could pass them."""


@checked(PathError, but=EVERY)
def impair(
    loss: float | str = 0.0,
    duplicate: float | str = 0.0,
    reorder: float | str = 0.0,
    *,
    burst_start: float | str = 0.0,
    burst_end: float | str | None = None,
    burst_loss: float | str = 1.0,
    corrupt: float | str = 0.0,
    corrupt_part: Literal["frame", "headers", "payload"] = "frame",
    truncate: float | str = 0.0,
    displacement: int = 3,
    seed: int = 0,
    name: str | None = None,
) -> Chain:
    """A bad line: loses, doubles, damages and reorders frames at random, and counts what it did.

    loss, duplicate, reorder, corrupt, truncate: probabilities for a frame, 0 to 1 or such as
    "0.1 %". Lost frames end in drop_impair_loss. A reordered frame is held back until
    `displacement` others (1 to 32) have passed it, 20 ms at most, and no more than 64 at once; one
    that is doubled is not held back, and of the two the copy stays undamaged.

    burst_start, burst_end: loss in bursts, as Gilbert and Elliott have it: behind each frame a
    burst begins with the probability burst_start, and one that is there ends with burst_end, after
    1 / burst_end frames in the mean. burst_loss: of the frames in a burst, 1: all of them. `loss`
    is that between bursts. In the mean, of all frames are lost
    (burst_end * loss + burst_start * burst_loss) / (burst_start + burst_end).

    corrupt: one bit is flipped, anywhere in the frame, in its headers (Ethernet, VLAN tags, IP,
    transport) or in the payload behind them (corrupt_part). It is never one of the FCS, which
    neither drivers nor captures have: a NIC makes a good one for the frame as it is then, so that
    only checksums of IP, UDP, TCP can find the error. truncate: the frame keeps 14 bytes to all but
    one; its headers, and so the lengths in them, stay as they were. A trial cannot tell a frame
    whose signature is damaged: it counts as lost, unexplained.

    seed: of the random numbers; the same seed does the same to the same frames, whenever they come.
    RunningPath.counters.impairments tells how many frames were lost, of these lost_in_bursts, the
    bursts that began, and frames copied, corrupted, truncated, reordered and held back now.

        lk.rx(a) >> lk.impair(0.001, burst_start=0.002, burst_end=0.2) >> lk.tx(b)
    """
    line = f"line{next(_lines)}"
    bad_line = impair_line(
        *(line, loss, duplicate, reorder, displacement, seed),
        *(burst_start, 0.0 if burst_end is None else burst_end, burst_loss),
        *(corrupt, corrupt_part, truncate),
        name=name,
    )
    begins = probability_of(burst_start)
    if begins > 0 and not probability_of(burst_end):
        raise PathError(
            f"burst_start is {plain(begins)} without a burst_end: the first burst would never "
            "end; give burst_end=, 1 over the frames of a burst in the mean, such as 0.2"
        )
    for what, given, default in (("burst_end", burst_end, None), ("burst_loss", burst_loss, 1.0)):
        if begins == 0 and given != default:
            raise PathError(f"{what} is {given}, but no burst ever begins; give burst_start= too")
    if probability_of(corrupt) == 0 and corrupt_part != "frame":
        raise PathError(f"corrupt_part is {corrupt_part!r}, but corrupt is 0; give corrupt= too")
    if probability_of(reorder) == 0:
        return as_chain(bad_line)
    return released_by(bad_line, impair_release(line, name=name and f"{name}_release"))
