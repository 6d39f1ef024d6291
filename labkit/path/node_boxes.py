# SPDX-License-Identifier: BSD-3-Clause
"""The boxes of a path's drawing: what a node's says, and how it is drawn."""

from dataclasses import dataclass

from labkit.figure.theme import FAINT, INK
from labkit.path.counters import PathReading
from labkit.path.graph import NamedNode
from labkit.path.kinds import NodeKind
from labkit.path.layout import Place, Size
from labkit.path.svg import (
    BLUE,
    GREEN,
    ORANGE,
    RED,
    Tint,
    curve,
    frames_text,
    group,
    number,
    rect,
    text,
    text_width,
)
from labkit.path.values import MOST_LETTERS
from labkit.text import as_utf8, shortened
from labkit.units import si

PADDING = 13.0
TITLE, DETAIL = 12.5, 11.0
LINE_HEIGHT = 15.0
TINTS = {"source": BLUE, "process": GREEN, "end": ORANGE}


@dataclass(frozen=True)
class Face:
    """What a node's box says."""

    title: str
    details: tuple[str, ...]
    counts: str | None
    tooltip: str

    @property
    def size(self) -> Size:
        """Room that it takes."""
        rows = [text_width(self.title, TITLE, bold=True)]
        rows += [text_width(line, DETAIL) for line in self.details]
        if self.counts is not None:
            rows.append(text_width(self.counts, DETAIL, bold=True))
        height = 28 + LINE_HEIGHT * len(self.details) + (20 if self.counts is not None else 0)
        return Size(max(92, max(rows) + 2 * PADDING), max(height, 34))


def face_of(node: NamedNode, counters: PathReading | None, given: int | None) -> Face:
    """What a node's box says, with its counters where they are read.

    given: frames that its edges brought, which are counted beside its own while frames flow
    """
    reading = None if counters is None else counters.nodes.get(node.name)
    kind = node.declared
    known = as_utf8("; ".join(f"{key}: {words}" for key, words in node.told.items()))
    reference = f" ({kind.reference})" if kind.reference else ""
    tooltip = f"{node.name}: {kind.sentence}{reference}"
    if known:
        tooltip += f"\n{known}"
    counts = None
    if reading is not None:
        frames = reading.objects if given is None else given
        counts = frames_text(frames)
        tooltip += f"\n{frames:,} frames in {reading.calls:,} calls"
        # A source's cycles are mostly those of polls that brought nothing.
        if reading.objects and kind.role != "source":
            each = reading.cycles / reading.objects
            counts = f"{si(frames)} · {each:,.0f} cycles each"
            tooltip += f", {each:,.1f} cycles a frame"
    details = tuple(shortened(line, MOST_LETTERS) for line in _details(node))
    return Face(node.name, details, counts, tooltip)


def _details(node: NamedNode) -> list[str]:
    """Lines below the title: what the name does not say already."""
    kind, port = node.declared, node.port
    first = [] if node.name.startswith(node.kind) else [node.kind]
    if port is not None and node.name.partition(":")[2].partition(".")[0] != port:
        first.append(f"port {port}")
    lines = []
    for parameter in kind.parameters:
        value = node.params[parameter.name]
        if value is not None:
            first += filter(None, [parameter.type.remark(value)])
            lines += parameter.type.lines(value)
    return [*filter(None, [", ".join(first)]), *lines, *filter(None, [kind.label])]


def box(node: NamedNode, face: Face, at: Place) -> str:
    """The box of a node in its place."""
    tint = _tint(node.declared)
    parts = [rect(at.x, at.y, at.width, at.height, tint=tint)]
    x, y = at.x + PADDING, at.y + 19
    if not face.details and face.counts is None:
        y = at.middle + TITLE * 0.35
    parts.append(text(x, y, face.title, size=TITLE, bold=True))
    for line in face.details:
        y += LINE_HEIGHT
        parts.append(text(x, y, line, size=DETAIL, color=FAINT))
    if face.counts is not None:
        rule = f"M{number(at.x)},{number(y + 8)} H{number(at.right)}"
        parts.append(curve(rule, color=tint.edge, width=0.6))
        color = FAINT if face.counts == "0 frames" else INK
        y = at.y + at.height - 7
        parts.append(text(x, y, face.counts, size=DETAIL, color=color, mark="counts"))
    return group(parts, face.tooltip, node=node.name)


def _tint(kind: NodeKind) -> Tint:
    """Red where frames end that go nowhere."""
    return RED if kind.role == "end" and not kind.has_port else TINTS[kind.role]
