# SPDX-License-Identifier: BSD-3-Clause
"""A topology as it is drawn: devices, links, what these are like, and what went over them."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from labkit.figure.theme import ALARM, FAINT, GROUND, INK, LINE
from labkit.lab.topology.addressing import Layout
from labkit.lab.topology.links import counted, directions
from labkit.lab.topology.plan import Link, Quality
from labkit.path.counters import PathCounters
from labkit.path.svg import (
    BLUE,
    GREEN,
    ORANGE,
    Tint,
    card,
    curve,
    frames_text,
    group,
    number,
    picture_parts,
    rect,
    text,
    text_width,
)
from labkit.units import plain, si_load

PAPER = Tint(GROUND, GROUND)
TINTS = {"host": BLUE, "switch": GREEN, "router": ORANGE}
HEIGHT, MARGIN, STEP = 38, 24, 150  # pixels: of a box, around all, of a link
ROUNDS = 200  # after which nothing moves any more
Rates = Mapping[str, float]
NOTHING: Rates = {}
Places = "np.ndarray[Any, np.dtype[np.float64]]"


def picture(
    layout: Layout,
    label: str,
    counters: PathCounters | None,
    told: str = "",
    rates: Rates = NOTHING,
) -> dict[str, Any]:
    """By MIME type. rates: frames a second, by the interface that a direction begins at."""
    return picture_parts(_svg(layout, label, counters, rates), label, told)


def _svg(layout: Layout, label: str, counters: PathCounters | None, rates: Rates) -> str:
    names = list(layout.plan.devices)
    lines = [_lines(layout, name) for name in names]
    widths = [max(text_width(line, 11, bold=True) for line in of) + 20 for of in lines]
    joints = tuple((link.a, link.b) for link in layout.plan.links)
    at = _places(tuple(names), joints) * (STEP * 1.25, STEP * 0.75)
    at -= at.min(axis=0) - (max(widths) / 2 + MARGIN, HEIGHT / 2 + MARGIN)
    width = float(at[:, 0].max()) + max(widths) / 2 + MARGIN
    height = float(at[:, 1].max()) + HEIGHT / 2 + MARGIN
    where = {name: (float(x), float(y)) for name, (x, y) in zip(names, at, strict=True)}
    parts = [
        _link(layout, n, link, where, counters, rates) for n, link in enumerate(layout.plan.links)
    ]
    for name, of, box in zip(names, lines, widths, strict=True):
        parts.append(_box(layout, name, of, where[name], box))
    return card(width, height, label, parts)


def _lines(layout: Layout, name: str) -> list[str]:
    device = layout.plan.devices[name]
    if device.kind != "host":
        return [name, device.kind]
    return [name, str(layout.host(name).addresses[4])]


def _box(
    layout: Layout, name: str, lines: Sequence[str], at: tuple[float, float], width: float
) -> str:
    x, y = at
    tint = TINTS[layout.plan.devices[name].kind]
    addresses = [
        f"{i.name}: {address}" for i in layout.interfaces[name] for address in i.addresses.values()
    ]
    parts = [
        rect(x - width / 2, y - HEIGHT / 2, width, HEIGHT, tint=tint),
        text(x, y - 3, lines[0], size=12, bold=True, anchor="middle"),
        text(x, y + 12, lines[1], size=10, color=FAINT, anchor="middle"),
    ]
    return group(parts, "\n".join([name, *addresses]), device=name)


def _link(
    layout: Layout,
    n: int,
    link: Link,
    where: dict[str, tuple[float, float]],
    counters: PathCounters | None,
    rates: Rates,
) -> str:
    (ax, ay), (bx, by) = where[link.a], where[link.b]
    middle = (ax + bx) / 2, (ay + by) / 2
    way = f"M{number(ax)},{number(ay)} L{number(bx)},{number(by)}"
    is_up = link.quality.up
    parts = [curve(way, color=LINE if is_up else ALARM, width=1.5 if is_up else 2.5)]
    lines = _told(link.quality)
    if counters is not None:
        lines += _went(layout, n, counters, rates)
    y = middle[1] - 6 * len(lines) + 9
    if lines:
        room = max(text_width(line, 10) for line in lines) + 6
        box = (middle[0] - room / 2, y - 11, room, 12 * len(lines) + 3)
        parts.append(rect(*box, tint=PAPER, radius=2))
    for line in lines:
        color = ALARM if line == "down" else INK
        parts.append(text(middle[0], y, line, size=10, color=color, anchor="middle"))
        y += 12
    return group(parts, f"{link}: {', '.join(_told(link.quality)) or 'no limits'}", link=str(link))


def _told(quality: Quality) -> list[str]:
    words = [str(quality.rate)] if quality.rate is not None else []
    if quality.delay or quality.jitter:
        jitter = f" ± {plain(float(quality.jitter) * 1e3)}" if quality.jitter else ""
        words.append(f"{plain(float(quality.delay) * 1e3)}{jitter} ms")
    if quality.loss:
        words.append(f"{plain(quality.loss * 100)} % lost")
    line = [", ".join(words)] if words else []
    return line if quality.up else [*line, "down"]


def _went(layout: Layout, n: int, counters: PathCounters, rates: Rates) -> list[str]:
    """By direction what goes over it now, where that is known; else the frames of both."""
    ways = [(i, peer) for i, peer in directions(layout) if i.link == n]
    if any(rates.get(i.name) for i, _ in ways):
        return [
            f"{i.device.name} → {peer} {si_load(rate, 'pps')}"
            for i, peer in ways
            if (rate := rates.get(i.name))
        ]
    frames = sum(counted(i, counters)["frames"] for i, _ in ways)
    return [frames_text(frames)] if frames else []


@lru_cache(maxsize=8)  # of one that is drawn again and again
def _places(names: tuple[str, ...], links: tuple[tuple[str, str], ...]) -> Any:
    """Of devices, in links' lengths, such that distances are as many as there are links between
    (stress majorization: Gansner, Koren, North 2004)."""
    count = len(names)
    hops = np.full((count, count), np.inf)
    np.fill_diagonal(hops, 0)
    for one, other in links:
        a, b = names.index(one), names.index(other)
        hops[a, b] = hops[b, a] = 1
    for middle in range(count):
        hops = np.minimum(hops, hops[:, middle, None] + hops[None, middle])
    hops[np.isinf(hops)] = float(count) ** 0.5 + 1  # of parts without a link between them
    angle = np.arange(count) * 2 * np.pi / count
    places = np.column_stack([np.cos(angle), 0.8 * np.sin(angle)]) * hops.max() / 2
    weights = np.where(hops > 0, 1 / np.maximum(hops, 1) ** 2, 0.0)
    laplacian = np.diag(weights.sum(axis=1)) - weights
    inverse = np.linalg.pinv(laplacian)
    for _ in range(ROUNDS):
        apart = np.linalg.norm(places[:, None] - places[None], axis=2)
        pull = np.divide(weights * hops, apart, out=np.zeros_like(apart), where=apart > 0)
        places = inverse @ ((np.diag(pull.sum(axis=1)) - pull) @ places)
    return _lying(places)


def _lying(places: Any) -> Any:
    """Turned so that it is wider than high, the first device on the left."""
    centred = places - places.mean(axis=0)
    _, _, axes = np.linalg.svd(centred, full_matrices=False)
    turned = centred @ axes.T if len(axes) == centred.shape[1] else centred
    return turned * np.where(turned[0] > 0, -1, 1)
