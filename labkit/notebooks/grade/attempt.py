# SPDX-License-Identifier: BSD-3-Clause
"""One student's answers tried on a lesson, in a process of its own: `python -I -m` this module.

It reads a job from its standard input and writes to its standard output what came of it, as JSON.
"""

import json
import os
import sys
import traceback
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

from labkit.errors import LabError
from labkit.notebooks.grade import sandbox
from labkit.notebooks.grade.answer import answer_in_fork, told
from labkit.notebooks.grade.lesson import Exercise, Lesson
from labkit.notebooks.hints import MORE

LONGEST_REASON = 300  # letters


@dataclass(frozen=True)
class Written:
    """What a student wrote for an exercise: the cell, and cells of their own before it."""

    source: str
    own: tuple[str, ...] = ()


@dataclass(frozen=True)
class Verdict:
    """What a check of an exercise says: passed, failed, open or unknown, and why."""

    status: str
    why: str = ""


@dataclass(frozen=True)
class Job:
    """An attempt to be made.

    Attributes
    ----------
    lesson: as it is kept
    written: by the id of an exercise
    scratch, hidden, user: see sandbox.enter
    cpus: on which it runs
    seconds: what a student's cell may take
    """

    lesson: Lesson
    written: dict[str, Written]
    scratch: str
    hidden: tuple[str, ...]
    user: int
    cpus: tuple[int, ...]
    seconds: float

    def to_json(self) -> str:
        """Text for from_json."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "Job":
        """The job of to_json's text."""
        told = json.loads(text)
        lesson = told["lesson"]
        exercises = (Exercise(e["id"], tuple(e["names"]), e["start"]) for e in lesson["exercises"])
        cells = tuple((key, source) for key, source in lesson["cells"])
        return cls(
            Lesson(lesson["name"], cells, tuple(exercises), lesson["checks"], lesson["folder"]),
            {key: Written(w["source"], tuple(w["own"])) for key, w in told["written"].items()},
            *(told["scratch"], tuple(told["hidden"]), told["user"]),
            *(tuple(told["cpus"]), told["seconds"]),
        )


@dataclass
class Outcome:
    """What came of an attempt.

    Attributes
    ----------
    verdicts: by the name of a check
    fault: what a cell of the lesson itself failed with, the first one that did
    """

    verdicts: dict[str, Verdict] = field(default_factory=dict)
    fault: str = ""


def try_lesson(job: Job) -> Outcome:
    """Runs the lesson with a student's answers, and tells what its checks say of them."""
    from IPython.core.interactiveshell import InteractiveShell  # late: the sandbox comes first
    from traitlets.config import Config

    # A history would have a thread and a file, neither of which a fork should meet.
    settings = Config({"HistoryManager": {"enabled": False}})
    shell = InteractiveShell.instance(colors="nocolor", config=settings)
    sys.path[:] = [entry for entry in sys.path if entry]  # the folder it is in is no source of code
    exercises = {exercise.id: exercise for exercise in job.lesson.exercises}
    reasons: dict[str, Verdict] = {}
    outcome = Outcome()
    for key, source in job.lesson.cells:
        if key in exercises:
            verdict = _answer(shell, exercises[key], job)
            if verdict is not None:
                reasons[key] = verdict
            continue
        error = _run(shell, source)
        if error is None:
            continue
        checked = [of for name, of in job.lesson.checks.items() if name in source]
        if not checked:
            # Later exercises may do without it.
            outcome.fault = outcome.fault or f"the lesson's cell {key} fails here: {told(error)}"
        for of in checked:
            reasons.setdefault(of, Verdict("failed", f"its check fails with {told(error)}"))
    outcome.verdicts = dict(_verdicts(job.lesson, reasons, outcome.fault))
    return outcome


def _answer(shell: Any, exercise: Exercise, job: Job) -> Verdict | None:
    """Takes a student's answer over into the lesson; says what is wrong with it alone."""
    _run(shell, exercise.start)  # the check finds an answer that is open, whatever comes
    written = job.written.get(exercise.id)
    if written is None:
        return Verdict("open", "the exercise's cell is not there")
    if written.source.strip() == exercise.start.strip():
        return Verdict("open", "not answered")
    if exercise.magic:
        first = written.source.lstrip().split("\n", 1)[0].strip()
        if first != exercise.magic:
            return Verdict("failed", f"the cell begins with {first[:60]!r}, not {exercise.magic!r}")
        error = _run(shell, written.source)
        return Verdict("failed", told(error)) if error else None
    own = list(written.own)
    answer = answer_in_fork(shell, written.source, own, exercise.names, job.seconds)
    if answer.state == "answered":
        shell.user_ns.update(answer.values)
        return None
    return Verdict(answer.state, answer.reason or "not answered")


def _verdicts(
    lesson: Lesson, reasons: dict[str, Verdict], fault: str
) -> Iterator[tuple[str, Verdict]]:
    from labkit.notebooks.records import recorder  # late, as above

    for name, of in lesson.checks.items():
        check = recorder.checks.get(name)
        if check is not None and check.status == "passed" and of not in reasons:
            yield name, Verdict("passed")
        elif of in reasons and (check is None or check.status != "failed" or not check.values):
            yield name, reasons[of]
        elif check is not None and check.status in ("failed", "open"):
            yield name, Verdict(check.status, _why(check.message) or "not answered")
        else:
            yield name, Verdict("unknown", fault or "its check did not run")


def _why(message: str) -> str:
    lines = [line for line in message.splitlines() if line and not line.endswith(MORE)]
    return "; ".join(lines)[:LONGEST_REASON]


def _run(shell: Any, source: str) -> BaseException | None:
    result = shell.run_cell(source, store_history=True)
    error: BaseException | None = result.error_before_exec or result.error_in_exec
    return error


def main() -> None:
    """Makes the attempt of the job on standard input."""
    job = Job.from_json(sys.stdin.read())
    try:
        os.sched_setaffinity(0, job.cpus)
        sandbox.enter(job.scratch, job.lesson.folder, list(job.hidden), job.user)
    except (LabError, OSError) as error:
        print(json.dumps({"refused": str(error)}))
        return
    said = os.dup(1)
    null = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(null, standard)
    try:
        outcome = try_lesson(job)
    except Exception:  # whatever the lesson's cells have done to this process, the sheet says so
        outcome = Outcome(fault=traceback.format_exc(limit=-1))
    with open(said, "w") as file:
        json.dump(asdict(outcome), file)
        file.flush()
    os._exit(0)  # what the lesson left open goes with the namespace


if __name__ == "__main__":
    main()
