# SPDX-License-Identifier: BSD-3-Clause
"""Executes a notebook in a kernel of its own, and tells how that ended."""

import errno
import json
import os
import threading
import time
from pathlib import Path
from typing import IO, Any

from labkit.engine.config import LOGS_VARIABLE
from labkit.notebooks.document import tags_of
from labkit.notebooks.records import FOLDER_VARIABLE
from labkit.notebooks.run.jobs import NOTEBOOK_FILE_ENDING, Job
from labkit.notebooks.source import ERROR_MARKER, heading_of, is_executed
from labkit.text import without_escapes
from labkit.units import plain

TIME_LIMIT = "TimeLimit"
RAISES = "raises-exception"  # nbclient's tag of a cell
OUTPUT_SECONDS = 60  # from a cell's end to its last output
START_SECONDS = 120  # for a kernel to start, on a machine that is busy with others
# Now and then a kernel does not heed the request to end; half of this later it gets a signal.
SHUTDOWN_SECONDS = 3.0
LONGEST_MESSAGE, LONGEST_TRACEBACK = 2_000, 20_000  # letters of an error that a run keeps
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
        self.heading = ""
        self.told: tuple[int, str] = (0, "")
        self.lock = threading.Lock()
        self.started = time.monotonic()
        self.cell_started = self.started
        self.cell_seconds: list[float] = []
        self.error: dict[str, Any] = {}
        self.failed = 0
        self.failed_after = 0.0

    def cell_starts(self, cell: dict[str, Any], **_: Any) -> None:
        """nbclient's hook: a cell starts."""
        if not is_executed(cell):
            self.heading = heading_of(cell) or self.heading
            return
        self.number += 1
        self.cell_started = time.monotonic()
        self.tell()

    def tell(self, measured: str = "") -> None:
        """Tells the runner what goes on, should it be something else than before."""
        what = ": ".join(filter(None, (self.heading, measured)))
        with self.lock:
            if self.number and self.told != (self.number, what):
                self.told = (self.number, what)
                line = json.dumps({"cell": self.number, "of": self.total, "what": what})
                print(line, file=self.channel, flush=True)

    def cell_ran(self, **_: Any) -> None:
        """nbclient's hook: a code cell ended, well or not."""
        self.cell_seconds.append(round(time.monotonic() - self.cell_started, 3))

    def cell_failed(self, cell: dict[str, Any], execute_reply: dict[str, Any], **_: Any) -> None:
        """nbclient's hook: a code cell ended with an error. One that it is tagged for is none,
        but that tag means neither an end of the notebook nor of its time."""
        error = execute_reply["content"]
        expected = RAISES in tags_of(cell) and error.get("ename") not in (TIME_LIMIT, "SystemExit")
        if not (expected or self.error):
            self.fails(error)

    def fails(self, error: dict[str, Any]) -> None:
        """The cell at work ended with this error."""
        self.error, self.failed = error, self.number
        self.failed_after = time.monotonic() - self.cell_started

    def limit(self, _: Any) -> float | None:
        """Seconds that the next cell has."""
        limits = [self.job.cell_seconds] if self.job.cell_seconds else []
        if self.job.seconds:
            limits.append(max(1.0, self.job.seconds - (time.monotonic() - self.started)))
        return min(limits, default=None)


def execute(job: Job, progress: Progress, private: Path) -> dict[str, Any]:
    """Runs papermill; returns how it ended as fields of a NotebookRun."""
    _prepare(job, private)
    # Late: they look at the environment that was just set.
    import nbformat
    import papermill
    from nbclient.exceptions import CellTimeoutError, DeadKernelError
    from papermill.exceptions import PapermillExecutionError
    from traitlets.config import Config

    from labkit.notebooks.run.kernel_process import KernelProcess, how_it_died

    file = Path(job.folder) / f"{job.name}{NOTEBOOK_FILE_ENDING}"
    try:
        papermill.execute_notebook(
            nbformat.from_dict(job.document),
            file,
            parameters=dict(job.parameters) or None,
            cwd=job.working_directory,
            progress_bar=False,
            start_timeout=START_SECONDS,
            iopub_timeout=OUTPUT_SECONDS,
            # A picture is left behind by the widget itself; its state shows nothing offline.
            store_widget_state=False,
            on_cell_start=progress.cell_starts,
            on_cell_executed=progress.cell_ran,
            on_cell_error=progress.cell_failed,
            timeout_func=progress.limit,
            shell_timeout_interval=1,
            interrupt_on_timeout=True,
            error_on_timeout={"ename": TIME_LIMIT, "evalue": "", "traceback": []},
            config=Config(
                {
                    "KernelManager": _kernel_manager(private),
                    "NotebookClient": {"kernel_manager_class": KernelProcess},
                }
            ),
        )
    except PapermillExecutionError as error:
        if progress.error:
            return _how_it_ended(job, progress, error)
        _take_out_markers(file)  # the error of a cell that is tagged for it
    except DeadKernelError:
        died = how_it_died()
        text = f"the kernel died in cell [{progress.number}]" + (f": {died}" if died else "")
        at = {"cell": progress.number}
        return {"status": "error", "reason": "dead kernel", "message": text, **at}
    except CellTimeoutError:  # the kernel did not heed the interrupt, and was killed
        progress.fails({"ename": TIME_LIMIT})
        return _how_it_ended(job, progress, None)
    except Cancelled:
        where = f"in cell [{progress.number}]" if progress.number else "before the first cell"
        return {"status": "cancelled", "message": f"cancelled {where}"}
    except OSError as error:
        reason = "disk" if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS) else "exception"
        return {"status": "error", "reason": reason, "message": f"{error}"}
    except Exception as error:  # such as a kernel that is not installed, or did not start
        text = f"{type(error).__name__}: {error}"
        return {"status": "error", "reason": "exception", "message": text}
    if progress.error:  # papermill lets exit code 0 pass, nbclient whatever is tagged
        return _how_it_ended(job, progress, None)
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


def _how_it_ended(job: Job, progress: Progress, error: Any) -> dict[str, Any]:
    """How a notebook ended whose cell had an error."""
    name = progress.error.get("ename") or getattr(error, "ename", "")
    value = without_escapes(str(progress.error.get("evalue") or getattr(error, "evalue", "")))
    value = _cut(value, LONGEST_MESSAGE)
    at = f"cell [{progress.failed}]"
    ended: dict[str, Any] = {"status": "error", "reason": "exception", "cell": progress.failed}
    if name == "ChecksFailed":
        return {"status": "failed", "message": value}
    if name == "SystemExit":
        text = f"{at} ended the notebook with sys.exit({value}); what follows did not run"
        return ended | {"reason": "exit", "message": text}
    if name == TIME_LIMIT:
        whole = job.seconds and time.monotonic() - progress.started >= job.seconds
        seconds, of = (job.seconds, "of the notebook") if whole else (job.cell_seconds, "a cell")
        limit = f"{plain(seconds or 0)} s {of}"
        text = f"{at} ran {progress.failed_after:.0f} s and was stopped; the limit is {limit}"
        return ended | {"reason": "time limit", "message": text}
    lines = progress.error.get("traceback") or getattr(error, "traceback", [])
    trace = without_escapes("\n".join(lines))
    said = f"{name}: {value}" if value else name
    return ended | {"message": f"{said} (in {at})", "traceback": _cut(trace, LONGEST_TRACEBACK)}


def _cut(text: str, most: int) -> str:
    """Beginning and end of a text with more than so many letters."""
    if len(text) <= most:
        return text
    left_out = f"\n… {len(text) - most:,} letters are left out; the notebook has them …\n"
    return text[: most // 2] + left_out + text[-most // 2 :]


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


def _take_out_markers(file: Path) -> None:
    """Removes the cells that papermill puts in where it saw an error."""
    import nbformat

    notebook = nbformat.read(file, as_version=4)
    notebook.cells = [cell for cell in notebook.cells if ERROR_MARKER not in tags_of(cell)]
    nbformat.write(notebook, file)
