# SPDX-License-Identifier: BSD-3-Clause
"""What a page draws of us, in any number of pages, and what stands there where no page does."""

from typing import Any

import anywidget
import traitlets

from labkit.widgets import bundle
from labkit.widgets.displays import Displays, view_parts
from labkit.widgets.pages import Pages

# What messages of a page are about: of each the newest holds.
ABOUT = {
    **dict.fromkeys(("ready", "shown", "hidden", "removed"), "sight"),
    **dict.fromkeys(("start", "stop"), "running"),
    "choose": "lines",
}


class PageWidget(anywidget.AnyWidget):
    """A widget that was displayed in outputs of a notebook."""

    _esm = traitlets.Unicode().tag(sync=True)
    kind = traitlets.Unicode().tag(sync=True)  # which of js/ draws it

    def __init__(self, kind: str, **traits: Any) -> None:
        self._pages = Pages()
        self._displays = Displays()
        super().__init__(_esm=bundle.bundle() or bundle.NOTHING, kind=kind, **traits)
        self.on_msg(self._hear)

    # What kinds of widgets do differently

    @property
    def _number(self) -> int:
        """How new what it shows is; grows."""
        return 0

    def _parts(self, view: dict[str, Any]) -> dict[str, Any]:
        """What a notebook keeps of it, by MIME type; view: what draws in a page."""
        raise NotImplementedError

    def _seen(self, kind: str) -> None:
        """A page shows it: "ready" when it was loaded, "shown" or "hidden" when it was scrolled."""

    def _gone(self) -> None:
        """A page shows it no longer."""

    def _ask(self, content: dict[str, Any]) -> None:
        """A message from the page that only this kind of widget knows."""

    # Pages

    def _hear(self, _: object, content: dict[str, Any], __: object) -> None:
        """A message from the page: handled between cells, or in a thread of its own meanwhile."""
        kind, page = content.get("type"), str(content.get("page", ""))
        about = ABOUT.get(str(kind))
        is_news = about is None or self._pages.is_news(page, content.get("number", 0), about)
        if not is_news and (kind != "ready" or page not in self._pages):
            return
        if kind in ("ready", "shown", "hidden"):
            were_ours = self._pages.are_ours
            if is_news:
                is_in_sight = None if kind == "ready" else kind == "shown"
                has_outputs = bool(content.get("hasOutputs"))
                self._pages.saw(page, is_in_sight, has_outputs=has_outputs)
            self._seen(kind)
            if self._pages.are_ours and not were_ours:
                self._show(is_live=True)  # less of it is to be saved from now on
        elif kind == "removed":
            self._pages.forget(page)
            self._gone()
        else:
            self._ask(content)

    # Outputs

    def _ipython_display_(self, **_: Any) -> None:
        self._displays.add(self._outputs(is_live=True), self._number)

    def _show(self, *, is_live: bool) -> None:
        """Brings what was displayed up to date."""
        self._displays.update(self._outputs(is_live=is_live), self._number)

    def _outputs(self, *, is_live: bool) -> dict[str, Any]:
        is_drawn = is_live and bundle.is_there()
        is_ours = self._pages.are_ours
        return self._parts(view_parts(self.model_id, is_shown_by_us=is_ours) if is_drawn else {})
