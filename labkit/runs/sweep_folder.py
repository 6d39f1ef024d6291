# SPDX-License-Identifier: BSD-3-Clause
"""The folder of a sweep: its parameters, and a file for every trial that was finished."""

import fcntl
import json
import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import Field, fields
from pathlib import Path
from typing import Any

from labkit.dut.base import Dut
from labkit.errors import LabError
from labkit.machine.description import is_same
from labkit.packet.tunnels import Tunnel
from labkit.results.files import (
    FORMAT,
    RUN_FILE,
    TABLE_FILE,
    TRIALS_FOLDER,
    read_run,
    read_trials,
    trial_files,
    write_json,
)
from labkit.results.results import Results

MOST_TOLD = 300  # characters of a parameter in an error


@contextmanager
def sweep_folder(save: str | os.PathLike[str] | None) -> Iterator[Path]:
    """The folder for one sweep at a time: two would measure the same, and disturb each other.

    None: a temporary one, which stays only where an error needs the trials in it.
    """
    folder = Path(save) if save is not None else Path(tempfile.mkdtemp(prefix="labkit-sweep-"))
    is_needed = save is not None
    try:
        with _alone(folder):
            try:
                yield folder
            except BaseException:
                is_needed = is_needed or bool(trial_files(folder))
                raise
    finally:
        if not is_needed:
            shutil.rmtree(folder)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
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


def begin(folder: Path, run: dict[str, Any], duts: Sequence[Dut]) -> None:
    """A folder for this sweep: a new one, or the one that it began before."""
    if (folder / TABLE_FILE).exists() and not trial_files(folder):
        raise LabError(
            f"{folder} holds results that were saved without the files of their trials; choose "
            "another folder"
        )
    (folder / TRIALS_FOLDER).mkdir(parents=True, exist_ok=True)
    if not (folder / RUN_FILE).exists() or _is_unused(folder):
        write_json(folder / RUN_FILE, {"format": FORMAT, "id": uuid.uuid4().hex, **run})
        return
    there = _completed(read_run(folder).get("parameters", {}), duts)
    parameters = json.loads(json.dumps(run["parameters"]))
    for name, value in parameters.items():
        if there.get(name) != value:
            raise LabError(
                f"{folder} holds a sweep with other parameters: "
                f"{_difference(name, there.get(name), value)}; choose another folder, or the same "
                "parameters to go on"
            )
    read_trials(folder)  # a file that is damaged is better known before hours of measuring


def _is_unused(folder: Path) -> bool:
    """A sweep began there that never finished a trial: its parameters bind nobody."""
    return read_run(folder).get("kind") == "sweep" and not trial_files(folder)


def dut_parameters(dut: Dut) -> dict[str, Any]:
    """What run.json tells of a DUT, as JSON values."""
    values = {f.name: getattr(dut, f.name) for f in _told_fields(dut)}
    return {"type": type(dut).__name__, **{name: _told(value) for name, value in values.items()}}


def _told_fields(dut: Dut) -> list[Field[Any]]:
    every = fields(dut)  # type: ignore[arg-type]
    return [f for f in every if f.metadata.get("told", True)]


def _told(value: Any) -> Any:
    if isinstance(value, Dut):
        return dut_parameters(value)
    return value.to_dict() if isinstance(value, Tunnel) else value


def _completed(parameters: Mapping[str, Any], duts: Sequence[Dut]) -> dict[str, Any]:
    """Parameters with what an earlier release did not tell: its trials were made with defaults."""
    told = parameters.get("duts", [])
    if len(told) == len(duts):
        told = [
            {**{f.name: f.default for f in _told_fields(dut)}, **one}
            for dut, one in zip(duts, told, strict=True)
        ]
    return {"vary": [], **parameters, "duts": told}


def _difference(name: str, there: Any, here: Any) -> str:
    """In words; of two lists what differs first in them."""
    if isinstance(there, list) and isinstance(here, list) and len(there) == len(here):
        number = next(n for n, one in enumerate(here) if one != there[n])
        name, there, here = f"{name}[{number}]", there[number], here[number]
    texts = (repr(value) for value in (there, here))
    short = [text if len(text) <= MOST_TOLD else f"{text[:MOST_TOLD]} …" for text in texts]
    return f"{name} is {short[0]} there and {short[1]} here"


def finished(folder: Path) -> Results:
    """The trials that are on disk, with the machines that made them."""
    run = read_run(folder)
    contents = read_trials(folder)
    machines: list[Any] = []
    for content in contents:
        if not any(is_same(content["machine"], machine) for machine in machines):
            machines.append(content["machine"])
    hosts = {name: told for content in contents for name, told in content.get("hosts", {}).items()}
    known = {**run, "machines": machines, **({"hosts": hosts} if hosts else {})}
    return Results.from_rows((content["row"] for content in contents), known)


def trial_file(folder: Path, number: int) -> Path:
    """The file of a trial, by its number in the grid."""
    return folder / TRIALS_FOLDER / f"{number:05d}.json"
