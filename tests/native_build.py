# SPDX-License-Identifier: BSD-3-Clause
"""Other builds of the native modules, and a Python that runs labkit with them."""

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

ROOT = Path(__file__).parents[1]


def build(name: str, *options: str) -> Path:
    """Builds native/ with these CMake options in build/<name>; returns a folder with a labkit that
    has the modules. Quick when nothing changed."""
    folder = ROOT / "build" / name
    tools = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    for command in (
        [
            *("cmake", "-S", ROOT / "native", "-B", folder, "-G", "Ninja", "-DLABKIT_WIDGETS=OFF"),
            *("-DCMAKE_BUILD_TYPE=Release", f"-DPython_EXECUTABLE={sys.executable}", *options),
        ],
        ["cmake", "--build", folder],
    ):
        ran = subprocess.run(command, env=os.environ | tools, capture_output=True, text=True)
        assert ran.returncode == 0, ran.stdout + ran.stderr
    package = folder / "package"
    shutil.rmtree(package, ignore_errors=True)
    shutil.copytree(
        ROOT / "labkit", package / "labkit", ignore=shutil.ignore_patterns("__pycache__")
    )
    shutil.copytree(ROOT / "datasets", package / "labkit/data/datasets")
    for module in folder.glob("*.so"):
        shutil.copy(module, package / "labkit")
    return package


def run(package: Path, code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs code with that labkit.

    With the interpreter below the virtual environment: it reads no .pth files, so the editable
    install does not come first.
    """
    path = f"{package}:{sysconfig.get_path('purelib')}"
    return subprocess.run(
        [sys._base_executable, "-c", code],
        cwd=package,
        env=os.environ | {"PYTHONPATH": path} | environment,
        capture_output=True,
        text=True,
        timeout=500,
    )
