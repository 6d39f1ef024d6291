# SPDX-License-Identifier: BSD-3-Clause
"""The bad line: what it says it did is what the far end sees."""

import time

import numpy as np
import pytest
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether
from scapy.packet import Raw

import labkit as lk
from labkit.sources import Schema
from labkit.widgets.lab_parts import workers
from labkit.widgets.meters import Meters
from tests.malformed import malformed_frames
from tests.patience import exactly, wait_until

COUNT = 2_000


def numbered(lab_port: lk.Port, count: int) -> list[bytes]:
    headers = Ether(src=lab_port.mac, dst=lab_port.mac) / IP(dst="10.0.0.2") / UDP()
    return [bytes(headers / Raw(number.to_bytes(4, "big"))) for number in range(count)]


def through(
    lab: lk.Lab, pause: float = 0, **impairments: float
) -> tuple[list[int], lk.Ledger, dict[str, int]]:
    """Numbers of the frames that came, the path's ledger, and what impair counted.

    pause: seconds, in the middle
    """
    a, b = lab.cable()
    path = lab.run(lk.rx(b) >> lk.impair(**impairments) >> lk.collect(b), name="bad")
    b.receive(1, timeout=0)
    frames = numbered(a, COUNT)
    a.send(frames[: COUNT // 2])
    time.sleep(pause)
    a.send(frames[COUNT // 2 :])
    wait_until(lambda: path.counters.nodes[f"rx:{b.name}"].objects == COUNT)
    wait_until(lambda: not any(line["held"] for line in path.counters.impairments.values()))
    got = b.receive(3 * COUNT, timeout=0.5, raw=True)
    numbers = [int.from_bytes(frame[42:46], "big") for frame in got]
    (counts,) = path.counters.impairments.values()
    return numbers, path.ledger, dict(counts)


def test_a_good_line_changes_nothing(lab: lk.Lab) -> None:
    numbers, _, counts = through(lab)
    assert numbers == list(range(COUNT))
    assert set(counts.values()) == {0}


def test_a_worker_counts_what_enters_as_the_ledger_does(lab: lk.Lab) -> None:
    """Frames that impair lets go of cost no less because they are counted twice."""
    _, b = lab.cable()
    lab.run(lk.rx(b) >> lk.impair(reorder=0.5) >> lk.sink(), name="bad")
    worker = f"worker/{lab.counters()['bad'].lcore}"
    rates = {f"{worker}/busy_cycles": 6000, f"{worker}/idle_cycles": 0}
    rates |= {"path/bad/rx:server/objects": 20, "path/bad/impair_release/objects": 10}
    meters, schema = Meters(), Schema(tuple(rates))
    (part,) = workers(lab, meters, schema)
    assert meters.read(schema, np.array(list(rates.values()), float))[part["cycles"]] == 300


def test_lost_frames_end_in_a_drop_node(lab: lk.Lab) -> None:
    numbers, ledger, _ = through(lab, loss=0.1)
    assert numbers == sorted(set(numbers))
    assert ledger.drops == {"drop_impair_loss": COUNT - len(numbers)}
    assert 0.05 * COUNT < COUNT - len(numbers) < 0.15 * COUNT


def test_loss_in_bursts_is_that_of_gilbert_and_elliott(lab: lk.Lab) -> None:
    """Within four standard deviations of a mean of which a burst counts as one."""
    numbers, ledger, counts = through(
        lab, loss=0.01, burst_start=0.02, burst_end=0.2, burst_loss=0.9, seed=5
    )
    lost = COUNT - len(numbers)
    assert ledger.drops == {"drop_impair_loss": lost}
    assert counts["lost"] == lost
    share = 0.02 / (0.02 + 0.2)  # of the frames are in a burst
    mean = COUNT * (share * 0.9 + (1 - share) * 0.01)
    deviation = (COUNT * share * (1 - share) * (2 - 0.22) / 0.22) ** 0.5
    assert abs(lost - mean) < 4 * deviation
    assert abs(counts["bursts"] - COUNT * (1 - share) * 0.02) < 4 * (COUNT * 0.02) ** 0.5
    assert lost - counts["lost_in_bursts"] < 4 * COUNT * 0.01
    gaps = np.diff(numbers) - 1
    assert 2 < gaps[gaps > 0].mean() < 6, "one after the other, and not as they come"


PARTS = {"frame": (0, 64 * 8), "headers": (0, 42 * 8), "payload": (42 * 8, 64 * 8)}


@pytest.mark.parametrize("part", PARTS)
def test_a_corrupted_frame_differs_in_one_bit_of_its_part(lab: lk.Lab, part: str) -> None:
    a, b = lab.cable()
    line = lk.impair(corrupt=0.5, corrupt_part=part, seed=2)
    path = lab.run(lk.rx(b) >> line >> lk.collect(b), name="bad")
    b.receive(1, timeout=0)
    sent = [bytes(Ether() / IP(dst="10.0.0.2") / UDP() / Raw(bytes(22)))] * 500
    a.send(sent)
    flipped = []
    for before, after in zip(sent, exactly(b, 500), strict=True):
        changed = int.from_bytes(before, "little") ^ int.from_bytes(after, "little")
        assert changed.bit_count() <= 1
        flipped += [changed.bit_length() - 1] if changed else []
    (counts,) = path.counters.impairments.values()
    assert counts["corrupted"] == len(flipped)
    assert 180 < len(flipped) < 320
    lowest, highest = PARTS[part]
    assert lowest <= min(flipped) < lowest + 60
    assert highest - 60 < max(flipped) < highest
    assert path.ledger.is_balanced


def test_what_is_odd_has_headers_and_no_payload(lab: lk.Lab) -> None:
    """Nothing is read or written beyond the frame."""
    a, b = lab.cable()
    bad = lk.impair(corrupt=1, corrupt_part="payload") >> lk.impair(corrupt=1, truncate=1)
    path = lab.run(lk.rx(b) >> bad >> lk.sink(), name="bad")
    frames = malformed_frames(b.mac, 2000, seed=4)
    a.send(frames)
    wait_until(lambda: path.ledger.sent == len(frames))
    assert path.ledger.is_balanced
    assert path.counters.impairments["impair.2"]["corrupted"] == len(frames)


def test_a_truncated_frame_is_the_beginning_of_one(lab: lk.Lab) -> None:
    a, b = lab.cable()
    path = lab.run(lk.rx(b) >> lk.impair(truncate=0.5, seed=2) >> lk.collect(b), name="bad")
    b.receive(1, timeout=0)
    sent = [bytes(Ether() / IP() / UDP() / Raw(bytes(100)))] * 500
    a.send(sent)
    got = exactly(b, 500)
    assert all(sent[0].startswith(frame) for frame in got)
    short = [len(frame) for frame in got if len(frame) < len(sent[0])]
    (counts,) = path.counters.impairments.values()
    assert counts["truncated"] == len(short)
    assert 180 < len(short) < 320
    assert 14 <= min(short) < 30


def test_a_doubled_frame_has_an_undamaged_copy(lab: lk.Lab) -> None:
    numbers, _, counts = through(lab, duplicate=1, corrupt=1, corrupt_part="payload", seed=1)
    assert counts["copied"] == counts["corrupted"] == COUNT
    assert set(range(COUNT)) <= set(numbers[1::2])


def test_copied_frames_come_twice(lab: lk.Lab) -> None:
    numbers, _, counts = through(lab, duplicate=0.1)
    assert sorted(set(numbers)) == list(range(COUNT))
    assert len(numbers) - COUNT == counts["copied"]
    assert 0.05 * COUNT < counts["copied"] < 0.15 * COUNT


@pytest.mark.parametrize("duplicate", [0, 0.3])
def test_reordered_frames_come_after_later_ones(lab: lk.Lab, duplicate: float) -> None:
    came, _, counts = through(lab, reorder=0.1, displacement=5, duplicate=duplicate)
    numbers = list(dict.fromkeys(came))
    assert sorted(numbers) == list(range(COUNT))
    highest, late = -1, 0
    for number in numbers:
        late += number < highest
        highest = max(highest, number)
    assert late == counts["reordered"]
    assert 0.05 * COUNT < late < 0.15 * COUNT


def test_nothing_is_held_for_ever(lab: lk.Lab) -> None:
    """With reorder=1 as many frames as can be are held back, and nothing passes the last."""
    numbers, _, counts = through(lab, reorder=1)
    assert sorted(numbers) == list(range(COUNT))
    assert counts["held"] == 0


def test_one_seed_does_the_same(lab: lk.Lab) -> None:
    """Also when a pause makes room for more frames that are held back."""
    line = {
        "loss": 0.2,
        "burst_start": 0.1,
        "burst_end": 0.5,
        "duplicate": 0.2,
        "truncate": 0.1,
        "reorder": 0.9,
        "displacement": 32,
        "seed": 7,
    }
    with lk.Lab() as other:
        assert sorted(through(lab, **line)[0]) == sorted(through(other, pause=0.1, **line)[0])


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"loss": 1.1}, "loss is 1.1; it is a probability, 0 to 1"),
        ({"loss": "101 %"}, "loss is 1.01; it is a probability, 0 to 1"),
        ({"loss": "1"}, "loss is '1'; it is a probability, 0 to 1, or such as \"0.1 %\""),
        ({"duplicate": -1}, "duplicate is -1"),
        ({"reorder": "often"}, "reorder is 'often'"),
        ({"burst_start": 0.1}, "without a burst_end: the first burst would never end"),
        ({"burst_start": "x"}, "burst_start is 'x'; it is a probability"),
        ({"burst_end": 0.1}, "burst_end is 0.1, but no burst ever begins"),
        ({"burst_loss": 0.5}, "burst_loss is 0.5, but no burst"),
        ({"corrupt_part": "fcs", "corrupt": 1}, "corrupt_part is 'fcs'; it is 'frame' or"),
        ({"corrupt_part": "headers"}, "corrupt is 0; give corrupt= too"),
        ({"displacement": 33}, "displacement is 33; the range is 1 to 32"),
    ],
)
def test_wrong_arguments(wrong: dict[str, object], says: str) -> None:
    with pytest.raises(lk.PathError, match=says):
        lk.impair(**wrong)  # type: ignore[arg-type]
