# SPDX-License-Identifier: BSD-3-Clause
"""The picture of a view: lines that can be told from each other."""

import itertools
import time

import numpy as np
import pytest
from matplotlib.figure import Figure

from labkit.widgets.picture import picture, turns_of


def test_lines_that_hide_each_other_take_turns() -> None:
    levels = np.array([[5.0, 5.0, 9.0, 5.02], [6.0, 6.0, 1.0, 6.01], [np.nan, 7.0, 2.0, 7.0]])
    assert turns_of(levels) == [(0, 3), (1, 3), (0, 1), (2, 3)]
    items = [{"name": name, "unit": "packets/s"} for name in "abcd"]
    figure = picture("equal", [0.0, 1.0, 2.0], levels, items, [])
    lines = figure.axes[0].lines
    offsets = {line._unscaled_dash_pattern[0] for line in (lines[0], lines[1], lines[3])}  # type: ignore[attr-defined]
    assert len(offsets) == 3
    assert len({line.get_color() for line in lines}) == 4
    legend = figure.axes[0].get_legend()
    assert legend is not None
    samples = legend.get_lines()
    assert [samples[i].get_linestyle() for i in (0, 1, 3)] == ["-"] * 3, "all are seen"


@pytest.mark.parametrize(
    ("seconds", "ticks"),
    [
        ([0], ["13:29:59.500", "13:30:00.000", "13:30:00.500"]),
        ([0, 0.3], ["13:30:00.000", "13:30:00.100", "13:30:00.200", "13:30:00.300"]),
        ([0, 3], ["13:30:00", "13:30:01", "13:30:02", "13:30:03"]),
        ([0, 7200], ["13:30", "14:00", "14:30", "15:00", "15:30"]),
        ([0, 86_400], ["18:00", "Jan 16", "06:00", "12:00"]),
        ([0, 1.5 * 86_400], ["16:00", "Jan 16", "08:00", "16:00", "Jan 17"]),
        ([0, 3 * 86_400], ["Jan 16", "Jan 17", "Jan 18"]),
    ],
)
def test_times_are_those_of_the_clock_here_and_told_apart(
    seconds: list[float], ticks: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "Asia/Kolkata")
    time.tzset()
    try:
        moments = [1.8e9 + s for s in seconds]
        item = {"name": "a", "unit": "packets/s"}
        figure = picture("clock", moments, np.ones((len(moments), 1)), [item], [])
    finally:
        monkeypatch.undo()
        time.tzset()
    shown = tick_labels(figure)
    assert [text for text in shown if text in ticks] == ticks


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("start", [1.8e9, 1.8e9 + 0.37, 1.8e9 + 40_000])
def test_neighbours_on_a_clock_axis_differ_for_every_span(start: float) -> None:
    item = {"name": "a", "unit": "packets/s"}
    for span in np.geomspace(0.2, 3e7, 60):
        shown = tick_labels(picture("clock", [start, start + span], np.ones((2, 1)), [item], []))
        assert 2 <= len(shown) <= 9, (span, shown)
        assert all(a != b for a, b in itertools.pairwise(shown)), (span, shown)


def tick_labels(figure: Figure) -> list[str]:
    figure.canvas.draw()
    return [tick.get_text() for tick in figure.axes[0].get_xticklabels()]
