# SPDX-License-Identifier: BSD-3-Clause
"""Paths and labs as SVG pictures, with counters when there are any."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from labkit.nodes import KINDS
from labkit.path import NamedNode, Path
from labkit.svg import DIM, INK, amount, box, curve, document, down, frames_text, text, text_width

if TYPE_CHECKING:
    from labkit.running import NodeCounters, PathCounters

MARGIN, GAP_X, GAP_Y = 16.0, 46.0, 26.0
PADDING = 12.0
LINE_HEIGHT = 15.0


@dataclass
class _Box:
    """Where a node stands and what it says."""

    role: str
    lines: list[str]
    tip: str
    column: int = 0
    row: int = 0
    x: float = 0
    y: float = 0

    @property
    def width(self) -> float:
        widths = [text_width(self.lines[0], 13), *(text_width(t, 11) for t in self.lines[1:])]
        return max(widths) + 2 * PADDING

    @property
    def height(self) -> float:
        return 26 + LINE_HEIGHT * (len(self.lines) - 1)

    def draw(self) -> str:
        return box(self.x, self.y, self.width, self.height, self.role, self.lines, self.tip)


def path_svg(path: Path, counters: "PathCounters | None" = None) -> str:
    """A path from left to right: alternatives below each other, refused frames at the foot."""
    boxes = {
        n.name: _node_box(n, counters.nodes.get(n.name) if counters else None) for n in path.nodes
    }
    _place(path, boxes)
    parts = [text(MARGIN, 26, path.name, bold=True, anchor="start")]
    for edge in path.edges:
        a, b = boxes[edge.source], boxes[edge.target]
        if a.column == b.column:
            parts.append(down(a.x + a.width / 2, a.y + a.height, b.y, edge.output))
        else:
            label = "" if edge.output == "next" else edge.output
            parts.append(curve(a.x + a.width, a.y + a.height / 2, b.x, b.y + b.height / 2, label))
    parts += [b.draw() for b in boxes.values()]
    width = max(b.x + b.width for b in boxes.values()) + MARGIN
    height = max(b.y + b.height for b in boxes.values()) + MARGIN
    if counters and counters.drops:
        drops, width, height = _drop_row(counters.drops, width, height)
        parts += drops
    width = max(width, text_width(path.name, 13) + 2 * MARGIN)
    return document(width, height, f"path {path.name}: {path!r}", parts)


def _node_box(node: NamedNode, counters: "NodeCounters | None") -> _Box:
    kind = KINDS[node.kind]
    lines = [node.name]
    addresses = node.params.get("addresses")
    if isinstance(addresses, list):
        lines.append(
            ", ".join(a.split("/")[0] for a in addresses[:2])
            + (", …" if len(addresses) > 2 else "")
        )
    if node.params.get("udp_port"):
        lines[-1] += f" port {node.params['udp_port']}"
    if node.params.get("queue"):
        lines.append(f"queue {node.params['queue']}")
    if node.kind == "capture":
        lines.append(str(node.params["file"]).rsplit("/", 1)[-1])
    if counters is not None:
        line = frames_text(counters.objects)
        # A source's cycles are mostly those of polls that brought nothing.
        if counters.cycles_per_packet is not None and kind.role != "source":
            line += f", {amount(counters.cycles_per_packet)} cycles each"
        lines.append(line)
    tip = f"{kind.sentence} {kind.reference}".strip()
    return _Box(kind.role, lines, tip)


def _place(path: Path, boxes: Mapping[str, _Box]) -> None:
    """Columns by the longest way along `next`; an `other` stands below the node it comes from."""
    for _ in path.nodes:
        for edge in path.edges:
            a, b = boxes[edge.source], boxes[edge.target]
            b.column = max(b.column, a.column + (edge.output == "next"))
            if edge.output == "other" and a.column > b.column:
                b.column = a.column
    rows: dict[int, int] = {}
    for b in boxes.values():
        b.row = rows.get(b.column, 0)
        rows[b.column] = b.row + 1
    columns = sorted(rows)
    x = MARGIN
    tallest = max(sum(b.height + GAP_Y for b in boxes.values() if b.column == c) for c in columns)
    for c in columns:
        stack = [b for b in boxes.values() if b.column == c]
        width = max(b.width for b in stack)
        y = 44 + (tallest - sum(b.height + GAP_Y for b in stack)) / 2
        for b in stack:
            b.x, b.y = x + (width - b.width) / 2, y
            y += b.height + GAP_Y
        x += width + GAP_X


def _drop_row(drops: Mapping[str, int], width: float, top: float) -> tuple[list[str], float, float]:
    """Drop nodes with frames in them, in rows; returns the parts and the size they need."""
    parts, x, y, right = [], MARGIN, top, width
    limit = max(width, 480.0)
    for name, frames in sorted(drops.items(), key=lambda item: -item[1]):
        chip = _Box("drop", [name, frames_text(frames)], _why(name))
        if x > MARGIN and x + chip.width + MARGIN > limit:
            x, y = MARGIN, y + chip.height + 10
        chip.x, chip.y = x, y
        parts.append(chip.draw())
        x += chip.width + 10
        right = max(right, x - 10 + MARGIN)
        top = chip.y + chip.height + MARGIN
    return parts, right, top


def _why(drop: str) -> str:
    from labkit.codec import VERDICT_BY_NAME

    verdict = VERDICT_BY_NAME.get(drop.removeprefix("drop_"))
    return f"{verdict.sentence} {verdict.source}".strip() if verdict else drop


@dataclass(frozen=True)
class PortView:
    """What the lab's picture shows of a port."""

    name: str
    kind: str
    mac: str
    mtu: int
    link: bool
    rx_packets: int
    tx_packets: int
    peer: str | None = None


def lab_svg(
    ports: Sequence[PortView],
    paths: Sequence[Path],
    counters: "Mapping[str, PathCounters] | None" = None,
) -> str:
    """A lab: ports and the cables between them, below each port the paths that receive from it."""
    if not ports:
        return document(
            360,
            60,
            "a lab without ports",
            [text(180, 35, "no ports yet: lab.cable() makes two", color=DIM)],
        )
    boxes = {p.name: _port_box(p) for p in ports}
    cards = [
        (_home(path, boxes), _path_box(path, (counters or {}).get(path.name))) for path in paths
    ]
    x, bottom = MARGIN, 0.0
    parts: list[str] = []
    for name, b in boxes.items():
        below = [card for home, card in cards if home == name]
        width = max(b.width, *(c.width for c in below)) if below else b.width
        b.x, b.y = x + (width - b.width) / 2, MARGIN
        y = b.y + b.height + 28
        for card in below:
            card.x, card.y = x + (width - card.width) / 2, y
            parts.append(
                down(b.x + b.width / 2, card.y - (28 if card is below[0] else GAP_Y), card.y)
            )
            y += card.height + GAP_Y
            bottom = max(bottom, card.y + card.height)
        bottom = max(bottom, b.y + b.height)
        x += width + 2 * GAP_X
    parts += _cables(ports, boxes)
    parts += [b.draw() for b in (*boxes.values(), *(card for _, card in cards))]
    label = f"lab with ports {', '.join(boxes)} and paths {', '.join(p.name for p in paths)}"
    return document(x - 2 * GAP_X + MARGIN, bottom + MARGIN, label, parts)


def _port_box(port: PortView) -> _Box:
    state = "link up" if port.link else "link down"
    lines = [
        port.name,
        f"{port.kind}, {state}",
        port.mac,
        f"MTU {port.mtu:,}",
        f"received {amount(port.rx_packets)}, sent {amount(port.tx_packets)}",
    ]
    return _Box("port", lines, f"port {port.name}")


def _path_box(path: Path, counters: "PathCounters | None") -> _Box:
    lines = [path.name]
    for n in path.nodes:
        line = n.name
        if counters:
            line += f"  {amount(counters.nodes[n.name].objects)}"
        lines.append(line)
    if counters:
        lines += [f"{name}  {amount(frames)}" for name, frames in counters.drops.items()]
    return _Box("process", lines, repr(path))


def _home(path: Path, boxes: Mapping[str, _Box]) -> str:
    """The port below which a path stands: the one it receives from, else its first."""
    for n in path.nodes:
        if n.kind == "rx":
            return str(n.params["port"])
    return path.ports[0] if path.ports else next(iter(boxes))


def _cables(ports: Sequence[PortView], boxes: Mapping[str, _Box]) -> list[str]:
    parts = []
    names = [p.name for p in ports]
    for port in ports:
        if port.peer not in names or names.index(port.peer) < names.index(port.name):
            continue
        a, b = boxes[port.name], boxes[port.peer]
        y = a.y + a.height / 2
        parts.append(
            f'<path d="M{a.x + a.width:.1f},{y:.1f} H{b.x:.1f}" stroke="{INK}" stroke-width="3" '
            'stroke-linecap="round"/>'
        )
        parts.append(text((a.x + a.width + b.x) / 2, y - 8, "cable", size=11, color=DIM))
    return parts
