# SPDX-License-Identifier: BSD-3-Clause
"""Notebooks at the same time: each measures on CPUs of its own."""

import json
import os
import threading
import time
from pathlib import Path

import pytest

import labkit as lk
from labkit.machine.cpus import claimed, deal, usable_cpus
from tests.notebooks.making import labkit, notebook

MEASURING = """
import json, os, time, pathlib, labkit as lk
pathlib.Path("HERE", "NAME").touch()  # both are at work before either measures
deadline = time.monotonic() + 120
while len(os.listdir("HERE")) < 2:
    assert time.monotonic() < deadline, "the other notebook does not run"
    time.sleep(0.05)
lab = lk.Lab()
client, server = lab.cable()
lab.echo_server(server, ["10.0.0.2"], udp_port=9)
run = lk.echo(client, "10.0.0.2", udp_port=9, count=2000)
cpus = [int(cpu) for cpu in lab.workers.cpu.dropna()]
lk.check(run.ledger.is_balanced, "balanced")
own = sorted(os.sched_getaffinity(0))
json.dump({"own": own, "workers": cpus}, open("NAME.json", "w"))
"""


def test_cpus_are_dealt_out() -> None:
    many = list(range(8))
    shares = deal(3, many)
    assert sorted(cpu for share in shares for cpu in share) == many
    assert min(map(len, shares)) >= 2
    assert deal(1, (0, 1)) == [(0, 1)]
    with pytest.raises(lk.LabError, match="jobs is 3; the range is 1 to 2, the CPUs"):
        deal(3, (0, 1))


def test_threads_of_a_core_stay_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("labkit.machine.cpus.core_of", lambda cpu: str(cpu % 2))
    assert deal(2, (0, 1, 2, 3)) == [(0, 2), (1, 3)]


def test_a_claim_is_waited_for_and_given_back() -> None:
    cpu, cancelled = 100_000, threading.Event()  # no CPU of this machine, so that nobody has it
    with claimed([cpu], cancelled) as first:
        assert first
        threading.Timer(0.3, cancelled.set).start()
        waited: list[int] = []
        with claimed([cpu], cancelled, waited.append) as second:
            assert not second, "cancelled while it waited"
        assert waited == [cpu]
    with claimed([cpu], threading.Event()) as third:
        assert third


def test_notebooks_at_the_same_time_share_no_cpu(tmp_path: Path) -> None:
    if len(usable_cpus()) < 2:
        pytest.skip("two notebooks at a time need two CPUs; this process has one")
    folder, here = tmp_path / "notebooks", tmp_path / "here"
    folder.mkdir()
    here.mkdir()
    for name in ("a", "b"):
        cell = MEASURING.replace("NAME", name).replace("HERE", str(here))
        notebook(folder / f"{name}.ipynb", cell)
    ran = labkit("run", ".", "--jobs", "2", cwd=folder)
    assert ran.returncode == 0, ran.stderr
    assert {path.suffix for path in folder.iterdir()} == {".ipynb", ".json"}, "nothing is left"
    a, b = (json.loads((folder / f"{name}.json").read_text()) for name in ("a", "b"))
    assert set(a["own"]).isdisjoint(b["own"])
    assert set(a["own"]) | set(b["own"]) == set(usable_cpus())
    for one in (a, b):
        assert set(one["workers"]) <= set(one["own"])


def test_too_many_jobs(tmp_path: Path) -> None:
    notebook(tmp_path / "nb.ipynb", "a = 1")
    count = str(len(os.sched_getaffinity(0)) + 1)
    ran = labkit("run", "nb.ipynb", "--jobs", count, cwd=tmp_path)
    assert ran.returncode == 2
    assert f"jobs is {count}; the range is 1 to" in ran.stderr


def test_a_notebook_that_does_not_measure_waits_for_nobody(tmp_path: Path) -> None:
    notebook(tmp_path / "nb.ipynb", "a = 1", measures=False)
    with claimed(usable_cpus(), threading.Event()):
        start = time.monotonic()
        assert labkit("run", "nb.ipynb", cwd=tmp_path).returncode == 0
        assert time.monotonic() - start < 60
