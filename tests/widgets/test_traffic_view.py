# SPDX-License-Identifier: BSD-3-Clause
"""The panel of live traffic: what the page asks is done by the real engine, and told in words."""

import os
import signal
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import labkit as lk
from labkit.lab.flows.counts import AT, FIELDS, Reading
from labkit.widgets.flow_numbers import COLUMNS, FlowNumbers
from labkit.widgets.traffic import show
from tests.patience import wait_until
from tests.trials import flow
from tests.widgets.page import Outputs, Sent, hear


@pytest.fixture
def traffic(lab: lk.Lab) -> Iterator[Any]:
    a, b = lab.cable("a", "b")
    with lab.traffic() as made:
        made.add(flow(), on=a, to=b, name="up", rate="5 kpps")
        made.add(flow(), on=b, to=a, name="down", rate="1 kpps")
        yield made


def numbers(sent: Sent) -> Any:
    """The newest message with numbers."""
    wait_until(lambda: any(len(buffers) > 2 for _, buffers in sent.messages))
    content, buffers = next(m for m in reversed(sent.messages) if len(m[1]) > 2)
    return content, np.frombuffer(buffers[2]).reshape(-1, len(COLUMNS))


def done(sent: Sent, count: int) -> dict[str, Any]:
    """The answer to a control, once there are so many."""
    wait_until(lambda: len(sent.of("done")) >= count)
    return sent.of("done")[count - 1][0]


def test_a_slider_changes_the_rate_of_the_generator(traffic: Any) -> None:
    view, up = lk.panel(traffic), traffic.flows["up"]
    sent = Sent(view)
    up.start()
    hear(view, type="flow", do="rate", flow="up", value="25 kpps")
    answer = done(sent, 1)
    assert answer["rows"][0]["rate"] == str(up.rate) == "25 kpps"
    assert (answer["rows"][0]["value"], answer["rows"][0]["unit"]) == (25e3, "pps")
    assert traffic.counters().loc["up", "target_pps"] == 25e3
    before = up.sent
    wait_until(lambda: up.sent > before)
    hear(view, type="flow", do="rate", flow="up", value="max")
    done(sent, 2)
    assert up.rate is None


def test_the_last_of_many_moves_wins(traffic: Any) -> None:
    view = lk.panel(traffic)
    sent = Sent(view)
    for kpps in range(1, 60):
        hear(view, type="flow", do="rate", flow="down", value=f"{kpps} kpps")
    hear(view, type="flow", do="rate", flow="down", value="7 kpps", number=1)  # sent earlier
    # The rate is set before the page is told of it.
    wait_until(lambda: any(told["rows"][1]["rate"] == "59 kpps" for told, _ in sent.of("done")))
    assert str(traffic.flows["down"].rate) == "59 kpps"


def test_buttons_start_pause_and_stop(traffic: Any) -> None:
    view = lk.panel(traffic)
    sent = Sent(view)
    states = list(traffic.flows.values())

    def press(action: str, flow: str | None, count: int) -> list[str]:
        hear(view, type="flow", do=action, flow=flow)
        assert done(sent, count)["error"] == ""
        return [one.state for one in states]

    assert press("start", None, 1) == ["started", "started"]
    assert press("pause", "up", 2) == ["paused", "started"]
    assert press("resume", "up", 3) == ["started", "started"]
    assert press("pause", None, 4) == ["paused", "paused"]
    assert press("resume", None, 5) == ["started", "started"]
    press("stop", None, 6)
    wait_until(lambda: [one.state for one in states] == ["stopped", "stopped"])
    assert traffic.flows["up"].sent > 0
    press("clear", "up", 7)
    wait_until(lambda: traffic.flows["up"].sent == 0)


def test_buttons_that_wait_are_all_done_in_their_order(traffic: Any) -> None:
    """As those that a page sends while a cell runs, which come together after it."""
    view, (up, down) = lk.panel(traffic), traffic.flows.values()
    sent = Sent(view)
    traffic.start()
    with traffic.changing:  # the first waits here, the others behind it
        for action in ("stop", "start", "pause", "resume", "clear"):
            hear(view, type="flow", do=action, flow=None)
        hear(view, type="flow", do="pause", flow="up")
    done(sent, 6)
    assert (up.state, down.state) == ("paused", "started")
    assert [len(told["asked"]) for told, _ in sent.of("done")] == [1] * 6


def test_what_comes_late_does_not_undo_what_was_asked_after_it(traffic: Any) -> None:
    view, (up, down) = lk.panel(traffic), traffic.flows.values()
    sent = Sent(view)
    traffic.start()
    hear(view, type="flow", do="resume", flow="up", number=10**6 + 1)
    hear(view, type="flow", do="pause", flow=None, number=10**6)
    hear(view, type="flow", do="stop", flow="up", number=10**6 - 1)
    done(sent, 3)
    assert (up.state, down.state) == ("started", "paused")
    wait_until(lambda: up.sent > 0)
    hear(view, type="flow", do="pause", flow="up", number=10**6 + 3)
    hear(view, type="flow", do="clear", flow="up", number=10**6 + 2)
    done(sent, 5)
    assert up.state == "paused"
    wait_until(lambda: up.sent == 0)


def test_every_page_is_answered_though_the_last_rate_wins(traffic: Any) -> None:
    view = lk.panel(traffic)
    sent = Sent(view)
    with traffic.changing:
        hear(view, type="flow", do="clear", flow="down")  # waits here
        wait_until(lambda: not view._controls._wanted)
        for page, number, kpps in (("p1", 11, 2), ("p2", 5, 3), ("p1", 12, 4)):
            hear(
                view, type="flow", do="rate", flow="up", page=page, number=number, value=f"{kpps}e3"
            )
    assert done(sent, 2)["asked"] == [["p1", 11], ["p2", 5], ["p1", 12]]
    assert traffic.flows["up"].rate.value == 4e3


def test_numbers_of_a_row(traffic: Any) -> None:
    view = lk.panel(traffic)
    sent = Sent(view)
    traffic.start()
    wait_until(lambda: numbers(sent)[1][0][COLUMNS.index("sent_pps")] > 0)
    wait_until(lambda: numbers(sent)[1][0][COLUMNS.index("latency_avg_ns")] > 0)
    content, values = numbers(sent)
    assert content["layout"] == view.parts["layout"]
    assert [flow["name"] for flow in view.parts["flows"]] == ["up", "down"]
    row = dict(zip(COLUMNS, values[0], strict=True))
    assert row["state"] == 1
    assert row["sent"] >= row["received"] > 0
    assert 0 < row["latency_avg_ns"] <= row["latency_max_ns"]
    assert [item["name"] for item in view.lines["items"]] == [
        "up/sent", "up/received", "down/sent", "down/received",
    ]  # fmt: skip
    view.choose("*/latency_avg_ns")
    assert {item["unit"] for item in view.lines["items"]} == {"ns"}


@pytest.mark.parametrize(
    ("value", "words"),
    [("25", None), ("quick", "rate is 'quick'"), ("900 Mpps", "at most 200 Mpps"), ("-1", "sign")],
)
def test_an_impossible_rate_is_told_in_its_row(traffic: Any, value: str, words: Any) -> None:
    view = lk.panel(traffic)
    sent = Sent(view)
    hear(view, type="flow", do="rate", flow="up", value=value)
    row = done(sent, 1)["rows"][0]
    if words is None:
        assert (row["rate"], row["error"]) == ("25 pps", "")
        return
    assert words in row["error"]
    assert row["rate"] == "5 kpps"  # nothing is lost
    assert done(sent, 1)["rows"][1]["error"] == ""
    hear(view, type="flow", do="rate", flow="up", value="3 kpps")
    assert done(sent, 2)["rows"][0]["error"] == ""


def test_what_is_asked_of_all_and_fails_is_told(traffic: Any, lab: lk.Lab) -> None:
    view = lk.panel(traffic)
    sent = Sent(view)
    os.kill(lab.pid, signal.SIGKILL)
    wait_until(lambda: not lab.is_alive)
    hear(view, type="flow", do="start", flow=None)
    assert "SIGKILL" in done(sent, 1)["error"]


def test_a_flow_that_is_added_has_a_row(traffic: Any, lab: lk.Lab) -> None:
    view = lk.panel(traffic)
    sent = Sent(view)
    layout = view.parts["layout"]
    traffic.add(flow(), on=lab.ports["a"], name="more", rate="1 kpps")
    wait_until(lambda: len(view.parts["flows"]) == 3)
    assert view.parts["layout"] > layout
    wait_until(lambda: numbers(sent)[0]["layout"] == view.parts["layout"])
    assert len(numbers(sent)[1]) == 3


def test_a_page_that_is_new_gets_everything(traffic: Any) -> None:
    view = lk.panel(traffic)
    traffic.start()
    wait_until(lambda: view._feed.number > 10)
    sent = Sent(view)
    hear(view, type="ready")
    content = sent.of("seed")[0][0]
    assert [row["rate"] for row in content["rows"]] == ["5 kpps", "1 kpps"]
    assert len(content["trend"]) == 2
    assert len(content["trend"][0]) == 2
    assert max(filter(None, content["trend"][0][0])) > 0


@pytest.fixture
def told() -> Any:
    """What is told of a flow of 100 kpps, of which in a second so much was sent, unsent, overdue
    and refused."""

    def tell(
        sent: int,
        unsent: int = 0,
        behind: int = 0,
        refused: int = 0,
        rate: Any = 1,
        waiting: int = 0,
    ) -> str:
        rows = np.zeros((2, 1, len(FIELDS)), np.int64)
        for name, value in {"sent": sent, "unsent": unsent, "behind": behind}.items():
            rows[1, 0, AT[name]] = value
        rows[:, 0, AT["total_sent"]] = 1000
        rows[:, 0, AT["sent"]] += 1000
        rows[1, 0, AT["state"]] = 1
        declaration = SimpleNamespace(peer="b", device=SimpleNamespace(arguments={"ring_size": 64}))
        one = SimpleNamespace(
            run="r",
            on=SimpleNamespace(name="a", declaration=declaration),
            rate=rate,
            stream=SimpleNamespace(signature=True),
            schedule=SimpleNamespace(gap=None),
        )
        before = Reading(0, {"r": rows[0]}, {"r": 0})
        after = Reading(10**9, {"r": rows[1]}, {"r": refused})
        flows: Any = [one]
        (text,) = FlowNumbers.between(
            before, rows[0], after, rows[1], flows, lambda: {"b": waiting}
        ).short
        return text

    return tell


def test_who_is_the_limit(told: Any) -> None:
    assert told(100_000) == told(99_950, unsent=50) == told(99_950, behind=50) == ""
    for port in (
        told(75_000, unsent=25_000, refused=40_000),
        told(75_000, behind=25_000, waiting=60),
    ):
        assert port.startswith("generator_limited: 25 % of what was due was not sent; port a took")
    held_up = told(75_000, behind=25_000, waiting=10)
    assert "generator_limited" in held_up
    assert "was held up" in held_up
    assert told(0, waiting=64).startswith("generator_limited: nothing was sent; port a took")
    assert told(0) == ""
    assert told(75_000, unsent=25_000, rate=None) == ""


def test_a_port_that_takes_no_more_is_told(lab: lk.Lab) -> None:
    """Nobody reads at the other end of the cable."""
    c, _ = lab.cable("c", "d")
    b, _ = lab.cable("b", "a")
    with lab.traffic() as traffic:
        traffic.add(flow(), on=c, to=b, name="stuck", rate="100 kpps").start()
        view = lk.panel(traffic)
        sent = Sent(view)
        hear(view, type="ready")

        def short() -> str:
            rows = [content["rows"] for content, _ in sent.messages if content.get("rows")]
            return str(rows[-1][0]["short"])

        wait_until(lambda: "100 % of what was due was not sent; port c took no more" in short())
        assert traffic.flows["stuck"].counters["behind"] > 0


def test_it_leaves_a_table_and_a_picture(traffic: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    outputs = Outputs(monkeypatch)
    show(traffic)
    show(traffic)
    traffic.start()
    view = lk.panel(traffic)  # of the same feed
    wait_until(lambda: len(view.table) > 2)
    traffic.close()
    kept = outputs.last
    assert "image/png" in kept
    assert "a → b" in kept["text/html"]
    assert f"{traffic.flows['up'].sent:,}" in kept["text/html"]
    assert "the traffic was closed" in kept["text/plain"]
    assert not any("widget" in kind for kind in kept)


def test_one_panel_in_all_cells(traffic: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    outputs = Outputs(monkeypatch)
    show(traffic)
    show(traffic)
    (first, second) = (parts["application/vnd.labkit.view+json"] for parts in outputs.shown)
    assert first == second


def test_it_survives_a_restart_and_ends_with_the_lab(traffic: Any, lab: lk.Lab) -> None:
    view = lk.panel(traffic)
    sent = Sent(view)
    traffic.start()
    os.kill(lab.pid, signal.SIGKILL)
    wait_until(lambda: view.status[0] == "gone")
    hear(view, type="flow", do="rate", flow="up", value="9 kpps")
    assert "SIGKILL" in done(sent, 1)["rows"][0]["error"]
    lab.restart()
    wait_until(lambda: view.status[0] == "live")
    hear(view, type="flow", do="start", flow="up")
    assert done(sent, 2)["rows"][0]["error"] == ""
    wait_until(lambda: traffic.flows["up"].sent > 0)
    lab.close()
    assert not view.is_open
    assert view.status[0] == "closed"


def test_closed_traffic_has_no_panel(traffic: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    traffic.start()
    traffic.close()
    with pytest.raises(lk.LabError, match="closed"):
        lk.panel(traffic)
    shown: list[Any] = []
    monkeypatch.setattr("IPython.display.display", lambda parts, **_: shown.append(parts))
    show(traffic)
    assert "a → b" in shown[0]["text/html"]
