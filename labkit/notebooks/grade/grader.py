# SPDX-License-Identifier: BSD-3-Clause
"""A class graded: one attempt a student, several at once, each with its limits."""

import json
import os
import queue
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from labkit.errors import LabError
from labkit.notebooks.grade import sandbox
from labkit.notebooks.grade.attempt import Job, Outcome, Verdict
from labkit.notebooks.grade.lesson import PACKAGE, Lesson
from labkit.notebooks.grade.sheet import Row, Sheet
from labkit.notebooks.grade.submissions import Submission, submissions
from labkit.units import plain

ATTEMPT = "labkit.notebooks.grade.attempt"
KEPT_VARIABLES = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH")  # no keys and tokens of the teacher
HOMES = (Path("/home"), Path("/root"))
TESTS = PACKAGE.parent / "tests"  # of a checkout; they hold the solutions
END_SECONDS = 10  # for what was killed to be gone
# Libraries of numbers begin a thread a CPU, and the processes of an answer are few.
ONE_THREAD = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")


@dataclass(frozen=True)
class Limits:
    """What one student's attempt may take.

    Attributes
    ----------
    seconds: the whole lesson with the answers
    answer_seconds: one answer's cell
    """

    seconds: float = 300
    answer_seconds: float = 10


def grade(
    folder: Path,
    lesson: Lesson,
    *,
    jobs: int | None = None,
    limits: Limits = Limits(),
    hidden: Iterable[Path] = (),
    done: Callable[[str], None] = lambda student: None,
) -> Sheet:
    """The sheet of a folder with a notebook, or a folder, a student.

    Each student's answers are run against the checks of the lesson as it is kept; what outputs and
    checks a submission holds is not looked at. LabError where the lesson itself does not run here.

    jobs: attempts at once; None: one for two CPUs
    hidden: folders besides the class's and the homes that answers do not see
    done: called with each student's name, in any order
    """
    handed_in = submissions(folder, lesson)
    cpus = sorted(os.sched_getaffinity(0))
    jobs = jobs or max(1, len(cpus) // 2)
    unseen = tuple(
        str(Path(path).absolute()) for path in (*HOMES, Path.home(), TESTS, folder, *hidden)
    )
    slots: queue.SimpleQueue[tuple[int, int]] = queue.SimpleQueue()
    claims = [_claimed_user() for _ in range(jobs)]
    for slot, (user, _) in enumerate(claims):
        slots.put((slot, user))

    def attempt(submission: Submission) -> tuple[Outcome, str]:
        slot, user = slots.get()
        own = tuple(cpus[slot % len(cpus) :: jobs])
        try:
            with tempfile.TemporaryDirectory(prefix="labkit-grade-") as scratch:
                job = Job(
                    *(lesson, submission.written, f"{scratch}/in", unseen),
                    *(user, own, limits.answer_seconds),
                )
                return _attempt(job, limits.seconds)
        finally:
            slots.put((slot, user))

    def tried(submission: Submission) -> tuple[Outcome, str]:
        """An attempt, and a second one where the lesson's own cells failed, as under load."""
        outcome, trouble = attempt(submission)
        return attempt(submission) if outcome.fault else (outcome, trouble)

    def row(submission: Submission) -> Row:
        outcome, trouble = Outcome(), submission.trouble
        if not trouble:
            outcome, trouble = tried(submission)
        verdicts = {name: outcome.verdicts.get(name, Verdict("unknown")) for name in lesson.checks}
        done(submission.student)
        return Row(submission.student, submission.file, verdicts, trouble or outcome.fault)

    # Without an answer the lesson has to run to its end, or nobody's points would be right.
    control, trouble = tried(Submission("the lesson itself"))
    if fault := control.fault or trouble:
        raise LabError(f"{lesson.name} cannot be graded on this machine: {fault}")
    with ThreadPoolExecutor(jobs) as pool:
        rows = tuple(pool.map(row, handed_in))
    for _, claim in claims:
        claim.close()
    return Sheet(lesson.name, tuple(lesson.checks), rows)


def _claimed_user() -> tuple[int, socket.socket]:
    """The number of a user that no other grading on this machine takes while the socket is open:
    processes are counted by user (RLIMIT_NPROC)."""
    for number in range(sandbox.MOST_USERS):
        claim = socket.socket(socket.AF_UNIX)
        try:
            claim.bind(f"\0labkit-grade-{number}")
        except OSError:
            claim.close()
        else:
            return number, claim
    raise LabError(f"{sandbox.MOST_USERS} attempts are under way on this machine; wait for them")


def read(folder: Path, lesson: Lesson) -> Sheet:
    """A sheet without points, for which nothing is run: who answered what."""

    def verdict(submission: Submission, of: str) -> Verdict:
        written = submission.written.get(of)
        start = next((e.start for e in lesson.exercises if e.id == of), "")
        if submission.trouble:
            return Verdict("unknown")
        if written is None or written.source.strip() == start.strip():
            return Verdict("open", "not answered")
        return Verdict("unknown", "answered, and not run")

    rows = (
        Row(s.student, s.file, {n: verdict(s, of) for n, of in lesson.checks.items()}, s.trouble)
        for s in submissions(folder, lesson)
    )
    return Sheet(lesson.name, tuple(lesson.checks), tuple(rows), was_run=False)


def _attempt(job: Job, seconds: float) -> tuple[Outcome, str]:
    """An attempt's outcome, and what kept it from having one."""
    variables = {key: os.environ[key] for key in KEPT_VARIABLES if key in os.environ}
    variables |= {"HOME": job.scratch, "TMPDIR": job.scratch, "MPLBACKEND": "agg", **ONE_THREAD}
    process = subprocess.Popen(
        [sys.executable, "-I", "-m", ATTEMPT],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=variables,
        cwd="/",
        text=True,
    )
    try:
        said, _ = process.communicate(job.to_json(), timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()  # and with it all that is in its namespace
        process.communicate(timeout=END_SECONDS)
        return Outcome(), f"the lesson with these answers took more than {plain(seconds)} s"
    except BaseException:
        process.kill()
        raise
    try:
        told = json.loads(said)
    except ValueError:
        return Outcome(), f"the lesson's process died with these answers, code {process.returncode}"
    if "refused" in told:
        raise LabError(told["refused"])
    verdicts = {name: Verdict(**verdict) for name, verdict in told["verdicts"].items()}
    return Outcome(verdicts, told["fault"]), ""
