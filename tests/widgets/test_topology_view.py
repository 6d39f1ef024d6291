# SPDX-License-Identifier: BSD-3-Clause
"""A topology in a notebook: what goes over its links, until it ends."""

import base64
import re
from typing import Any

import pytest

import labkit as lk
from labkit.widgets import following
from labkit.widgets import topology as view
from tests.patience import wait_until


class Handle:
    """What display() returns, keeping the drawings that it was told."""

    def __init__(self) -> None:
        self.shown: list[str] = []

    def update(self, parts: dict[str, Any], *, raw: bool) -> None:
        assert raw
        (data,) = re.findall(r"base64,([A-Za-z0-9+/=]+) 1x", parts["text/html"])
        self.shown.append(base64.b64decode(data).decode() + parts["text/html"])


def test_links_are_shown_with_what_goes_over_them(
    lab: lk.Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    handle = Handle()
    monkeypatch.setattr(view, "UPDATE_SECONDS", 0.01)
    monkeypatch.setattr(following, "display", lambda *_, **__: handle)
    net = lab.topology("h1 -- r1 -- h2 : delay 1 ms")
    thread = view.show(net)
    wait_until(lambda: bool(handle.shown))
    assert "1 ms" in handle.shown[-1]
    net["h1"].ping("h2", 1)
    wait_until(lambda: any("h1 → r1" in shown and "pps<" in shown for shown in handle.shown))
    wait_until(lambda: "frames" in handle.shown[-1])  # and now none goes
    net.set_link("h1", "r1", up=False)
    wait_until(lambda: ">down<" in handle.shown[-1])
    net.stop()
    thread.join(60)
    assert not thread.is_alive()
    assert "the path was stopped" in handle.shown[-1]
