# SPDX-License-Identifier: BSD-3-Clause
"""A port's capture in a notebook is brought up to date until it ends."""

from typing import Any

import pytest

import labkit as lk
from labkit.widgets import capture as view
from labkit.widgets import following
from tests.numbered import numbered
from tests.patience import wait_until


class Handle:
    """What display() returns, keeping what it was told."""

    def __init__(self) -> None:
        self.shown: list[str] = []

    def update(self, parts: dict[str, Any], *, raw: bool) -> None:
        assert raw
        self.shown.append(parts["text/html"])


def test_newest_frames_are_shown_until_the_end(
    lab: lk.Lab, mirror: lk.Port, monkeypatch: pytest.MonkeyPatch
) -> None:
    handle = Handle()
    monkeypatch.setattr(view, "UPDATE_SECONDS", 0.01)
    monkeypatch.setattr(following, "display", lambda *_, **__: handle)
    with lab.capture(mirror) as capture:
        thread = view.show(capture)
        wait_until(lambda: bool(handle.shown))
        assert "no frame yet" in handle.shown[-1]
        mirror.send(numbered(range(100)))
        wait_until(lambda: "200 written, goes on" in handle.shown[-1])
        looks = len(handle.shown)
        capture.flush()
        assert len(handle.shown) == looks, "nothing is sent where nothing is new"
    thread.join(60)
    assert not thread.is_alive()
    assert "200 written, ended: stopped" in handle.shown[-1]
