# SPDX-License-Identifier: BSD-3-Clause
"""Stands for the pages that show a view: what they say, what they are sent, what they keep."""

import itertools
from typing import Any

import numpy as np
import pytest
from anywidget import AnyWidget

PAGE = {"page": "p1"}
NUMBERS = itertools.count(1)  # of messages
Message = tuple[dict[str, Any], list[bytes]]


def hear(view: AnyWidget, **content: Any) -> None:
    """A message from a page arrives."""
    data = {"method": "custom", "content": PAGE | {"number": next(NUMBERS)} | content}
    view.comm.handle_msg({"content": {"data": data}, "buffers": []})


class Sent:
    """Messages of a view to its pages from now on."""

    def __init__(self, view: AnyWidget) -> None:
        self.messages: list[Message] = []
        view.comm.send = self._take

    def of(self, kind: str) -> list[Message]:
        return [message for message in self.messages if message[0]["type"] == kind]

    def points_a_message(self) -> float:
        """Their median."""
        return float(np.median([len(times) // 8 for _, (times, _) in self.of("points")]))

    def _take(self, data: dict[str, Any], buffers: Any = None, **_: Any) -> None:
        if data["method"] == "custom":
            self.messages.append((data["content"], list(buffers or ())))


class Outputs:
    """What a notebook keeps of views that are displayed from now on, by MIME type."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.shown: list[dict[str, Any]] = []
        monkeypatch.setattr("labkit.widgets.displays.display", self._display)

    @property
    def last(self) -> dict[str, Any]:
        return self.shown[-1]

    def update(self, parts: dict[str, Any], **_: Any) -> None:
        """What IPython's handle of a display does."""
        self.shown.append(parts)

    def _display(self, parts: dict[str, Any], **_: Any) -> "Outputs":
        self.shown.append(parts)
        return self
