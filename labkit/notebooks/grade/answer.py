# SPDX-License-Identifier: BSD-3-Clause
"""An answer: what a student's cell sets, found in a fork of the lesson's process.

The fork has everything that the lesson has made so far, so that an answer may compute with it. What
the cell does besides ends with the fork: the checks run in a process that never ran it.
"""

import json
import os
import resource
import select
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from labkit.errors import EngineElsewhere
from labkit.notebooks.grade.plain import NotPlain, from_data, to_data
from labkit.notebooks.grade.processes import descendants, end_all_but, task_count
from labkit.units import plain

SECONDS = 10.0
MEMORY = 1 << 30  # bytes beyond those of the lesson
NEW_TASKS = 32  # processes and threads
LONGEST = 1 << 20  # bytes of an answer
LONGEST_REASON = 300  # letters of an error
PIPE = 3  # its only file but for those of the standard

State = Literal["answered", "open", "failed", "unknown"]


@dataclass(frozen=True)
class Answer:
    """What became of a student's cell.

    Attributes
    ----------
    state: answered; open, still as students get it; failed by itself; unknown: nobody could tell
    values: by variable, those that were taken over
    reason: why there are none
    """

    state: State
    values: dict[str, object]
    reason: str = ""


def answer_in_fork(
    shell: Any, source: str, own: list[str], names: tuple[str, ...], seconds: float = SECONDS
) -> Answer:
    """Runs a student's cell in a fork of this process, which has at most so many seconds.

    own: the student's other cells before it, which run first where the cell lacks a name
    """
    known = descendants(os.getpid())
    tasks = task_count({os.getpid(), *known}) + NEW_TASKS
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            _restrict(writing, tasks, seconds)
            found = json.dumps(_answered(shell, source, own, names)).encode()
            with open(PIPE, "wb") as pipe:
                pipe.write(len(found).to_bytes(4, "big") + found)
        finally:
            os._exit(0)
    os.close(writing)
    said, in_time = _read(reading, time.monotonic() + seconds)
    os.close(reading)
    status = 0
    if in_time and said is None:
        status = os.waitpid(child, 0)[1]
    if not end_all_but(known):
        return Answer("failed", {}, "the cell began processes without end")
    if said is None:
        return Answer("failed", {}, _silent(in_time, status, seconds))
    return _understood(said, names)


def _silent(in_time: bool, status: int, seconds: float) -> str:
    if not in_time:
        return f"the cell took more than {plain(seconds)} s"
    if os.WIFSIGNALED(status):
        return f"the cell died of {signal.Signals(os.WTERMSIG(status)).name}"
    return "the cell ended Python"


def _restrict(pipe: int, tasks: int, seconds: float) -> None:
    """Takes from this process what an answer does not need."""
    os.setsid()
    null = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(null, standard)
    os.dup2(pipe, PIPE)
    os.closerange(PIPE + 1, os.sysconf("SC_OPEN_MAX"))
    size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    for limit, value in (
        (resource.RLIMIT_AS, size + MEMORY),
        (resource.RLIMIT_NPROC, tasks),
        (resource.RLIMIT_CPU, int(seconds) + 1),
        (resource.RLIMIT_FSIZE, 0),  # nothing that the lesson's process could read later
        (resource.RLIMIT_CORE, 0),
    ):
        most = resource.getrlimit(limit)[1]
        value = value if most == resource.RLIM_INFINITY else min(value, most)
        resource.setrlimit(limit, (value, value))


def _answered(shell: Any, source: str, own: list[str], names: tuple[str, ...]) -> dict[str, Any]:
    """In the fork: what the cell sets, as data."""
    shell.ask_exit = lambda: os._exit(0)  # what exit() calls
    error = _run(shell, source)
    if isinstance(error, NameError) and own:
        for cell in own:
            _run(shell, cell)
        error = _run(shell, source)
    if isinstance(error, EngineElsewhere):
        return {"unknown": "the cell asks the lab, which answers the lesson alone"}
    if error is not None:
        return {"failed": told(error)}
    found: dict[str, Any] = {}
    for name in names:
        if name not in shell.user_ns:
            return {"failed": f"the cell sets no {name}"}
        try:
            found[name] = to_data(shell.user_ns[name])
        except NotPlain as fault:
            return {"unknown": f"{name} {fault}, which is not taken over to the checks"}
    return {"values": found}


def told(error: BaseException | None) -> str:
    """An error on a line; of what is no Python its place in the cell."""
    if isinstance(error, SyntaxError):
        return f"{type(error).__name__} in line {error.lineno}: {error.msg}"
    if error is None or not str(error):
        return type(error).__name__
    return f"{type(error).__name__}: {error}"[:LONGEST_REASON]


def _run(shell: Any, source: str) -> BaseException | None:
    result = shell.run_cell(source, store_history=False)
    error: BaseException | None = result.error_before_exec or result.error_in_exec
    return error


def _read(pipe: int, deadline: float) -> tuple[bytes | None, bool]:
    """What the fork says, None where it says nothing whole; and whether it did so in time."""
    said = b""
    while len(said) < LONGEST + 4:
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([pipe], [], [], left)[0]:
            return None, False
        part = os.read(pipe, 1 << 16)
        if not part:
            return None, True
        said += part
        if len(said) >= 4 and len(said) - 4 >= int.from_bytes(said[:4], "big"):
            return said[4 : 4 + int.from_bytes(said[:4], "big")], True
    return b"", True


def _understood(said: bytes, names: tuple[str, ...]) -> Answer:
    """In the lesson's process: an answer, of which nothing is believed."""
    try:
        told = json.loads(said) if said else None
        match told:
            case {"failed": str(reason)}:
                return Answer("failed", {}, reason[:LONGEST_REASON])
            case {"unknown": str(reason)}:
                return Answer("unknown", {}, reason[:LONGEST_REASON])
            case {"values": dict(found)} if set(found) == set(names):
                values = {name: from_data(found[name]) for name in names}
                is_open = all(value is ... for value in values.values())
                return Answer("open" if is_open else "answered", values)
    except NotPlain as fault:
        return Answer("failed", {}, f"the answer {fault}")
    except (ValueError, RecursionError):
        pass
    size = f"is longer than {LONGEST:,} bytes" if not said else "is none that can be read"
    return Answer("failed", {}, f"the answer {size}")
