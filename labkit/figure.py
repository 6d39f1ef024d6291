# SPDX-License-Identifier: BSD-3-Clause
"""How pictures of results look: colours, axes, and numbers on them. Pictures see tables only."""

import io

from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure

from labkit.units import si_load

# Okabe and Ito's palette: told apart by colour-blind readers and in print
PALETTE = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")
GREYS = ("#6e7781", "#8c959f", "#57606a", "#afb8c1")
MARKERS = "osD^vPX"
INK, FAINT, GRID = "#24292f", "#59636e", "#d0d7de"
ALARM = "#b3261e"


class Picture(Figure):
    """A figure that a notebook shows whether or not it has imported pyplot."""

    def _repr_png_(self) -> bytes:
        buffer = io.BytesIO()
        self.savefig(buffer, format="png", dpi=110)
        return buffer.getvalue()


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
