# SPDX-License-Identifier: BSD-3-Clause
"""Sequence tracking against a model that remembers every number, the numbers of streams, and
histogram buckets."""

import multiprocessing
import random
from collections.abc import Callable
from typing import Any

import pytest
from hdrh.histogram import HdrHistogram
from hypothesis import example, given, settings
from hypothesis import strategies as st
from labkit._codec import ffi, lib

from labkit.errors import LabError
from labkit.lab import stream_ids
from labkit.results.latency import COUNTS, HIGHEST, LatencyHistogram, highest_of, index_of

WINDOW = 65_536
properties = settings(max_examples=200, deadline=None, derandomize=True, database=None)

# Steps from one number to the next: mostly one ahead, sometimes back, sometimes far
steps = st.lists(
    st.sampled_from([1, 1, 1, 1, 2, 3, 70, -1, -3, 0, 1000, -1000, WINDOW - 1, WINDOW, WINDOW + 1])
    | st.integers(-70_000, 70_000),
    max_size=300,
)


def taken(numbers: list[int]) -> tuple[dict[str, int], int]:
    counts = ffi.new("uint64_t[4]")
    passed_over = lib.lk_codec_sequence(
        [n % 2**32 for n in numbers], len(numbers), ffi.NULL, 0, 0, 1, counts
    )
    return dict(
        zip(("received", "reordered", "duplicated", "too_old"), counts, strict=True)
    ), passed_over


def model(numbers: list[int]) -> dict[str, int]:
    counts = dict.fromkeys(("received", "reordered", "duplicated", "too_old"), 0)
    seen: set[int] = set()
    following = 0
    for number in numbers:
        if number < following - WINDOW:
            counts["too_old"] += 1
        elif number in seen:
            counts["duplicated"] += 1
        else:
            counts["received"] += 1
            counts["reordered"] += number < following
            seen.add(number)
            following = max(following, number + 1)
    return counts


@properties
@given(steps)
@example([1] * 300)
@example([WINDOW, -WINDOW, 0, 1 - WINDOW])
def test_every_arrival_is_what_it_is(moves: list[int]) -> None:
    numbers, at = [], -1
    for move in moves:
        at = max(0, at + move)
        numbers.append(at)
    counts, passed_over = taken(numbers)
    assert counts == model(numbers)
    # What was passed over and never came: the numbers below the highest that are not there.
    highest = max(numbers, default=-1)
    assert passed_over == highest + 1 - counts["received"]


def model_of_flows(numbers: list[int], flow: Callable[[int], int]) -> int:
    """Frames after which a higher number of their own flow had come."""
    highest: dict[int, int] = {}
    reordered, seen, following = 0, set[int](), 0
    for number in numbers:
        if number in seen or number < following - WINDOW:
            continue
        seen.add(number)
        following = max(following, number + 1)
        reordered += number < highest.get(flow(number), -1)
        highest[flow(number)] = max(number, highest.get(flow(number), -1))
    return reordered


def varied(count: int, *, hold: int = 1, random: bool = False, values: Any = None) -> Any:
    """A field that tells flows apart."""
    field = ffi.new("struct lk_field *")
    field.count, field.hold, field.is_random, field.seed, field.step = count, hold, random, 7, 1
    field.flow = 1 if values is None or len(set(values)) == len(values) else 2
    buffer = ffi.NULL if values is None else ffi.new("uint64_t[]", values)
    field.values = buffer
    return field, buffer


def reordered(numbers: list[int], *fields: Any, lane: int = 0, of: int = 1) -> int:
    native = ffi.new("struct lk_field[]", [field[0] for field, _ in fields])
    counts = ffi.new("uint64_t[4]")
    lib.lk_codec_sequence(numbers, len(numbers), native, len(fields), lane, of, counts)
    return int(counts[1])


def test_flows_that_overtake_each_other_are_in_order() -> None:
    """Two queues, of which one is always read later: frames 1, 3, 5 … wait for hundreds of others;
    a frame that one of its own flow overtakes counts."""
    ahead, behind = list(range(0, 4000, 2)), list(range(1, 4000, 2))
    numbers = ahead[:300]
    for one, other in zip(ahead[300:], behind, strict=False):
        numbers += [one, other]
    assert reordered(numbers, varied(2)) == 0
    assert reordered(numbers) == len(numbers) - len(ahead)  # of one flow
    at = numbers.index(1001)
    numbers[at], numbers[at + 2] = numbers[at + 2], numbers[at]
    assert reordered(numbers, varied(2)) == 1


FLOWS = {
    "counter": ([varied(7)], lambda n: n % 7),
    "held": ([varied(3, hold=4)], lambda n: n // 4 % 3),
    "product": ([varied(64), varied(64, hold=64)], lambda n: n % 4096),
    "list": ([varied(4, values=[9, 5, 9, 7])], lambda n: [9, 5, 9, 7][n % 4]),
}


@properties
@given(steps, st.sampled_from(sorted(FLOWS)), st.integers(0, 2))
def test_order_is_that_within_flows(moves: list[int], kind: str, lane: int) -> None:
    fields, flow = FLOWS[kind]
    numbers, at = [], -1
    for move in moves:
        at = max(0, at + move)
        numbers.append(at)
    wanted = model_of_flows(numbers, lambda n: flow(lane + 3 * n))
    assert reordered(numbers, *fields, lane=lane, of=3) == wanted


def test_flows_drawn_at_random_are_in_order() -> None:
    drawn = random.Random(3)
    numbers = list(range(20_000))
    for at in range(0, 20_000, 50):  # far apart in their order, each within its own flow
        part = numbers[at : at + 50]
        drawn.shuffle(part)
        numbers[at : at + 50] = part
    one, many = reordered(numbers), reordered(numbers, varied(4096, random=True))
    assert one > 15_000
    assert many < 300  # 50 frames of 4,096 flows: few are of one


def test_numbers_wrap_around() -> None:
    """A stream of more than 2^32 frames goes on with 0."""
    start = 2**32 - 200_000
    hops = [n * 2**30 for n in range(1, 4)]
    numbers = [*hops, *range(start, 2**32 + 1000), 2**32 + 500, 2**32 - 1]
    counts, _ = taken(numbers)
    assert counts["received"] == len(numbers) - 2
    assert counts["duplicated"] == 2


@properties
@given(st.integers(0, 2**40))
def test_buckets_are_hdrhistograms(value: int) -> None:
    from hdrh.histogram import HdrHistogram

    index = lib.lk_codec_histogram_index(value)
    reference = HdrHistogram(1, HIGHEST, 3)
    assert reference.counts_len == COUNTS
    assert index == index_of(value) == reference._counts_index_for(min(value, HIGHEST))
    if value <= HIGHEST:
        assert highest_of(index) == reference.get_highest_equivalent_value(value)
        assert highest_of(index) <= max(value * 1.001, value)


@properties
@given(st.lists(st.integers(1, HIGHEST), min_size=1, max_size=200))
def test_percentiles_and_export(values: list[int]) -> None:
    counts: dict[str, int] = {}
    for value in values:
        index = str(lib.lk_codec_histogram_index(value))
        counts[index] = counts.get(index, 0) + 1
    histogram = LatencyHistogram.from_engine(
        {"counts": counts, "sum": sum(values), "min": min(values), "max": max(values)}
    )
    assert histogram is not None
    assert histogram.count == len(values)
    assert histogram.percentile(100) == max(values)
    reference = histogram.to_hdr()
    for percent in (0.1, 10, 50, 90, 99, 99.9):
        wanted = reference.get_value_at_percentile(percent)
        assert histogram.percentile(percent) == min(max(wanted, min(values)), max(values))
    again = LatencyHistogram.from_export(histogram.export())
    assert (again.counts == histogram.counts).all()
    assert again.to_hdr().encode() == reference.encode()


def test_histograms_of_other_tools() -> None:
    """Buckets that are finer than ours add up; what is coarser or longer is refused."""
    fine, coarse = HdrHistogram(1, HIGHEST, 5), HdrHistogram(1, HIGHEST, 2)
    for value in range(1_000_000, 1_010_000):
        fine.record_value(value)
        coarse.record_value(value)
    assert LatencyHistogram.from_export(fine.encode()).count == 10_000
    long = HdrHistogram(1, 1 << 45, 3)
    long.record_value(1 << 40)
    for other in (coarse, long):
        with pytest.raises(LabError, match="needs 3 digits or more, and 68,719,476,735"):
            LatencyHistogram.from_export(other.encode())
    with pytest.raises(LabError, match="this is no HdrHistogram in base64"):
        LatencyHistogram.from_export(b"no histogram")


def test_nothing_measured_is_no_histogram() -> None:
    assert LatencyHistogram.from_engine({"counts": {}, "sum": 0, "min": 0, "max": 0}) is None


def claimed() -> int:
    return stream_ids.claim()


def test_forked_processes_number_their_streams_elsewhere() -> None:
    """Or workers of a pool, which share a wire, would take each other's frames."""
    forking = multiprocessing.get_context("fork")
    numbers = set()
    for _ in range(3):
        with forking.Pool(1) as pool:
            numbers.add(pool.apply(claimed))
    assert len(numbers) > 1
