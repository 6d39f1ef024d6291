# SPDX-License-Identifier: BSD-3-Clause
"""The shapes that labkit's drawings are made of: self-contained SVG, no scripts, no fonts."""

import base64
from collections.abc import Iterable
from html import escape

FONT = "ui-sans-serif,system-ui,-apple-system,'Segoe UI',Roboto,'DejaVu Sans',sans-serif"
INK, DIM, LINE, PAPER = "#1b1f24", "#57606a", "#8c959f", "#ffffff"
RED = "#b3261e"
# Fill and border by role; readable in grey and to colour-blind eyes (after Okabe and Ito).
ROLES = {
    "source": ("#e3f1fb", "#0072b2"),
    "process": ("#fff4dc", "#b7791f"),
    "end": ("#e2f4ec", "#00785a"),
    "drop": ("#fdeceb", RED),
    "port": ("#f3f4f6", "#444c56"),
}
CHARACTER = {13: 8.3, 11: 6.5}  # widest average of the fonts above in px: titles are bold


def text_width(text: str, size: int) -> float:
    """An upper estimate of a text's width in px."""
    return len(text) * CHARACTER[size]


def text(
    x: float,
    y: float,
    content: str,
    *,
    size: int = 13,
    color: str = INK,
    bold: bool = False,
    anchor: str = "middle",
) -> str:
    weight = ' font-weight="600"' if bold else ""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" fill="{color}" text-anchor="{anchor}"'
        f"{weight}>{escape(content)}</text>"
    )


def box(
    x: float, y: float, width: float, height: float, role: str, lines: Iterable[str], tip: str = ""
) -> str:
    """A rounded box: its first line is the title."""
    fill, border = ROLES[role]
    parts = [
        f"<g><title>{escape(tip)}</title>" if tip else "<g>",
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" rx="6" '
        f'fill="{fill}" stroke="{border}" stroke-width="1.3"/>',
    ]
    baseline = y + 18
    for number, line in enumerate(lines):
        first = number == 0
        parts.append(
            text(
                x + width / 2,
                baseline,
                line,
                size=13 if first else 11,
                color=RED if line.startswith("drop_") else INK if first else DIM,
                bold=first,
            )
        )
        baseline += 15
    parts.append("</g>")
    return "".join(parts)


def curve(x1: float, y1: float, x2: float, y2: float, label: str = "") -> str:
    """An arrow from left to right."""
    bend = max(18.0, (x2 - x1) / 2)
    parts = (
        f'<path d="M{x1:.1f},{y1:.1f} C{x1 + bend:.1f},{y1:.1f} {x2 - bend:.1f},{y2:.1f} '
        f'{x2 - 6:.1f},{y2:.1f}" fill="none" stroke="{LINE}" stroke-width="1.4" '
        'marker-end="url(#lk-arrow)"/>'
    )
    if label:
        parts += text((x1 + x2) / 2, (y1 + y2) / 2 - 6, label, size=11, color=DIM)
    return parts


def down(x: float, y1: float, y2: float, label: str = "") -> str:
    """An arrow downwards."""
    parts = (
        f'<path d="M{x:.1f},{y1:.1f} V{y2 - 6:.1f}" fill="none" stroke="{LINE}" stroke-width="1.4" '
        'stroke-dasharray="4 3" marker-end="url(#lk-arrow)"/>'
    )
    if label:
        parts += text(x + 7, (y1 + y2) / 2 + 3, label, size=11, color=DIM, anchor="start")
    return parts


def document(width: float, height: float, label: str, parts: Iterable[str]) -> str:
    """The finished picture on its own light card, so that it reads in a dark theme as well."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="{escape(label)}" '
        f'viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" '
        f'style="max-width:100%;height:auto;font-family:{escape(FONT)}">'
        '<defs><marker id="lk-arrow" viewBox="0 0 8 8" refX="2" refY="4" markerWidth="7" '
        f'markerHeight="7" orient="auto"><path d="M0,0 L8,4 L0,8 z" fill="{LINE}"/></marker></defs>'
        f'<rect width="{width:.0f}" height="{height:.0f}" rx="8" fill="{PAPER}"/>'
        + "".join(parts)
        + "</svg>"
    )


def as_html(svg: str, label: str) -> str:
    """The picture as an <img>: a notebook that is not trusted shows no SVG elements."""
    data = base64.b64encode(svg.encode()).decode()
    return f'<img alt="{escape(label)}" src="data:image/svg+xml;base64,{data}"/>'


def amount(value: float) -> str:
    """A count in at most four digits with an SI prefix: 950, 12.3 k, 4.56 M."""
    for limit, divisor, prefix in ((1e9, 1e9, " G"), (1e6, 1e6, " M"), (1e4, 1e3, " k")):
        if value >= limit:
            return f"{value / divisor:.3g}{prefix}"
    return f"{value:,.0f}"


def frames_text(count: int) -> str:
    """A number of frames in words: "1 frame", "12.3 k frames"."""
    return "1 frame" if count == 1 else f"{amount(count)} frames"
