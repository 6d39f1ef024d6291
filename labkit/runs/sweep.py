# SPDX-License-Identifier: BSD-3-Clause
"""A sweep: trials over a grid of DUTs, sizes and rates, in random order, each kept as it ends."""

import fcntl
import json
import os
import random
import shutil
import tempfile
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future, as_completed
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from labkit import machine
from labkit.dut.base import Dut
from labkit.errors import LabError
from labkit.progress_bar import progress_bar
from labkit.results import (
    FORMAT,
    RUN_FILE,
    TRIALS_FOLDER,
    Results,
    read_run,
    read_trials,
    write_json,
)
from labkit.runs.grid import Step, check, make_grid

FLOOR_SECONDS = 0.2


@dataclass(frozen=True)
class Measurement:
    """What came of a step: a row of results, and the machine that made it."""

    row: Mapping[str, Any]
    machine: Mapping[str, Any]


Measure = Callable[[Dut, Step], Measurement]


class SweepFailed(LabError):
    """A trial of a sweep failed; those that were finished are kept.

    Attributes
    ----------
    folder: where they are; lk.sweep(..., save=folder) goes on from there
    results: they
    """

    def __init__(self, reason: str, folder: Path, results: Results) -> None:
        super().__init__(f"{reason}\n{kept(folder, len(results))}")
        self.folder = folder
        self.results = results


def kept(folder: Path, count: int) -> str:
    """How to come by the trials that were finished."""
    return (
        f"{count} finished trials are kept: lk.load({str(folder)!r}) reads them, and the same "
        f"lk.sweep(...) with save={str(folder)!r} measures what is missing"
    )


def by_trial(dut: Dut, step: Step) -> Measurement:
    """A trial of one step, in a lab and with a DUT that no other trial has used."""
    from labkit.lab import Lab
    from labkit.runs.dut_trial import dut_trial
    from labkit.traffic.stream import Stream

    with Lab() as lab, dut.open(lab) as far_end:
        stream = Stream(far_end.frame, size=step.size, rate=step.pps)
        if step.warmup:
            dut_trial(far_end, stream, duration=step.warmup, latency=True)
        row = dut_trial(far_end, stream, duration=step.duration, latency=True)
        return Measurement(row, machine.describe(lab))


def floor_ns() -> dict[str, float]:
    """What the lab itself adds to a latency on this machine, by quantity: min, avg, p50, …, max."""
    from labkit.lab import Lab
    from labkit.latency import calibrate
    from labkit.runs.trial_tables import latency_columns

    with Lab() as lab:
        columns = latency_columns(calibrate(lab, duration=FLOOR_SECONDS))
    return {name.split("_")[1]: value for name, value in columns.items() if value is not None}


def sweep(
    duts: Sequence[Dut],
    *,
    sizes: Sequence[int] = (64, 512, 1400, 8500),
    rates: Sequence[str | float] = ("70k", "140k", "350k", "700k"),
    duration: float = 5.0,
    warmup: float = 0.5,
    repeats: int = 1,
    seed: int = 1,
    max_gbps: float | None = None,
    save: str | os.PathLike[str] | None = None,
    executor: Executor | None = None,
    progress: bool = True,
    measure: Measure = by_trial,
) -> Results:
    """Measures every DUT at every size and rate, and returns one row a trial.

    duts: such as [lk.dut.LabkitEcho(), lk.dut.Testpmd()], each with a name of its own
    sizes: of frames in bytes, FCS included, 64 or more
    rates: frames a second ("70k", "1.4 Mpps", 70000) or layer-2 bits a second ("10 Gbit/s")
    duration, warmup: of a trial, in seconds
    repeats: trials of each load; two or more show the noise (error bars, lk.compare)
    seed: of the order of the trials, so that a drift of the machine is no trend of a DUT
    max_gbps: loads above this many Gbit/s (layer 2) are left out, and said to be
    save: a folder; every finished trial is a file in it, and the same call goes on where one ended.
        None: a temporary folder, which stays when the sweep fails
    executor: runs the trials, any concurrent.futures.Executor; two at once on one machine disturb
        each other. None: one after the other, here
    measure: what measures a step; by default lk.trial with a lab and a DUT of its own

    What the lab itself adds to a latency is measured once before (lk.calibrate); pictures show it.
    Loads that a DUT cannot take (a frame above its MTU) are left out; Results.warnings names them.
    Raises SweepFailed when a trial fails; what is finished is kept.
    """
    check(duts, sizes, rates, max_gbps, duration, warmup, repeats, executor is None)
    sizes = [int(size) for size in sizes]  # numpy's are none for JSON
    grid, skipped = make_grid(duts, sizes, rates, max_gbps, duration, warmup, repeats)
    parameters = {
        "duts": [{"type": type(dut).__name__, **_plain(dut)} for dut in duts],
        "sizes": sizes,
        "rates": [str(rate) for rate in rates],
        "duration": duration,
        "warmup": warmup,
        "repeats": repeats,
        "seed": seed,
        "max_gbps": max_gbps,
    }
    run = {"kind": "sweep", "parameters": parameters, "skipped": skipped, "trials": len(grid)}
    folder = Path(save) if save is not None else Path(tempfile.mkdtemp(prefix="labkit-sweep-"))
    with _alone(folder):
        _begin(folder, run)
        begun = read_run(folder)
        if measure is by_trial and "floor_ns" not in begun:
            floor = executor.submit(floor_ns).result() if executor else floor_ns()
            write_json(folder / RUN_FILE, {**begun, "floor_ns": floor})
        order = random.Random(seed).sample(range(len(grid)), len(grid))
        todo = [number for number in order if not _file(folder, number).exists()]
        _measure_all(folder, grid, todo, measure, executor, progress)
        results = _finished(folder)
        if save is not None:
            results.save(folder)
    if save is None:
        shutil.rmtree(folder)
    return results


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One sweep at a time in a folder: two would measure the same, and disturb each other."""
    folder.mkdir(parents=True, exist_ok=True)
    lock = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise LabError(
                f"another sweep is writing to {folder}; wait for it, or choose another folder"
            ) from None
        yield
    finally:
        fcntl.flock(lock, fcntl.LOCK_UN)  # for the processes of a pool, too, which have it open
        os.close(lock)


def _begin(folder: Path, run: dict[str, Any]) -> None:
    """A folder for this sweep: a new one, or the one that it began before."""
    (folder / TRIALS_FOLDER).mkdir(parents=True, exist_ok=True)
    if not (folder / RUN_FILE).exists():
        write_json(folder / RUN_FILE, {"format": FORMAT, "id": uuid.uuid4().hex, **run})
        return
    there = read_run(folder).get("parameters", {})
    parameters = json.loads(json.dumps(run["parameters"]))
    for name, value in parameters.items():
        if there.get(name) != value:
            raise LabError(
                f"{folder} holds a sweep with other parameters: {name} is {there.get(name)!r} "
                f"there and {value!r} here; choose another folder, or the same parameters to go on"
            )
    read_trials(folder)  # a file that is damaged is better known before hours of measuring


def _measure_all(
    folder: Path,
    grid: Sequence[tuple[Dut, Step]],
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
                dut, step = grid[number]
                measured = outcome()
                row = {
                    "size_bytes": step.size,
                    "target_pps": step.pps,
                    **measured.row,
                    "config": dut.name,
                }
                content = {"step": asdict(step), "row": row, "machine": measured.machine}
                write_json(_file(folder, number), content)
                bar.update()
    except LabError as error:
        dut, step = grid[number if number is not None else 0]
        reason = f"the trial of {dut.name}, {step}, failed: {error}"
        raise SweepFailed(reason, folder, _finished(folder)) from error
    except BaseException as error:
        error.add_note(kept(folder, len(_finished(folder))))
        raise


def _outcomes(
    grid: Sequence[tuple[Dut, Step]],
    todo: Sequence[int],
    measure: Measure,
    executor: Executor | None,
    show: Callable[[str], None],
) -> Iterator[tuple[int, Callable[[], Measurement]]]:
    """The number of each trial, as it ends, and a function that gives its result or raises."""
    if executor is None:
        for number in todo:
            dut, step = grid[number]
            show(f"{dut.name}, {step}")
            yield number, lambda dut=dut, step=step: measure(dut, step)  # type: ignore[misc]
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


def _finished(folder: Path) -> Results:
    """The trials that are on disk, with the machines that made them."""
    run = read_run(folder)
    contents = read_trials(folder)
    machines: list[Any] = []
    for content in contents:
        if content["machine"] not in machines:
            machines.append(content["machine"])
    return Results.from_rows(
        (content["row"] for content in contents), {**run, "machines": machines}
    )


def _file(folder: Path, number: int) -> Path:
    return folder / TRIALS_FOLDER / f"{number:05d}.json"


def _plain(dut: Dut) -> dict[str, Any]:
    return asdict(dut)  # type: ignore[call-overload,no-any-return]  # every DUT is a dataclass
