# SPDX-License-Identifier: BSD-3-Clause
"""Views: what they send to the page, and how they follow a source, a lab and a page."""

import time
from collections.abc import Iterator

import numpy as np
import pytest

import labkit as lk
from labkit.sources import SourceError
from labkit.widgets.chart import Chart
from labkit.widgets.feed import feed_of
from labkit.widgets.view import LiveView
from tests.patience import wait_until
from tests.widgets.page import Outputs, Sent, hear
from tests.widgets.sources import NAMES, Clock, Hand


@pytest.fixture
def clock() -> Iterator[tuple[Clock, Chart]]:
    source = Clock()
    view = lk.watch(source, "rx_packets", "depth")
    yield source, view
    view.close()


def test_one_binary_message_a_tick(clock: tuple[Clock, Chart]) -> None:
    _, view = clock
    sent = Sent(view)
    began = time.monotonic()
    wait_until(lambda: len(sent.of("points")) >= 10)
    assert len(sent.messages) <= (time.monotonic() - began) * 10 + 2
    firsts = [content["first"] for content, _ in sent.of("points")]
    assert np.diff(firsts).tolist() == [len(b[0]) // 8 for _, b in sent.of("points")][:-1]
    content, (times, values) = sent.of("points")[-1]
    rows = len(np.frombuffer(times)) * 2
    assert np.frombuffer(values, np.float32).shape == (rows,)
    assert content["version"] == view.lines["version"]


def test_eight_lines_stay_far_below_four_kilobytes() -> None:
    source = Clock(tuple(f"rx_q{n}_packets" for n in range(8)) + NAMES)
    with lk.watch(source, "rx_q*") as view:
        sent = Sent(view)
        wait_until(lambda: len(sent.of("points")) > 2)
    assert len(view.lines["items"]) == 8
    for content, buffers in sent.of("points"):
        assert len(str(content)) + sum(map(len, buffers)) < 400


def test_page_that_was_loaded_anew_gets_all_points(clock: tuple[Clock, Chart]) -> None:
    source, view = clock
    wait_until(lambda: feed_of(source).number > 5)
    sent = Sent(view)
    hear(view, type="ready")
    content, (times, _) = sent.of("seed")[0]
    assert content["first"] == 0
    assert len(times) // 8 > 5


def test_page_out_of_sight_gets_a_message_a_second_and_no_point_less(
    clock: tuple[Clock, Chart],
) -> None:
    _, view = clock
    hear(view, type="ready")
    hear(view, type="hidden")
    sent = Sent(view)
    wait_until(lambda: len(sent.of("points")) >= 3)
    first, second, third = sent.of("points")[:3]
    for (before, buffers), (after, _) in ((first, second), (second, third)):
        assert after["first"] == before["first"] + len(buffers[0]) // 8
    assert third[0]["first"] - second[0]["first"] > 8
    hear(view, type="shown")
    wait_until(lambda: len(sent.of("points")[-1][1][0]) == 8)  # what had gathered has gone
    sent.messages.clear()
    wait_until(lambda: len(sent.of("points")) >= 5)
    assert sent.points_a_message() < 3  # and not all of a second


def test_of_messages_that_overtake_each_other_the_newest_holds(
    clock: tuple[Clock, Chart],
) -> None:
    """Jupyter hands some to the kernel's main thread and others to a subshell."""
    source, view = clock
    hear(view, type="shown", number=1003)
    hear(view, type="hidden", number=1002)
    hear(view, type="ready", number=1001)
    sent = Sent(view)
    wait_until(lambda: len(sent.of("points")) >= 5)
    assert sent.points_a_message() < 3  # and not all of a second
    hear(view, type="start", number=1005)
    hear(view, type="stop", number=1004)
    assert view.running
    hear(view, type="removed", number=1007)
    hear(view, type="ready", number=1006)
    hear(view, type="hidden", number=1006)
    assert not feed_of(source).is_running, "no page shows it"


def test_view_that_no_page_shows_any_more_costs_nothing(clock: tuple[Clock, Chart]) -> None:
    source, view = clock
    hear(view, type="ready")
    hear(view, type="removed")
    assert not feed_of(source).is_running
    assert source.closes == source.opens
    hear(view, type="shown")
    assert feed_of(source).is_running


def test_page_stops_and_starts(clock: tuple[Clock, Chart]) -> None:
    source, view = clock
    hear(view, type="stop")
    assert (view.running, feed_of(source).is_running) == (False, False)
    sent = Sent(view)
    hear(view, type="start")
    assert view.running
    wait_until(lambda: len(sent.of("points")) > 2)
    assert sent.of("seed")


def test_page_chooses_counters(clock: tuple[Clock, Chart]) -> None:
    _, view = clock
    version = view.lines["version"]
    hear(view, type="choose", names=["tx_packets", "no such", "queue/depth"])
    assert [item["name"] for item in view.lines["items"]] == ["tx_packets", "queue/depth"]
    assert [item["unit"] for item in view.lines["items"]] == ["packets/s", ""]
    assert view.lines["version"] == version + 1
    hear(view, type="choose", names=["no such"])
    assert len(view.lines["items"]) == 2


def test_marks_of_both_sides(clock: tuple[Clock, Chart]) -> None:
    _, view = clock
    view.mark("load doubled")
    hear(view, type="mark", x=5.0, text="1")
    assert [text for _, text in view.marks] == ["load doubled", "1"]
    for n in range(300):
        view.mark(str(n))
    assert len(view.marks) == 100


def test_patterns_that_match_nothing_or_too_much_are_errors() -> None:
    source = Hand(tuple(f"rx_q{n}_packets" for n in range(40)))
    with pytest.raises(SourceError, match=r"no counter 'rx_q1_packet'.*did you mean"):
        lk.watch(source, "rx_q1_packet")
    with pytest.raises(lk.LabError, match=r"40 counters match.*up to 32"):
        lk.watch(source, "rx_*")
    assert source.opens == source.closes == 2
    with pytest.raises(SourceError, match="not str"):
        lk.watch("eth0", "rx_*")  # type: ignore[arg-type]


def test_without_patterns_the_usual_counters_are_drawn() -> None:
    with lk.watch(Clock()) as view:
        assert [item["name"] for item in view.lines["items"]] == ["rx_packets"]


def test_new_counters_that_match_are_drawn_too() -> None:
    source = Clock()
    with lk.watch(source, "*_packets") as view:
        source.rename((*NAMES, "rx_q0_packets"))
        wait_until(lambda: len(view.lines["items"]) == 3)
        assert list(view.names) == [*NAMES, "rx_q0_packets"]
        source.rename(())
        wait_until(lambda: view.names == [])
        assert len(view.table.columns) == 3  # what was drawn stays, whatever goes


def test_state_and_faults_of_the_source_are_shown(clock: tuple[Clock, Chart]) -> None:
    source, view = clock
    assert view.status == ["live", "counts"]
    source.is_there = False
    values = dict(source.values)
    source.rename(())
    wait_until(lambda: view.status == ["gone", "the cable is out"])
    assert len(view.table.columns) == 2  # its lines stay meanwhile
    source.rename(NAMES)
    source.values.update(values)
    source.is_there = True
    wait_until(lambda: view.status[0] == "live")
    wait_until(lambda: feed_of(source).sample is not None)
    source.values["tx_packets"] = 1  # not drawn: nobody asked
    source.values["rx_packets"] = 1
    told: dict[str, str] = {}
    wait_until(lambda: bool(told.update(view.faults) or told))
    assert list(told) == ["rx_packets"]


def test_error_in_the_background_is_raised_by_stop(
    clock: tuple[Clock, Chart], monkeypatch: pytest.MonkeyPatch
) -> None:
    source, view = clock
    monkeypatch.setattr(view, "send", lambda *_: 1 / 0)
    wait_until(lambda: view.status[0] == "failed")
    assert not feed_of(source).is_running
    with pytest.raises(ZeroDivisionError):
        view.stop()
    view.stop()


def test_figure_has_a_plot_for_each_unit() -> None:
    source = Clock()
    with lk.watch(source, "rx_packets", "tx_packets", "rx_bytes") as view:
        view.mark("here")
        wait_until(lambda: feed_of(source).number > 3)
    axes = view.figure.axes
    assert [a.get_ylabel() for a in axes] == ["packets/s", "bytes/s"]
    assert [len(a.lines) for a in axes] == [3, 2]  # the mark is a line in both
    assert axes[0].lines[0].get_ydata()[-1] == pytest.approx(1000, rel=0.1)


def test_closed_view_is_freed_when_its_last_page_is_gone(clock: tuple[Clock, Chart]) -> None:
    source, view = clock
    hear(view, type="ready")
    view.close()
    assert view.status[0] == "closed"
    assert view.comm is not None
    hear(view, type="start")
    assert not feed_of(source).is_running
    with pytest.raises(lk.LabError, match="closed"):
        view.start()
    hear(view, type="removed")
    assert view.comm is None


def test_views_end_with_their_lab(lab: lk.Lab) -> None:
    lab.cable()
    engine = lk.sources.Engine(lab)
    views: list[LiveView] = [lk.watch(lab), lk.watch(engine), lk.dashboard(lab)]
    feeds = [feed_of(lab), feed_of(engine)]
    assert all(feed.is_running for feed in feeds)
    lab.close()
    assert not any(feed.is_running for feed in feeds)
    assert not any(view.comm for view in views)


def test_output_leaves_out_what_only_ipywidgets_shows_where_outputs_are_ours(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ipywidgets, ours = (
        "application/vnd.jupyter.widget-view+json",
        "application/vnd.labkit.view+json",
    )
    outputs = Outputs(monkeypatch)
    view = lk.watch(Clock(), "rx_packets")
    view._ipython_display_()
    assert {ipywidgets, ours} <= outputs.last.keys()  # nobody knows yet who shows it
    wait_until(lambda: "image/png" in outputs.last)  # soon, and once: a cell may run for long
    hear(view, type="ready", hasOutputs=True)
    assert ours in outputs.last
    assert ipywidgets not in outputs.last
    hear(view, type="ready", page="p2")  # VS Code, say
    count = len(outputs.shown)
    view.mark()
    time.sleep(0.3)
    assert len(outputs.shown) == count  # it would lose its place
    for page in ("p1", "p2"):
        hear(view, type="removed", page=page)
    view._ipython_display_()  # its cell runs again
    assert {ipywidgets, ours} <= outputs.last.keys()
    hear(view, type="shown", hasOutputs=True)
    assert ours in outputs.last
    assert ipywidgets not in outputs.last
    view.close()
    assert outputs.last.keys() == {"text/plain", "image/png"}
    assert "closed" in outputs.last["text/plain"]
