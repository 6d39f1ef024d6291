# SPDX-License-Identifier: BSD-3-Clause
"""Colours of pictures on light and on dark pages, and how a picture stands in a notebook."""

import base64
from html import escape

from labkit.figure.large import scale

# Lines, told apart by colour-blind readers; the first four in grey too, for printers
PALETTE = ("#004f8c", "#c44600", "#00a274", "#1f2328", "#b5478f", "#8a6d00", "#2e9bd0")
DARK_PALETTE = ("#4b8fe0", "#f09a50", "#5feec4", "#ffffff", "#c96bab", "#c9a800", "#9ad8ff")
GREYS = ("#6e7781", "#8c959f", "#3d444d", "#59636e")  # apart in lightness

GROUND, INK, FAINT = "#ffffff", "#24292f", "#59636e"
LINE, BUSY, GRID = "#8c959f", "#3d4752", "#d0d7de"
ALARM = "#b3261e"

DARK = {
    **dict(zip(PALETTE, DARK_PALETTE, strict=True)),
    GROUND: "#161b22", INK: "#e6edf3", FAINT: "#a2adb9", LINE: "#7d8894", BUSY: "#c3ccd6",
    GRID: "#3d444d", ALARM: "#ff8a80", "#6e7781": "#97a1ab", "#3d444d": "#d0d7de",
    "#000000": "#e6edf3",
    # Boxes: edges from Okabe and Ito's palette, their grounds, and words on them
    "#0072b2": "#56b4e9", "#e8f2f9": "#12283a", "#009e73": "#2fd6a8", "#e6f5f0": "#10302a",
    "#e69f00": "#f0c94a", "#fdf4e0": "#352b10", "#d55e00": "#ff8c42", "#fcede3": "#3a2214",
    "#a82418": "#ff8a80", "#fcecea": "#431c1a", "#f6f8fa": "#21262d",
    "#00694d": "#2fd6a8", "#a04400": "#ff8c42",
}  # fmt: skip

LEAST_SHRUNK = 0.85  # of its size: smaller text cannot be read; a narrow page scrolls instead
CLASS = "labkit-picture"
# JupyterLab tells its theme by an attribute alone. A picture hears of it by its `color-scheme`; on
# pages without such an attribute it follows the reader's browser.
FOLLOW = "".join(
    f'[data-jp-theme-light="{light}"] .{CLASS}{{color-scheme:{scheme}}}'
    for light, scheme in (("true", "light"), ("false", "dark"))
)


def dark_style(svg: str) -> str:
    """A style element that changes a picture's colours where the page is dark."""
    used = [(light, dark) for light, dark in DARK.items() if light in svg]
    rules = "".join(
        f'[{what}="{light}"],[style*="{what}: {light}"]{{{what}:{dark}!important}}'
        for light, dark in used
        for what in ("fill", "stroke")
    )
    # What has no colour of its own is black.
    return f"<style>@media (prefers-color-scheme:dark){{svg{{fill:{DARK[INK]}}}{rules}}}</style>"


def with_dark_style(svg: str) -> str:
    """The picture with its colours for dark pages."""
    begin = svg.index(">", svg.index("<svg")) + 1
    return svg[:begin] + dark_style(svg) + svg[begin:]


def image_html(svg: str, png: bytes, label: str, width: float) -> str:
    """The picture as an <img>: a notebook that is not trusted shows no SVG elements.

    Browsers take the SVG. Who shows no SVG (GitHub), or takes srcset away, is left with the PNG.

    label: what stands for it where it cannot be shown
    width: its own, in CSS pixels
    """
    drawing = base64.b64encode(svg.encode()).decode()
    width *= scale()
    style = f"min-width:{LEAST_SHRUNK * width:.0f}px;max-width:100%;height:auto"
    return (
        f'<style>{FOLLOW}</style><div style="overflow-x:auto"><img class="{CLASS}" '
        f'alt="{escape(label)}" width="{width:.0f}" style="{style}" '
        f'src="data:image/png;base64,{base64.b64encode(png).decode()}" '
        f'srcset="data:image/svg+xml;base64,{drawing} 1x"/></div>'
    )
