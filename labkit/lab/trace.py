# SPDX-License-Identifier: BSD-3-Clause
"""Traces: single frames followed through every node they pass."""

import os
import time
from collections.abc import Sequence
from contextlib import suppress
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labkit._codec import lib
from labkit.arguments.checked import checked
from labkit.arguments.hints import Seconds
from labkit.engine.answers import TraceStep
from labkit.engine.engine import Engine
from labkit.errors import LabError
from labkit.lab.trace_spans import spans_of
from labkit.lab.trace_step import Step
from labkit.lab.trace_timeline import timeline
from labkit.text import Html, bold, html_table

if TYPE_CHECKING:
    import pandas as pd

MOST_PACKETS = lib.LK_MAX_TRACED
STEPS_PER_PACKET = 24
SETTLE_SECONDS = 0.05  # a frame that has not moved for so long has arrived


class Trace:
    """The next frames that enter any path of the lab.

    Begins at once. Leaving its context, `wait` and `stop` end it; what was seen stays:

        with lab.trace(1) as trace:
            client.send(frame)
        trace.table
    """

    def __init__(self, engine: Engine, count: int, snaplen: int) -> None:
        if not 1 <= count <= MOST_PACKETS:
            raise LabError(f"count is {count}; a trace follows 1 to {MOST_PACKETS} frames")
        if not 14 <= snaplen <= 65535:
            raise LabError(f"snaplen is {snaplen}; the range is 14 to 65535 bytes")
        self.count = count
        self._engine = engine
        self._raw: list[TraceStep] = []
        self._is_on = True
        engine.commands.start_trace(count, count * STEPS_PER_PACKET, snaplen)

    @checked()
    def wait(self, timeout: Seconds = 1.0) -> "Trace":
        """Waits until `count` frames came and have arrived, or `timeout` seconds; then ends."""
        end = time.monotonic() + timeout
        moved = time.monotonic()
        while time.monotonic() < end:
            packets, steps = self._read()
            if steps:
                moved = time.monotonic()
            elif packets == self.count and time.monotonic() - moved > SETTLE_SECONDS:
                break
            time.sleep(0.005)
        self.stop()
        return self

    def stop(self) -> None:
        """Ends the trace; what was seen stays."""
        if self._is_on:
            self._is_on = False
            self._engine.commands.stop_trace()
            self._read()

    def close(self) -> None:
        """Ends it with its lab."""
        with suppress(LabError):  # what was seen stays, though the engine is gone
            self.stop()

    @property
    def steps(self) -> list[Step]:
        """Every step of every frame, frame by frame in the order of time."""
        if self._is_on:
            self._read()
        ordered = sorted(self._raw, key=lambda raw: (raw["packet"], raw["time_ns"]))
        steps = [
            Step(
                raw["packet"],
                raw["path"],
                raw["node"] or "?",
                raw["time_ns"],
                raw["length"],
                bytes.fromhex(raw["bytes"]),
                lane=raw["lane"],
            )
            for raw in ordered
        ]
        # A drop node belongs to the path that refused the frame.
        for i in range(1, len(steps)):
            before, step = steps[i - 1], steps[i]
            if before.packet == step.packet:
                path = step.path or before.path
                lane = step.lane if step.path else before.lane
                steps[i] = _replace(step, path=path, lane=lane)
                steps[i - 1] = _replace(before, after=step.before)
        return steps

    @property
    def table(self) -> "pd.DataFrame":
        """One row a step: packet, time_us since the frame was first seen, path, lane, node, length,
        changed (offsets of the bytes that the node changed), frame (its layers and addresses)."""
        from labkit.tables.table import Table  # pandas is slow to load

        rows = []
        started: dict[int, int] = {}
        for step in self.steps:
            first = started.setdefault(step.packet, step.time_ns)
            rows.append(
                {
                    "packet": step.packet,
                    "time_us": (step.time_ns - first) / 1e3,
                    "path": step.path,
                    "lane": step.lane,
                    "node": step.node,
                    "length": step.length,
                    "changed": _ranges(step.changed),
                    "frame": step.summary,
                }
            )
        columns = ["packet", "time_us", "path", "lane", "node", "length", "changed", "frame"]
        return Table(rows, columns=columns)

    @checked()
    def to_perfetto(self, file: str | os.PathLike[str]) -> Path:
        """Writes the way of the frames in the Trace Event Format (JSON), which ui.perfetto.dev and
        chrome://tracing open. Returns where it is.

            trace.to_perfetto("trace.json")

        A process is a worker's part of a path (its lane), a thread one frame in it, a span the
        time in µs from entering a node to entering the next one; of the last node it is a moment.
        """
        from labkit.lab.trace_events import write_events  # late: nothing else needs it

        return write_events(self.steps, file)

    def __enter__(self) -> "Trace":
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is None:
            self.wait()
        else:
            self.stop()

    def __repr__(self) -> str:
        steps = self.steps
        lines = [f"<Trace of {len({s.packet for s in steps})} of {self.count} frames>"]
        for step in steps:
            changed = f"  changes bytes {_ranges(step.changed)}" if step.changed else ""
            lines.append(
                f"  {step.packet}  {step.path or ''}/{step.node}  {step.length} B{changed}"
            )
        return "\n".join(lines)

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        return {"text/plain": repr(self), "text/html": trace_html(self.steps)}

    def _repr_html_(self) -> str:
        return trace_html(self.steps)

    def _read(self) -> tuple[int, int]:
        answer = self._engine.commands.read_trace(len(self._raw))
        self._raw += answer["steps"]
        return answer["packets"], len(answer["steps"])


def _replace(step: Step, **changes: Any) -> Step:
    return Step(**{**step.__dict__, **changes})


def _ranges(offsets: list[int]) -> str:
    """[0, 1, 2, 7] as "0-2, 7"."""
    parts: list[list[int]] = []
    for offset in offsets:
        if parts and parts[-1][1] == offset - 1:
            parts[-1][1] = offset
        else:
            parts.append([offset, offset])
    return ", ".join(f"{a}-{b}" if a != b else str(a) for a, b in parts)


def trace_html(steps: list[Step], most_bytes: int = 96) -> str:
    """The picture of a trace: every node with its frame, changed bytes marked."""
    rows: list[Sequence[str]] = []
    spans = spans_of(steps)
    packet, first = None, 0
    changed: list[int] = []
    for step in steps:
        is_new = step.packet != packet
        if is_new:
            packet, first, changed = step.packet, step.time_ns, []
            rows.append((f"frame {packet}",))
            drawn = timeline([span for span in spans if span.step.packet == packet])
            rows.append((Html(f'<div style="font-weight:normal;min-width:560px">{drawn}</div>'),))
        color = "#b3261e" if step.node.startswith("drop_") else "#0072b2"
        shown = Html("as before")
        if is_new or changed:
            bytes_there = _hex(step.before[:most_bytes], set(changed))
            style = "white-space:pre;margin:0"
            shown = Html(f'{escape(step.summary)}<pre style="{style}">{bytes_there}</pre>')
        where = Html(f"{bold(step.node, color)}<br>{escape(step.path or '')}")
        rows.append((where, f"+{(step.time_ns - first) / 1e3:,.2f} µs", shown))
        changed = step.changed
    if not rows:
        return "<p>no frame was seen</p>"
    return html_table((), rows, "lrl")


def _hex(data: bytes, marked: set[int]) -> str:
    """Bytes in rows of 16, the marked ones set off."""
    lines = []
    for row in range(0, len(data), 16):
        cells = [
            f"<mark>{byte:02x}</mark>" if row + i in marked else f"{byte:02x}"
            for i, byte in enumerate(data[row : row + 16])
        ]
        lines.append(f"{row:04x}  " + " ".join(cells))
    return "\n".join(lines)
