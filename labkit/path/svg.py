# SPDX-License-Identifier: BSD-3-Clause
"""Pictures in a notebook's output."""

import base64
import re
from collections.abc import Iterable
from functools import cache, lru_cache
from html import escape
from pathlib import Path
from typing import Any, NamedTuple

from labkit.figure.theme import GRID, GROUND, INK, LINE, image_html, with_dark_style
from labkit.units import si

ZOOM = 2  # pixels of a PNG for one of its SVG


def picture_parts(svg: str, label: str, told: str = "", more: str = "") -> dict[str, Any]:
    """A picture for a notebook, by MIME type.

    told: what stands below it; more: HTML below that
    """
    below = f"<p>{escape(told)}</p>" if told else ""
    return {
        "text/html": f"{as_html(svg, label)}{below}{more}",
        "image/png": _base64(png(svg)),
    }


@lru_cache(maxsize=16)
def png(svg: str) -> bytes:
    """The picture in pixels, twice as many as its size, with letters of matplotlib's."""
    import resvg_py  # late: who prints a path needs no picture

    fonts = [str(file) for file in _fonts()]
    return bytes(
        resvg_py.svg_to_bytes(
            svg_string=svg,
            zoom=ZOOM,
            skip_system_fonts=True,
            font_files=fonts,
            sans_serif_family="DejaVu Sans",
        )
    )


@cache
def _fonts() -> list[Path]:
    """DejaVu Sans, which a machine without a screen may lack."""
    import matplotlib as mpl  # late: slow

    folder = Path(mpl.get_data_path(), "fonts/ttf")
    return [folder / "DejaVuSans.ttf", folder / "DejaVuSans-Bold.ttf"]


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


FONTS = "system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif"


class Tint(NamedTuple):
    """Colours of a box: its edge and its ground."""

    edge: str
    fill: str


# Edges from Okabe and Ito's palette, told apart by colour-blind readers and in print.
BLUE, GREEN = Tint("#0072b2", "#e8f2f9"), Tint("#009e73", "#e6f5f0")
ORANGE, RED = Tint("#e69f00", "#fdf4e0"), Tint("#d55e00", "#fcede3")
GREY = Tint("#8c959f", "#f6f8fa")

# Advance widths of bold DejaVu Sans in em: no common sans-serif face is wider.
_ADVANCES = {
    0.38: " 'ijl/\\|,.IJ",
    0.46: ":;-f!()[]",
    0.53: 't_`r"*',
    0.60: "?zcs",
    0.70: "Lxvykae$0123456789EFTo",
    0.78: "bdghnpqu{}SYZCPBRAKVX",
    0.88: "UDGOQ#+<=>HN^~&",
}
_ADVANCE = {letter: width for width, letters in _ADVANCES.items() for letter in letters}
_WIDEST = 1.11
_REGULAR = 0.93  # the regular weight is narrower than the bold one by this much or more


def as_html(svg: str, label: str) -> str:
    """A card for a notebook; label is what stands for it where it cannot be shown."""
    (width,) = re.findall(r'^<svg [^>]*?\bwidth="([\d.]+)"', svg)
    return image_html(svg, png(svg), label, float(width))


def text_width(text: str, size: float, *, bold: bool = False) -> float:
    """Room that a text of one line takes; never less than it does in a common sans-serif face."""
    width = size * sum(_ADVANCE.get(letter, _WIDEST) for letter in text)
    return width if bold else width * _REGULAR


def frames_text(count: int) -> str:
    """A number of frames in words: "1 frame", "12.3 k frames"."""
    return "1 frame" if count == 1 else f"{si(count)} frames"


def number(value: float) -> str:
    """A coordinate: at most one decimal."""
    return f"{value:.1f}".removesuffix(".0")


def text(
    x: float,
    y: float,
    content: str,
    *,
    size: float = 11,
    color: str = INK,
    bold: bool = False,
    anchor: str = "start",
    mark: str = "",
) -> str:
    """One line of text with its baseline at y; mark is a class by which a page finds it."""
    found = f' class="{mark}"' if mark else ""
    weight = ' font-weight="600"' if bold else ""
    where = f' text-anchor="{anchor}"' if anchor != "start" else ""
    return (
        f'<text x="{number(x)}" y="{number(y)}" font-size="{number(size)}" fill="{color}"'
        f"{weight}{where}{found}>{escape(content)}</text>"
    )


def rect(
    x: float,
    y: float,
    width: float,
    height: float,
    *,
    tint: Tint,
    radius: float = 7,
    stroke: float = 1.3,
) -> str:
    """A rounded box."""
    return (
        f'<rect x="{number(x)}" y="{number(y)}" width="{number(width)}" height="{number(height)}" '
        f'rx="{number(radius)}" fill="{tint.fill}" stroke="{tint.edge}" '
        f'stroke-width="{number(stroke)}"/>'
    )


def curve(way: str, *, color: str = LINE, width: float = 1.5) -> str:
    """A line along SVG path data."""
    return f'<path d="{way}" fill="none" stroke="{color}" stroke-width="{number(width)}"/>'


def arrowhead(x: float, y: float, heading: str, *, color: str = LINE) -> str:
    """A small triangle with its tip at x, y; heading is "right", "left" or "down"."""
    back = {"right": "l-8,-4 v8", "left": "l8,-4 v8", "down": "l-4,-8 h8"}[heading]
    return f'<path d="M{number(x)},{number(y)} {back} z" fill="{color}"/>'


def group(parts: Iterable[str], tooltip: str, **marks: str) -> str:
    """Elements that share a tooltip; marks are data attributes by which a page finds them."""
    data = "".join(f' data-{name}="{escape(value)}"' for name, value in marks.items())
    return f"<g{data}><title>{escape(tooltip)}</title>{''.join(parts)}</g>"


def card(width: float, height: float, label: str, parts: Iterable[str]) -> str:
    """A finished picture on a light card; label is what screen readers say."""
    w, h = number(width), number(height)
    return with_dark_style(
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{w}" height="{h}" viewBox="0 0 {w} {h}" '
        f'role="img" aria-label="{escape(label)}" font-family="{FONTS}" '
        'style="max-width:100%;height:auto">'
        f'<rect x="0.5" y="0.5" width="{number(width - 1)}" height="{number(height - 1)}" rx="9" '
        f'fill="{GROUND}" stroke="{GRID}"/>{"".join(parts)}</svg>'
    )
