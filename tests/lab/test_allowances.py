# SPDX-License-Identifier: BSD-3-Clause
"""Allowances, and the nodes that draw from them: police and shape with credits, shared by paths.

What is counted does not depend on when a worker gets its CPU: rates are so low that nothing comes
back while a test lasts. A frame of 1,000 bytes takes 1,000 s at SLOW.
"""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import labkit as lk
from labkit.errors import PathError
from labkit.lab.running_path import RunningPath
from tests.lab.test_functions import counters, frames, through
from tests.patience import exactly, wait_until

SLOW = "8 bit/s"


def entered(path: RunningPath, count: int) -> None:
    wait_until(lambda: path.ledger.sent == count)


def test_two_ports_share_an_allowance(lab: lk.Lab) -> None:
    """Two paths on two workers together pass what one would."""
    both = lk.allowance(SLOW, burst="500 kB")
    ends, paths = [], []
    for number in range(2):
        a, b = lab.cable(f"a{number}", f"b{number}", ring_size=4096)
        paths.append(lab.run(lk.rx(b) >> lk.police(both) >> lk.sink(), name=f"path{number}"))
        ends.append(a)
    for _ in range(4):
        for a in ends:
            a.send(frames(300))
    for path in paths:
        entered(path, 1200)
    counts = [counters(path, "police") for path in paths]
    assert sum(count["passed"] for count in counts) == 500
    for path, count in zip(paths, counts, strict=True):
        assert count["passed"] + count["exceeded"] == 1200
        assert path.drops.get("drop_police_exceeded", 0) == count["exceeded"]
        assert path.ledger.is_balanced


def test_an_allowance_lasts_as_long_as_a_path_has_it(lab: lk.Lab) -> None:
    """A path in another's place goes on with what is left; without any it begins anew."""
    both = lk.allowance(SLOW, burst="10 kB")
    a, _, path = through(lab, lk.police(both))
    a.send(frames(30))
    entered(path, 30)
    assert counters(path, "police")["passed"] == 10
    path = path.replace(path.path)
    a.send(frames(30))
    entered(path, 30)
    assert counters(path, "police")["passed"] == 0
    path.stop()
    path = lab.run(path.path)
    a.send(frames(30))
    entered(path, 30)
    assert counters(path, "police")["passed"] == 10


def test_what_waits_and_what_finds_no_room(lab: lk.Lab) -> None:
    a, _, path = through(lab, lk.shape(lk.allowance(SLOW, "10 kB"), limit="20 packets"))
    a.send(frames(100))
    entered(path, 100)
    found = counters(path, "shape")
    told = {key: found[key] for key in ("passed", "delayed", "dropped", "exceeded", "held")}
    assert told == {"passed": 10, "delayed": 20, "dropped": 70, "exceeded": 90, "held": 20}
    assert path.drops == {"drop_queue_full": 70}
    assert path.ledger.is_balanced
    path.stop()
    assert path.ledger.is_balanced


def test_credits_first_then_the_baseline(lab: lk.Lab) -> None:
    """A frame takes 0.1 s at the rate and 0.2 s at the baseline. The credits are 50 frames, which
    make the last of 200 leave 10 s earlier."""
    node = lk.shape("80 kbit/s", "1 kB", "1 MB", baseline="40 kbit/s", credits="50 kB")
    a, _, path = through(lab, node)
    begin = time.monotonic()
    a.send(frames(200))
    entered(path, 200)
    waited = counters(path, "shape")["longest_wait_ns"] / 1e9
    assert 30 - (time.monotonic() - begin) - 0.2 <= waited <= 30.2
    path.stop()
    assert path.ledger.is_balanced


def test_a_policer_with_credits(lab: lk.Lab) -> None:
    a, _, path = through(lab, lk.police("16 bit/s", "40 kB", baseline=SLOW, credits="25 kB"))
    a.send(frames(100))
    entered(path, 100)
    assert counters(path, "police")["passed"] == 25


def test_unlimited_nodes_only_count(lab: lk.Lab) -> None:
    a, b, path = through(
        lab, lk.police("unlimited"), lk.shape("unlimited"), lk.police(lk.allowance("unlimited"))
    )
    a.send(frames(300))
    assert len(exactly(b, 300)) == 300
    assert counters(path, "police")["passed"] == counters(path, "shape")["passed"] == 300
    assert path.drops == {}


def test_a_path_file_keeps_what_is_shared() -> None:
    both = lk.allowance("10 Gbit/s", name="out", baseline="1 Gbit/s", credits="1 GB")
    path = lk.Path(lk.rx("a") >> lk.shape(both) >> lk.police(both) >> lk.tx("b"))
    again = lk.Path.from_json(path.to_json())
    assert again.to_dict() == path.to_dict()
    told = {node.params["allowance"] for node in again.nodes if "allowance" in node.params}
    assert told == {"out"}


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: lk.allowance("10 Gbyte/s"), "'Gbyte/s' is no unit"),
        (lambda: lk.allowance("1 Mbit/s", "64 packets"), "with the rate '1 Mbit/s' it is in bytes"),
        (lambda: lk.allowance("2 pps", baseline="1 pps"), "there is no credits=; give both"),
        (lambda: lk.allowance("2 pps", credits="9 packets"), "there is no baseline=; give both"),
        (
            lambda: lk.allowance("1 Mbit/s", baseline="2 Mbit/s", credits="1 MB"),
            "baseline is '2 Mbit/s'; it is at most the rate",
        ),
        (
            lambda: lk.allowance("1 Mbit/s", baseline="2 pps", credits="1 MB"),
            "baseline is '2 pps'; it is in the unit of the rate",
        ),
        (
            lambda: lk.allowance("unlimited", baseline="2 pps", credits="1 MB"),
            "it is in the unit of the rate, 'unlimited'",
        ),
        (
            lambda: lk.allowance("2 Mbit/s", baseline="1 Mbit/s", credits="5 packets"),
            "credits is '5 packets'; with the rate '2 Mbit/s' it is in bytes",
        ),
        (
            lambda: lk.shape(lk.allowance("1 Mbit/s"), "64 kB"),
            "burst is '64 kB', but the allowance has its own",
        ),
        (lambda: lk.police(lk.allowance(10), peak=20), "peak is 20, which an allowance has not"),
        (lambda: lk.shape("unlimitted"), "unlimitted"),
    ],
)
def test_what_is_refused(make: object, said: str) -> None:
    with pytest.raises(PathError) as error:
        make()  # type: ignore[operator]
    assert said in str(error.value)


def test_tokens_are_told(lab: lk.Lab) -> None:
    """Of the burst and the credits; with a frame's FCS, or what counts beside it instead."""
    both = lk.allowance("16 bit/s", "40 kB", baseline=SLOW, credits="25 kB", overhead=0)
    a, _, path = through(lab, lk.police(both), lk.shape(lk.allowance(SLOW, "9 kB")))
    a.send(frames(5))
    entered(path, 5)
    told = path.tables["police"].set_index("level")
    assert list(told["of"]) == [40_000, 25_000]
    assert 0 <= told["tokens"]["burst"] - (40_000 - 5 * 996) <= 600
    assert 0 <= told["tokens"]["credits"] - (25_000 - 5 * 996) <= 600
    (row,) = path.tables["shape"].itertuples()
    assert (row.level, row.of) == ("burst", 9000)
    assert 0 <= row.tokens - 4000 <= 600


def counts_of(sizes: list[int], burst: int, limit: int) -> dict[str, int]:
    """What a shaper makes of frames of these sizes that come at once, and of which no further one
    leaves: one that is longer than the burst takes the whole of it."""
    left, waiting = burst, 0
    counts = dict.fromkeys(("passed", "delayed", "dropped", "held_bytes"), 0)
    for size in sizes:
        if size <= left or (size > burst and left == burst):
            left -= size
            counts["passed"] += 1
        elif waiting + size <= limit:
            left -= size
            waiting += size
            counts["delayed"] += 1
        else:
            counts["dropped"] += 1
    return {**counts, "held_bytes": waiting}


def test_what_came_is_what_passed_waits_and_was_dropped(lab: lk.Lab) -> None:
    """Of any sizes, with any burst and queue; the numbers are those of a model. All are multiples
    of 8 bytes, which take 8 s to come back."""
    a, b = lab.cable(ring_size=4096)
    before = None

    @settings(max_examples=25)
    @given(
        st.lists(st.integers(8, 1100).map(lambda n: 8 * n), min_size=1, max_size=80),
        st.integers(100, 12_500).map(lambda n: 8 * n),
        st.integers(1, 100_000),
    )
    def holds(sizes: list[int], burst: int, limit: int) -> None:
        nonlocal before
        own = lk.allowance(SLOW, f"{burst} B", overhead=0)
        chain = lk.rx(b) >> lk.shape(own, limit=f"{limit} B")
        path = lk.Path(chain >> lk.sink(), name="works")
        running = lab.run(path) if before is None else before.replace(path)
        before = running
        a.send([bytes(size) for size in sizes])
        entered(running, len(sizes))
        wait_until(lambda: running.ledger.is_balanced)
        found, wanted = counters(running, "shape"), counts_of(sizes, burst, limit)
        assert {key: found[key] for key in wanted} == wanted
        assert found["exceeded"] == found["delayed"] + found["dropped"]
        assert found["passed"] + found["dropped"] + found["held"] == len(sizes)

    holds()
