# SPDX-License-Identifier: BSD-3-Clause
"""How pictures of results look: colours, axes, and numbers on them. Pictures see tables only."""

import io
from typing import Any

from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure

from labkit.figure.theme import GRID, PALETTE, image_html, with_dark_style
from labkit.units import si_load

MARKERS = "osD^vPX"
DASHES: tuple[tuple[float, ...], ...] = ((), (6, 2.5), (1.5, 1.5), (6, 2, 1.5, 2))
CSS_DPI = 96
MOST_SVG = 500_000  # characters; a picture of more shows as PNG


class Picture(Figure):
    """A figure that a notebook shows whether or not it has imported pyplot."""

    def _repr_png_(self) -> bytes:
        buffer = io.BytesIO()
        self.savefig(buffer, format="png", dpi=110)
        return buffer.getvalue()

    def _repr_html_(self) -> str | None:
        """The picture that follows the page into the dark; None where it would be very large."""
        buffer = io.StringIO()
        self.savefig(buffer, format="svg", metadata={"Date": None})
        svg = buffer.getvalue()
        if len(svg) > MOST_SVG:
            return None
        width = self.get_figwidth() * CSS_DPI
        return image_html(with_dark_style(svg), self._repr_png_(), self._in_words, width)

    @property
    def _in_words(self) -> str:
        """What it shows, in words."""
        titles = [self.get_suptitle(), *(axes.get_title() for axes in self.axes)]
        labels = [f"{axes.get_ylabel()} over {axes.get_xlabel()}" for axes in self.axes[:1]]
        return "; ".join(filter(None, (*titles, *labels)))


def plain_axes(axes: Axes, grid: str = "both") -> None:
    """A light grid and no box. grid: "x", "y" or "both"; along an axis alone the other stands open.

    Along x alone what is on the y axis are names, which need no line.
    """
    axes.grid(True, which="major", axis=grid, color=GRID, lw=0.6)  # type: ignore[arg-type]
    axes.spines[["top", "right", *(["left"] if grid == "x" else [])]].set_visible(False)


def load_axis(axis: Axis) -> None:
    """Loads and other rates along an axis: 70 k, 1.4 M."""
    axis.set_major_formatter(lambda value, _: si_load(value))
    axis.set_minor_formatter(lambda value, _: "")


def number_axis(axis: Axis) -> None:
    """Numbers in a unit that fits, written out along an axis: 0.5, 1,200. For logarithmic ones too,
    which have powers of ten otherwise."""
    axis.set_major_formatter(lambda value, _: f"{value:,g}")
    axis.set_minor_formatter(lambda value, _: "")


def line_style(number: int) -> dict[str, Any]:
    """Colour and dashes of a line: neighbours differ in both, and no two of 28 are alike."""
    color, dashes = PALETTE[number % len(PALETTE)], DASHES[number % len(DASHES)]
    return {"color": color, "dashes": dashes or (None, None)}
