# SPDX-License-Identifier: BSD-3-Clause
"""The process that runs one notebook: python -m labkit.notebooks.run.worker.

A job comes as a line of JSON on standard input. Lines of JSON go to standard output: {"cell": n,
"of": m} before each execution, and at last {"outcome": …}. When standard input ends, whoever
wanted the notebook is gone, and so are this process, the kernel and its engines soon after.
"""

import errno
import json
import os
import re
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from labkit.engine.config import LOGS_VARIABLE
from labkit.machine.description import environment, fingerprint
from labkit.notebooks.kernel import LEDGERS_FILE
from labkit.notebooks.records import FOLDER_VARIABLE, RECORDS_FILE, CheckList
from labkit.notebooks.report.notebook_run import NotebookRun
from labkit.notebooks.run.jobs import NOTEBOOK_FILE_ENDING, Job

ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
TIME_LIMIT = "TimeLimit"
START_SECONDS = 120  # for a kernel to start, on a machine that is busy with others
# Now and then a kernel does not heed the request to end; half of this later it gets a signal.
SHUTDOWN_SECONDS = 3.0
ENGINES_LOG = "engines.log"
LONGEST_SOCKET_PATH = 100  # struct sockaddr_un has 108 bytes
# A profile of its own: the user's start-up files are no part of a test.
KERNEL_CONFIG = """
c = get_config()
c.InteractiveShellApp.extensions = ["labkit.notebooks.kernel"]
c.InlineBackend.figure_formats = {"svg", "png"}
c.HistoryManager.enabled = False
"""


class Cancelled(BaseException):
    """The run was cancelled."""


class Progress:
    """Follows the executions of a notebook."""

    def __init__(self, job: Job, total: int, channel: IO[str]) -> None:
        self.job = job
        self.total = total
        self.channel = channel
        self.number = 0
        self.started = time.monotonic()
        self.cell_started = self.started
        self.cell_seconds: list[float] = []
        self.error: dict[str, Any] = {}

    def cell_starts(self, cell: dict[str, Any], **_: Any) -> None:
        """nbclient's hook: a cell starts."""
        if not _is_code(cell):
            return
        self.number += 1
        self.cell_started = time.monotonic()
        print(json.dumps({"cell": self.number, "of": self.total}), file=self.channel, flush=True)

    def cell_ran(self, **_: Any) -> None:
        """nbclient's hook: a code cell ended, well or not."""
        self.cell_seconds.append(round(time.monotonic() - self.cell_started, 3))

    def cell_failed(self, execute_reply: dict[str, Any], **_: Any) -> None:
        """nbclient's hook: a code cell ended with an error."""
        self.error = execute_reply["content"]

    def limit(self, _: Any) -> float | None:
        """Seconds that the next cell has."""
        limits = [self.job.cell_seconds] if self.job.cell_seconds else []
        if self.job.seconds:
            limits.append(max(1.0, self.job.seconds - (time.monotonic() - self.started)))
        return min(limits, default=None)


def run_notebook(job: Job, channel: IO[str]) -> NotebookRun:
    """Executes the notebook, reads what it recorded, and writes its report."""
    started_at = datetime.now(UTC).isoformat(timespec="seconds")
    cells = [c for c in job.document["cells"] if _is_code(c)]
    progress = Progress(job, len(cells) + bool(job.parameters), channel)
    with tempfile.TemporaryDirectory(prefix="labkit-run-") as private:
        ended = _execute(job, progress, Path(private))
    folder = Path(job.folder)
    recorded = _recorded(folder)
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


def _execute(job: Job, progress: Progress, private: Path) -> dict[str, Any]:
    """Runs papermill; returns how it ended as fields of a NotebookRun."""
    _prepare(job, private)
    import nbformat
    import papermill
    from nbclient.exceptions import CellTimeoutError, DeadKernelError
    from papermill.exceptions import PapermillExecutionError
    from traitlets.config import Config

    file = Path(job.folder) / f"{job.name}{NOTEBOOK_FILE_ENDING}"
    try:
        papermill.execute_notebook(
            nbformat.from_dict(job.document),
            file,
            parameters=dict(job.parameters) or None,
            cwd=job.working_directory,
            progress_bar=False,
            start_timeout=START_SECONDS,
            # A picture is left behind by the widget itself; its state shows nothing offline.
            store_widget_state=False,
            on_cell_start=progress.cell_starts,
            on_cell_executed=progress.cell_ran,
            on_cell_error=progress.cell_failed,
            timeout_func=progress.limit,
            shell_timeout_interval=1,
            interrupt_on_timeout=True,
            error_on_timeout={"ename": TIME_LIMIT, "evalue": "", "traceback": []},
            config=Config({"KernelManager": _kernel_manager(private)}),
        )
    except PapermillExecutionError as error:
        return _told(job, progress, error)
    except DeadKernelError:
        text = f"the kernel died in cell [{progress.number}]"
        at = {"cell": progress.number}
        return {"status": "error", "reason": "dead kernel", "message": text, **at}
    except CellTimeoutError:  # the kernel did not heed the interrupt, and was killed
        progress.error = {"ename": TIME_LIMIT}
        return _told(job, progress, None)
    except Cancelled:
        where = f"in cell [{progress.number}]" if progress.number else "before the first cell"
        return {"status": "cancelled", "message": f"cancelled {where}"}
    except OSError as error:
        reason = "disk" if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS) else "exception"
        return {"status": "error", "reason": reason, "message": f"{error}"}
    except Exception as error:  # such as a kernel that is not installed, or did not start
        text = f"{type(error).__name__}: {error}"
        return {"status": "error", "reason": "exception", "message": text}
    if progress.error.get("ename") == "SystemExit":  # papermill lets exit code 0 pass
        return _told(job, progress, None)
    if progress.number < progress.total:
        text = f"{progress.number} of {progress.total} cells ran; the kernel was told to end"
        return {"status": "error", "reason": "exit", "message": text, "cell": progress.number}
    return {"status": "passed"}


def _kernel_manager(private: Path) -> dict[str, Any]:
    """Settings of jupyter_client: sockets of the file system, so that nothing listens on a TCP
    port, and none can be taken already."""
    settings: dict[str, Any] = {"shutdown_wait_time": SHUTDOWN_SECONDS}
    where = str(private / "kernel")  # left to itself, it is a name in the working directory
    if len(where) < LONGEST_SOCKET_PATH:
        settings |= {"transport": "ipc", "ip": where}
    return settings


def _told(job: Job, progress: Progress, error: Any) -> dict[str, Any]:
    """How a notebook ended whose cell had an error."""
    name = progress.error.get("ename") or getattr(error, "ename", "")
    value = ANSI.sub("", str(progress.error.get("evalue") or getattr(error, "evalue", "")))
    at = f"cell [{progress.number}]"
    ended: dict[str, Any] = {"status": "error", "reason": "exception", "cell": progress.number}
    if name == "ChecksFailed":
        return {"status": "failed", "message": value}
    if name == "SystemExit":
        text = f"{at} ended the notebook with sys.exit({value}); what follows did not run"
        return ended | {"reason": "exit", "message": text}
    if name == TIME_LIMIT:
        spent = time.monotonic() - progress.cell_started
        whole = job.seconds and time.monotonic() - progress.started >= job.seconds
        limit = f"{job.seconds:g} s of the notebook" if whole else f"{job.cell_seconds:g} s a cell"
        text = f"{at} ran {spent:.0f} s and was stopped; the limit is {limit}"
        return ended | {"reason": "time limit", "message": text}
    lines = progress.error.get("traceback") or getattr(error, "traceback", [])
    trace = ANSI.sub("", "\n".join(lines))
    return ended | {"message": f"{name}: {value} (in {at})", "traceback": trace}


def _prepare(job: Job, private: Path) -> None:
    """Sets what the kernel inherits."""
    profile = private / "ipython" / "profile_default"
    profile.mkdir(parents=True)
    (profile / "ipython_kernel_config.py").write_text(KERNEL_CONFIG)
    os.environ |= {
        FOLDER_VARIABLE: job.folder,
        LOGS_VARIABLE: job.folder,
        "IPYTHONDIR": str(private / "ipython"),
        "JUPYTER_RUNTIME_DIR": str(private),
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
    }
    if job.cpus:
        os.sched_setaffinity(0, job.cpus)


def _recorded(folder: Path) -> dict[str, Any]:
    """Checks, results, tables, ledgers and other files that the kernel left."""
    found: dict[str, Any] = {"checks": [], "results": [], "tables": {}, "ledgers": {}}
    records = folder / RECORDS_FILE
    for line in records.read_text(encoding="utf-8").splitlines() if records.exists() else ():
        try:
            record = json.loads(line)
        except ValueError:
            continue  # the kernel died while it wrote, or the disk was full
        kind = record.pop("kind")
        if kind == "table":
            found["tables"][record["name"]] = record["file"]
        else:
            found[f"{kind}s"].append(record)
    records.unlink(missing_ok=True)
    ledgers = folder / LEDGERS_FILE
    if ledgers.exists():
        found["ledgers"] = json.loads(ledgers.read_text() or "{}")
        ledgers.unlink()
    with suppress(OSError):  # the disk is full: they stay as they are
        _join_logs(folder)
    own = {NOTEBOOK_FILE_ENDING, ".parquet", ".html"}
    found["attachments"] = sorted(
        f.name for f in folder.iterdir() if f.suffix not in own and f.stat().st_size
    )
    return found


def _join_logs(folder: Path) -> None:
    """One file of all engines' logs: a sweep has an engine for every trial."""
    logs = sorted(folder.glob("engine-*.log"), key=lambda log: log.stat().st_mtime_ns)
    if logs:
        texts = [f"--- {log.stem}\n".encode() + log.read_bytes() for log in logs]
        (folder / ENGINES_LOG).write_bytes(b"\n".join(texts))
    for log in logs:
        log.unlink()


def _with_report(run: NotebookRun, folder: Path) -> NotebookRun:
    from labkit.notebooks.report.report import write_notebook_report

    try:
        write_notebook_report(run, folder)
    except Exception as error:  # what ran must be told, whatever a report meets
        if run.status == "error":  # what went wrong before is what must be told
            return run
        text = f"the report could not be written: {error}"
        return replace(run, status="error", reason="report", message=text)
    return run


def _is_code(cell: dict[str, Any]) -> bool:
    return cell["cell_type"] == "code" and bool("".join(cell["source"]).strip())


@contextmanager
def cancellable() -> Iterator[None]:
    """SIGTERM, and the end of standard input, interrupt the kernel and raise Cancelled here."""

    def cancel(*_: Any) -> None:
        import psutil

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
    with cancellable():
        outcome = run_notebook(job, channel)
    print(json.dumps({"outcome": asdict(outcome)}), file=channel, flush=True)


if __name__ == "__main__":
    main()
