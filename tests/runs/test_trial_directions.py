# SPDX-License-Identifier: BSD-3-Clause
"""Trials in several directions at once: each has a row, and their sum balances."""

from pathlib import Path

import numpy as np
import pytest
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether
from scapy.utils import wrpcap

import labkit as lk
from labkit.path.nodes import tx
from labkit.runs.trial_engine import Measured, TrialEngine
from tests.trials import (
    BACK,
    CLIENT_4,
    QUICK,
    SERVER_4,
    UDP_PORT,
    V4,
    V6,
    WHOLE,
    assert_whole,
    both_ways,
    flow,
)


def dut_between(lab: lk.Lab) -> tuple[lk.Port, lk.Port, lk.Port, lk.Port]:
    """The lab's ports, and those of a DUT behind each."""
    a, left = lab.cable("a", "left", ring_size=WHOLE)
    b, right = lab.cable("b", "right", ring_size=WHOLE)
    return a, b, left, right


def test_both_ends_of_a_cable(lab: lk.Lab) -> None:
    a, b = lab.cable("a", "b", ring_size=WHOLE)
    placed = [*both_ways(a, b), flow(V6, size=512).on(b, to=a)]
    run = lk.trial(placed, rate="10 kpps", duration=0.2, latency=True, interval=0.05, **QUICK)
    assert_whole(run)
    assert run.directions["port"].tolist() == ["a", "b"]
    assert run.directions["received_on"].tolist() == ["b", "a"]
    assert run.directions["intended"].tolist() == [2000, 2000]
    assert run.directions["target_pps"].tolist() == [10_000, 10_000]
    assert run.row["target_pps"] == 20_000
    assert run.row["lost"] == 0
    assert run.streams["port"].tolist() == ["a", "b", "b"]
    assert run.streams["intended"].tolist() == [2000, 1000, 1000]
    assert run.latency is not None
    assert run.latency.count == run.row["received"]
    assert list(run.latency_by_direction) == list(run.series_by_direction) == ["a to b", "b to a"]
    for name, series in run.series_by_direction.items():
        one = run.directions[run.directions["port"] == name[0]].iloc[0]
        assert series["sent"].sum() == one["sent"]
    assert (run.port, run.received_on) == ("a, b", "b, a")
    assert not lab.paths


def test_two_cables(lab: lk.Lab) -> None:
    """Four ports send and receive at once."""
    a, b = lab.cable("a", "b", ring_size=WHOLE)
    c, d = lab.cable("c", "d", ring_size=WHOLE)
    placed = [*both_ways(a, b), *both_ways(c, d)]
    run = lk.trial(placed, rate="5 kpps", duration=0.2, **QUICK)
    assert_whole(run)
    assert run.directions["intended"].tolist() == [1000] * 4
    assert run.directions["lost"].tolist() == [0] * 4
    assert run.directions["received"].gt(0).all()


def test_a_bad_line_in_one_direction(lab: lk.Lab) -> None:
    """What it drops stands in the ledger, and in the row of that direction what is lost."""
    a, b, left, right = dut_between(lab)
    bad = lk.impair(loss=0.05, duplicate=0.05, reorder=0.02, seed=3)
    dut = lab.run(lk.Path(lk.rx(left) >> bad >> tx(right), lk.rx(right) >> tx(left), name="dut"))
    run = lk.trial(both_ways(a, b), rate="10 kpps", duration=0.2, **QUICK)
    assert_whole(run)
    lost, none = run.directions["lost"].tolist()
    assert (lost, none) == (dut.drops["drop_impair_loss"], 0)
    assert run.ledger.drops == {"drop_impair_loss": lost}
    (counts,) = dut.counters.impairments.values()
    assert run.directions["duplicated"].tolist() == [counts["copied"], 0]
    assert run.directions["reordered"].tolist()[1] == 0


@pytest.mark.parametrize("seed", range(4))
def test_any_mix_in_both_directions_balances(lab: lk.Lab, seed: int) -> None:
    draw = np.random.default_rng(seed)
    size = int(draw.choice([64, 1024]))
    a, left = lab.cable("a", "left", ring_size=size)
    b, right = lab.cable("b", "right", ring_size=size)
    there, back = (
        lk.impair(loss=0.01, duplicate=0.02 * n, reorder=0.02, seed=seed + n) for n in (0, 1)
    )
    dut = lk.rx(left) >> there >> tx(right), lk.rx(right) >> back >> tx(left)
    lab.run(lk.Path(*dut, name="dut"))
    placed = [
        flow(
            [V4, V6][draw.integers(2)],
            size=[int(size) for size in draw.integers(90, 3000, 3)],
            rate=float(draw.integers(1_000, 40_000)),
            burst=int(draw.choice([1, 7, 64])),
        ).on(*ports)
        for ports in ((a, b), (b, a), (a, b), (b, a))
    ]
    run = lk.trial(placed, duration=0.3, latency=True, interval=0.05, **QUICK)
    assert_whole(run)
    assert len(run.directions) == 2


def test_two_directions_arrive_on_one_port(lab: lk.Lab) -> None:
    """One of them is not even known by a signature: it takes what the others leave."""
    a, left = lab.cable("a", "left", ring_size=WHOLE)
    b, right = lab.cable("b", "right", ring_size=WHOLE)
    c, out = lab.cable("c", "out", ring_size=WHOLE)
    way_out = tx(out)
    lab.run(lk.Path(lk.rx(left) >> way_out, lk.rx(right) >> way_out, name="dut"))
    for signature in (True, False):
        other = flow(signature=signature).on(b, to=c)
        run = lk.trial([flow().on(a, to=c), other], rate="4 kpps", duration=0.2, **QUICK)
        assert run.is_balanced, run
        assert run.directions["lost"].tolist() == [0, 0]
        assert run.directions["received"].gt(0).all()
        assert run.series["received"].sum() == run.row["received"]


def test_one_port_sends_in_two_directions(lab: lk.Lab) -> None:
    """Echoed to where they came from, or passed on."""
    a, b, left, right = dut_between(lab)
    echo = lk.udp_echo([SERVER_4], UDP_PORT)
    lab.run(lk.Path(lk.rx(left) >> (echo >> tx(left) | tx(right)), name="dut"))
    on = Ether() / IP(src=CLIENT_4, dst=SERVER_4) / UDP(dport=7)
    placed = [flow(V4).on(a), flow(on).on(a, to=b)]
    run = lk.trial(placed, rate="4 kpps", duration=0.2, **QUICK)
    assert_whole(run)
    assert run.directions["received_on"].tolist() == ["a", "b"]
    assert run.directions["lost"].tolist() == [0, 0]
    assert run.directions["received"].gt(0).all()


def test_as_fast_as_both_go(lab: lk.Lab) -> None:
    a, b = lab.cable("a", "b")
    run = lk.trial(both_ways(a, b), duration=0.05, **QUICK)
    assert run.is_balanced, run
    assert run.row["target_pps"] is None
    assert run.directions["target_pps"].isna().all()
    assert "as fast as it went" in repr(run)


def test_one_slow_generator_limits_all(lab: lk.Lab) -> None:
    a, b = lab.cable("a", "b")
    placed = [flow(rate="200 Mpps").on(a, to=b), flow(BACK, rate="1 kpps").on(b, to=a)]
    run = lk.trial(placed, duration=0.05, drain=0.1, **QUICK)
    assert run.is_balanced, run
    assert run.directions["generator_limited"][0]
    assert run.row["generator_limited"]
    assert "a to b" in next(text for text in repr(run).splitlines() if "fell short" in text)


def test_a_problem_names_its_direction(lab: lk.Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    a, b = lab.cable("a", "b", ring_size=WHOLE)
    measure = TrialEngine.run

    def miscount(*args: object) -> Measured:
        measured = measure(*args)  # type: ignore[arg-type]
        measured.directions[1].counts["reordered"] += 1
        return measured

    monkeypatch.setattr(TrialEngine, "run", miscount)
    run = lk.trial(both_ways(a, b), rate=1000, duration=0.1, **QUICK)
    assert "b to a: reordered: 1 in all, 0 over all intervals" in run.problems
    assert all(problem.startswith("b to a: ") for problem in run.problems)
    assert run.directions["balanced"].tolist() == [True, False]
    assert not run.row["balanced"]


def test_directions_that_began_apart_are_told(lab: lk.Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    a, b = lab.cable("a", "b", ring_size=WHOLE)
    measure = TrialEngine.run

    def begin_late(*args: object) -> Measured:
        measured = measure(*args)  # type: ignore[arg-type]
        measured.directions[1].counts["start_realtime_ns"] += 10**10
        return measured

    monkeypatch.setattr(TrialEngine, "run", begin_late)
    run = lk.trial(both_ways(a, b), rate=1000, duration=0.1, **QUICK)
    assert "The directions did not begin together: the last one " in repr(run)
    assert run.row["started_at"] == run.directions["started_at"][0]


def test_text_and_picture_show_each(lab: lk.Lab) -> None:
    a, b = lab.cable("a", "b", ring_size=WHOLE)
    run = lk.trial(both_ways(a, b), rate="2 kpps", duration=0.1, latency=True, **QUICK)
    assert "a to b and b to a: frames of 64 B, 4 kpps in sum" in repr(run)
    for name in ("a to b", "b to a"):
        assert f"  {name}: sent " in repr(run)
        assert f"{name}: sent " in run._repr_html_()
    figure = run.plot()
    assert [axes.get_title() for axes in figure.axes] == ["a to b", "b to a", ""]
    labels = [text.get_text() for text in figure.axes[2].get_legend().get_texts()]
    assert labels == ["a to b", "b to a"]


def test_one_direction_is_as_ever(lab: lk.Lab) -> None:
    a, b = lab.cable("a", "b", ring_size=WHOLE)
    run = lk.trial(flow().on(a, to=b), rate="2 kpps", duration=0.1, **QUICK)
    same = lk.trial(a, flow(), receive_on=b, rate="2 kpps", duration=0.1, **QUICK)
    for one in (run, same):
        assert_whole(one)
        assert repr(one).startswith("<Trial a to b: frames of 64 B, 2 kpps for 0.100 s")
        assert (one.port, one.received_on) == ("a", "b")
        assert len(one.directions) == 1
        assert one.streams.columns[0] == "stream"
        assert [axes.get_title() for axes in one.plot().axes] == [""]


def test_a_capture_on_a_port(lab: lk.Lab, tmp_path: Path) -> None:
    a, b = lab.cable("a", "b", ring_size=WHOLE)
    wrpcap(str(tmp_path / "some.pcap"), [V4 / bytes(50)] * 3)
    replay = lk.Replay(tmp_path / "some.pcap", rate="2 kpps")
    placed = [replay.on(a, to=b), flow(BACK, rate="2 kpps").on(b, to=a)]
    run = lk.trial(placed, duration=0.1, **QUICK)
    assert run.is_balanced, run
    assert run.directions["received"].gt(0).all()
    assert "some.pcap" in run.streams["stream"][0]
