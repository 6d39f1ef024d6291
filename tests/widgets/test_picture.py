# SPDX-License-Identifier: BSD-3-Clause
"""The picture of a view: lines that can be told from each other."""

import numpy as np

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
