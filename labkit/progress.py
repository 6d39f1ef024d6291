# SPDX-License-Identifier: BSD-3-Clause
"""Progress bars that leave nothing behind: in a terminal, in a notebook, in a log."""

import io
import sys
import threading
from collections.abc import Callable
from html import escape
from typing import Any, ClassVar
from uuid import uuid4
from weakref import WeakSet

NOTEBOOK_SECONDS = 0.25  # between two pictures of a bar

# Are told in words how far a bar is as it changes, and "" when it ends; from the bar's thread.
listeners: list[Callable[[str], None]] = []


def progress_bar(**options: Any) -> Any:
    """A tqdm that is gone when it has ended, and that Ctrl-C leaves harmless.

    In a notebook it is an output of its own, which is empty afterwards. Where nobody looks, in a
    log or a pipe, nothing is written.

    It is of a class of its own, and so has a lock of its own, without tqdm's monitor: bars of one
    class share a lock, and an interrupted one may keep it: the next waits forever.
    """
    from tqdm import tqdm

    class Bar(tqdm):  # type: ignore[type-arg]
        _lock = threading.RLock()
        _instances: ClassVar[WeakSet[Any]] = WeakSet()
        monitor_interval = 0

        def display(self, msg: str | None = None, pos: int | None = None) -> bool:  # type: ignore[override]
            text = str(self) if msg is None else msg
            for listener in listeners:
                listener(_words(text))
            return self.show(text, pos)

        def show(self, text: str, pos: int | None) -> bool:
            return bool(super().display(text, pos))

    class NotebookBar(Bar):
        _place = ""

        def show(self, text: str, pos: int | None) -> bool:
            from IPython.display import display  # late: IPython is there already

            if not text and not self._place:
                return False
            shown = {"text/plain": text, "text/html": _as_html(self, text)} if text else {}
            update = bool(self._place)
            self._place = self._place or f"labkit-progress-{uuid4()}"
            display(shown, raw=True, display_id=self._place, update=update)
            return True

    class SilentBar(Bar):
        def show(self, text: str, pos: int | None) -> bool:
            return False

    kind: Any = SilentBar
    settings: dict[str, Any] = {"file": io.StringIO()}  # tqdm itself writes to nowhere
    if _in_kernel():
        kind, settings = NotebookBar, settings | {"mininterval": NOTEBOOK_SECONDS, "ncols": 100}
    elif sys.stderr is not None and sys.stderr.isatty():
        kind, settings = Bar, {}
    return kind(**({"leave": False} | settings | options))


def _in_kernel() -> bool:
    """Whether a notebook's front end shows what is displayed."""
    ipython = sys.modules.get("IPython")
    return hasattr(ipython.get_ipython(), "kernel") if ipython else False


def _words(text: str) -> str:
    """What a bar says, without what it draws."""
    before, bars, after = text.partition("|")
    return f"{before.strip()} {after.rpartition('|')[2].strip()}" if bars else text.strip()


def _as_html(bar: Any, text: str) -> str:
    """The bar as an element of the page, and what is said beside it."""
    of = f' max="{bar.total}" value="{min(bar.n, bar.total)}"' if bar.total else ""
    style = "font-family:monospace;white-space:pre"
    return f'<div style="{style}"><progress{of}></progress> {escape(_words(text))}</div>'
