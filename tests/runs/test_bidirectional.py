# SPDX-License-Identifier: BSD-3-Clause
"""Searches and sweeps over traffic in both directions at once (RFC 2544)."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import labkit as lk
from labkit.path.nodes import tx
from labkit.runs import search_trials
from labkit.traffic.placed import Placed
from tests.trials import V4, V6, flow

Ports = tuple[lk.Port, lk.Port]


@pytest.fixture
def ports(lab: lk.Lab) -> Ports:
    """Two ports with a DUT between them, which loses every fifth frame from a to b alone."""
    a, left = lab.cable("a", "left", ring_size=4096)
    b, right = lab.cable("b", "right", ring_size=4096)
    bad = lk.impair(loss=0.2, seed=1)
    lab.run(lk.Path(lk.rx(left) >> bad >> tx(right), lk.rx(right) >> tx(left), name="dut"))
    return a, b


class Dut:
    """Forwards up to so many frames a second in each direction; in place of lk.trial."""

    def __init__(self, *capacities: float) -> None:
        self.capacities = capacities
        self.asked: list[float] = []

    def __call__(self, placed: list[Placed], *, rate: float, duration: float, **_: Any) -> Any:
        self.asked.append(rate)
        assert len(placed) == len(self.capacities)
        sent = [round(rate * duration) for _ in placed]
        received = sum(
            min(n, int(c * duration)) for n, c in zip(sent, self.capacities, strict=True)
        )
        row = {"intended": sum(sent), "sent": sum(sent), "received": received, "unsent": 0}
        row["drop_percent"] = 100 * (sum(sent) - received) / sum(sent)
        return SimpleNamespace(row={**row, "generator_limited": False, "seconds": duration})


def test_bounds_are_of_both_directions_in_sum(
    ports: Ports, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The slower one decides when nothing may be lost; each has half of the load."""
    a, b = ports
    dut = Dut(300_000, 200_000)
    monkeypatch.setattr(search_trials, "trial", dut)
    placed = [flow().on(a, to=b), flow().on(b, to=a)]
    run = lk.search(placed, max_rate="1 Mpps", goals=["NDR", 0.1], preset="mlr", progress=False)
    ndr, tenth = run.table.itertuples()
    assert ndr.lower_pps <= 400_000 <= ndr.upper_pps < 404_000
    # 200,000 of half the load x: 1 - (x/2 + 200,000) / x is 0.1 at x = 500,000
    assert tenth.lower_pps <= 500_000 <= tenth.upper_pps < 505_000
    loads = run.trials.table["target_pps"].tolist()
    assert [2 * rate for rate in dut.asked] == pytest.approx(loads)
    assert max(loads) <= 2_000_000
    assert run.trials.run["parameters"]["directions"] == ["a to b", "b to a"]


def test_the_longer_frames_set_the_load_in_bits(
    ports: Ports, monkeypatch: pytest.MonkeyPatch
) -> None:
    a, b = ports
    monkeypatch.setattr(search_trials, "trial", Dut(1e9, 1e9))
    placed = [flow(size=64).on(a, to=b), flow(size=1250).on(b, to=a)]
    run = lk.search(placed, max_rate="100 Mbit/s", goals=["NDR"], progress=False)
    assert run.trials.table["target_pps"].max() == pytest.approx(2 * 10_000)


def test_a_search_over_real_ports(ports: Ports) -> None:
    """One direction loses a fifth, so both together lose a tenth."""
    a, b = ports
    placed = [flow().on(a, to=b), flow().on(b, to=a)]
    rates = {"min_rate": "1 kpps", "max_rate": "4 kpps"}
    run = lk.search(placed, goals=[0.9], progress=False, **rates)  # type: ignore[arg-type]
    table = run.trials.table
    assert table["balanced"].all()
    assert table["intended"].gt(0).all()
    assert 0 < table["lost"].sum() < table["sent"].sum() / 2


def test_what_a_search_takes_no_two_of(ports: Ports) -> None:
    a, b = ports
    with pytest.raises(lk.LabError, match="the streams before it name their ports"):
        lk.search([flow().on(a)], flow())
    with pytest.raises(lk.LabError, match=r"write stream.on\(port, to=b\)"):
        lk.search([flow().on(a)], receive_on=b)
    with pytest.raises(lk.LabError, match=r"min_rate is 1: its trials of 0\.2 s have no frame"):
        lk.search([flow().on(a), flow().on(b)], min_rate=1, max_rate=9)


def test_a_sweep_over_both_directions(ports: Ports, tmp_path: Path) -> None:
    a, b = ports
    placed = [flow(V4).on(a, to=b), flow(V6).on(b, to=a)]
    settings: dict[str, Any] = {
        "sizes": [128, {200: 1, 300: 1}],
        "rates": [2000],
        "duration": 0.1,
        "warmup": 0.05,
        "save": tmp_path / "sweep",
        "progress": False,
    }
    results = lk.sweep(placed, **settings)
    table = results.table
    assert table["config"].tolist() == ["a to b and b to a"] * 2
    assert table["target_pps"].tolist() == [4000, 4000]
    assert sorted(table["size_bytes"]) == [128, 250]
    assert table["intended"].tolist() == [400, 400]
    assert table["balanced"].all()
    assert table["lost"].sum() > 0
    assert table["latency_histogram"].notna().all()
    assert results.run["floor_ns"]["p50"] > 0
    assert list(a.lab.paths) == ["dut"]
    again = lk.sweep(placed, **settings)  # all of it was measured
    assert again.table["started_at"].tolist() == table["started_at"].tolist()
    with pytest.raises(lk.LabError, match="a sweep with other parameters"):
        lk.sweep(placed[:1], **settings)


def test_what_a_sweep_over_ports_leaves_out(ports: Ports) -> None:
    """A frame that one of the streams is too long for is no load of theirs."""
    a, b = ports
    results = lk.sweep(
        [flow(V4).on(a, to=b), flow(V6).on(b, to=a)],
        sizes=[64, 128],
        rates=[1000],
        duration=0.05,
        warmup=0,
        progress=False,
    )
    assert results.table["size_bytes"].tolist() == [128]
    assert any("headers and signature need 84 B" in text for text in results.warnings)


def test_what_no_sweep_over_ports_takes(ports: Ports) -> None:
    a, b = ports
    with ThreadPoolExecutor(1) as pool, pytest.raises(lk.LabError, match="leave it out"):
        lk.sweep([flow().on(a, to=b)], executor=pool)
    with pytest.raises(lk.LabError, match="is on no port"):
        lk.sweep([flow().on(a, to=b), lk.dut.LabkitEcho()])  # type: ignore[list-item]
