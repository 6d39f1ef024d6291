# SPDX-License-Identifier: BSD-3-Clause
"""A sweep: trials over a grid of DUTs, sizes and rates, in random order, each kept as it ends."""

import os
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future, as_completed
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from labkit.arguments.checked import checked
from labkit.dut.base import Dut
from labkit.errors import LabError
from labkit.lab.lab import Lab
from labkit.machine import description as machine
from labkit.progress import progress_bar
from labkit.results.files import RUN_FILE, read_run, write_json
from labkit.results.results import Results
from labkit.runs.calibration import calibrate
from labkit.runs.dut_trial import dut_trial
from labkit.runs.sweep_folder import begin, dut_parameters, finished, sweep_folder, trial_file
from labkit.runs.sweep_grid import Load, LoadGrid, check_duts, parse_sizes
from labkit.runs.sweep_ports import PortsUnderTest, names_ports, row_of
from labkit.runs.trial_tables import latency_columns
from labkit.traffic.fields import Vary, as_fields
from labkit.traffic.placed import Placed
from labkit.traffic.stream import Stream

FLOOR_SECONDS = 0.2


@dataclass(frozen=True)
class Measurement:
    """What came of a load: a row of results, the machine that made it, and other hosts by name."""

    row: Mapping[str, Any]
    machine: Mapping[str, Any]
    hosts: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


Measure = Callable[[Dut, Load], Measurement]


class SweepFailed(LabError):
    """A trial of a sweep failed; those that were finished are kept.

    Attributes
    ----------
    folder: where they are; lk.sweep(..., save=folder) goes on from there. A temporary folder is
        gone when there are none.
    results: they
    """

    def __init__(self, reason: str, folder: Path, results: Results) -> None:
        super().__init__(f"{reason}\n{kept(folder, len(results))}")
        self.folder = folder
        self.results = results


def kept(folder: Path, count: int) -> str:
    """How to come by the trials that were finished."""
    if not count:
        return "no trial was finished"
    return (
        f"{count} finished trials are kept: lk.load({str(folder)!r}) reads them, and the same "
        f"lk.sweep(...) with save={str(folder)!r} measures what is missing"
    )


def by_trial(dut: Dut, load: Load) -> Measurement:
    """A trial of one load, in a lab and with a DUT that no other trial has used; between ports of a
    lab that is open, in that one."""
    if isinstance(dut, PortsUnderTest):
        return Measurement(row_of(dut.trial(load)), _machine_of(dut.lab))
    with Lab(dut.eal) as lab, dut.open(lab) as far_end:
        stream = Stream(far_end.frame, size=load.size, rate=load.pps, vary=load.vary)
        if round(load.pps * load.warmup):  # a slow load may have no frame in it
            dut_trial(far_end, stream, duration=load.warmup, latency=True, lanes=load.lanes)
        row = dut_trial(far_end, stream, duration=load.duration, latency=True, lanes=load.lanes)
        return Measurement(row, _machine_of(lab), far_end.hosts)


def _machine_of(lab: Lab) -> Mapping[str, Any]:
    return machine.describe(lab.dpdk_version, lab.eal.arguments(""))


def floor_ns() -> dict[str, float]:
    """What the lab itself adds to a latency on this machine, by quantity: min, avg, p50, …, max."""
    with Lab() as lab:
        return _floor_in(lab)


def _floor_in(lab: Lab) -> dict[str, float]:
    columns = latency_columns(calibrate(lab, duration=FLOOR_SECONDS))
    return {name.split("_")[1]: value for name, value in columns.items() if value is not None}


@checked(
    but=("duts", "sizes", "rates", "vary", "executor", "duration", "warmup", "repeats", "max_gbps")
)
def sweep(
    duts: Sequence[Dut] | Placed | Sequence[Placed],
    *,
    sizes: Sequence[Any] = (64, 512, 1400, 8500),
    rates: Sequence[str | float] = ("70k", "140k", "350k", "700k"),
    duration: float = 5.0,
    warmup: float = 0.5,
    repeats: int = 1,
    seed: int = 1,
    max_gbps: float | None = None,
    vary: Vary | Sequence[Vary] = (),
    save: str | os.PathLike[str] | None = None,
    executor: Executor | None = None,
    lanes: int | None = None,
    progress: bool = True,
    measure: Measure = by_trial,
) -> Results:
    """Measures every DUT at every size and rate, and returns one row a trial.

    duts: such as [lk.dut.LabkitEcho(), lk.dut.Testpmd()], each with a name of its own. Or streams
        on ports of a lab that is open, [one.on(a, to=b), other.on(b, to=a)]: what lies between is
        the DUT, all directions are loaded at once, and a row tells their sum (RFC 2544's
        bidirectional traffic). Streams keep all but their sizes and rates.
    sizes: of frames in bytes, FCS included, 64 or more, and mixes of them: whatever lk.Stream
        takes as size, such as "IMIX", {64: 7, 1518: 1} or lk.Sizes.genome("aaadg"). Column mix
        tells a mix from frames that all have its mean size.
    rates: frames a second ("70k", "1.4 Mpps", 70000) or layer-2 bits a second ("10 Gbit/s"); of
        each direction, while the column target_pps has their sum
    duration, warmup: of a trial, in seconds
    repeats: trials of each load; two or more show the noise (error bars, lk.compare)
    seed: of the order of the trials, so that a drift of the machine is no trend of a DUT
    max_gbps: loads above this many Gbit/s (layer 2; a mix by its mean) are left out, and said to be
    vary: fields that differ from frame to frame, as lk.Stream takes them, such as
        lk.vary(UDP.sport, range(1024, 2048)); every DUT is sent the same. Of a DUT in a tunnel that
        is the outer UDP port; nth=2 is the inner one, which the others do not have.
    save: a folder; every finished trial is a file in it, and the same call goes on where one ended.
        None: a temporary folder, which stays when the sweep fails after a trial was finished
    executor: runs the trials, any concurrent.futures.Executor; two at once on one machine disturb
        each other. None: one after the other, here
    lanes: workers of each port that sends or receives, as of lk.trial
    measure: what measures a load; by default lk.trial with a lab and a DUT of its own

    What the lab itself adds to a latency is measured once before (lk.calibrate); pictures show it.
    Loads that a DUT cannot take are left out, and Results.warnings names them: a frame above its
    MTU, or one that is too short for its headers, those of a tunnel too, and the signature.
    Raises SweepFailed when a trial fails; what is finished is kept.
    """
    _check(executor)
    varied = as_fields(vary)
    tested = _tested(duts, executor)
    loads = LoadGrid(parse_sizes(sizes), rates, max_gbps, duration, warmup, repeats, varied, lanes)
    check_duts(tested, varied, executor is None)
    grid, skipped = loads.trials(tested)
    parameters = {"duts": [dut_parameters(dut) for dut in tested], **loads.parameters, "seed": seed}
    run = {"kind": "sweep", "parameters": parameters, "skipped": skipped, "trials": len(grid)}
    with sweep_folder(save) as folder:
        begin(folder, run, tested)
        begun = read_run(folder)
        if measure is by_trial and "floor_ns" not in begun:
            write_json(folder / RUN_FILE, {**begun, "floor_ns": _floor(tested, executor)})
        order = random.Random(seed).sample(range(len(grid)), len(grid))
        todo = [number for number in order if not trial_file(folder, number).exists()]
        _measure_all(folder, grid, todo, measure, executor, progress)
        results = finished(folder)
        if save is not None:
            results.save(folder)
    return results


def _check(executor: Any) -> None:
    if executor is not None and not isinstance(executor, Executor):
        raise LabError(
            f"executor is {executor!r}; it is one of concurrent.futures, such as "
            "ProcessPoolExecutor(4), or None"
        )


def _tested(duts: Any, executor: Executor | None) -> Sequence[Dut]:
    """The DUTs as they are given, or the one that lies between ports."""
    if not names_ports(duts):
        given: Sequence[Dut] = duts
        return given
    if executor is not None:
        raise LabError("executor is given, and ports of a lab are of this process; leave it out")
    return [PortsUnderTest.of(duts)]


def _floor(duts: Sequence[Dut], executor: Executor | None) -> dict[str, float]:
    """The lab's own latency, where the trials are measured."""
    if executor is not None:
        return executor.submit(floor_ns).result()
    (first, *_) = duts
    return _floor_in(first.lab) if isinstance(first, PortsUnderTest) else floor_ns()


def _measure_all(
    folder: Path,
    grid: Sequence[tuple[Dut, Load]],
    todo: Sequence[int],
    measure: Measure,
    executor: Executor | None,
    progress: bool,
) -> None:
    done = len(grid) - len(todo)
    bar = progress_bar(total=len(grid), initial=done, unit="trial", disable=not progress)
    number = None
    try:
        with bar:
            for number, outcome in _outcomes(grid, todo, measure, executor, bar.set_postfix_str):
                dut, load = grid[number]
                measured = outcome()
                row = {**load.columns, **measured.row, "config": dut.name}
                content = {"step": load.to_dict(), "row": row, "machine": measured.machine}
                if measured.hosts:
                    content["hosts"] = measured.hosts
                write_json(trial_file(folder, number), content)
                bar.update()
    except LabError as error:
        dut, load = grid[number if number is not None else 0]
        reason = f"the trial of {dut.name}, {load}, failed: {error}"
        raise SweepFailed(reason, folder, finished(folder)) from error
    except BaseException as error:
        error.add_note(kept(folder, len(finished(folder))))
        raise


def _outcomes(
    grid: Sequence[tuple[Dut, Load]],
    todo: Sequence[int],
    measure: Measure,
    executor: Executor | None,
    show: Callable[[str], None],
) -> Iterator[tuple[int, Callable[[], Measurement]]]:
    """The number of each trial, as it ends, and a function that gives its result or raises."""
    if executor is None:
        for number in todo:
            dut, load = grid[number]
            show(f"{dut.name}, {load}")
            yield number, lambda dut=dut, load=load: measure(dut, load)  # type: ignore[misc]
        return
    futures: dict[Future[Measurement], int] = {}
    try:
        for number in todo:
            futures[executor.submit(measure, *grid[number])] = number
        failed, kept = None, set()
        for future in as_completed(futures):
            if future.exception() is not None:
                failed = future
                break
            kept.add(future)
            yield futures[future], future.result
        if failed is not None:
            # What runs already is waited for and kept; the failure comes last.
            running = [f for f in futures if f not in kept and not f.cancel()]
            for future in as_completed(running):
                if future.exception() is None:
                    yield futures[future], future.result
            yield futures[failed], failed.result
    finally:
        for future in futures:
            future.cancel()
