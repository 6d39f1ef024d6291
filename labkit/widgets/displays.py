# SPDX-License-Identifier: BSD-3-Clause
"""Where a view stands in a notebook, and the picture that stays there."""

import base64
import io
import time
from collections.abc import Callable
from html import escape
from typing import Any

from IPython import get_ipython
from IPython.display import DisplayHandle, display
from matplotlib.figure import Figure

from labkit.widgets.pages import Pages

FIRST_PICTURE_SECONDS = 0.5  # after a view was displayed
PICTURE_SECONDS = 30.0  # between pictures while it moves: what a saved notebook shows is as old
MOST_DISPLAYS = 16  # of one view that are kept up to date
WIDGET_TYPE = "application/vnd.jupyter.widget-view+json"
VIEW_TYPE = "application/vnd.labkit.view+json"  # which js/output.js shows


class Displays:
    """The places where one view was displayed, and how old their picture is.

    Attributes
    ----------
    number: of the newest point in the picture
    """

    def __init__(self) -> None:
        self.number = -1
        self._handles: list[DisplayHandle] = []
        self._due = float("inf")  # on the monotonic clock
        self._is_new = False

    def __len__(self) -> int:
        return len(self._handles)

    def add(self, parts: dict[str, Any], number: int) -> None:
        """One more, below the cell that runs."""
        handle = display(parts, raw=True, display_id=True)
        self._handles = [*self._handles, handle][-MOST_DISPLAYS:]
        self.number = number
        self._due = time.monotonic() + FIRST_PICTURE_SECONDS
        self._is_new = True

    def update(self, parts: dict[str, Any], number: int) -> None:
        """Shows something else in all of them."""
        for handle in self._handles:
            handle.update(parts, raw=True)
        self.number = number
        self._due = time.monotonic() + PICTURE_SECONDS
        self._is_new = False

    def is_due(self, pages: Pages) -> bool:
        """Whether to bring the picture up to date, where no page loses its place by that.

        One that was not heard of yet, since the cell runs that shows the view, has none to lose.
        """
        may_draw = pages.are_ours or (self._is_new and not pages)
        return may_draw and time.monotonic() >= self._due


def display_parts(
    text: str, title: str, view: dict[str, Any], figure: Figure | None, html: str
) -> dict[str, Any]:
    """What a notebook keeps of a view, by MIME type.

    view: what view_parts() tells of the view that draws there; nothing when it has ended
    """
    parts: dict[str, Any] = {"text/plain": text, **view}
    if figure is not None:
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", dpi=110)
        parts["image/png"] = base64.b64encode(buffer.getvalue()).decode()
        if html:
            data = f"data:image/png;base64,{parts['image/png']}"
            html += f'<br><img alt="{escape(title)}" src="{data}"/>'
    if html:
        parts["text/html"] = html
    return parts


def view_parts(model_id: str, *, is_shown_by_us: bool) -> dict[str, Any]:
    """The view that draws in an output, by MIME type.

    is_shown_by_us: outputs of labkit's own are in the page. Elsewhere ipywidgets is to show the
        view, which it prefers to the picture even when it no longer has it
    """
    parts: dict[str, Any] = {VIEW_TYPE: {"model_id": model_id}}
    if not is_shown_by_us:
        parts[WIDGET_TYPE] = {"version_major": 2, "version_minor": 0, "model_id": model_id}
    return parts


def after_every_cell(call: Callable[[object], None]) -> None:
    """Has the notebook's kernel call it, once however often this is asked for."""
    shell = get_ipython()
    if shell is not None and call not in shell.events.callbacks["post_run_cell"]:
        shell.events.register("post_run_cell", call)
