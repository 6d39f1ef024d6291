# SPDX-License-Identifier: BSD-3-Clause
"""labkit new: a notebook to begin with."""

import json
from importlib.resources import files
from pathlib import Path

from labkit.errors import LabError

TEMPLATE = files("labkit.notebooks") / "templates" / "experiment.ipynb"


def make_notebook(name: str) -> Path:
    """Writes NAME.ipynb from the template; never over another file."""
    path = Path(name if name.endswith(".ipynb") else f"{name}.ipynb")
    title = path.name.removesuffix(".ipynb").replace("_", " ").strip().capitalize()
    if not title:
        raise LabError(f"{name!r} is no name for a notebook; such as my_experiment")
    text = TEMPLATE.read_text(encoding="utf-8").replace("TITLE", json.dumps(title)[1:-1])
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise LabError(f"{path} exists already; choose another name") from None
    except OSError as error:
        raise LabError(f"{path} cannot be written: {error.strerror}") from None
    return path
