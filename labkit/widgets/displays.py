# SPDX-License-Identifier: BSD-3-Clause
"""Where a view stands in a notebook, and the picture that stays there."""

import base64
import io
from collections.abc import Callable
from html import escape
from typing import Any

from IPython import get_ipython
from IPython.display import DisplayHandle, display
from matplotlib.figure import Figure

MOST_DISPLAYS = 16  # of one view that are kept up to date
VIEW_TYPE = "application/vnd.jupyter.widget-view+json"


class Displays:
    """The places where one view was displayed."""

    def __init__(self) -> None:
        self._handles: list[DisplayHandle] = []

    def __len__(self) -> int:
        return len(self._handles)

    def add(self, parts: dict[str, Any]) -> None:
        """One more, below the cell that runs."""
        handle = display(parts, raw=True, display_id=True)
        self._handles = [*self._handles, handle][-MOST_DISPLAYS:]

    def update(self, parts: dict[str, Any]) -> None:
        """Shows something else in all of them."""
        for handle in self._handles:
            handle.update(parts, raw=True)


def display_parts(
    text: str, title: str, model_id: str | None, figure: Figure | None, html: str
) -> dict[str, Any]:
    """What a notebook keeps of a view, by MIME type.

    model_id: of the view that draws there; None leaves it out, because JupyterLab shows a view
        rather than a picture, even one that it no longer has
    """
    parts: dict[str, Any] = {"text/plain": text}
    if model_id is not None:
        parts[VIEW_TYPE] = {"version_major": 2, "version_minor": 0, "model_id": model_id}
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


def after_every_cell(call: Callable[[object], None]) -> None:
    """Has the notebook's kernel call it, once however often this is asked for."""
    shell = get_ipython()
    if shell is not None and call not in shell.events.callbacks["post_run_cell"]:
        shell.events.register("post_run_cell", call)
