# SPDX-License-Identifier: BSD-3-Clause
"""Whatever is done to flows, every frame is accounted for, and no number is skipped or repeated."""

import random
import time

import pytest

import labkit as lk
from tests.live import stream

STEPS = 40
TURNS = ("start", "start", "stop", "pause", "resume", "rate", "size", "clear", "wait")
RATES = (5, 300, "2 kpps", "30 kpps", "200 kpps", None)
SIZES = (64, 128, lk.IMIX, [70, 1518])


def act(draw: random.Random, traffic: lk.Traffic, flow: lk.Flow) -> None:
    """One random turn of a knob."""
    match draw.choice(
        ("start", "start", "stop", "pause", "resume", "rate", "size", "clear", "wait")
    ):
        case "rate":
            flow.rate = draw.choice(RATES)
        case "size":
            flow.size = draw.choice(SIZES)
        case "wait":
            time.sleep(draw.random() / 50)
        case "clear":
            flow.clear()
            row = flow.counters
            assert row["received"] <= row["sent"]
        case what:
            getattr(flow, what)()


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("bad_line", [False, True])
def test_nothing_gets_lost_in_changes(lab: lk.Lab, seed: int, bad_line: bool) -> None:
    draw = random.Random(seed)
    a, b = lab.cable()
    c, d = lab.cable("c", "d")
    if bad_line:
        line = lk.impair(loss=0.05, duplicate=0.05, reorder=0.05, seed=seed)
        lab.run(lk.rx(b) >> line >> lk.tx(c))
    with lab.traffic() as t:
        flows = [
            t.add(
                stream(),
                on=a if bad_line or draw.random() < 0.7 else b,
                to=d if bad_line else None,
                rate=draw.choice(RATES),
                overdue=draw.choice(("skip", "catch_up")),
                **draw.choice(({}, {}, {"count": 500}, {"seconds": 0.05}, {"burst": 7})),
            )
            for _ in range(draw.randint(1, 6))
        ]
        t.start()
        for _ in range(STEPS):
            act(draw, t, draw.choice(flows))
            if draw.random() < 0.3:
                table = t.counters()
                assert (table["received"] <= table["sent"]).all(), table.to_string()
        t.stop()
        table = t.counters()
        assert t.ledger.is_balanced, f"{t.ledger}\n{table.to_string()}"
        if not bad_line:
            assert (table["received"] == table["sent"]).all(), table.to_string()
            for name in ("lost", "reordered", "duplicated", "late"):
                assert not table[name].any(), table.to_string()
