# SPDX-License-Identifier: BSD-3-Clause
"""Runs on a Dask cluster of two worker processes, one of which may be lost."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner
from distributed import Client, LocalCluster
from scapy.layers.inet import UDP
from tornado.ioloop import PeriodicCallback

import labkit as lk
from labkit.cli import main
from labkit.notebooks.report.results import load_run
from labkit.runs import cluster as cluster_module
from labkit.runs.cluster import workers_with_ports
from tests.notebooks.making import LABKIT, labkit, notebook

MEASURING = """
import os, labkit as lk
lab = lk.Lab()
client, server = lab.cable()
lab.echo_server(server, ["10.0.0.2"], udp_port=9)
run = lk.echo(client, "10.0.0.2", udp_port=9, count=100)
lk.check(run.ledger.is_balanced, "balanced")
lk.record_result("engine", lab.pid)
lk.record_result("echo", run.table)
"""


@contextmanager
def cluster_of(**resources: int) -> Iterator[LocalCluster]:
    """Two worker processes on this machine."""
    with LocalCluster(
        n_workers=2,
        threads_per_worker=1,
        processes=True,
        resources=resources,
        host="127.0.0.1",
        dashboard_address="127.0.0.1:0",
        worker_dashboard_address=None,
        silence_logs=50,
    ) as made:
        made.wait_for_workers(2)
        yield made


@pytest.fixture(scope="module")
def cluster() -> Iterator[LocalCluster]:
    with cluster_of(port=1) as made:
        yield made


@pytest.fixture
def losing() -> Iterator[LocalCluster]:
    """A cluster of the test's own: Dask does not always start a lost worker anew."""
    with cluster_of(port=1) as made:
        yield made


def measure(folder: str, number: int) -> tuple[int, int]:
    """A trial: an engine of the worker's own; the first one takes its worker down."""
    Path(folder, f"{number}-{os.getpid()}").touch()
    if number == 2 and not Path(folder, "lost").exists():
        Path(folder, "lost").touch()
        os.kill(os.getpid(), signal.SIGKILL)
    with lk.Lab() as lab:
        lab.cable()
        return number, os.getpid()


def test_loss_of_a_worker_loses_no_trial(losing: LocalCluster, tmp_path: Path) -> None:
    with lk.dask_executor(losing.scheduler_address) as executor:
        trials = [executor.submit(measure, str(tmp_path), number) for number in range(6)]
        results = [trial.result(timeout=400) for trial in trials]
    assert [number for number, _ in results] == list(range(6))
    runs = [path.name.split("-") for path in tmp_path.iterdir() if path.name != "lost"]
    assert len({pid for number, pid in runs if number == "2"}) == 2, "it ran anew elsewhere"
    assert (tmp_path / "lost").exists()


def test_sweep_on_workers(cluster: LocalCluster, tmp_path: Path) -> None:
    with lk.dask_executor(cluster.scheduler_address) as executor:
        results = lk.sweep(
            [lk.dut.LabkitEcho(), lk.dut.LabkitEcho("VXLAN", tunnel=lk.Vxlan(vni=42))],
            sizes=(128, {128: 7, 1518: 1}),
            rates=("5k",),
            vary=lk.vary(UDP.sport, range(1024, 2048)),
            duration=0.2,
            warmup=0.1,
            save=tmp_path,
            executor=executor,
            progress=False,
        )
    assert len(results) == 4
    assert results.table["balanced"].all(), results
    assert lk.load(tmp_path).table.equals(results.table)


def test_notebooks_on_workers(cluster: LocalCluster, tmp_path: Path) -> None:
    for name in ("a", "b"):
        notebook(tmp_path / f"{name}.ipynb", MEASURING)
    address = cluster.scheduler_address
    ran = labkit("run", ".", "--scheduler", address, "--report", "out", cwd=tmp_path)
    assert ran.returncode == 0, ran.stderr
    run = load_run(tmp_path / "out")
    assert [n.name for n in run.notebooks] == ["a", "b"]
    assert run.results[run.results.name == "engine"].value.nunique() == 2
    assert set(run.tables) == {"a/echo", "b/echo"}
    assert (tmp_path / "out/a/report.html").exists()


def test_loss_of_a_worker_starts_its_notebook_elsewhere(
    losing: LocalCluster, tmp_path: Path
) -> None:
    lose = f"""
import os, signal, psutil, time
flag = {str(tmp_path / "lost")!r}
if not os.path.exists(flag):
    open(flag, "w")
    worker = psutil.Process().parent().parent()  # the kernel's, then the runner's, then Dask's
    worker.kill()
    time.sleep(60)
"""
    notebook(tmp_path / "a.ipynb", "import labkit as lk\nlk.check(True, 'done')")
    notebook(tmp_path / "b.ipynb", lose, "import labkit as lk\nlk.check(True, 'done')")
    address = losing.scheduler_address
    ran = labkit("run", ".", "--scheduler", address, "--report", "out", cwd=tmp_path)
    assert ran.returncode == 0, ran.stderr
    assert (tmp_path / "lost").exists()
    assert [n.status for n in load_run(tmp_path / "out").notebooks] == ["passed", "passed"]


def test_workers_are_found_while_the_client_looks_at_the_scheduler(cluster: LocalCluster) -> None:
    """It does so every two seconds, here every millisecond, and asks for no workers."""

    async def looks_all_the_time() -> None:
        PeriodicCallback(client._update_scheduler_info, 1).start()

    with Client(cluster.scheduler_address, set_as_default=False) as client:
        client.sync(looks_all_the_time)
        assert {len(workers_with_ports(client)) for _ in range(500)} == {2}


def test_no_scheduler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster_module, "CONNECT_SECONDS", 1)
    path = notebook(tmp_path / "a.ipynb", "a = 1")
    ran = CliRunner().invoke(main, ["run", str(path), "--scheduler", "tcp://127.0.0.1:1"])
    assert ran.exit_code == 2
    assert "no Dask scheduler answers at tcp://127.0.0.1:1" in ran.stderr


def test_no_port(tmp_path: Path) -> None:
    notebook(tmp_path / "a.ipynb", "a = 1")
    with cluster_of() as cluster:
        ran = labkit("run", ".", "--scheduler", cluster.scheduler_address, cwd=tmp_path)
    assert ran.returncode == 2
    assert "has the resource port; start them with dask worker" in ran.stderr


def test_ctrl_c_stops_the_workers_notebooks(cluster: LocalCluster, tmp_path: Path) -> None:
    cell = "import os, time\nopen('pid', 'w').write(str(os.getpid()))\ntime.sleep(60)"
    notebook(tmp_path / "a.ipynb", cell)
    process = subprocess.Popen(
        [LABKIT, "run", ".", "--scheduler", cluster.scheduler_address, "--report", "out"],
        cwd=tmp_path,
    )
    pid = tmp_path / "pid"
    end = time.monotonic() + 300
    while not (pid.exists() and pid.read_text()):
        assert time.monotonic() < end
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    assert process.wait(120) == 130
    assert not Path("/proc", pid.read_text()).exists()
