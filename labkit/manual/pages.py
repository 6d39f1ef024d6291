# SPDX-License-Identifier: BSD-3-Clause
"""The built pages: where they are, and which one explains a name."""

import json
import os
import webbrowser
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from labkit.errors import LabError

PACKAGE = Path(__file__).parents[1]
# Inside the package when installed; what `make docs` built in a checkout.
FOLDERS = (PACKAGE / "data/docs", PACKAGE.parent / "build/docs/html")
LOOPBACK = "127.0.0.1"


def folder() -> Path | None:
    """Where the pages are; None when this installation has none."""
    return next((folder for folder in FOLDERS if (folder / "index.html").is_file()), None)


def missing() -> str:
    """Why there are none, and what to do."""
    if (PACKAGE.parent / "pyproject.toml").is_file():
        return "the pages are not built yet: run `make docs` in the checkout"
    return "this installation was built without the pages; `make docs` in a checkout builds them"


@dataclass(frozen=True)
class Names:
    """What the pages know of names; nothing without pages.

    Attributes
    ----------
    places: the page of each, and the place on it
    texts: what the pages say of a word or an error
    """

    places: dict[str, str] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)


def names() -> Names:
    """Of the pages that there are."""
    where = folder()
    if where is None:
        return Names()
    found = json.loads((where / "names.json").read_text(encoding="utf-8"))
    return Names(found["places"], found["texts"])


def spellings(name: str) -> Iterator[str]:
    """The names under which the pages may have what is called so."""
    plain = name.removeprefix("lk.")
    last = plain.rpartition("/")[2]
    yield from (plain, last, plain.rpartition(".")[2], f"drop_{plain}")


def open_page(address: str) -> str:
    """Opens a page in a browser where there is a display. Returns its URL."""
    where = folder()
    if where is None:
        raise LabError(missing())
    page, _, anchor = address.partition("#")
    url = (where / page).as_uri() + (f"#{anchor}" if anchor else "")
    if os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"):
        webbrowser.open(url)
    return url


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # as its base has it
        """Nothing: a line a file would hide the address."""


def server(port: int) -> ThreadingHTTPServer:
    """A server of the pages on the loopback interface; port 0: any that is free."""
    where = folder()
    if where is None:
        raise LabError(missing())
    try:
        return ThreadingHTTPServer((LOOPBACK, port), partial(_Quiet, directory=str(where)))
    except OSError as error:
        raise LabError(
            f"port {port} on {LOOPBACK}: {error.strerror}; give another one, or 0 for any"
        ) from None
