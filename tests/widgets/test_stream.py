# SPDX-License-Identifier: BSD-3-Clause
"""Streams: one reader of a source for any number of views."""

import gc
import threading
import tracemalloc
from collections.abc import Iterator

import numpy as np
import pytest

from labkit.sources import SourceError
from labkit.widgets import feed as streams
from labkit.widgets.feed import Stream, stream_of, table
from tests.patience import wait_until
from tests.widgets.sources import Clock, Hand


class Listener:
    def __init__(self) -> None:
        self.ticks = 0
        self.errors: list[BaseException] = []

    def tick(self, stream: Stream) -> None:
        self.ticks += 1

    def fail(self, error: BaseException) -> None:
        self.errors.append(error)


@pytest.fixture
def hand() -> Iterator[tuple[Hand, Stream]]:
    """A source by hand, open, and its stream, ticked by the test."""
    source = Hand()
    with source:
        stream = Stream(source)
        stream._tick()
        yield source, stream


def threads() -> int:
    return sum(thread.name == "labkit-stream" for thread in threading.enumerate())


def test_views_of_one_source_share_one_thread_and_one_connection() -> None:
    source, before = Clock(), threads()
    first, second = Listener(), Listener()
    stream = stream_of(source)
    assert stream_of(source) is stream
    stream.attach(first)
    stream.attach(second)
    assert (threads() - before, source.opens) == (1, 1)
    wait_until(lambda: first.ticks > 2 and second.ticks > 2)
    stream.detach(first)
    assert stream.is_running
    stream.detach(second)
    assert (threads() - before, source.closes) == (0, 1)


def test_stream_begins_again_and_remembers() -> None:
    source, listener = Clock(), Listener()
    stream = stream_of(source)
    stream.attach(listener)
    wait_until(lambda: stream.number > 2)
    stream.detach(listener)
    seen = stream.number
    stream.attach(listener)
    wait_until(lambda: stream.number > seen + 2)
    stream.detach(listener)
    times, _ = table(stream.after(0), ["rx_packets"])
    assert len(times) == stream.number
    assert (np.diff(times) > 0).all()


def test_streams_of_sources_that_are_gone_are_not_kept() -> None:
    stream_of(Hand())
    gc.collect()
    assert not [s for s in streams._streams.values() if isinstance(s.source, Hand)]


def test_ten_ticks_a_second_at_most() -> None:
    source, listener = Clock(), Listener()
    stream = stream_of(source)
    stream.attach(listener)
    wait_until(lambda: stream.number >= 15)
    stream.detach(listener)
    times, values = table(stream.after(0), ["rx_packets"])
    assert (np.diff(times) > 0.03).all()
    assert values[:, 0] == pytest.approx(1000, rel=0.05)


def test_rates_are_of_measured_time(hand: tuple[Hand, Stream]) -> None:
    source, stream = hand
    source.add(0.1, rx_packets=500)
    stream._tick()
    source.add(0.25, rx_packets=500)
    source.values["queue/depth"] = 7
    stream._tick()
    times, values = table(stream.after(0), ["rx_packets", "queue/depth", "no such"])
    assert values[:, 0].tolist() == [5000, 2000]
    assert values[1, 1] == 7
    assert np.isnan(values[:, 2]).all()
    assert np.diff(times) == pytest.approx(0.25)


def test_a_tick_without_a_new_sample_makes_no_point(hand: tuple[Hand, Stream]) -> None:
    source, stream = hand
    source.add(0.1, rx_packets=5)
    stream._tick()
    stream._tick()
    assert stream.number == 1


def test_source_that_went_away_leaves_a_gap_and_no_fault(hand: tuple[Hand, Stream]) -> None:
    source, stream = hand
    source.add(0.1, rx_packets=100)
    stream._tick()
    source.is_there = False
    stream._tick()
    assert stream.state == ("gone", "the cable is out")
    source.is_there = True
    source.values["rx_packets"] = 0  # it counts from the beginning again
    source.add(5)
    stream._tick()
    source.add(0.1, rx_packets=10)
    stream._tick()
    _, values = table(stream.after(0), ["rx_packets"])
    assert values[0] == 1000
    assert np.isnan(values[1])
    assert values[2] == 100
    assert stream.latest is not None
    assert not stream.latest.faults


def test_counter_that_falls_is_a_fault_and_no_rate(hand: tuple[Hand, Stream]) -> None:
    source, stream = hand
    source.values["rx_packets"] = 3
    source.add(0.1, tx_packets=10)
    stream._tick()
    assert stream.latest is not None
    assert list(stream.latest.faults) == ["rx_packets"]
    _, values = table(stream.after(0), ["rx_packets", "tx_packets"])
    assert np.isnan(values[0, 0])
    assert values[0, 1] == 100


def test_points_of_other_schemas_fit_into_one_table(hand: tuple[Hand, Stream]) -> None:
    source, stream = hand
    source.add(0.1, rx_packets=10)
    stream._tick()
    source.rename(("tx_packets", "new", "rx_packets"))
    source.add(0.1, rx_packets=20, new=5)
    stream._tick()
    _, values = table(stream.after(0), ["rx_packets", "new"])
    assert values[:, 0].tolist() == [100, 200]
    assert np.isnan(values[:, 1]).all()  # a counter that was not there before has no rate yet


def test_recording_that_begins_anew_goes_on_to_the_right(hand: tuple[Hand, Stream]) -> None:
    source, stream = hand
    for _ in range(3):
        source.add(0.1, rx_packets=10)
        stream._tick()
    source.monotonic_ns -= 10**9
    stream._tick()
    source.add(0.1, rx_packets=10)
    stream._tick()
    times, _ = table(stream.after(0), ["rx_packets"])
    assert (np.diff(times) > 0).all()
    assert times[-1] - times[0] < 1


def test_hours_of_ticks_do_not_grow(hand: tuple[Hand, Stream]) -> None:
    source, stream = hand

    def pass_time(ticks: int) -> int:
        for _ in range(ticks):
            source.add(0.1, rx_packets=100)
            stream._tick()
        gc.collect()
        return tracemalloc.get_traced_memory()[0]

    full = streams.HISTORY_SECONDS * int(streams.HZ)
    tracemalloc.start()
    try:
        before = pass_time(full + 100)
        after = pass_time(3 * full)  # half an hour; a leak of 10 bytes a tick would show
    finally:
        tracemalloc.stop()
    assert after - before < 100_000
    assert len(stream.after(0)) == full
    assert stream.number == 4 * full + 100


def test_very_many_counters_are_remembered_for_a_shorter_time() -> None:
    names = tuple(f"counter_{i}" for i in range(16_000))
    source = Hand(names)
    with source:
        stream = Stream(source)
        for _ in range(700):
            source.add(0.1)
            stream._tick()
    held = sum(point.values.nbytes for point in stream.after(0))
    assert 0 < held <= streams.HISTORY_BYTES


def test_listener_that_fails_is_told_and_others_go_on(hand: tuple[Hand, Stream]) -> None:
    source, stream = hand

    class Broken(Listener):
        def tick(self, stream: Stream) -> None:
            raise ValueError("broken view")

    broken, whole = Broken(), Listener()
    stream._listeners += [broken, whole]
    source.add(0.1)
    stream._tick()
    assert [str(error) for error in broken.errors] == ["broken view"]
    assert (whole.ticks, whole.errors) == (1, [])


def test_source_that_cannot_be_opened_raises() -> None:
    source = Hand()
    source.is_there = False
    stream = stream_of(source)
    with pytest.raises(SourceError, match="nobody is there"):
        stream.attach(Listener())
    assert not stream.is_running
