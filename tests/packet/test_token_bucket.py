# SPDX-License-Identifier: BSD-3-Clause
"""Token buckets under a given clock: what they let pass in any time, and when."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from labkit._codec import ffi, lib

TICK = 1 << lib.LK_TICK_BITS  # of a cycle; a cycle is 1 ns in these tests
NONE = 2**64 - 1


def level(rate: float, depth: float) -> dict[str, int]:
    """Bytes a second, bytes."""
    ticks = 1e9 * TICK / rate
    return {
        "per_unit": round(ticks * 2**lib.LK_PER_UNIT_BITS),
        "depth": round(ticks * depth),
    }


class Bucket:
    """One whose levels are (rate, depth), in bytes a second and bytes."""

    def __init__(self, *levels: tuple[float, float]) -> None:
        none = {"per_unit": 0, "depth": 0}
        self.levels = levels
        made = [level(*one) for one in levels] + [none] * (2 - len(levels))
        self._bucket = ffi.new("struct lk_bucket *", {"levels": made})
        self._times = ffi.new("struct lk_bucket_times *")

    def leaves(self, frames: list[tuple[int, int]], *, waits: bool) -> list[int | None]:
        """When frames leave, in ns, that came at (ns, bytes); None: they are refused."""
        out = ffi.new("uint64_t[]", max(1, len(frames)))
        came = [ns * TICK for ns, _ in frames]
        sizes = [size for _, size in frames]
        lib.lk_codec_bucket(self._bucket, self._times, waits, came, sizes, len(frames), out)
        return [None if t == NONE else -(-t // TICK) for t in out[0 : len(frames)]]


Frames = st.lists(
    st.tuples(st.integers(0, 3_000_000), st.integers(60, 9000)), min_size=1, max_size=60
).map(lambda gaps: [(sum(g for g, _ in gaps[: i + 1]), size) for i, (_, size) in enumerate(gaps)])
Levels = st.one_of(
    st.tuples(st.tuples(st.integers(1_000, 10**9), st.integers(9000, 500_000))),
    st.tuples(
        st.tuples(st.integers(10**6, 10**9), st.integers(9000, 50_000)),
        st.tuples(st.integers(1_000, 10**6), st.integers(9000, 500_000)),
    ),
)


@given(Levels, Frames, st.booleans())
def test_no_time_sees_more_than_rate_and_burst(
    levels: tuple[tuple[float, float], ...], frames: list[tuple[int, int]], waits: bool
) -> None:
    left = [
        (t, size)
        for t, (_, size) in zip(Bucket(*levels).leaves(frames, waits=waits), frames, strict=True)
        if t is not None
    ]
    for i, (begin, _) in enumerate(left):
        passed = 0
        for end, size in left[i:]:
            passed += size
            for rate, depth in levels:
                # An ns and a tick are rounded
                assert passed <= (rate * (end - begin + 2) / 1e9 + depth) * (1 + 1e-6) + 1


@given(Levels, Frames)
def test_what_waits_leaves_in_order_and_as_soon_as_it_can(
    levels: tuple[tuple[float, float], ...], frames: list[tuple[int, int]]
) -> None:
    left = Bucket(*levels).leaves(frames, waits=True)
    times = [t for t in left if t is not None]
    assert len(times) == len(frames)
    assert all(a <= b for a, b in pairwise(times))
    assert all(t >= came for t, (came, _) in zip(times, frames, strict=True))
    total = sum(size for _, size in frames)
    slowest = sum(total / rate for rate, _ in levels) * 1e9
    assert times[-1] <= frames[-1][0] + slowest * (1 + 1e-6) + 10


@given(Levels, Frames)
def test_a_rest_brings_all_of_it_back(
    levels: tuple[tuple[float, float], ...], frames: list[tuple[int, int]]
) -> None:
    """After depth / rate of rest the same frames pass as at first."""
    bucket = Bucket(*levels)
    first = bucket.leaves(frames, waits=False)
    rest = frames[-1][0] + max(int(depth / rate * 1e9) + 2 for rate, depth in levels)
    again = bucket.leaves([(came + rest, size) for came, size in frames], waits=False)
    assert [t is None for t in first] == [t is None for t in again]


def test_a_burst_and_no_more_passes_at_once() -> None:
    left = Bucket((1000, 10_000)).leaves([(0, 1000)] * 30, waits=False)
    assert [t is not None for t in left] == [True] * 10 + [False] * 20


def test_credits_then_the_baseline() -> None:
    """10 MB/s while 1 MB above 1 MB/s lasts: 1 / (10 - 1) s, 1.11 MB; then 1 MB/s."""
    bucket = Bucket((10e6, 10_000), (1e6, 1e6))
    left = [t for t in bucket.leaves([(0, 1000)] * 3000, waits=True) if t is not None]
    in_credit = [t for t in left if t <= 111_111_111]
    assert abs(len(in_credit) - 1111) <= 11
    assert abs((left[-1] - left[1500]) - 1499e6) <= 1e6


def test_a_frame_longer_than_the_bucket_takes_all_of_it() -> None:
    left = Bucket((1000, 100)).leaves([(0, 1000)] * 3, waits=True)
    assert left == [0, 10**9, 2 * 10**9]


def test_unlimited_is_no_limit() -> None:
    frames = [(0, 9000)] * 1000
    assert Bucket().leaves(frames, waits=False) == [0] * 1000


def test_a_byte_a_second_is_kept() -> None:
    """The slowest rate there is; TSC of 1 GHz."""
    left = Bucket((1, 60)).leaves([(0, 60), (0, 60)], waits=True)
    assert left == [0, 60 * 10**9]


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 10**6), st.integers(60, 1500)), min_size=1))
def test_two_who_share_one_are_served_as_they_come(
    frames: list[tuple[bool, int, int]],
) -> None:
    """Two ports on one allowance: together what one port alone would be given."""
    one, shared = Bucket((10**6, 3000)), Bucket((10**6, 3000))
    now, came = 0, []
    for _, gap, size in frames:
        now += gap
        came.append((now, size))
    together = [shared.leaves([frame], waits=True)[0] for frame in came]
    assert together == one.leaves(came, waits=True)
