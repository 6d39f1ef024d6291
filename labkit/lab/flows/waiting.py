# SPDX-License-Identifier: BSD-3-Clause
"""Until flows are done: all are read at once, and none is waited for in vain."""

import time
from collections.abc import Callable, Sequence

from labkit.errors import LabError
from labkit.lab.flows.flow import Flow, State
from labkit.units import plain

POLL_SECONDS = 0.01
STUCK_SECONDS = 10.0  # without a frame, and longer than three intervals

Standing = tuple[Sequence[State], Sequence[int]]  # of each flow: its state, frames sent


def wait_until_done(
    flows: Sequence[Flow], standing: Callable[[Sequence[Flow]], Standing], timeout: float | None
) -> None:
    """Returns when all are done; LabError for one that will not be, and after the timeout.

    standing: what they do now
    """
    for flow in flows:
        _check_end(flow)
    begin = time.monotonic()
    moved = dict.fromkeys((flow.name for flow in flows), (-1, begin))
    while True:
        states, sent = standing(flows)
        now = time.monotonic()
        waiting = []
        for flow, state, frames in zip(flows, states, sent, strict=True):
            if state == "started":
                waiting.append((flow, frames))
                _check_progress(flow, frames, moved, now)
            elif state != "done":
                raise LabError(_not_done(flow, state))
        if not waiting:
            return
        if timeout is not None and now - begin > timeout:
            flow, frames = waiting[0]
            others = f", nor are {len(waiting) - 1} others" if len(waiting) > 1 else ""
            raise LabError(
                f"flow {flow.name!r} is not done after {plain(timeout)} s: {frames:,} sent{others}"
            )
        time.sleep(POLL_SECONDS)


def _check_end(flow: Flow) -> None:
    if not flow.has_end:
        raise LabError(
            f"flow {flow.name!r} has no end to wait for; stop() ends it, or add it with count=,"
            " seconds= or bursts="
        )


def _check_progress(
    flow: Flow, frames: int, moved: dict[str, tuple[int, float]], now: float
) -> None:
    """Notes when a flow got on last; LabError when that is too long ago."""
    before, since = moved[flow.name]
    if frames != before:
        moved[flow.name] = frames, now
        return
    interval = 1e-9 * flow.schedule.interval_ns(flow.stream, flow.on)
    patience = max(STUCK_SECONDS, 3 * interval) + flow.schedule.delay
    if now - since > patience:
        raise LabError(
            f"flow {flow.name!r} has sent no frame for {patience:.0f} s, {frames:,} in all: "
            f"port {flow.on.name} takes none; is its link up, and its other end read?"
        )


def _not_done(flow: Flow, state: State) -> str:
    if state == "failed":
        return (
            f"flow {flow.name!r}: {flow.stream!r} could not be read to its end while it was "
            "sent; leave a capture alone while it is played"
        )
    return f"flow {flow.name!r} is {state}, and was not started or was stopped"
