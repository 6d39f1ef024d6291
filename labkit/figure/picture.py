# SPDX-License-Identifier: BSD-3-Clause
"""How pictures of results look: colours, axes, and numbers on them. Pictures see tables only."""

import io
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, tzinfo
from typing import Any

from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.dates import (
    HOURLY,
    MINUTELY,
    SECONDLY,
    AutoDateFormatter,
    AutoDateLocator,
    num2date,
)
from matplotlib.figure import Figure
from matplotlib.ticker import Formatter, NullFormatter

from labkit.figure.large import scale
from labkit.figure.theme import GRID, PALETTE, image_html, with_dark_style
from labkit.units import plain, si_load

MARKERS = "osD^vPX"
DASHES: tuple[tuple[float, ...], ...] = ((), (6, 2.5), (1.5, 1.5), (6, 2, 1.5, 2))
CSS_DPI = 96
MOST_SVG = 500_000  # characters; a picture of more shows as PNG
SECOND, HOUR = 1 / 86_400, 1 / 24  # of a day, in which matplotlib counts
MICROSECOND = SECOND / 1e6
CLOCK_STEPS = {  # closer than matplotlib's, which leave some spans with one tick
    HOURLY: [1, 2, 3, 4, 6, 8, 12],
    MINUTELY: [1, 2, 5, 10, 15, 30],
    SECONDLY: [1, 2, 5, 10, 15, 30],
}
MOST_CLOCK_TICKS = 7  # with fewer matplotlib finds no distance for some spans
FEWEST_DIGITS, MOST_DIGITS = 4, 12  # of a number on an axis


class Picture(Figure):
    """A figure that a notebook shows whether or not it has imported pyplot."""

    def _repr_png_(self) -> bytes:
        buffer = io.BytesIO()
        with self._fitting():
            self.savefig(buffer, format="png", dpi=110 * scale())
        return buffer.getvalue()

    def _repr_html_(self) -> str | None:
        """The picture that follows the page into the dark; None where it would be very large."""
        buffer = io.StringIO()
        with self._fitting():
            self.savefig(buffer, format="svg", metadata={"Date": None})
            width = self.get_figwidth() * CSS_DPI
        svg = buffer.getvalue()
        if len(svg) > MOST_SVG:
            return None
        return image_html(with_dark_style(svg), self._repr_png_(), self._in_words, width)

    @contextmanager
    def _fitting(self) -> Iterator[None]:
        """Of a size at which its text, shown larger, leaves it as wide as it is."""
        width, height = self.get_figwidth(), self.get_figheight()
        self.set_size_inches(width / scale(), height / scale())
        try:
            yield
        finally:
            self.set_size_inches(width, height)

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
    axis.set_major_formatter(_Written(lambda value, digits: si_load(value, "", digits)))
    axis.set_minor_formatter(NullFormatter())


def number_axis(axis: Axis) -> None:
    """Numbers in a unit that fits, written out along an axis: 0.5, 1,200. For logarithmic ones too,
    which have powers of ten otherwise."""
    axis.set_major_formatter(_Written(plain))
    axis.set_minor_formatter(NullFormatter())


def clock_axis(axis: Axis, zone: tzinfo | None) -> None:
    """Times of a time zone: of day, as exact as ticks are close, or days where they are not."""
    locator = AutoDateLocator(  # type: ignore[no-untyped-call]
        tz=zone, minticks=3, maxticks=MOST_CLOCK_TICKS
    )
    locator.intervald |= CLOCK_STEPS
    formatter = AutoDateFormatter(locator, tz=zone)  # type: ignore[no-untyped-call]

    def at(day: float) -> datetime:
        moment: datetime = num2date(day, tz=zone)  # type: ignore[no-untyped-call]
        return moment

    def written(day: float, _: int | None) -> str:
        moment = at(day)
        return f"{moment:%H:%M}" if moment.hour or moment.minute else f"{moment:%b %d}"

    def exactly(day: float, _: int | None) -> str:
        return f"{at(day):%H:%M:%S.%f}"[:-3]

    formatter.scaled = {
        **{365: "%Y", 30: "%Y-%m", 1: "%b %d"},
        **{HOUR: written, SECOND: "%H:%M:%S", MICROSECOND: exactly},
    }
    axis.set_major_locator(locator)
    axis.set_major_formatter(formatter)
    axis.set_label_text("time")


def line_style(number: int) -> dict[str, Any]:
    """Colour and dashes of a line: neighbours differ in both, and no two of 28 are alike."""
    color, dashes = PALETTE[number % len(PALETTE)], DASHES[number % len(DASHES)]
    return {"color": color, "dashes": dashes or (None, None)}


class _Written(Formatter):
    """Ticks as `write` has them, with as many digits as it takes to tell them apart."""

    def __init__(self, write: Callable[[float, int], str]) -> None:
        self._write = write

    def __call__(self, x: float, pos: int | None = None) -> str:
        return self._write(x, FEWEST_DIGITS)

    def format_ticks(self, values: Sequence[float]) -> list[str]:
        texts: list[str] = []
        for digits in range(FEWEST_DIGITS, MOST_DIGITS + 1):
            texts = [self._write(value, digits) for value in values]
            if len(set(texts)) == len(set(values)):
                break
        return texts
