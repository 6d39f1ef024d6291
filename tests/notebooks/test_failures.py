# SPDX-License-Identifier: BSD-3-Clause
"""`labkit run` fails for every good reason, says which, and leaves nothing behind."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from labkit.notebooks.report.notebook_run import NotebookRun
from labkit.notebooks.report.results import load_run
from labkit.notebooks.run.kernel_files import join_logs
from tests.notebooks.making import LABKIT, labkit, notebook, run_one


def test_wrong_parameter_starts_nothing(tmp_path: Path) -> None:
    notebook(tmp_path / "nb.ipynb", "import labkit as lk\nlk.params(count=100)", "1 / 0")
    ran = labkit("run", "nb.ipynb", "-p", "cuont", "5", "--report", "out", cwd=tmp_path)
    assert ran.returncode == 2
    assert (
        "nb.ipynb has no parameter 'cuont' (there are: count); did you mean 'count'?" in ran.stderr
    )
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("many", "count is 'many'; it is a whole number such as 100"),
        ("2.5", "count is 2.5; it is a whole number such as 100"),
        ("0", "count is 0; the range is 1 to 1000"),
    ],
)
def test_wrong_value_starts_nothing(value: str, reason: str, tmp_path: Path) -> None:
    declaration = "lk.params(count=lk.param(100, 'datagrams', low=1, high=1000))"
    notebook(tmp_path / "nb.ipynb", f"import labkit as lk\n{declaration}")
    ran = labkit("run", "nb.ipynb", "-p", "count", value, cwd=tmp_path)
    assert ran.returncode == 2
    assert reason in ran.stderr


ENDINGS = {
    "failing_check": (
        "import labkit as lk\nclass row: drop_percent = 0.35",
        "lk.check(row.drop_percent <= 0.1, 'drop at 700 kpps', hint='look at the ledger')",
        "lk.check(True, 'goes on')",
    ),
    "failing_checks_cell": ("import labkit as lk", "lk.check(False, 'no')\nlk.checks()"),
    "exception": ("a = 1", "a / 0", "b = 2"),
    "sys_exit": ("a = 1", "import sys; sys.exit(0)", "b = 2"),
    "exit": ("a = 1", "exit()", "b = 2"),
    "quit": ("a = 1", "quit()", "b = 2"),
    "kernel_ended": ("import os, labkit as lk\nlk.check(True, 'before')", "os._exit(0)", "b = 2"),
    "kernel_killed": (
        "import os, labkit as lk\nlk.check(True, 'before')",
        "os.kill(os.getpid(), 9)",
        "b = 2",
    ),
    "kernel_crashed": ("a = 1", "import ctypes; ctypes.string_at(0)"),
    "kernel_left": (
        "import os, labkit as lk\nlk.check(True, 'before')",
        "with open(os.environ['LABKIT_RUN_FOLDER'] + '/ledgers.json', 'w') as file:\n"
        "    file.write('{\"1\": {')\n"
        "with open(os.environ['LABKIT_RUN_FOLDER'] + '/records.jsonl', 'a') as file:\n"
        '    file.write(\'{"kind": "che\')\n'
        "os._exit(3)",
    ),
    "error_in_a_capture": ("a = 1", "%%capture said\nprint(a)\na / 0", "b = 2"),
    "many_letters": ("a = 1", "raise ValueError('x' * 1_000_000)"),
    "no_message": ("a = 1", "raise KeyboardInterrupt"),
    "folder_removed": ("import os, shutil", "shutil.rmtree(os.environ['LABKIT_RUN_FOLDER'])"),
    "engine_killed": (
        "import os, signal, labkit as lk\nlab = lk.Lab()\na, b = lab.cable()",
        "os.kill(lab.pid, signal.SIGKILL)",
        "lab.cable('c', 'd')",
    ),
}


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of one run of notebooks that each end in another way, two at a time."""
    folder = tmp_path_factory.mktemp("endings")
    for name, cells in ENDINGS.items():
        notebook(folder / f"{name}.ipynb", *cells)
    jobs = min(2, len(os.sched_getaffinity(0)))
    ran = labkit("run", ".", "--jobs", str(jobs), "--report", "out", cwd=folder)
    assert ran.returncode == 1, ran.stdout + ran.stderr
    return folder / "out"


@pytest.fixture(scope="module")
def endings(report: Path) -> dict[str, NotebookRun]:
    ended = {one.name: one for one in load_run(report).notebooks}
    assert set(ended) == set(ENDINGS)
    return ended


def test_failing_check_lets_the_notebook_go_on_and_fails_it(
    endings: dict[str, NotebookRun],
) -> None:
    ended = endings["failing_check"]
    assert (ended.status, ended.reason) == ("failed", "")
    assert [(c.name, c.status) for c in ended.checks] == [
        ("drop at 700 kpps", "failed"),
        ("goes on", "passed"),
    ]
    message = "row.drop_percent <= 0.1\nrow.drop_percent is 0.35\nlook at the ledger"
    assert ended.checks[0].message == message


def test_checks_cell_that_raises_is_a_failed_check(endings: dict[str, NotebookRun]) -> None:
    ended = endings["failing_checks_cell"]
    assert ended.status == "failed"
    assert "1 check failed" in ended.message


def test_exception(endings: dict[str, NotebookRun]) -> None:
    ended = endings["exception"]
    assert (ended.status, ended.reason, ended.cell) == ("error", "exception", 2)
    assert "ZeroDivisionError: division by zero (in cell [2])" in ended.message
    assert "a / 0" in ended.traceback
    assert "\x1b" not in ended.traceback


@pytest.mark.parametrize("way", ["sys_exit", "exit", "quit"])
def test_leaving_early_is_no_success(way: str, endings: dict[str, NotebookRun]) -> None:
    ended = endings[way]
    assert (ended.status, ended.reason, ended.cell) == ("error", "exit", 2), ended


@pytest.mark.parametrize(
    ("way", "cause"),
    [("kernel_ended", "exit code 0"), ("kernel_killed", "SIGKILL"), ("kernel_left", "exit code 3")],
)
def test_dead_kernel(way: str, cause: str, endings: dict[str, NotebookRun]) -> None:
    ended = endings[way]
    assert (ended.status, ended.reason, ended.cell) == ("error", "dead kernel", 2)
    assert ended.message == f"the kernel died in cell [2]: {cause}"
    assert [c.name for c in ended.checks] == ["before"], "whatever it wrote at last"


def test_a_kernel_that_crashed_tells_its_signal(endings: dict[str, NotebookRun]) -> None:
    assert endings["kernel_crashed"].message == "the kernel died in cell [2]: SIGSEGV"


def test_an_error_that_a_magic_keeps_to_itself_is_one(endings: dict[str, NotebookRun]) -> None:
    ended = endings["error_in_a_capture"]
    assert (ended.status, ended.cell) == ("error", 2)
    assert ended.message == "ZeroDivisionError: division by zero (in cell [2])"


def test_what_an_error_says_is_kept_in_short(endings: dict[str, NotebookRun]) -> None:
    ended = endings["many_letters"]
    assert "998,000 letters are left out" in ended.message
    assert len(ended.message) + len(ended.traceback) < 25_000
    assert endings["no_message"].message == "KeyboardInterrupt (in cell [2])"


def test_a_notebook_that_removes_its_folder_is_told_of(endings: dict[str, NotebookRun]) -> None:
    ended = endings["folder_removed"]
    assert ended.status == "error"
    assert "folder_removed" in ended.message
    assert "Traceback" not in ended.message + ended.traceback


def test_killed_engine(report: Path, endings: dict[str, NotebookRun]) -> None:
    ended = endings["engine_killed"]
    assert (ended.status, ended.reason, ended.cell) == ("error", "exception", 3)
    assert "EngineDied: the engine died: SIGKILL" in ended.message
    assert ended.attachments == ("engines.log",)
    log = (report / "engine_killed/engines.log").read_text()
    assert log.startswith("--- engine-labkit-")
    assert "EAL" in log


@pytest.mark.parametrize(
    ("options", "limit"),
    [(("--cell-limit", "1"), "1 s a cell"), (("--limit", "1"), "1 s of the notebook")],
)
def test_time_limit(options: tuple[str, ...], limit: str, tmp_path: Path) -> None:
    ended = run_one(tmp_path, "import time\ntime.sleep(60)", "b = 2", options=options)
    assert (ended.status, ended.reason, ended.cell) == ("error", "time limit", 1)
    assert f"the limit is {limit}" in ended.message
    assert ended.seconds < 30


def test_kernel_that_ignores_the_time_limit_is_killed(tmp_path: Path) -> None:
    stubborn = """
import os, signal, time
open("pid", "w").write(str(os.getpid()))
signal.signal(signal.SIGINT, signal.SIG_IGN)
time.sleep(60)
"""
    ended = run_one(tmp_path, stubborn, options=("--cell-limit", "1"))
    assert (ended.status, ended.reason) == ("error", "time limit")
    assert not psutil.pid_exists(int((tmp_path / "pid").read_text()))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    if os.geteuid() != 0:
        pytest.skip("a file system of its own size needs root")
    disk = tmp_path / "disk"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(disk)]
    subprocess.run(command, check=True)
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def test_full_disk(small_disk: Path, tmp_path: Path) -> None:
    notebook(tmp_path / "nb.ipynb", "print('x' * 500_000)", "b = 2")
    ran = labkit("run", "nb.ipynb", "--report", small_disk / "out", cwd=tmp_path)
    assert ran.returncode == 1
    assert "No space left on device" in ran.stderr
    # The file from before the disk was full is whole.
    assert load_run(small_disk / "out").status in ("passed", "error")


def test_ctrl_c_leaves_nothing_behind(tmp_path: Path) -> None:
    lab = """
import os, labkit as lk
lab = lk.Lab()
a, b = lab.cable()
open("pids", "w").write(f"{os.getpid()} {lab.pid}")
"""
    notebook(tmp_path / "a.ipynb", "import labkit as lk\nlk.check(True, 'done')")
    notebook(tmp_path / "b.ipynb", lab, "import time\ntime.sleep(60)")
    notebook(tmp_path / "c.ipynb", "a = 1")
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    process = subprocess.Popen(
        [LABKIT, "run", "a.ipynb", "b.ipynb", "c.ipynb", "--report", "out"],
        cwd=tmp_path,
        env=os.environ | {"TMPDIR": str(temporary)},
        stderr=subprocess.PIPE,
        text=True,
    )
    pids = tmp_path / "pids"
    wait_for(lambda: pids.exists() and len(pids.read_text().split()) == 2)
    mine = [p.pid for p in psutil.Process(process.pid).children(recursive=True)]
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=120)
    assert process.returncode == 130, said
    run = load_run(tmp_path / "out")
    assert [n.status for n in run.notebooks] == ["passed", "cancelled", "cancelled"]
    started = [*mine, *map(int, pids.read_text().split())]
    wait_for(lambda: not any(map(alive, started)))
    assert list(temporary.iterdir()) == []


def test_runner_that_is_killed_takes_its_kernels_along(tmp_path: Path) -> None:
    cell = "import os\nopen('pid', 'w').write(str(os.getpid()))\nimport time\ntime.sleep(60)"
    notebook(tmp_path / "nb.ipynb", cell)
    process = subprocess.Popen([LABKIT, "run", "nb.ipynb", "--report", "out"], cwd=tmp_path)
    pid = tmp_path / "pid"
    wait_for(lambda: pid.exists() and pid.read_text() != "")
    process.kill()
    process.wait()
    wait_for(lambda: not alive(int(pid.read_text())))
    assert load_run(tmp_path / "out").notebooks == ()


def test_no_notebook_at_all(tmp_path: Path) -> None:
    notebook(tmp_path / "nb.ipynb", "a = 1", tags=["ci"])
    ran = labkit("run", "nb.ipynb", "--tag", "nightly", cwd=tmp_path)
    assert (ran.returncode, "there is no notebook to run" in ran.stderr) == (2, True)
    ran = labkit("run", "other.ipynb", cwd=tmp_path)
    assert (ran.returncode, "there is no such notebook" in ran.stderr) == (2, True)
    (tmp_path / "text.ipynb").write_text("# text")
    ran = labkit("run", "text.ipynb", cwd=tmp_path)
    assert (ran.returncode, "text.ipynb is no notebook" in ran.stderr) == (2, True)


def wait_for(condition: object, seconds: float = 300) -> None:
    end = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < end
        time.sleep(0.05)


def alive(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def test_logs_of_many_engines_are_one_file_in_their_order(tmp_path: Path) -> None:
    for number, name in enumerate(("engine-labkit-1-9.log", "engine-labkit-1-10.log")):
        (tmp_path / name).write_text(f"EAL: {number}\n")
        os.utime(tmp_path / name, (number, number))
    join_logs(tmp_path)
    (log,) = tmp_path.iterdir()
    assert log.name == "engines.log"
    assert log.read_text() == "--- engine-labkit-1-9\nEAL: 0\n\n--- engine-labkit-1-10\nEAL: 1\n"
