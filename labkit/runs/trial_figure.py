# SPDX-License-Identifier: BSD-3-Clause
"""A trial as a picture: its course, and latency by percentile."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from labkit.figure.picture import Picture, load_axis, plain_axes
from labkit.figure.theme import ALARM, FAINT, PALETTE
from labkit.results.latency_figure import draw_latency

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BLUE, RED, GREEN = PALETTE[:3]
HEIGHT, HEIGHT_OF_ONE = 3.8, 1.9  # inches: of the picture, and of one course of several


class Course(NamedTuple):
    """What was sent, received and lost by interval, and the frames a second that were asked for."""

    series: "pd.DataFrame"
    target_pps: float | None


def trial_figure(
    title: str,
    row: Mapping[str, Any],
    courses: Mapping[str, Course],
    latencies: "Mapping[str, pd.DataFrame]",
    floor_ns: float | None,
) -> "Figure":
    """The course of each direction; beside it latency by percentile, where measured.

    row: of a Trial; courses, latencies: by direction, these the tables of histograms; floor_ns:
    what the lab itself takes
    """
    height = max(HEIGHT, HEIGHT_OF_ONE * len(courses))
    figure = Picture(figsize=(10, height), layout="constrained")
    grid = figure.add_gridspec(len(courses), 2 if latencies else 1)
    above: Axes | None = None
    for place, (name, course) in enumerate(courses.items()):
        axes = figure.add_subplot(grid[place, 0], sharex=above)
        _draw_course(axes, course)
        if len(courses) > 1:
            axes.set_title(name, fontsize=10)
        if place + 1 < len(courses):
            axes.set_xlabel("")
            axes.tick_params(labelbottom=False)
        above = axes
    if latencies:
        named = latencies if len(courses) > 1 else dict.fromkeys([""], *latencies.values())
        draw_latency(figure.add_subplot(grid[:, 1]), named, floor_ns)
    if row["generator_limited"]:
        title += " (limited by the generator)"
    if row["balanced"]:
        figure.suptitle(title, fontsize=11)
    else:
        figure.suptitle(f"NOT BALANCED: {title}", fontsize=11, color=ALARM)
    return figure


def _draw_course(axes: "Axes", course: Course) -> None:
    edges = course.series["t_seconds"]  # the last row begins with the end
    within = course.series.iloc[:-1]

    def draw(pps: "pd.Series[float]", **look: Any) -> None:
        axes.stairs(pps, edges, baseline=None, lw=1.6, **look)

    draw(within["tx_pps"], color=BLUE, label="sent")
    draw(within["rx_pps"], color=GREEN, ls="--", label="received")
    if course.target_pps is not None:
        axes.axhline(course.target_pps, color=FAINT, lw=1, ls=":", label="intended")
    lost = within["lost"].astype(float) * (within["tx_pps"] / within["sent"]).fillna(0)
    if lost.gt(0).any():
        draw(lost, color=RED, ls="-.", label="lost")
    axes.set(xlabel="time (s)", ylabel="frames/s", ylim=(0, None))
    load_axis(axes.yaxis)
    plain_axes(axes)
    axes.legend(frameon=False, loc="best")
