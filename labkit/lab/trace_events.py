# SPDX-License-Identifier: BSD-3-Clause
"""A trace in the Trace Event Format, which ui.perfetto.dev and chrome://tracing open.

Source: "Trace Event Format" of the Chromium project. A process is a worker's part of a path, a
thread is one frame in it, so that spans of a thread follow each other.
"""

import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from labkit.errors import LabError
from labkit.lab.trace_spans import Span, spans_of
from labkit.lab.trace_step import Step
from labkit.text import encodable, reason

NS_PER_US = 1000  # the format counts microseconds, here with three decimals


def trace_events(steps: Sequence[Step]) -> dict[str, Any]:
    """The whole document: complete events (X) for spans, an instant (i) for the last step of a
    frame, flow arrows (s, f) where it goes over to another worker, names (M)."""
    spans = spans_of(steps)
    workers = {name: 1 + n for n, name in enumerate(dict.fromkeys(one.worker for one in spans))}
    events = [*_names(spans, workers)]
    for number, span in enumerate(spans):
        events.append(_event(span, workers))
        if span.length_ns is not None and spans[number + 1].worker != span.worker:
            events += _arrow(number, span, spans[number + 1], workers)
    start = min((step.time_ns for step in steps), default=0)
    return {
        "traceEvents": events,
        "displayTimeUnit": "ns",
        "otherData": {"clock": "CLOCK_REALTIME", "start_ns": str(start)},
    }


def write_events(steps: Sequence[Step], file: str | os.PathLike[str]) -> Path:
    """Writes the document; returns where it is."""
    place = Path(file)
    try:
        place.write_text(json.dumps(trace_events(steps)), encoding="utf-8")
    except OSError as error:
        raise LabError(f"{place} cannot be written: {reason(error)}") from None
    return place


def _names(spans: Sequence[Span], workers: dict[str, int]) -> Iterator[dict[str, Any]]:
    for worker, process in workers.items():
        args = {"name": encodable(worker)}
        yield {"ph": "M", "name": "process_name", "pid": process, "args": args}
    for worker, packet in dict.fromkeys((one.worker, one.step.packet) for one in spans):
        place = {"pid": workers[worker], "tid": packet + 1}
        yield {"ph": "M", "name": "thread_name", **place, "args": {"name": f"frame {packet}"}}


def _event(span: Span, workers: dict[str, int]) -> dict[str, Any]:
    step = span.step
    timed = {"ph": "i", "s": "t"}
    if span.length_ns is not None:
        timed = {"ph": "X", "dur": span.length_ns / NS_PER_US}  # type: ignore[dict-item]
    args = {
        "frame": encodable(step.summary),
        "length": step.length,
        "changed bytes": len(step.changed),
    }
    common = {"name": encodable(step.node), "cat": "node", **_place(span, workers)}
    return {**timed, **common, "args": args}


def _arrow(
    number: int, span: Span, following: Span, workers: dict[str, int]
) -> Iterator[dict[str, Any]]:
    common = {"name": "hand-over", "cat": "worker", "id": number + 1}
    yield {"ph": "s", **common, **_place(span, workers)}
    yield {"ph": "f", "bp": "e", **common, **_place(following, workers)}


def _place(span: Span, workers: dict[str, int]) -> dict[str, Any]:
    return {
        "pid": workers[span.worker],
        "tid": span.step.packet + 1,
        "ts": span.begin_ns / NS_PER_US,
    }
