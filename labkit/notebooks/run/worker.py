# SPDX-License-Identifier: BSD-3-Clause
"""The process that runs one notebook: python -m labkit.notebooks.run.worker.

A job comes as a line of JSON on standard input. Lines of JSON go to standard output: {"cell": n,
"of": m, "what": …} as cells start and measure, and at last {"outcome": …}. When standard input
ends, whoever wanted the notebook is gone, and so are this process, the kernel and its engines soon
after.
"""

import json
import os
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from labkit.machine.description import environment, fingerprint
from labkit.notebooks.records import CheckList
from labkit.notebooks.report.notebook_run import NotebookRun
from labkit.notebooks.run.execution import Cancelled, Progress, execute
from labkit.notebooks.run.jobs import Job
from labkit.notebooks.run.kernel_files import (
    read_kernel_files,
    read_progress,
    remove_kernel_files,
)
from labkit.notebooks.source import is_executed

TELL_SECONDS = 0.5
# For formats that no notebook has, jsonschema imports it where it is installed, and it makes a
# parser then: most of a second of CPU, more than all else that is imported here.
SLOW_MODULE = "rfc3987_syntax"


def run_notebook(job: Job, channel: IO[str]) -> NotebookRun:
    """Executes the notebook, reads what it recorded, and writes its report."""
    started_at = datetime.now(UTC).isoformat(timespec="seconds")
    cells = [c for c in job.document["cells"] if is_executed(c)]
    progress = Progress(job, len(cells) + bool(job.parameters), channel)
    folder = Path(job.folder)
    remove_kernel_files(folder)
    with tempfile.TemporaryDirectory(prefix="labkit-run-") as private, told(progress, folder):
        ended = execute(job, progress, Path(private))
    folder.mkdir(parents=True, exist_ok=True)  # a notebook may remove it
    recorded = read_kernel_files(folder)
    # Whether paths have CPUs of their own or share one changes every measurement.
    pinned = [engine.get("worker_cpus", 0) for engine in recorded["ledgers"].values()]
    outcome = {
        "name": job.name,
        "source": job.source,
        "repeat": job.repeat,
        "parameters": job.all_parameters,
        "started_at": started_at,
        "seconds": round(time.monotonic() - progress.started, 3),
        "cell_seconds": progress.cell_seconds,
        "machine": fingerprint() | ({"worker_cpus": max(pinned)} if pinned else {}),
        "environment": environment(Path(job.working_directory)),
        **recorded,
        **ended,
        "folder": folder.name,
    }
    checks = CheckList(NotebookRun.from_dict(outcome).checks)
    if checks.failed and outcome["status"] == "passed":
        names = ", ".join(check.name for check in checks.failed)
        outcome |= {"status": "failed", "message": f"failed checks: {names}"}
    run = NotebookRun.from_dict(outcome)
    return _with_report(run, folder) if job.report and run.status != "cancelled" else run


@contextmanager
def told(progress: Progress, folder: Path) -> Iterator[None]:
    """Tells the runner what the kernel measures, while it does."""
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(TELL_SECONDS):
            progress.tell(read_progress(folder))

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _with_report(run: NotebookRun, folder: Path) -> NotebookRun:
    # Late: nbconvert is slow, and many runs keep no report.
    from labkit.notebooks.report.report import write_notebook_report

    try:
        write_notebook_report(run, folder)
    except Exception as error:  # what ran must be told, whatever a report meets
        if run.status == "error":  # what went wrong before is what must be told
            return run
        text = f"the report could not be written: {error}"
        return replace(run, status="error", reason="report", message=text)
    return run


@contextmanager
def cancellable() -> Iterator[None]:
    """SIGTERM, and the end of standard input, interrupt the kernel and raise Cancelled here."""

    def cancel(*_: Any) -> None:
        import psutil  # late: hardly a run is cancelled

        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        for child in psutil.Process().children():
            child.send_signal(signal.SIGINT)
        raise Cancelled

    def wait_for_end() -> None:
        sys.stdin.read()
        os.kill(os.getpid(), signal.SIGTERM)

    signal.signal(signal.SIGTERM, cancel)
    threading.Thread(target=wait_for_end, daemon=True).start()
    yield
    signal.signal(signal.SIGTERM, signal.SIG_IGN)


def main() -> None:
    """Runs the job of standard input."""
    channel = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print is no line of ours
    job = Job.from_json(sys.stdin.readline())
    sys.modules.setdefault(SLOW_MODULE, None)  # type: ignore[arg-type]  # an import of it fails
    with cancellable():
        outcome = run_notebook(job, channel)
    print(json.dumps({"outcome": asdict(outcome)}), file=channel, flush=True)


if __name__ == "__main__":
    main()
