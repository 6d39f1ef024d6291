# SPDX-License-Identifier: BSD-3-Clause
"""The lessons as pages: the notebooks of notebooks/, with the outputs of a run where there is one.

A run takes minutes, so that it is made on demand (`make docs DOCS_EXECUTE=1`) and kept in
build/docs/executed under a hash of the notebook and of the library. Without one the page has no
outputs, and says so.
"""

import hashlib
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from docs.site.pages import moved, places_in

ROOT = Path(__file__).parents[2]
NOTEBOOKS = ROOT / "notebooks"
EXECUTED = ROOT / "build/docs/executed"
HTML = "text/html"
START = "00_start"
HREF = re.compile(r"""(\bhref=["'][\w-]+)\.ipynb""")  # of another lesson
WIDGETS = "application/vnd.jupyter.widget-view+json"

WITHOUT = (
    "This page shows the notebook without its outputs. Run it in JupyterLab, or have it run into a "
    "report: `labkit run notebooks/{name}.ipynb --report out`."
)
WITH = "The outputs are those of a run of this version. Live views have left their last picture."


def write(folder: Path, execute: bool) -> None:
    """The pages."""
    places = places_in(folder.parent)
    library = _library()
    for file in sorted(NOTEBOOKS.glob("*.ipynb")):
        if file.stem == START:
            continue  # it shows what is here, and what is met on a machine
        kept = EXECUTED / f"{file.stem}-{_hash(file.read_bytes(), library)}.ipynb"
        if execute and not kept.exists():
            _execute(file, kept)
        notebook = json.loads((kept if kept.exists() else file).read_text())
        _prepare(notebook, (WITH if kept.exists() else WITHOUT).format(name=file.stem))
        for cell in notebook["cells"]:
            if cell["cell_type"] == "markdown":
                text = "".join(cell["source"])
                cell["source"] = HREF.sub(r"\1.html", moved(text, file, folder / file.name, places))
        (folder / file.name).write_text(json.dumps(notebook))


def _execute(file: Path, kept: Path) -> None:
    """Runs a notebook as CI does; one that fails here is shown without outputs."""
    EXECUTED.mkdir(parents=True, exist_ok=True)
    report = EXECUTED / "run" / file.stem
    command = [
        str(Path(sys.executable).with_name("labkit")),
        "run",
        str(file),
        "--report",
        str(report),
    ]
    done = subprocess.run(command, cwd=ROOT)
    if done.returncode == 0:
        kept.write_text((report / file.stem / file.name).read_text())
    else:
        print(f"{file.name}: it failed ({report}), and is shown without outputs")


def _prepare(notebook: dict[str, Any], note: str) -> None:
    """Puts a note below the title; takes away what a page cannot show."""
    notebook["metadata"].pop("widgets", None)
    title = notebook["cells"][0]
    head, _, rest = "".join(title["source"]).partition("\n")
    title["source"] = f"{head}\n\n:::{{note}}\n{note}\n:::\n{rest}"
    for cell in notebook["cells"]:
        cell.setdefault("metadata", {}).pop("labkit", None)  # solutions of exercises
        for output in cell.get("outputs", ()):
            data = output.get("data", {})
            data.pop(WIDGETS, None)
            if HTML in data:
                data[HTML] = HREF.sub(r"\1.html", "".join(data[HTML]))


def _library() -> bytes:
    files = sorted([*(ROOT / "labkit").rglob("*.py"), *(ROOT / "native").rglob("*.[ch]")])
    return b"".join(file.read_bytes() for file in files)


def _hash(*parts: bytes) -> str:
    return hashlib.sha256(b"".join(parts)).hexdigest()[:16]
