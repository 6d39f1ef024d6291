# SPDX-License-Identifier: BSD-3-Clause
"""A lab as a picture: ports and their cables on the left, the paths that use them on the right."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from labkit.path.drop_labels import Chip, draw_chips, drop_chips
from labkit.path.edge_frames import PathReading
from labkit.path.kinds import KINDS
from labkit.path.layout import apart
from labkit.path.path import Path
from labkit.path.svg import (
    BLUE,
    FAINT,
    GREEN,
    GREY,
    INK,
    LINE,
    RED,
    arrowhead,
    card,
    curve,
    frames_text,
    group,
    number,
    rect,
    shortened,
    text,
    text_width,
)
from labkit.units import si

MARGIN = 18.0
GAP = 18.0  # between boxes of a column
CABLE = 34.0  # room for the cables at the left
REACH = 110.0  # between ports and paths
PADDING = 13.0
TITLE, DETAIL = 12.5, 11.0
LINE_HEIGHT = 15.5
CHAIN_WIDTH = 580.0  # a longer line of nodes is broken
MOST_LETTERS = 40


@dataclass(frozen=True)
class PortView:
    """What is drawn of a port.

    Attributes
    ----------
    name, kind: such as "client" and "ring"
    mac, mtu: Ethernet address; MTU in bytes
    link: the link is up
    rx_packets, tx_packets: frames received and sent
    peer: name of the port at the other end of the cable, if any
    """

    name: str
    kind: str
    mac: str
    mtu: int
    link: bool
    rx_packets: int
    tx_packets: int
    peer: str | None = None


@dataclass(frozen=True)
class _Box:
    """Lines of text with their size; x is that of the column, y is found when all are known."""

    title: str
    lines: tuple[str, ...]
    drops: tuple[Chip, ...] = ()

    @property
    def width(self) -> float:
        rooms = [text_width(self.title, TITLE, bold=True) + 60]
        rooms += [text_width(line, DETAIL) for line in self.lines]
        rooms += [chip.width for chip in self.drops]
        return max(rooms) + 2 * PADDING

    def height(self, width: float) -> float:
        _, red = draw_chips(self.drops, 0, 0, width - 2 * PADDING)
        return 31 + LINE_HEIGHT * len(self.lines) + (red + 8 if red else 0)


def lab_svg(
    ports: Sequence[PortView],
    paths: Sequence[Path],
    counters: Mapping[str, PathReading] | None = None,
) -> str:
    """The lab as SVG; counters by path name."""
    ports = _neighbours(ports)
    left = [_port_box(port) for port in ports]
    index = {port.name: i for i, port in enumerate(ports)}
    paths = sorted(paths, key=lambda path: _mean(index[p] for p in path.ports if p in index))
    right = [_path_box(path, (counters or {}).get(path.name)) for path in paths]
    wide = max((box.width for box in left), default=150)
    far = max((box.width for box in right), default=0)
    heights = [box.height(wide) for box in left]
    depths = [box.height(far) for box in right]

    # Ports make room for the paths beside them, then paths settle at the height of their ports.
    tops = _column(heights)
    for _ in range(3):
        wishes = [
            _mean(tops[index[p]] + heights[index[p]] / 2 for p in path.ports if p in index)
            - depth / 2
            for path, depth in zip(paths, depths, strict=True)
        ]
        levels = apart(wishes, [depth + GAP for depth in depths])
        middles = [level + depth / 2 for level, depth in zip(levels, depths, strict=True)]
        wishes = [
            _mean(
                (m for m, path in zip(middles, paths, strict=True) if port.name in path.ports),
                tops[i] + heights[i] / 2,
            )
            - heights[i] / 2
            for i, port in enumerate(ports)
        ]
        tops = apart(wishes, [height + GAP for height in heights])
    highest = min([*tops, *levels], default=0)
    tops, levels = [t - highest for t in tops], [v - highest for v in levels]

    has_cables = any(port.peer in index for port in ports)
    x = CABLE if has_cables else 0.0
    x_paths = x + wide + REACH
    parts = []
    for i, port in enumerate(ports):
        other = index.get(port.peer or "")
        if other is not None and i < other:
            parts.append(
                _cable(x, port, tops[i] + heights[i] / 2, tops[other] + heights[other] / 2)
            )
    parts += _attachments(ports, paths, tops, heights, levels, depths, x + wide, x_paths)
    for port, box, top, height in zip(ports, left, tops, heights, strict=True):
        parts.append(_draw_port(port, box, x, top, wide, height))
    for path, box, top, depth in zip(paths, right, levels, depths, strict=True):
        parts.append(_draw_path(path, box, x_paths, top, far, depth))
    if not ports:
        parts.append(text(0, 14, "This lab has no ports yet.", color=FAINT))
    extent = max(
        [t + h for t, h in zip((*tops, *levels), (*heights, *depths), strict=True)] or [20]
    )
    moved = f'<g transform="translate({number(MARGIN)},{number(MARGIN)})">'
    names = ", ".join(port.name for port in ports) or "none"
    running = ", ".join(path.name for path in paths) or "none"
    return card(
        (x_paths + far if paths else x + wide) + 2 * MARGIN,
        extent + 2 * MARGIN,
        f"lab with ports {names} and paths {running}",
        (moved, *parts, "</g>"),
    )


def _neighbours(ports: Sequence[PortView]) -> list[PortView]:
    """The ports in their order, the two ends of a cable next to each other."""
    by_name = {port.name: port for port in ports}
    order: dict[str, PortView] = {}
    for port in ports:
        order.setdefault(port.name, port)
        if port.peer in by_name:
            order.setdefault(port.peer, by_name[port.peer])
    return list(order.values())


def _mean(values: Iterable[float], fallback: float = 0.0) -> float:
    listed = list(values)
    return sum(listed) / len(listed) if listed else fallback


def _column(heights: Sequence[float]) -> list[float]:
    tops, y = [], 0.0
    for height in heights:
        tops.append(y)
        y += height + GAP
    return tops


def _port_box(port: PortView) -> _Box:
    return _Box(
        shortened(port.name, MOST_LETTERS),
        (
            f"{port.kind}, MTU {port.mtu:,}",
            port.mac,
            f"rx {si(port.rx_packets)} · tx {si(port.tx_packets)}",
        ),
    )


def _path_box(path: Path, reading: PathReading | None) -> _Box:
    lines = [line for chain in path.chains for line in _broken(chain)]
    if reading is None:
        return _Box(path.name, tuple(lines))
    roles = {node.name: KINDS[node.kind].role for node in path.nodes}
    frames = {name: counters.objects for name, counters in reading.nodes.items()}
    entered = sum(n for name, n in frames.items() if roles.get(name) == "source")
    lines.append(f"{frames_text(entered)} in, {si(sum(reading.drops.values()))} dropped")
    return _Box(path.name, tuple(lines), tuple(drop_chips(reading.drops)))


def _broken(chain: str) -> list[str]:
    """A chain of nodes in lines that fit, broken before >> and |."""
    lines, line = [], ""
    for word in chain.replace(" >> ", " \0>> ").replace(" | ", " \0| ").split("\0"):
        if line and text_width(line + word, DETAIL) > CHAIN_WIDTH:
            lines.append(line.rstrip())
            line = "    "
        line += word
    return [*lines, line.rstrip()]


def _cable(x: float, port: PortView, y: float, to: float) -> str:
    r, out = 12, x - 22
    way = (
        f"M{number(x)},{number(y)} H{number(out + r)} q-{r},0 -{r},{r} V{number(to - r)} "
        f"q0,{r} {r},{r} H{number(x)}"
    )
    wire = curve(way, color=FAINT, width=4), curve(way, color="#ffffff", width=1.4)
    return group(wire, f"cable between {port.name} and {port.peer}")


def _attachments(
    ports: Sequence[PortView],
    paths: Sequence[Path],
    tops: Sequence[float],
    heights: Sequence[float],
    levels: Sequence[float],
    depths: Sequence[float],
    x: float,
    to: float,
) -> list[str]:
    """Lines between ports and paths, spread along the sides of the boxes they end at."""
    pairs = [
        (i, j)
        for i, port in enumerate(ports)
        for j, path in enumerate(paths)
        if port.name in path.ports
    ]
    parts = []
    for i, j in pairs:
        at_port = [b for a, b in pairs if a == i]
        at_path = [a for a, b in pairs if b == j]
        y = tops[i] + heights[i] * (at_port.index(j) + 1) / (len(at_port) + 1)
        y2 = levels[j] + depths[j] * (at_path.index(i) + 1) / (len(at_path) + 1)
        name = ports[i].name
        kinds = {n.kind for n in paths[j].nodes if n.params.get("port") == name}
        receives, sends = "rx" in kinds, bool(kinds & {"tx", "probe_send"})
        half = (x + to) / 2
        way = (
            f"M{number(x + 7 * sends)},{number(y)} C{number(half)},{number(y)} {number(half)},"
            f"{number(y2)} {number(to - 7 * receives)},{number(y2)}"
        )
        line = [curve(way, color=LINE, width=1.8)]
        if receives:
            line.append(arrowhead(to - 1, y2, "right"))
        if sends:
            line.append(arrowhead(x + 1, y, "left"))
        ways = " and ".join(
            word for word, is_so in (("receives from", receives), ("sends on", sends)) if is_so
        )
        parts.append(group(line, f"path {paths[j].name} {ways or 'uses'} port {name}"))
    return parts


def _lines(box: _Box, x: float, y: float) -> list[str]:
    parts = [text(x + PADDING, y + 20, box.title, size=TITLE, bold=True, color=INK)]
    for number_of_line, line in enumerate(box.lines, start=1):
        indent = 16 if line.startswith("    ") else 0
        baseline = y + 20 + number_of_line * LINE_HEIGHT
        parts.append(text(x + PADDING + indent, baseline, line.strip(), size=DETAIL, color=FAINT))
    return parts


def _draw_port(port: PortView, box: _Box, x: float, y: float, width: float, height: float) -> str:
    tint = BLUE if port.link else GREY
    state = "link up" if port.link else "link down"
    color = GREEN.edge if port.link else RED.edge
    parts = [rect(x, y, width, height, tint=tint), *_lines(box, x, y)]
    parts.append(
        text(
            x + width - PADDING,
            y + 20,
            "up" if port.link else "down",
            size=DETAIL,
            bold=True,
            color="#00694d" if port.link else "#a04400",
            anchor="end",
        )
    )
    cx = x + width - PADDING - (26 if port.link else 44)
    parts.append(
        f'<circle cx="{number(cx)}" cy="{number(y + 16)}" r="4" stroke="{color}" '
        f'stroke-width="1.5" fill="{color if port.link else "none"}"/>'
    )
    return group(
        parts,
        f"port {port.name}: {port.kind}, {state}, MAC {port.mac}, MTU {port.mtu} B\n"
        f"{port.rx_packets:,} frames received, {port.tx_packets:,} sent",
    )


def _draw_path(path: Path, box: _Box, x: float, y: float, width: float, height: float) -> str:
    parts = [rect(x, y, width, height, tint=GREEN), *_lines(box, x, y)]
    below = y + 31 + LINE_HEIGHT * len(box.lines) - 2
    red, _ = draw_chips(box.drops, x + PADDING, below, width - 2 * PADDING)
    return group((*parts, *red), f"path {path.name}\n" + "\n".join(path.chains))
