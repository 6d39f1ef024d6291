# SPDX-License-Identifier: BSD-3-Clause
"""A notebook to run, and the process of its own that it runs in."""

import contextlib
import json
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from signal import Signals
from typing import Any

from labkit.notebooks.report.notebook_run import NotebookRun

NOTEBOOK_FILE_ENDING = ".ipynb"
CANCEL_SECONDS = 15.0  # for kernel and engines to end in order
LOG_LINES_SHOWN = 12

Report = Callable[[int, int, str], None]


@dataclass(frozen=True)
class Job:
    """A notebook to run.

    Attributes
    ----------
    name: of its folder and files
    source: where the notebook came from
    document: the notebook, nbformat 4
    folder: takes the executed notebook, the report and all attachments
    working_directory: of the kernel
    parameters: values to set
    all_parameters: these and the defaults of the others, to be told
    cell_seconds, seconds: time limits of a cell and of the notebook; None: none
    cpus: that kernel and engines may use; None: all of this process
    repeat: which repeat it is
    measures: whether its CPUs must be its own
    report: whether an HTML report is written
    """

    name: str
    source: str
    document: Mapping[str, Any]
    folder: str
    working_directory: str
    parameters: Mapping[str, Any]
    all_parameters: Mapping[str, Any]
    cell_seconds: float | None = None
    seconds: float | None = None
    cpus: tuple[int, ...] | None = None
    repeat: int = 1
    measures: bool = True
    report: bool = True

    @classmethod
    def from_json(cls, text: str) -> "Job":
        """From one line of to_json."""
        return cls(**json.loads(text))

    def to_json(self) -> str:
        """One line."""
        return json.dumps(asdict(self))

    def ended(self, **how: Any) -> NotebookRun:
        """The run of a job that has no more to tell than this."""
        return NotebookRun(
            self.name,
            self.source,
            self.repeat,
            parameters=self.all_parameters,
            folder=Path(self.folder).name,
            **how,
        )


def run_job(job: Job, cancelled: threading.Event, report: Report | None = None) -> NotebookRun:
    """Runs a notebook in a process of its own and waits for it.

    cancelled: when it is set, the notebook is stopped
    report: called with the number of the cell at work, how many there are, and what it does as
        far as that is known; when it starts, and when it does something else
    """
    if cancelled.is_set():
        return job.ended(status="cancelled", message="cancelled before it started")
    Path(job.folder).mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(prefix="labkit-worker-") as said:
        process = subprocess.Popen(
            [sys.executable, "-m", "labkit.notebooks.run.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=said,
            text=True,
            # Ctrl-C in a terminal is for the runner, which ends the others in order.
            start_new_session=True,
        )
        watch = threading.Thread(target=_cancel_when_set, args=(process, cancelled), daemon=True)
        watch.start()
        try:
            outcome = _follow(process, job, report)
        finally:
            _end(process)
            watch.join()
        if outcome is not None:
            return outcome
        if cancelled.is_set():
            return job.ended(status="cancelled", message="cancelled, by force")
        said.seek(0)
        lines = said.read().decode(errors="replace").splitlines()[-LOG_LINES_SHOWN:]
    code = process.returncode
    how = Signals(-code).name if code < 0 else f"exit code {code}"
    text = "\n".join([f"the process that ran the notebook ended with {how}", *lines])
    return job.ended(status="error", reason="worker", message=text)


def _follow(process: subprocess.Popen[str], job: Job, report: Report | None) -> NotebookRun | None:
    assert process.stdin
    assert process.stdout
    with contextlib.suppress(BrokenPipeError):
        process.stdin.write(job.to_json() + "\n")
        process.stdin.flush()
    for line in process.stdout:
        message = json.loads(line)
        if "outcome" in message:
            return NotebookRun.from_dict(message["outcome"])
        if report:
            report(message["cell"], message["of"], message["what"])
    return None


def _cancel_when_set(process: subprocess.Popen[str], cancelled: threading.Event) -> None:
    while process.poll() is None:
        if cancelled.wait(0.2):
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(CANCEL_SECONDS)
            process.kill()
            return


def _end(process: subprocess.Popen[str]) -> None:
    with contextlib.suppress(BrokenPipeError):
        if process.stdin:
            process.stdin.close()
    try:
        process.wait(CANCEL_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdout:
        process.stdout.close()
