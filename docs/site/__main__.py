# SPDX-License-Identifier: BSD-3-Clause
"""make docs: the documentation in build/docs/html. A warning is an error.

python -m docs.site [--execute]
"""

import shutil
import sys
from pathlib import Path

from sphinx.cmd.build import build_main

from docs.site import api, links, pages, reference, tutorials

BUILD = pages.ROOT / "build/docs"
SOURCE, HTML = BUILD / "source", BUILD / "html"


def main(execute: bool) -> int:
    """The exit code: 0 when the pages are there and whole."""
    shutil.rmtree(SOURCE, ignore_errors=True)
    shutil.rmtree(HTML, ignore_errors=True)  # a page that is gone is gone
    for folder in ("tutorials", "reference", "api"):
        (SOURCE / folder).mkdir(parents=True)
    pages.write(SOURCE)
    tutorials.write(SOURCE / "tutorials", execute)
    reference.write(SOURCE / "reference")
    api.write(SOURCE / "api")
    settings = str(Path(__file__).parent)
    options = ["-W", "--keep-going", "-q", "-j", "auto", "-c", settings, "-d", str(BUILD / "read")]
    if status := build_main(["-b", "html", *options, str(SOURCE), str(HTML)]):
        return status
    shutil.rmtree(HTML / ".doctrees", ignore_errors=True)
    wrong = links.wrong(HTML)
    print(*wrong, sep="\n", end="\n" if wrong else "")
    print(f"the documentation: {HTML / 'index.html'}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main("--execute" in sys.argv[1:]))
