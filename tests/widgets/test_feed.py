# SPDX-License-Identifier: BSD-3-Clause
"""Feeds: one reader of a source for any number of views."""

import gc
import threading
import tracemalloc
import weakref
from collections.abc import Iterator

import numpy as np
import pytest

from labkit.sources import SourceError
from labkit.widgets import feed as feeds
from labkit.widgets.feed import Feed, feed_of, table
from tests.patience import wait_until
from tests.widgets.sources import Clock, Hand


class Listener:
    def __init__(self) -> None:
        self.ticks = 0
        self.errors: list[BaseException] = []

    def tick(self, feed: Feed) -> None:
        self.ticks += 1

    def fail(self, error: BaseException) -> None:
        self.errors.append(error)


@pytest.fixture
def hand() -> Iterator[tuple[Hand, Feed]]:
    """A source by hand, open, and its feed, ticked by the test."""
    source = Hand()
    with source:
        feed = Feed(source)
        feed.read_once()
        yield source, feed


def threads() -> int:
    return sum(thread.name == "labkit-feed" for thread in threading.enumerate())


def test_views_of_one_source_share_one_thread_and_one_connection() -> None:
    source, before = Clock(), threads()
    first, second = Listener(), Listener()
    feed = feed_of(source)
    assert feed_of(source) is feed
    feed.attach(first)
    feed.attach(second)
    assert (threads() - before, source.opens) == (1, 1)
    wait_until(lambda: first.ticks > 2 and second.ticks > 2)
    feed.detach(first)
    assert feed.is_running
    feed.detach(second)
    assert (threads() - before, source.closes) == (0, 1)


def test_stream_begins_again_and_remembers() -> None:
    source, listener = Clock(), Listener()
    feed = feed_of(source)
    feed.attach(listener)
    wait_until(lambda: feed.number > 2)
    feed.detach(listener)
    seen = feed.number
    feed.attach(listener)
    wait_until(lambda: feed.number > seen + 2)
    feed.detach(listener)
    times, _ = table(feed.after(0), ["rx_packets"])
    assert len(times) == feed.number
    assert (np.diff(times) > 0).all()


def test_streams_of_sources_that_are_gone_are_not_kept() -> None:
    feed = weakref.ref(feed_of(Hand()))
    gc.collect()
    assert feed() is None


def test_ten_ticks_a_second_at_most() -> None:
    source, listener = Clock(), Listener()
    feed = feed_of(source)
    feed.attach(listener)
    wait_until(lambda: feed.number >= 15)
    feed.detach(listener)
    times, values = table(feed.after(0), ["rx_packets"])
    assert (np.diff(times) > 0.03).all()
    assert values[:, 0] == pytest.approx(1000, rel=0.05)


def test_rates_are_of_measured_time(hand: tuple[Hand, Feed]) -> None:
    source, feed = hand
    source.add(0.1, rx_packets=500)
    feed.read_once()
    source.add(0.25, rx_packets=500)
    source.values["queue/depth"] = 7
    feed.read_once()
    times, values = table(feed.after(0), ["rx_packets", "queue/depth", "no such"])
    assert values[:, 0].tolist() == [5000, 2000]
    assert values[1, 1] == 7
    assert np.isnan(values[:, 2]).all()
    assert np.diff(times) == pytest.approx(0.25)


def test_a_tick_without_a_new_sample_makes_no_point(hand: tuple[Hand, Feed]) -> None:
    source, feed = hand
    source.add(0.1, rx_packets=5)
    feed.read_once()
    feed.read_once()
    assert feed.number == 1


def test_source_that_went_away_leaves_a_gap_and_no_fault(hand: tuple[Hand, Feed]) -> None:
    source, feed = hand
    source.add(0.1, rx_packets=100)
    feed.read_once()
    source.is_there = False
    feed.read_once()
    assert feed.state == ("gone", "the cable is out")
    source.is_there = True
    source.values["rx_packets"] = 0  # it counts from the beginning again
    source.add(5)
    feed.read_once()
    source.add(0.1, rx_packets=10)
    feed.read_once()
    _, values = table(feed.after(0), ["rx_packets"])
    assert values[0] == 1000
    assert np.isnan(values[1])
    assert values[2] == 100
    assert feed.latest is not None
    assert not feed.latest.faults


def test_counter_that_falls_is_a_fault_and_no_rate(hand: tuple[Hand, Feed]) -> None:
    source, feed = hand
    source.values["rx_packets"] = 3
    source.add(0.1, tx_packets=10)
    feed.read_once()
    assert feed.latest is not None
    assert list(feed.latest.faults) == ["rx_packets"]
    _, values = table(feed.after(0), ["rx_packets", "tx_packets"])
    assert np.isnan(values[0, 0])
    assert values[0, 1] == 100


def test_points_of_other_schemas_fit_into_one_table(hand: tuple[Hand, Feed]) -> None:
    source, feed = hand
    source.add(0.1, rx_packets=10)
    feed.read_once()
    source.rename(("tx_packets", "new", "rx_packets"))
    source.add(0.1, rx_packets=20, new=5)
    feed.read_once()
    _, values = table(feed.after(0), ["rx_packets", "new"])
    assert values[:, 0].tolist() == [100, 200]
    assert np.isnan(values[:, 1]).all()  # a counter that was not there before has no rate yet


def test_recording_that_begins_anew_goes_on_to_the_right(hand: tuple[Hand, Feed]) -> None:
    source, feed = hand
    for _ in range(3):
        source.add(0.1, rx_packets=10)
        feed.read_once()
    source.monotonic_ns -= 10**9
    feed.read_once()
    source.add(0.1, rx_packets=10)
    feed.read_once()
    times, _ = table(feed.after(0), ["rx_packets"])
    assert (np.diff(times) > 0).all()
    assert times[-1] - times[0] < 1


def test_hours_of_ticks_do_not_grow(hand: tuple[Hand, Feed]) -> None:
    source, feed = hand

    def pass_time(ticks: int) -> int:
        for _ in range(ticks):
            source.add(0.1, rx_packets=100)
            feed.read_once()
        gc.collect()
        return tracemalloc.get_traced_memory()[0]

    full = feeds.HISTORY_SECONDS * int(feeds.HZ)
    tracemalloc.start()
    try:
        before = pass_time(full + 100)
        after = pass_time(3 * full)  # half an hour; a leak of 10 bytes a tick would show
    finally:
        tracemalloc.stop()
    assert after - before < 100_000
    assert len(feed.after(0)) == full
    assert feed.number == 4 * full + 100


def test_very_many_counters_are_remembered_for_a_shorter_time() -> None:
    names = tuple(f"counter_{i}" for i in range(16_000))
    source = Hand(names)
    with source:
        feed = Feed(source)
        for _ in range(700):
            source.add(0.1)
            feed.read_once()
    held = sum(point.values.nbytes for point in feed.after(0))
    assert 0 < held <= feeds.HISTORY_BYTES


def test_listener_that_fails_is_told_and_others_go_on(hand: tuple[Hand, Feed]) -> None:
    _, feed = hand

    class Broken(Listener):
        def tick(self, feed: Feed) -> None:
            raise ValueError("broken view")

    broken, whole = Broken(), Listener()
    for listener in (broken, whole):
        feed.attach(listener)
    wait_until(lambda: bool(broken.errors) and whole.ticks > 0)
    for listener in (broken, whole):
        feed.detach(listener)
    assert str(broken.errors[0]) == "broken view"
    assert whole.errors == []


def test_source_that_cannot_be_opened_raises() -> None:
    source = Hand()
    source.is_there = False
    feed = feed_of(source)
    with pytest.raises(SourceError, match="nobody is there"):
        feed.attach(Listener())
    assert not feed.is_running
