# SPDX-License-Identifier: BSD-3-Clause
"""How JupyterLab is opened for a lab: at its first page, on loopback, with nothing popping up.

lab/labconfig/ holds defaults of JupyterLab's settings: no news, no look for updates, and a file
browser whose names have its whole width. What a user has chosen in its settings goes before them.
"""

import os
import sys
from pathlib import Path
from typing import NoReturn

from labkit.errors import LabError

START = "00_start.ipynb"
PORT = 8888
CONFIG = Path(__file__).parent / "lab"


def lab_command(folder: str | Path, *, port: int = PORT, browser: bool | None = None) -> list[str]:
    """The command that starts JupyterLab over a folder; to be run with lab_environment().

    folder: where the file browser begins; its 00_start.ipynb is opened if there is one
    port: TCP port of 127.0.0.1; JupyterLab takes a later one where that is in use
    browser: whether to open one; None: where there is a display
    """
    place = Path(folder).resolve()
    if not place.is_dir():
        raise LabError(f"{str(folder)!r} is no folder; name the one that holds the notebooks")
    if browser is None:
        browser = bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
    command = [sys.executable, "-m", "jupyterlab", f"--notebook-dir={place}"]
    command += ["--ip=127.0.0.1", f"--port={port}"]
    if (place / START).is_file():
        command.append(f"--LabApp.default_url=/lab/tree/{START}")
    if not browser:
        command.append("--no-browser")
    if os.geteuid() == 0:
        command.append("--allow-root")
    return command


def lab_environment() -> dict[str, str]:
    """The environment of that command: this one, and where JupyterLab finds the lab's defaults."""
    paths = filter(None, (os.environ.get("JUPYTER_CONFIG_PATH"), str(CONFIG)))
    return {**os.environ, "JUPYTER_CONFIG_PATH": os.pathsep.join(paths)}


def open_lab(folder: str | Path, *, port: int = PORT, browser: bool | None = None) -> NoReturn:
    """Starts JupyterLab in place of this process."""
    command = lab_command(folder, port=port, browser=browser)
    os.execvpe(command[0], command, lab_environment())
