# SPDX-License-Identifier: BSD-3-Clause
"""The panel of a watch: what its page is sent, and what stays in the notebook."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import labkit as lk
from labkit.sources import LogFile
from labkit.trouble.watching import Watch
from labkit.widgets.displays import VIEW_TYPE
from labkit.widgets.trouble import TroublePanel, show
from tests.patience import wait_until
from tests.trouble.test_watched_logs import KERNEL
from tests.widgets.page import Outputs, Sent, hear


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "app.log"
    path.touch()
    return path


@pytest.fixture
def watch(log: Path) -> Iterator[Watch]:
    with lk.trouble.watch(LogFile(log), kernel_log=False) as made:
        yield made


class Updates(Sent):
    """What traits of a view were sent from now on."""

    def __init__(self, view: TroublePanel) -> None:
        self.states: list[dict[str, Any]] = []
        super().__init__(view)

    def of_trait(self, name: str) -> list[Any]:
        return [state[name] for state in self.states if name in state]

    def _take(self, data: dict[str, Any], buffers: Any = None, **more: Any) -> None:
        super()._take(data, buffers, **more)
        if data["method"] == "update":
            self.states.append(data["state"])


def test_what_is_found_is_sent_once(watch: Watch, log: Path) -> None:
    view = lk.panel(watch)
    assert lk.panel(watch) is view
    assert view.title == f"Watch of {log}"
    updates = Updates(view)
    wait_until(lambda: len(updates.of_trait("judged")) >= 2)
    assert updates.of_trait("found") == []
    log.write_text(f"{KERNEL}\n")
    wait_until(lambda: bool(view.found))
    wait_until(lambda: len(updates.of_trait("judged")) >= 5)
    ((found,),) = updates.of_trait("found")
    assert (found["id"], found["level"], found["device"]) == ("keep-alive-lost", "likely", "eth7")
    assert found["until"] is None
    assert found["evidence"] == [f"{KERNEL} [{log}:1]"]
    assert found["decides"]
    assert view.judged["sources"] == [[str(log), "1 line", "is read", ""]]
    assert view.judged["amount"] == "1 line"


def test_the_page_has_the_order_of_the_findings(watch: Watch, log: Path) -> None:
    """What has another cause comes after that, though it was seen first."""
    view = lk.panel(watch)
    log.write_text("NETDEV WATCHDOG: eth7 (ena): transmit queue 1 timed out 5100 ms\n")
    wait_until(lambda: len(view.found) == 1)
    with log.open("a") as file:
        file.write(f"{KERNEL}\n")
    wait_until(lambda: len(view.found) == 2)
    shown = sorted(view.found, key=lambda found: found["place"])
    assert [found["id"] for found in shown] == ["keep-alive-lost", "netdev-watchdog"]
    assert [found["id"] for found in shown] == [finding.id for finding in watch.findings]


def test_what_nobody_sees_is_not_sent(watch: Watch, log: Path) -> None:
    view = lk.panel(watch)
    hear(view, type="ready")
    hear(view, type="hidden")
    updates = Updates(view)
    log.write_text(f"{KERNEL}\n")
    wait_until(lambda: bool(updates.of_trait("found")))  # but what was found is
    time.sleep(1.5)
    assert updates.of_trait("judged") == []
    hear(view, type="shown")
    assert len(updates.of_trait("judged")) == 1
    hear(view, type="removed")
    count = len(updates.states)
    time.sleep(1.5)
    assert len(updates.states) == count


def test_a_page_that_is_loaded_is_answered(watch: Watch) -> None:
    view = lk.panel(watch)
    sent = Sent(view)
    hear(view, type="ready")
    assert len(sent.of("here")) == 1


def test_what_stays_is_what_was_found(
    watch: Watch, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outputs = Outputs(monkeypatch)
    show(watch)
    assert VIEW_TYPE in outputs.last
    assert "nothing was found so far: 0 lines judged, " in outputs.last["text/html"]
    view = lk.panel(watch)
    log.write_text(f"{KERNEL}\n")
    watch.wait(timeout=30)
    hear(view, type="ready", hasOutputs=True)
    assert "keep-alive stopped" in outputs.last["text/html"]
    watch.stop()
    assert not view.is_open
    assert outputs.last.keys() == {"text/plain", "text/html"}
    assert "; stopped" in outputs.last["text/html"]
    assert "<img" in outputs.last["text/html"]  # the time line
    hear(view, type="removed")
    assert view.comm is None
    show(watch)
    assert outputs.last.keys() == {"text/plain", "text/html"}


def test_a_panel_ends_without_its_watch(watch: Watch) -> None:
    view = lk.panel(watch)
    view.close()
    view.close()
    assert watch.state == "running"
    assert lk.panel(watch) is not view


def test_what_goes_wrong_in_the_panel_leaves_the_watch_alone(
    watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    view = lk.panel(watch)

    def tell() -> None:
        raise ValueError("not this one")

    monkeypatch.setattr(view, "_tell", tell)
    wait_until(lambda: view._error is not None)
    monkeypatch.undo()
    wait_until(lambda: view.judged["state"] == "the panel has ended: ValueError('not this one')")
    with pytest.raises(ValueError, match="not this one"):
        view.close()
    assert watch.findings == []


def test_a_watch_that_fails_says_so(log: Path) -> None:
    def tell(finding: Any) -> None:
        raise ValueError("not this one")

    watch = lk.trouble.watch(LogFile(log), kernel_log=False, tell=tell)
    view = lk.panel(watch)
    log.write_text(f"{KERNEL}\n")
    ended = "the watch has ended: ValueError('not this one')"
    wait_until(lambda: not view.is_open and view.judged["state"] == ended)
    with pytest.raises(lk.LabError, match="the watch has ended"):
        watch.stop()
