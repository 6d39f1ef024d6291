# SPDX-License-Identifier: BSD-3-Clause
"""Stored results are analysed on a machine without DPDK: no native module, no Linux needed."""

import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

from labkit.notebooks.source import read_notebook, source_of

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def pure(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """labkit as `pip install . -C cmake.define.LABKIT_NATIVE=OFF` installs it."""
    folder = tmp_path_factory.mktemp("pure")
    command = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation"]
    options = ["-C", "cmake.define.LABKIT_NATIVE=OFF", "-C", f"build-dir={folder / 'build'}"]
    subprocess.run([*command, *options, "-w", folder, ROOT], check=True, timeout=500)
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        assert not [name for name in names if name.endswith(".so")]
        assert "labkit/notebooks/templates/page.css" in names
        archive.extractall(folder / "site")
    return folder / "site"


def run_python(pure: Path, code: str) -> subprocess.CompletedProcess[str]:
    """Without site, and so without the editable install of this labkit."""
    paths = [str(pure), sysconfig.get_path("purelib"), sysconfig.get_path("platlib")]
    # What macOS has not: Linux's own calls of the os module.
    linux_only = "for name in ('sched_getaffinity', 'sched_setaffinity', 'memfd_create'):\n"
    linux_only += "    os.__dict__.pop(name, None)\n"
    head = f"import os, sys\nsys.path[:0] = {paths!r}\nsys.platform = 'darwin'\n{linux_only}"
    return subprocess.run(
        [sys.executable, "-S", "-c", head + code],
        cwd=ROOT / "notebooks",
        env={"MPLBACKEND": "agg", "PATH": "/nowhere", "HOME": str(pure)},
        capture_output=True,
        text=True,
        timeout=400,
    )


def test_comparing_notebook_runs(pure: Path) -> None:
    cells = read_notebook(ROOT / "notebooks/07_compare_runs.ipynb").document["cells"]
    code = "\n".join(source_of(cell) for cell in cells if cell["cell_type"] == "code")
    code += "\nassert 'better' in comparison._repr_html_()"
    where = "assert lk.__file__.startswith(sys.path[0]), lk.__file__\n"
    absent = "assert not any('labkit._' in name for name in sys.modules)\n"
    ran = run_python(pure, f"{code}\n{where}{absent}")
    assert ran.returncode == 0, ran.stderr
    assert "all checks passed" in ran.stdout


def test_a_lab_says_what_is_missing(pure: Path) -> None:
    ran = run_python(pure, "import labkit as lk\nlk.Lab()")
    assert ran.returncode != 0
    assert "LABKIT_NATIVE" in ran.stderr, ran.stderr
