# SPDX-License-Identifier: BSD-3-Clause
"""Sweeps: the grid, its order, what is kept when one fails, and how it goes on.

Real trials are measured by tests/runs/test_sweep_trials.py; here arithmetic stands in for them,
so that every row is known beforehand.
"""

import json
import math
import shutil
import tempfile
import threading
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scapy.layers.inet import IP, UDP
from scapy.layers.inet6 import IPv6

import labkit as lk
from labkit.runs import sweep as sweep_module
from labkit.runs.sweep import Measurement
from labkit.runs.sweep_grid import Load

CAPACITY = 100_000


@dataclass(frozen=True)
class Known(lk.dut.Dut):
    name: str = "known"
    max_size: int = 1518  # type: ignore[assignment]

    def open(self, lab: lk.Lab) -> AbstractContextManager[lk.dut.FarEnd]:
        raise NotImplementedError


def arithmetic(dut: lk.dut.Dut, load: Load) -> Measurement:
    row = {"tx_pps": load.pps, "rx_pps": min(load.pps, CAPACITY), "seconds": load.duration}
    return Measurement(row, {"host": "here"})


class Recorder:
    """Measures by arithmetic, writes down the order, and fails when it is told to."""

    def __init__(self, fail_at: int | None = None, error: BaseException | None = None) -> None:
        self.loads: list[tuple[str, Load]] = []
        self.fail_at, self.error = fail_at, error
        self.lock = threading.Lock()

    def __call__(self, dut: lk.dut.Dut, load: Load) -> Measurement:
        with self.lock:
            if len(self.loads) == self.fail_at and self.error is not None:
                raise self.error
            self.loads.append((dut.name, load))
        return arithmetic(dut, load)


def run(
    measure: Callable[[lk.dut.Dut, Load], Measurement] = arithmetic, **changes: object
) -> lk.Results:
    settings: dict[str, object] = {
        "sizes": (64, 512), "rates": ("70k", "140k"), "repeats": 2, "progress": False,
    }  # fmt: skip
    return lk.sweep([Known(), Known("other")], measure=measure, **(settings | changes))  # type: ignore[arg-type]


def test_every_load_is_measured_as_often_as_asked() -> None:
    recorder = Recorder()
    results = run(recorder)
    assert len(results) == len(recorder.loads) == len(set(recorder.loads)) == 2 * 2 * 2 * 2
    counts = results.table.groupby(["config", "size_bytes", "target_pps"]).size()
    assert counts.tolist() == [2] * 8
    assert results.where(target_pps=140_000.0).table["rx_pps"].unique().tolist() == [CAPACITY]
    assert not results.warnings


def test_order_is_random_and_comes_from_the_seed() -> None:
    orders = []
    for seed in (1, 1, 2):
        recorder = Recorder()
        results = run(recorder, seed=seed)
        orders.append(recorder.loads)
        assert results.run["parameters"]["seed"] == seed
    assert orders[0] == orders[1] != orders[2]
    assert sorted(orders[0], key=str) == sorted(orders[2], key=str)
    assert orders[0] != sorted(orders[0], key=str)


def test_failed_sweep_keeps_what_is_finished_and_goes_on(tmp_path: Path) -> None:
    failing = Recorder(5, lk.DutDied("known", "its process ended (signal 9)"))
    with pytest.raises(lk.SweepFailed, match=r"failed: the DUT known died") as failure:
        run(failing, save=tmp_path)
    assert "5 finished trials are kept" in str(failure.value)
    assert isinstance(failure.value.__cause__, lk.DutDied)
    partial = lk.load(tmp_path)
    assert len(partial) == len(failure.value.results) == 5
    assert "not finished: 11 of 16 trials are missing" in partial.warnings

    second = Recorder()
    whole = run(second, save=tmp_path)
    assert len(second.loads) == 11
    assert not set(second.loads) & set(failing.loads)
    assert len(whole) == len(lk.load(tmp_path)) == 16
    third = Recorder()
    run(third, save=tmp_path)
    assert third.loads == []


def test_interrupted_sweep_says_where_its_trials_are(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt) as interrupt:
        run(Recorder(3, KeyboardInterrupt()), save=tmp_path)
    assert "3 finished trials are kept: lk.load(" in interrupt.value.__notes__[0]
    assert len(lk.load(tmp_path)) == 3


def test_without_a_folder_a_failed_sweep_keeps_its_trials_all_the_same() -> None:
    with pytest.raises(lk.SweepFailed) as failure:
        run(Recorder(4, lk.LabError("no")))
    assert len(lk.load(failure.value.folder)) == 4
    assert len(run(save=failure.value.folder)) == 16
    shutil.rmtree(failure.value.folder)


def test_nothing_is_left_behind_when_nothing_was_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails() -> dict[str, float]:
        raise lk.LabError("no engine")

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(sweep_module, "floor_ns", fails)
    with pytest.raises(lk.LabError, match=r"^no engine$"):
        run(sweep_module.by_trial)
    with pytest.raises(lk.SweepFailed, match=r"failed: no\nno trial was finished$"):
        run(Recorder(0, lk.LabError("no")))
    with pytest.raises(KeyboardInterrupt):
        run(Recorder(0, KeyboardInterrupt()))
    assert len(run()) == 16
    assert not list(tmp_path.iterdir())
    with pytest.raises(lk.SweepFailed, match="1 finished trials are kept"):
        run(Recorder(1, lk.LabError("no")))
    (folder,) = tmp_path.iterdir()
    assert len(lk.load(folder)) == 1


def test_parameters_of_a_sweep_that_measured_nothing_bind_nobody(tmp_path: Path) -> None:
    with pytest.raises(lk.SweepFailed, match="no trial was finished"):
        run(Recorder(0, lk.LabError("no")), save=tmp_path)
    assert len(run(save=tmp_path, repeats=3)) == 24


def test_results_that_were_saved_elsewhere_are_not_written_over(tmp_path: Path) -> None:
    chosen = run().where(config="known")
    chosen.save(tmp_path)
    with pytest.raises(lk.LabError, match="saved without the files of their trials; choose ano"):
        run(save=tmp_path)
    assert lk.load(tmp_path).table.equals(chosen.table)


def test_other_parameters_are_refused(tmp_path: Path) -> None:
    run(save=tmp_path)
    with pytest.raises(lk.LabError, match=r"other parameters: repeats is 2 there and 3 here"):
        run(save=tmp_path, repeats=3)
    with pytest.raises(lk.LabError, match=r"rates is \['70k', '140k'\] there and \['80k'\] here"):
        run(save=tmp_path, rates=("80k",))
    with pytest.raises(lk.LabError, match=r"rates\[1\] is '140k' there and '80k' here"):
        run(save=tmp_path, rates=("70k", "80k"))
    with pytest.raises(lk.LabError, match=r"sizes\[0\] is 64 there and .* …") as error:
        run(save=tmp_path, sizes=(range(64, 1500), 512))
    assert len(str(error.value)) < 1000


@pytest.mark.parametrize("pool", [ThreadPoolExecutor, ProcessPoolExecutor])
def test_any_executor_gives_the_same_table(pool: type, tmp_path: Path) -> None:
    with pool(2) as executor:
        results = run(executor=executor)
    columns = ["config", "size_bytes", "target_pps", "tx_pps", "rx_pps"]
    assert results.table[columns].equals(run().table[columns])


def test_failure_in_an_executor_keeps_what_is_finished(tmp_path: Path) -> None:
    with ThreadPoolExecutor(1) as executor, pytest.raises(lk.SweepFailed):
        run(Recorder(6, lk.LabError("no")), executor=executor, save=tmp_path)
    assert len(lk.load(tmp_path)) == 6


def fails_first(dut: lk.dut.Dut, load: Load) -> Measurement:
    if (dut.name, load.size, load.pps, load.repeat) == ("known", 64, 70_000, 0):
        raise lk.DutDied("known", "its process ended", ("its last line",))
    return arithmetic(dut, load)


def test_failure_in_a_process_is_the_same_failure(tmp_path: Path) -> None:
    with ProcessPoolExecutor(1) as executor, pytest.raises(lk.SweepFailed) as failure:
        run(fails_first, executor=executor, save=tmp_path)
    cause = failure.value.__cause__
    assert isinstance(cause, lk.DutDied)
    assert (cause.dut, cause.log) == ("known", ("its last line",))
    assert str(cause).count("the DUT known died") == 1


def test_failure_in_an_executor_waits_for_what_runs(tmp_path: Path) -> None:
    """Sixteen trials run at once, and one fails before the others end."""
    all_run, failed = threading.Barrier(16), threading.Event()

    def measure(dut: lk.dut.Dut, load: Load) -> Measurement:
        all_run.wait(120)
        if (dut.name, load.size, load.pps, load.repeat) == ("known", 64, 70_000, 0):
            threading.Timer(0.2, failed.set).start()
            raise lk.LabError("no")
        failed.wait(120)
        return arithmetic(dut, load)

    with ThreadPoolExecutor(16) as executor, pytest.raises(lk.SweepFailed, match="15 finished"):
        run(measure, executor=executor, save=tmp_path)
    assert len(lk.load(tmp_path)) == 15


def test_what_a_killed_sweep_left_behind_counts_for_nothing(tmp_path: Path) -> None:
    run(save=tmp_path)
    trial = tmp_path / "trials" / "00003.json"
    trial.replace(trial.with_name(".00003.json.4711"))  # written, not yet renamed
    (tmp_path / "trials" / ".00004.json.4711").write_text('{"step": {')
    assert len(run(save=tmp_path)) == 16


def test_damaged_trial_is_named_before_anything_is_measured(tmp_path: Path) -> None:
    with pytest.raises(lk.SweepFailed):
        run(Recorder(5, lk.LabError("no")), save=tmp_path)
    damaged = next((tmp_path / "trials").iterdir())
    damaged.write_text("")
    recorder = Recorder()
    for read in (lambda: run(recorder, save=tmp_path), lambda: lk.load(tmp_path)):
        with pytest.raises(lk.LabError, match=rf"{damaged.name} is damaged .*; remove it"):
            read()
    assert recorder.loads == []
    damaged.unlink()
    assert len(run(save=tmp_path)) == 16


def test_two_sweeps_do_not_share_a_folder(tmp_path: Path) -> None:
    def measure(dut: lk.dut.Dut, load: Load) -> Measurement:
        with pytest.raises(lk.LabError, match="another sweep is writing to"):
            run(save=tmp_path)
        return arithmetic(dut, load)

    assert len(run(measure, save=tmp_path)) == 16


def test_going_on_elsewhere_is_told(tmp_path: Path) -> None:
    with pytest.raises(lk.SweepFailed):
        run(Recorder(5, lk.LabError("no")), save=tmp_path)
    results = run(lambda *load: Measurement(arithmetic(*load).row, {}), save=tmp_path)
    assert results.warnings == [
        "measured on 2 machines, or with other versions: see run['machines']"
    ]


def test_going_on_after_machines_are_told_anew_is_going_on(tmp_path: Path) -> None:
    before = {"host": "here", "cpus": 2}
    now = {"host": "here", "cpus": 4, "usable_cpus": 2}
    told = iter([before] * 5 + [now] * 11)
    results = run(lambda *load: Measurement(arithmetic(*load).row, next(told)), save=tmp_path)
    assert results.warnings == []
    assert len(results.run["machines"]) == 1


def test_what_is_left_out_is_named() -> None:
    results = run(sizes=(64, 8500), max_gbps=0.05)
    assert results.warnings == [
        "not measured: known, 64 B at 140,000 pps: above the cap of 0.05 Gbit/s",
        "not measured: known, 8,500 B: it takes up to 1,518 B",
        "not measured: other, 64 B at 140,000 pps: above the cap of 0.05 Gbit/s",
        "not measured: other, 8,500 B: it takes up to 1,518 B",
    ]
    assert len(results) == 4


def test_mix_is_told_from_frames_of_its_mean_size(tmp_path: Path) -> None:
    evenly = {64: 1, 1472: 1}  # 768 bytes in the mean
    settings: dict[str, object] = {"sizes": (768, evenly, "IMIX"), "repeats": 1}
    results = run(save=tmp_path, **settings)
    for mix, mean in ((None, 768.0), ("64, 1472 B", 768.0), ("IMIX", lk.IMIX.mean)):
        chosen = results.where(mix=mix, config="known")
        assert chosen.table["size_bytes"].tolist() == [mean] * 2
    titles = [axes.get_title() for axes in results.plot.pps().axes]
    assert titles == ["IMIX (353.8 B)", "768 B", "64, 1472 B (768 B)"]
    assert lk.load(tmp_path).table.equals(results.table)
    assert len(run(save=tmp_path, **settings)) == len(results)
    with pytest.raises(lk.LabError, match=r"other parameters: sizes\[1\] is"):
        run(save=tmp_path, **settings | {"sizes": (768, {1472: 1, 64: 1}, "IMIX")})


def test_longest_frame_of_a_mix_is_what_a_dut_must_take_and_its_mean_what_a_link_carries() -> None:
    mixes = (lk.Sizes.mix({64: 1, 1519: 1}, "too long"), "IMIX")
    results = run(sizes=mixes, rates=("100k", "1M"), max_gbps=0.3)
    assert results.warnings == [
        "not measured: known, too long: it takes up to 1,518 B",
        "not measured: known, IMIX at 1,000,000 pps: above the cap of 0.3 Gbit/s",
        "not measured: other, too long: it takes up to 1,518 B",
        "not measured: other, IMIX at 1,000,000 pps: above the cap of 0.3 Gbit/s",
    ]
    assert set(results.table["mix"]) == {"IMIX"}
    in_bits = run(sizes=("IMIX",), rates=("100 Mbit/s",)).table["target_pps"]
    assert in_bits.unique() == pytest.approx([1e8 / 8 / lk.IMIX.mean])


def test_what_is_too_short_for_the_headers_is_left_out() -> None:
    results = lk.sweep(
        [lk.dut.LabkitEcho(), lk.dut.LabkitEcho("v6", ip_version=6)],
        sizes=(64, 84, "IMIX"), rates=("70k",), measure=arithmetic, progress=False,
    )  # fmt: skip
    assert results.warnings == [
        "not measured: v6, 64 B: headers and signature need 84 B or more",
        "not measured: v6, IMIX: headers and signature need 84 B or more",
    ]
    assert len(results) == 4


def test_what_varies_is_part_of_every_step_and_of_the_run(tmp_path: Path) -> None:
    ports = lk.vary(UDP.sport, range(1024, 2048))
    recorder = Recorder()
    told = run(recorder, save=tmp_path, vary=ports).run["parameters"]["vary"]
    assert {load.vary for _, load in recorder.loads} == {(ports,)}
    assert told[0]["field"] == "UDP.sport"
    with ProcessPoolExecutor(1) as executor:
        assert len(run(vary=[ports], executor=executor)) == 16
    again = Recorder()
    run(again, save=tmp_path, vary=[ports])
    assert not again.loads
    for other in ((), lk.vary(UDP.sport, range(1024, 2049)), [ports, lk.vary(IP.tos, [1])]):
        with pytest.raises(lk.LabError, match="other parameters: vary"):
            run(save=tmp_path, vary=other)


def test_sweep_of_an_earlier_release_goes_on(tmp_path: Path) -> None:
    duts: list[lk.dut.Dut] = [lk.dut.LabkitEcho(), lk.dut.KernelEcho()]
    settings: dict[str, Any] = {"sizes": (64, 512), "rates": ("70k",), "progress": False}
    with pytest.raises(lk.SweepFailed):
        lk.sweep(duts, measure=Recorder(2, lk.LabError("no")), save=tmp_path, **settings)
    told = json.loads((tmp_path / "run.json").read_text())
    del told["parameters"]["vary"]
    for dut in told["parameters"]["duts"]:
        del dut["ip_version"]
    (tmp_path / "run.json").write_text(json.dumps(told))
    assert len(lk.sweep(duts, measure=arithmetic, save=tmp_path, **settings)) == 4
    duts[0] = lk.dut.LabkitEcho(ip_version=6)
    with pytest.raises(lk.LabError, match=r"other parameters: duts\[0\] is"):
        lk.sweep(duts, measure=arithmetic, save=tmp_path, **settings)


def test_run_tells_parameters_and_machines(tmp_path: Path) -> None:
    run(save=tmp_path, duration=3)
    told = json.loads((tmp_path / "run.json").read_text())
    assert told["parameters"]["duration"] == 3
    assert told["parameters"]["duts"][0] == {"type": "Known", "name": "known", "max_size": 1518}
    assert told["machines"] == [{"host": "here"}]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sizes": ()}, "sizes is empty; name at least one"),
        ({"sizes": (63,)}, "size 63: a frame has 64 bytes or more"),
        ({"rates": ()}, "rates is empty"),
        ({"rates": "70k"}, "rates is '70k'; it is a list"),
        ({"rates": ("fast",)}, "rate is 'fast'; write it as"),
        ({"rates": (0,)}, "rate is 0 pps; it is a positive number"),
        ({"rates": (0.05,)}, "rate 0.05 pps is no frame in 5 s; give a duration of 20 s or more"),
        ({"sizes": (64.5,)}, "size is 64.5; it is a number of bytes"),
        ({"sizes": ("big",)}, "size is 'big'; it is a number of bytes, .* or \"IMIX\""),
        ({"sizes": "IMIX"}, "sizes is 'IMIX'; it is a list"),
        ({"sizes": lk.IMIX}, r"sizes is IMIX \(64, 570, 1518 B\); it is a list, such as"),
        ({"sizes": {64: 1}}, r"sizes is \{64: 1\}; it is a list, such as"),
        ({"sizes": ({60: 1, 64: 3},)}, "size 60: a frame has 64 bytes or more"),
        ({"sizes": ({64: 0},)}, "weight of size 64 is 0"),
        ({"sizes": ("IMIX", lk.IMIX)}, r"sizes has IMIX \(64, 570, 1518 B\) twice; repeats="),
        ({"sizes": (64, (64, 64))}, "sizes has 64 twice"),
        (
            {"sizes": (lk.IMIX, lk.Sizes.mix({64: 1, 570: 1}, "IMIX"))},
            "two mixes of sizes are called 'IMIX'; give one another name",
        ),
        ({"duration": 0}, "duration is 0; the range is 0.001 to 86,400 s"),
        ({"duration": 86_401}, "duration is 86401; the range is 0.001 to 86,400 s"),
        ({"warmup": -1}, "warmup is -1; the range is 0 to 86,400 s"),
        ({"warmup": 1e6}, "warmup is 1000000.0; the range"),
        ({"repeats": 0}, "repeats is 0; the range is 1 to 10000"),
        ({"duration": math.inf}, "duration is inf; the range is"),
        ({"duration": "5"}, "duration is '5'; the range is"),
        ({"warmup": math.nan}, "warmup is nan; the range is"),
        ({"max_gbps": math.nan}, "max_gbps is nan; it is a number of Gbit/s above 0, or None"),
        ({"sizes": (64, 512, 64)}, "sizes has 64 twice; repeats="),
        ({"rates": ("70k", 70_000)}, "rates has 70 kpps twice"),
        ({"executor": 4}, r"executor is 4; it is one of concurrent\.futures"),
        ({"seed": [1]}, r"seed is \[1\]; it is a whole number"),
        ({"vary": UDP.sport}, "vary is .*; write lk.vary"),
        ({"vary": None}, "vary is None; write lk.vary"),
        ({"vary": "sport"}, "vary is 'sport'; write lk.vary"),
        ({"vary": lk.vary(IPv6.fl, range(9))}, "known: vary fl: the packet .* has 0 layers IPv6"),
        (
            {"vary": lk.vary(UDP.sport, [1], nth=2)},
            "known: vary sport: .* 1 layers UDP, and nth is",
        ),
        ({"vary": lk.vary(UDP.sport, [70_000])}, "known: vary sport: 70000 is no value of it"),
        ({"sizes": (9000,)}, "nothing is left to measure: known, 9,000 B"),
    ],
)
def test_bad_arguments_are_named(changes: dict[str, object], message: str) -> None:
    with pytest.raises(lk.LabError, match=message):
        run(**changes)


def test_sizes_of_numpy_are_sizes(tmp_path: Path) -> None:
    assert run(sizes=list(np.array([64, 512])), save=tmp_path).run["parameters"]["sizes"] == [
        64,
        512,
    ]
    run(sizes=(64, 512), save=tmp_path)  # they are the same sweep


@dataclass(frozen=True)
class Lacking(Known):
    @property
    def missing(self) -> str | None:
        return f"the DUT {self.name} needs a forklift; rent one, or leave it out"


def test_what_a_dut_lacks_is_told_before_anything_is_measured(tmp_path: Path) -> None:
    recorder, settings = Recorder(), {"rates": ("70k",), "progress": False}
    duts = [Known(), Lacking("heavy")]
    with pytest.raises(lk.LabError, match=r"^the DUT heavy needs a forklift; rent one"):
        lk.sweep(duts, measure=recorder, save=tmp_path / "new", **settings)  # type: ignore[arg-type]
    assert not recorder.loads
    assert not (tmp_path / "new").exists()
    with ThreadPoolExecutor(1) as elsewhere:
        there = lk.sweep(duts, measure=arithmetic, executor=elsewhere, **settings)  # type: ignore[arg-type]
    assert set(there.table["config"]) == {"known", "heavy"}


def test_duts_need_names_of_their_own() -> None:
    with pytest.raises(lk.LabError, match="two DUTs are called 'known'; give one another name="):
        lk.sweep([Known(), Known()], measure=arithmetic)
    with pytest.raises(lk.LabError, match="'testpmd' is no DUT; make one with"):
        lk.sweep(["testpmd"], measure=arithmetic)  # type: ignore[list-item]
