# SPDX-License-Identifier: BSD-3-Clause
"""A lab as a picture: ports and their cables on the left, the paths that use them on the right."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from labkit.figure.theme import FAINT, GROUND, INK, LINE
from labkit.lab.placement import DETAIL, LINE_HEIGHT, PADDING, TITLE, Box, Placed, mean, settled
from labkit.path.counters import PathReading, entered
from labkit.path.drop_labels import draw_refusals, refusals_of
from labkit.path.flows import flows_of
from labkit.path.path import Path
from labkit.path.svg import (
    BLUE,
    GREEN,
    GREY,
    RED,
    arrowhead,
    card,
    curve,
    frames_text,
    group,
    number,
    rect,
    text,
    text_width,
)
from labkit.text import shortened
from labkit.units import si

MARGIN = 18.0
CABLE = 34.0  # room for the cables at the left
REACH = 64.0  # between ports and paths
CHAIN_WIDTH = 330.0  # a longer line of nodes is broken
MOST_LETTERS = 40


@dataclass(frozen=True)
class PortView:
    """What is drawn of a port.

    Attributes
    ----------
    name, kind: such as "client" and "ring"
    mac, mtu: Ethernet address; MTU in bytes
    link: the link is up
    rx_packets, tx_packets: frames received and sent; None: not known
    peer: name of the port at the other end of the cable, if any
    losses: frames lost by the port, by the counter that tells of them
    """

    name: str
    kind: str
    mac: str
    mtu: int
    link: bool
    rx_packets: int | None
    tx_packets: int | None
    peer: str | None = None
    losses: Mapping[str, int] = field(default_factory=dict)


def lab_svg(
    ports: Sequence[PortView],
    paths: Sequence[Path],
    counters: Mapping[str, PathReading] | None = None,
) -> str:
    """The lab as SVG; counters by path name."""
    ports = _neighbours(ports)
    index = {port.name: i for i, port in enumerate(ports)}
    paths = sorted(paths, key=lambda path: mean(index[p] for p in path.ports if p in index))
    left = [_port_box(port) for port in ports]
    right = [_path_box(path, (counters or {}).get(path.name)) for path in paths]
    wide = max((box.width for box in left), default=150)
    far = max((box.width for box in right), default=0)
    heights = [box.height(wide) for box in left]
    depths = [box.height(far) for box in right]
    tops, levels = settled([port.name for port in ports], paths, heights, depths)
    x = CABLE if any(port.peer in index for port in ports) else 0.0
    x_paths = x + wide + REACH
    sides = zip(left, tops, heights, strict=True), zip(right, levels, depths, strict=True)
    at_ports = [Placed(box, x, y, wide, height) for box, y, height in sides[0]]
    at_paths = [Placed(box, x_paths, y, far, depth) for box, y, depth in sides[1]]
    parts = []
    for i, port in enumerate(ports):
        other = index.get(port.peer or "")
        if other is not None and i < other:
            parts.append(_cable(port, at_ports[i], at_ports[other]))
    parts += _attachments(ports, paths, at_ports, at_paths)
    parts += [_draw_port(port, place) for port, place in zip(ports, at_ports, strict=True)]
    parts += [_draw_path(path, place) for path, place in zip(paths, at_paths, strict=True)]
    if not ports:
        parts.append(text(0, 14, "This lab has no ports yet.", color=FAINT))
    extent = max((place.y + place.height for place in (*at_ports, *at_paths)), default=20)
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


def _port_box(port: PortView) -> Box:
    return Box(
        shortened(port.name, MOST_LETTERS),
        (
            f"{port.kind}, MTU {port.mtu:,}",
            port.mac,
            f"rx {_counted(port.rx_packets)} · tx {_counted(port.tx_packets)}",
        ),
        refusals_of({"port": port.losses}),
    )


def _counted(frames: int | None) -> str:
    return "–" if frames is None else si(frames)


def _told(frames: int | None) -> str:
    return "unknown" if frames is None else f"{frames:,}"


def _path_box(path: Path, reading: PathReading | None) -> Box:
    lines = [line for chain in path.chains for line in _broken(chain)]
    if reading is None:
        return Box(path.name, tuple(lines))
    drops = flows_of(path, reading.outputs).drops
    dropped = sum(sum(refused.values()) for refused in drops.values())
    lines.append(f"{frames_text(entered(path, reading))} in, {si(dropped)} dropped")
    return Box(path.name, tuple(lines), refusals_of(drops))


def _broken(chain: str) -> list[str]:
    """A chain of nodes in lines that fit, broken before >> and |."""
    lines, line = [], ""
    for word in chain.replace(" >> ", " \0>> ").replace(" | ", " \0| ").split("\0"):
        if line and text_width(line + word, DETAIL) > CHAIN_WIDTH:
            lines.append(line.rstrip())
            line = "    "
        line += word
    return [*lines, line.rstrip()]


def _cable(port: PortView, end: Placed, other: Placed) -> str:
    r, x, out, to = 12, end.x, end.x - 22, other.middle
    way = (
        f"M{number(x)},{number(end.middle)} H{number(out + r)} q-{r},0 -{r},{r} V{number(to - r)} "
        f"q0,{r} {r},{r} H{number(x)}"
    )
    wire = curve(way, color=FAINT, width=4), curve(way, color=GROUND, width=1.4)
    return group(wire, f"cable between {port.name} and {port.peer}")


def _attachments(
    ports: Sequence[PortView],
    paths: Sequence[Path],
    at_ports: Sequence[Placed],
    at_paths: Sequence[Placed],
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
        others = [b for a, b in pairs if a == i], [a for a, b in pairs if b == j]
        begin, end = at_ports[i], at_paths[j]
        x, to = begin.x + begin.width, end.x
        y = begin.y + begin.height * (others[0].index(j) + 1) / (len(others[0]) + 1)
        y2 = end.y + end.height * (others[1].index(i) + 1) / (len(others[1]) + 1)
        name = ports[i].name
        kinds = [n.declared for n in paths[j].nodes if n.port == name]
        receives, sends = any(k.receives for k in kinds), any(k.sends for k in kinds)
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


def _lines(place: Placed) -> list[str]:
    box, x, y = place.box, place.x, place.y
    parts = [text(x + PADDING, y + 20, box.title, size=TITLE, bold=True, color=INK)]
    for number_of_line, line in enumerate(box.lines, start=1):
        indent = 16 if line.startswith("    ") else 0
        baseline = y + 20 + number_of_line * LINE_HEIGHT
        parts.append(text(x + PADDING + indent, baseline, line.strip(), size=DETAIL, color=FAINT))
    return parts


def _draw_port(port: PortView, place: Placed) -> str:
    x, y, width = place.x, place.y, place.width
    tint = BLUE if port.link else GREY
    state = "link up" if port.link else "link down"
    color = GREEN.edge if port.link else RED.edge
    parts = [rect(x, y, width, place.height, tint=tint), *_lines(place)]
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
    parts += _draw_drops(place)
    return group(
        parts,
        f"port {port.name}: {port.kind}, {state}, MAC {port.mac}, MTU {port.mtu} B\n"
        f"{_told(port.rx_packets)} frames received, {_told(port.tx_packets)} sent",
    )


def _draw_path(path: Path, place: Placed) -> str:
    x, y, width = place.x, place.y, place.width
    parts = [rect(x, y, width, place.height, tint=GREEN), *_lines(place), *_draw_drops(place)]
    return group(parts, f"path {path.name}\n" + "\n".join(path.chains))


def _draw_drops(place: Placed) -> list[str]:
    """What was refused, below the lines."""
    below = place.y + 31 + LINE_HEIGHT * len(place.box.lines) - 2
    width = place.width - 2 * PADDING
    return draw_refusals(place.box.refusals, place.x + PADDING, below, width)[0]
