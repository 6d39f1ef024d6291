# SPDX-License-Identifier: BSD-3-Clause
"""What docs/teaching.md prints runs as it stands there."""

import re
import shlex
import shutil
from pathlib import Path

import pytest
from scapy.layers.inet import ICMP, IP
from scapy.layers.l2 import Ether

import labkit as lk
from labkit.notebooks import hints, records
from labkit.notebooks.exercises import write_solutions
from labkit.notebooks.records import Recorder
from tests.locked_in import require_locks
from tests.notebooks.making import labkit, notebook

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs/teaching.md").read_text()
PYTHON = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
COMMANDS = [line[2:] for block in re.findall(r"```console\n(.*?)```", TEXT, re.DOTALL)
            for line in block.splitlines()]  # fmt: skip


def test_its_python_runs(lab: lk.Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    recorder = Recorder(None)
    monkeypatch.setattr(records, "recorder", recorder)
    client, server = lab.cable()
    names = {
        **{"lk": lk, "lab": lab, "client": client, "server": server},
        **{"Ether": Ether, "IP": IP, "ICMP": ICMP},
        "path": lab.echo_server(server, ["10.0.0.2/24"]),
    }
    assert len(PYTHON) == 5
    for block in PYTHON:
        exec(block, names)
    assert [check.status for check in recorder.checks.values()] == ["open", "open"]
    names["drop_node"] = "drop_udp"
    exec(PYTHON[2], names)
    assert "(2 more hints after another try)" in [*recorder.checks.values()][-1].hint
    hints.forget()


def test_its_commands_run(tmp_path: Path) -> None:
    require_locks()
    cells = ("import labkit as lk", "answer = ...", "lk.check(answer == 4, 'x', answer=answer)")
    notebook(tmp_path / "lesson.ipynb", *cells, cell_tags={1: "exercise"}, measures=False)
    write_solutions({"cell-1": "answer = 4"}, tmp_path / "solutions/lesson.json")
    (tmp_path / "class").mkdir()
    students = tmp_path / "class/anna_01_first_packets.ipynb"
    shutil.copy(ROOT / "notebooks/01_first_packets.ipynb", students)
    assert [shlex.split(command)[0] for command in COMMANDS] == ["labkit"] * 4
    for command in COMMANDS:
        ran = labkit(*shlex.split(command)[1:], cwd=tmp_path)
        assert ran.returncode == 0, ran.stderr
    assert "anna,anna_01_first_packets.ipynb,0,0,0,2" in (tmp_path / "points.csv").read_text()
