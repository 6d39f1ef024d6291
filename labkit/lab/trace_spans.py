# SPDX-License-Identifier: BSD-3-Clause
"""The way of traced frames as spans of time: from entering a node to entering the next one."""

from collections.abc import Sequence
from itertools import zip_longest
from typing import NamedTuple

from labkit.lab.trace_step import Step


class Span(NamedTuple):
    """A frame at a node.

    Attributes
    ----------
    step: as the frame entered the node
    begin_ns: since the first step of the trace
    length_ns: until it entered the next node; None for the last one, whose end nobody saw
    """

    step: Step
    begin_ns: int
    length_ns: int | None

    @property
    def worker(self) -> str:
        """The path and its lane, each of which has a worker of its own while there are CPUs."""
        return worker_of(self.step)


def worker_of(step: Step) -> str:
    """What names it: such as "mirror, lane 0"."""
    return f"{step.path or 'no path'}, lane {step.lane}"


def spans_of(steps: Sequence[Step]) -> list[Span]:
    """In the order of the steps: frame by frame."""
    first = min((step.time_ns for step in steps), default=0)
    found = []
    for step, later in zip_longest(steps, steps[1:]):
        is_last = later is None or later.packet != step.packet
        length = None if is_last or later is None else later.time_ns - step.time_ns
        found.append(Span(step, step.time_ns - first, length))
    return found
