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
from tests.patience import wait_until

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
    assert counts == {"copied": 0, "reordered": 0, "held": 0}


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
    line = {"loss": 0.2, "duplicate": 0.2, "reorder": 0.9, "displacement": 32, "seed": 7}
    with lk.Lab() as other:
        assert sorted(through(lab, **line)[0]) == sorted(through(other, pause=0.1, **line)[0])


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"loss": 1.1}, "loss is 1.1; it is a probability, 0 to 1"),
        ({"duplicate": -1}, "duplicate is -1"),
        ({"reorder": "often"}, "reorder is 'often'"),
        ({"displacement": 33}, "displacement is 33; the range is 1 to 32"),
    ],
)
def test_wrong_arguments(wrong: dict[str, object], says: str) -> None:
    with pytest.raises(lk.PathError, match=says):
        lk.impair(**wrong)  # type: ignore[arg-type]
