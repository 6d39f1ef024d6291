# SPDX-License-Identifier: BSD-3-Clause
"""What a packet pane lists: frames, a capture, or a trace; frames are taken apart when shown."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from labkit.captures.capture import Capture
from labkit.captures.chosen import Chosen
from labkit.captures.explained import Explained
from labkit.captures.frame import CapturedFrame
from labkit.errors import LabError
from labkit.lab.trace import Trace
from labkit.lab.trace_spans import spans_of
from labkit.lab.trace_step import Step
from labkit.lab.trace_timeline import timeline
from labkit.packet.explanation import Explanation, explain
from labkit.packet.frame_bytes import frame_bytes
from labkit.packet.line import line
from labkit.packet.page_frame import page_frame
from labkit.text import MISSING, as_utf8, plural, shown

NS = 1_000_000_000
MOST_FRAMES = 1_000_000  # of a list; a capture has any number


@dataclass(frozen=True)
class PacketList:
    """Frames by their place from 0.

    Attributes
    ----------
    title: what they are
    heads: over the columns of a row; the last one is the longest
    """

    title: str
    frames: Sequence[CapturedFrame] | Capture
    explanations: tuple[Explanation | None, ...] = ()

    heads: ClassVar[tuple[str, ...]] = (
        "number",
        "time (s)",
        "source",
        "destination",
        "protocol",
        "length",
        "info",
    )

    def __len__(self) -> int:
        return len(self.frames)

    def frame(self, place: int) -> CapturedFrame:
        """One of them."""
        return self.frames[place]

    def explanation(self, place: int) -> Explanation:
        """It taken apart."""
        made = self.explanations[place] if self.explanations else None
        return made or self.frame(place).explain()

    def page(self, place: int) -> dict[str, Any]:
        """What the page draws of it."""
        return page_frame(self.explanation(place))

    def rows(self, first: int, last: int) -> list[list[str | bool]]:
        """Cells of the rows from `first` to before `last`, and whether something is wrong there."""
        start = self.frame(0).time_ns if len(self) else None
        return [self._row(frame, start) for frame in self.frames[first:last]]

    def _row(self, frame: CapturedFrame, start: int | None) -> list[str | bool]:
        told = line(frame.data, frame.wire_length, frame.link_type, frame.fcs)
        time = MISSING
        if frame.time_ns is not None and start is not None:
            time = f"{(frame.time_ns - start) / NS:.9f}"
        length = f"{frame.wire_length}"
        return [
            str(frame.number),
            time,
            told.source or MISSING,
            told.destination or MISSING,
            told.protocol,
            length,
            told.info,
            told.is_bad,
        ]


class TraceList(PacketList):
    """The steps of traced frames, in each of which the frame is what the node was given."""

    heads: ClassVar[tuple[str, ...]] = (
        "frame",
        "time (µs)",
        "node",
        "source",
        "destination",
        "protocol",
        "length",
        "info",
    )

    def __init__(self, trace: Trace) -> None:
        self.steps = trace.steps
        frames = [_of_step(number, step) for number, step in enumerate(self.steps)]
        seen = len({step.packet for step in self.steps})
        title = f"trace of {plural(seen, 'frame')} in {plural(len(frames), 'step')}"
        super().__init__(title, frames)
        self._spans = spans_of(self.steps)

    def page(self, place: int) -> dict[str, Any]:
        """With its way, and the bytes that the node before it has changed."""
        step = self.steps[place]
        way = [span for span in self._spans if span.step.packet == step.packet]
        first = next(n for n, one in enumerate(self.steps) if one.packet == step.packet)
        changed = self.steps[place - 1].changed if place > first else []
        more = {"timeline": timeline(way, first), "changed": changed}
        return super().page(place) | more

    def rows(self, first: int, last: int) -> list[list[str | bool]]:
        """Each with the node; times are since its frame was first seen."""
        found = []
        for span in self._spans[first:last]:
            step = span.step
            begun = next(s.time_ns for s in self.steps if s.packet == step.packet)
            _, _, *rest = self._row(_of_step(0, step), None)
            time = f"{(step.time_ns - begun) / 1000:.3f}"
            found.append([str(step.packet), time, f"{step.path or MISSING}/{step.node}", *rest])
        return found


def list_of(of: Any, where: str | None = None) -> PacketList:
    """What a pane shows of an object; an error for what has no frames.

    where: a capture filter; of a capture only
    """
    if where and isinstance(of, Capture):
        return PacketList(f"{as_utf8(of.file.name)}: {where}", Chosen(of, where))
    if where:
        raise LabError(
            f"where is {shown(where)}, which chooses frames of a capture; filter others with "
            "lk.compile_filter(…).matches(frame)"
        )
    if isinstance(of, Trace):
        return TraceList(of)
    if isinstance(of, Capture):
        return PacketList(as_utf8(of.file.name), of)
    if isinstance(of, Explained):
        return PacketList(plural(len(of), "frame"), of.frames)
    if isinstance(of, (list, tuple)):
        if len(of) > MOST_FRAMES:
            raise LabError(
                f"packets() was given {len(of):,} frames; at most {MOST_FRAMES:,}: write them to a "
                "file and show lk.Capture(file)"
            )
        made = [_one(frame, number) for number, frame in enumerate(of)]
        explanations = tuple(explanation for _, explanation in made)
        return PacketList(plural(len(of), "frame"), [frame for frame, _ in made], explanations)
    frame, explanation = _one(of, 0)
    return PacketList("one frame", [frame], (explanation,))


def _one(frame: Any, number: int) -> tuple[CapturedFrame, Explanation | None]:
    if isinstance(frame, CapturedFrame):
        return frame, None
    if not isinstance(frame, (bytes, bytearray, memoryview)) and not hasattr(frame, "__bytes__"):
        raise LabError(
            f"packets({shown(frame)}): it shows frames (bytes or scapy packets), a list of them, "
            "lk.explain(…), lk.Capture(file), or lab.trace(…)"
        )
    given = frame if isinstance(frame, Explanation) else None
    made = given or explain(frame_bytes(frame))
    taken = CapturedFrame(number, bytes(made), made.wire_length, None, 0, made.link_type, made.fcs)
    return taken, given


def _of_step(number: int, step: Step) -> CapturedFrame:
    length = max(step.length, len(step.before))
    return CapturedFrame(number, step.before, length, step.time_ns, 0, 1, 0)
