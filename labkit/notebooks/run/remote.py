# SPDX-License-Identifier: BSD-3-Clause
"""Notebooks on the workers of a Dask cluster."""

import io
import secrets
import tempfile
import threading
import zipfile
from collections.abc import Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import asdict, replace
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

from labkit.hosts.cluster import RESOURCE
from labkit.machine.cpus import claimed, usable_cpus
from labkit.notebooks.report.notebook_run import NotebookRun
from labkit.notebooks.run.jobs import Job, run_job
from labkit.notebooks.run.runner import News, Watcher, follow
from labkit.runs.cluster import RETRIES, connected, workers_with_ports

if TYPE_CHECKING:
    from distributed import Client

POLL_SECONDS = 0.5
WORKERLESS_SECONDS = 120.0  # without any worker: a cluster that restarts is back by then


def run_on_cluster(
    jobs: Sequence[Job], address: str, watcher: Watcher, cancelled: threading.Event
) -> list[NotebookRun]:
    """Runs the jobs on a cluster, one at a time on each worker's resource `port`.

    What a notebook left is fetched when it ends, so that the loss of a worker loses nothing that
    ended; what it was running starts anew on another.
    """
    with connected(address) as client, ThreadPoolExecutor(len(jobs)) as pool:
        cluster = client.get_executor(resources={RESOURCE: 1}, retries=RETRIES, pure=False)
        stop = f"labkit-stop-{secrets.token_hex(8)}"

        def submit(job: Job, _: News) -> "Future[NotebookRun]":
            return pool.submit(_fetch, client, cluster, job, stop, cancelled)

        return follow(jobs, submit, watcher, cancelled)


def _fetch(
    client: "Client", cluster: Executor, job: Job, stop: str, cancelled: threading.Event
) -> NotebookRun:
    """Waits for a job and unpacks what it left."""
    from distributed import Event  # late: Dask is slow

    future = cluster.submit(run_here, job.to_json(), stop)
    told = False
    seen = monotonic()
    while not future.done():
        try:
            future.exception(POLL_SECONDS)
        except TimeoutError:
            if cancelled.is_set() and not told:
                Event(stop, client).set()
                told = True
            if workers_with_ports(client):
                seen = monotonic()
            elif cancelled.is_set() or monotonic() - seen > WORKERLESS_SECONDS:
                future.cancel()
                text = f"the cluster has no worker with the resource {RESOURCE} any more"
                return job.ended(status="error", reason="worker", message=text)
    outcome, archive = future.result()
    with zipfile.ZipFile(io.BytesIO(archive)) as files:
        files.extractall(job.folder)
    return NotebookRun.from_dict(outcome)


def run_here(text: str, stop: str) -> tuple[dict[str, Any], bytes]:
    """On a worker: runs a job; returns its outcome, and its files as a zip."""
    from distributed import Event, get_client  # late: Dask is slow

    event, cancelled, ended = Event(stop, get_client()), threading.Event(), threading.Event()

    def watch() -> None:
        while not ended.wait(POLL_SECONDS):
            if event.is_set():
                cancelled.set()

    threading.Thread(target=watch, daemon=True).start()
    job = Job.from_json(text)
    try:
        with tempfile.TemporaryDirectory(prefix="labkit-") as private:
            folder = Path(private) / Path(job.folder).name
            there = Path(job.working_directory)
            where = str(there if there.is_dir() else private)
            here = replace(job, folder=str(folder), working_directory=where)
            with claimed(usable_cpus() if job.measures else (), cancelled):
                outcome = run_job(here, cancelled)
            return asdict(outcome), _zipped(folder)
    finally:
        ended.set()


def _zipped(folder: Path) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(folder.glob("*")):
            archive.write(file, file.name)
    return buffer.getvalue()
