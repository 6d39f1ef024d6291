# SPDX-License-Identifier: BSD-3-Clause
"""What a run of notebooks left: results.json, and the tables beside it."""

import json
import os
import shutil
import tempfile
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labkit.errors import LabError
from labkit.notebooks.json_file import read_json
from labkit.notebooks.records import CheckList
from labkit.notebooks.report.comparison import RunComparison
from labkit.notebooks.report.notebook_run import NotebookRun, Status
from labkit.notebooks.report.series import Notebook, Series
from labkit.notebooks.report.verdicts import compare

if TYPE_CHECKING:
    import pandas as pd

# A reader fills in what earlier writers of its format did not know; a new number is for what it
# would misread.
FORMAT = 1
RUN_FILE = "results.json"
TABLE_FILE = "results.parquet"
REPORT_FILE = "report.html"  # of a notebook
# Of an unpacked zip; results are text, tables and pictures, not gigabytes.
MOST_UNPACKED_BYTES = 4 << 30


@dataclass(frozen=True)
class Run:
    """A run of notebooks: `status`, `checks` and `results` as tables, `tables` that were recorded.

    Attributes
    ----------
    notebooks: in the order they were given
    started_at: ISO 8601, UTC
    seconds: wall time
    labkit: version that ran it
    path: its folder, where it has one
    opened: what it was read from, such as the zip of the folder
    origin: commit, branch, whether the working tree was dirty, and the link of a CI run; what is
        not known is missing
    regressions: results that failed the run, each as a sentence
    pending: notebooks that had not ended when this was written; none of a run that came to its end
    """

    notebooks: tuple[NotebookRun, ...]
    started_at: str = ""
    seconds: float = 0.0
    labkit: str = ""
    path: Path | None = field(default=None, compare=False)
    opened: Path | None = field(default=None, compare=False)
    _unpacked: Any = field(default=None, compare=False, repr=False)
    origin: Mapping[str, Any] = field(default_factory=dict)
    regressions: tuple[str, ...] = ()
    pending: tuple[NotebookRun, ...] = ()

    @property
    def status(self) -> Status:
        """As the command's exit code told: the worst of its notebooks' statuses; failed when
        results were worse than the baseline's; error of a run that was killed, or still runs."""
        if self.pending or not self.notebooks:
            return "error"
        statuses = {notebook.status for notebook in self.notebooks}
        order: tuple[Status, ...] = ("cancelled", "error", "failed")
        worst: Status = next((status for status in order if status in statuses), "passed")
        return "failed" if worst == "passed" and self.regressions else worst

    @property
    def all_notebooks(self) -> tuple[NotebookRun, ...]:
        """Those that ended, and those that had not."""
        return (*self.notebooks, *self.pending)

    @property
    def tally(self) -> str:
        """How many checks passed, and how many exercises nobody answered; empty without any."""
        return CheckList(check for n in self.notebooks for check in n.checks).tally

    @property
    def troubles(self) -> list[str]:
        """What made it fail: notebooks by title, and regressions."""
        titles = [n.title for n in self.notebooks if n.status != "passed"]
        return [*titles, *(f"{n.title} (not ended)" for n in self.pending), *self.regressions]

    @property
    def checks(self) -> "pd.DataFrame":
        """One row a check: notebook, repeat, check, status, message."""
        from labkit.tables.table import Table  # pandas is slow to load

        rows = [
            (n.name, n.repeat, c.name, c.status, "" if c.status == "passed" else c.message)
            for n in self.notebooks
            for c in n.checks
        ]
        return Table(rows, columns=["notebook", "repeat", "check", "status", "message"])

    @property
    def results(self) -> "pd.DataFrame":
        """One row a measured value: notebook, repeat, name, value, unit, better, noise (standard
        deviation in unit, missing where unknown)."""
        from labkit.tables.table import Table  # pandas is slow to load

        rows = [
            (n.name, n.repeat, r.name, value, r.unit, r.better, r.noise)
            for n in self.notebooks
            for r in n.results
            for value in r.values
        ]
        columns = ["notebook", "repeat", "name", "value", "unit", "better", "noise"]
        frame = Table(rows, columns=columns)
        return frame.astype({"value": float, "noise": float, "repeat": int})

    @property
    def tables(self) -> "dict[str, pd.DataFrame]":
        """Tables that notebooks recorded, by "notebook/table"; of repeats, "notebook #2/table"."""
        import pandas as pd

        from labkit.tables.table import Table

        if self.path is None:
            return {}
        found: dict[str, pd.DataFrame] = {}
        for notebook in self.notebooks:
            for name, file in notebook.tables.items():
                table = self.path / notebook.folder / file
                found[f"{notebook.title}/{name}"] = Table(pd.read_parquet(table))
        return found

    def compare(
        self, before: "Run", minimal_effect: float = 0.05, *, name: str = ""
    ) -> RunComparison:
        """How results differ from those of an earlier run: `table`, `plot()`, `environment`.

        minimal_effect: differences below this share of the former mean are none
        name: what the earlier run is called; empty: by the time it started
        """
        old, new = notebooks_of([before]), notebooks_of([self])
        title = name or f"the run of {before.started_at}"
        found = compare(old, new, title, minimal_effect)
        gone = tuple(f"{notebook} was not run now" for notebook in old if notebook not in new)
        return replace(found, warnings=(*found.warnings, *gone))

    def save(self, folder: Path) -> None:
        """Writes results.json; what was there before stays until it is done."""
        document = {
            "kind": "run of notebooks",
            "format": FORMAT,
            "labkit": self.labkit,
            "started_at": self.started_at,
            "seconds": round(self.seconds, 3),
            "status": self.status,
            "origin": self.origin,
            "regressions": self.regressions,
            "notebooks": [asdict(notebook) for notebook in self.notebooks],
            "pending": [asdict(notebook) for notebook in self.pending],
        }
        write_whole(folder / RUN_FILE, json.dumps(document, indent=1, ensure_ascii=False))

    def __repr__(self) -> str:
        lines = [f"<Run of {self.started_at}: {self.status}, {self.seconds:.1f} s>"]
        for n in self.notebooks:
            checks = f" checks {n.tally}," if n.checks else ""
            lines.append(f"  {n.title}: {n.status},{checks} {n.seconds:.1f} s")
        lines += [f"  {n.title}: had not ended" for n in self.pending]
        lines += [f"  {regression}" for regression in self.regressions]
        return "\n".join(lines)


def notebooks_of(runs: Iterable[Run]) -> dict[str, Notebook]:
    """What runs have to compare, by the name of the notebook; the runs' values one after another.

    Of a notebook that did not come to its end there is nothing to compare but that.
    """
    found: dict[str, Notebook] = {}
    for run in runs:
        for n in run.all_notebooks:
            earlier = found.get(n.name, Notebook(n.parameters, is_whole=False))
            if n.status in ("error", "cancelled"):
                broken = (*earlier.broken, n.how_it_ended)
                found[n.name] = replace(earlier, broken=broken)
                continue
            results = dict(earlier.results)
            for r in n.results:
                before = results[r.name].runs if r.name in results else ()
                results[r.name] = Series((*before, r.values), r.unit, r.better, r.noise)
            found[n.name] = Notebook(
                n.parameters,
                tuple(dict.fromkeys([*earlier.checks, *(c.name for c in n.checks)])),
                results,
                n.machine,
                n.environment,
                tuple(dict.fromkeys([*earlier.failed, *(c.name for c in n.failed_checks)])),
                earlier.broken,
            )
    return found


def is_run(path: Path) -> bool:
    """Whether this is the folder of a run of notebooks, its results.json, or the folder's zip."""
    if path.is_dir():
        return (path / RUN_FILE).is_file()
    if path.suffix == ".zip" and zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            return any(Path(name).name == RUN_FILE for name in archive.namelist())
    return path.name == RUN_FILE and path.is_file()


def load_run(path: Path) -> Run:
    """Opens a run's folder, its results.json, or a zip of the folder."""
    if path.suffix != ".zip" or not path.is_file():
        return _read_run(path if path.is_dir() else path.parent, path)
    unpacked = tempfile.TemporaryDirectory(prefix="labkit-zip-")
    folder = _unpack(path, Path(unpacked.name))
    try:
        return _read_run(folder, path, unpacked)
    except LabError as error:  # where it was unpacked to is gone, and was nobody's choice
        raise type(error)(str(error).replace(f"{folder}/", f"{path}: ")) from None


def _read_run(folder: Path, opened: Path, unpacked: Any = None) -> Run:
    document = read_document(folder / RUN_FILE, "run of notebooks", FORMAT)
    try:
        notebooks = tuple(NotebookRun.from_dict(n) for n in document["notebooks"])
        pending = tuple(NotebookRun.from_dict(n) for n in document.get("pending", ()))
    except (KeyError, TypeError, AttributeError) as error:
        raise LabError(f"{folder / RUN_FILE} is not whole: {error!r}") from None
    return Run(
        notebooks,
        document.get("started_at", ""),
        document.get("seconds", 0.0),
        document.get("labkit", ""),
        folder,
        opened,
        unpacked,
        document.get("origin", {}),
        tuple(document.get("regressions", ())),
        pending,
    )


def read_document(path: Path, kind: str, newest: int) -> dict[str, Any]:
    """A JSON file of ours; LabError when it cannot be read, is another file, or comes from a labkit
    later than this one."""
    document = read_json(path, "is damaged")
    if not isinstance(document, dict) or document.get("kind") != kind:
        raise LabError(f"{path} is no {kind}")
    written = document.get("format")
    if not isinstance(written, int) or not 1 <= written <= newest:
        raise LabError(
            f"{path} has format {written!r}, written by labkit {document.get('labkit', '?')}; this "
            f"labkit reads formats 1 to {newest}: pip install --upgrade labkit"
        )
    return document


def write_whole(path: Path, text: str) -> None:
    """Writes a file so that it is either the old or the new one, on a full disk too."""
    partial = path.with_name(f".{path.name}.partial")
    try:
        # Half of a pair of UTF-16 is no character, but may stand in a notebook. JSON takes it so.
        with partial.open("w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def _unpack(archive: Path, folder: Path) -> Path:
    """Unpacks a zip of a run, and returns the folder of its results.json."""
    with zipfile.ZipFile(archive) as file:
        size = sum(info.file_size for info in file.infolist())
        free = shutil.disk_usage(folder).free
        if size > min(MOST_UNPACKED_BYTES, free):
            raise LabError(
                f"{archive} unpacks to {size >> 20} MiB; the limit is "
                f"{min(MOST_UNPACKED_BYTES, free) >> 20} MiB (unpack it, and load the folder)"
            )
        file.extractall(folder)  # zipfile keeps names within the folder
    found = sorted(folder.rglob(RUN_FILE), key=lambda path: len(path.parts))
    if not found:
        raise LabError(f"{archive} has no {RUN_FILE}; it is no run of notebooks")
    return found[0].parent
