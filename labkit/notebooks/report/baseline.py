# SPDX-License-Identifier: BSD-3-Clause
"""Baselines: what results were when somebody accepted them, as files to be committed."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from labkit.errors import LabError
from labkit.machine.description import differences
from labkit.notebooks.report.results import Run, notebooks_of, read_document, write_whole
from labkit.notebooks.report.series import Notebook, Series
from labkit.text import near

FORMAT = 1
FOLDER = Path("baselines")
MOST_RUNS = 20  # older ones leave, so that noise is that of late
DIGITS = 8
WITHOUT_ADD, ONE_RUN = "accept without --add", "accept one of the runs alone"


@dataclass(frozen=True)
class Baseline:
    """Accepted results by notebook, from one run or several."""

    name: str
    notebooks: dict[str, Notebook]
    accepted_at: str = ""

    def save(self, path: Path) -> None:
        """Writes the file; its lines are in a fixed order, so that a commit shows what changed."""
        document = {
            "kind": "baseline",
            "format": FORMAT,
            "labkit": version("labkit"),
            "name": self.name,
            "accepted_at": self.accepted_at,
            "notebooks": {name: _as_dict(n) for name, n in sorted(self.notebooks.items())},
        }
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, json.dumps(document, indent=1, ensure_ascii=False) + "\n")


def baseline_path(name: str, folder: Path = FOLDER) -> Path:
    """Where a baseline of this name is kept; a name that ends in .json is a path itself."""
    if name.endswith(".json"):
        return Path(name)
    if not name or Path(name).name != name:
        raise LabError(
            f"baseline is {name!r}; write a name such as main, or a path to a .json file"
        )
    return folder / f"{name}.json"


def load_baseline(path: Path) -> Baseline:
    """Reads a baseline; LabError when there is none or it cannot be read."""
    if not path.exists():
        there = near(path.stem, sorted(file.stem for file in path.parent.glob("*.json")))
        text = f"there is no baseline {path}; labkit baseline accept makes one from a run"
        raise LabError(f"{text}{there}")
    document = read_document(path, "baseline", FORMAT)
    try:
        notebooks = {name: _from_dict(n) for name, n in document["notebooks"].items()}
        return Baseline(document["name"], notebooks, document.get("accepted_at", ""))
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise LabError(f"{path} is damaged: {error!r}") from None


def accept(runs: Sequence[Run], name: str, earlier: Baseline | None = None) -> Baseline:
    """A baseline from runs, all of which passed. Notebooks of `earlier` that the runs lack stay; of
    those they have, the runs are added to the earlier ones, so that noise is known better."""
    found: dict[str, Notebook] = {}
    for run in runs:
        # Results that were worse than a baseline's are what an accepted change looks like.
        judged = replace(run, regressions=())
        if judged.status != "passed":
            how = "did not end" if judged.status == "error" else judged.status
            troubled = ", ".join(judged.troubles) or "no notebook ended"
            raise LabError(
                f"{run.opened or run.path}: the run {how} ({troubled}); accept one that passed"
            )
        for name, notebook in notebooks_of([run]).items():
            found[name] = _joined(name, found.get(name), notebook, "another run's", ONE_RUN)
    if not any(notebook.results or notebook.checks for notebook in found.values()):
        raise LabError("nothing was recorded in these runs; lk.record_result and lk.check do that")
    if earlier:
        found = {
            n: _joined(
                n, earlier.notebooks.get(n), found.get(n), "the baseline's", "accept without --add"
            )
            for n in dict.fromkeys([*earlier.notebooks, *found])
        }
    return Baseline(name, found, datetime.now(UTC).isoformat(timespec="seconds"))


def _joined(
    name: str, old: Notebook | None, new: Notebook | None, whose: str, way_out: str
) -> Notebook:
    if old is None or new is None:
        return new or old or Notebook()
    for what in ("parameters", "machine"):
        if other := differences(getattr(old, what), getattr(new, what)):
            text = ", ".join(f"{k} was {a}, is {b}" for k, (a, b) in other.items())
            raise LabError(f"{name}: other {what} than {whose}, {text}; {way_out}")
    results = {}
    for result, series in new.results.items():
        before = old.results[result].runs if result in old.results else ()
        results[result] = replace(series, runs=(*before, *series.runs)[-MOST_RUNS:])
    return replace(new, results=results)


def _as_dict(notebook: Notebook) -> dict[str, Any]:
    return {
        "parameters": notebook.parameters,
        "machine": notebook.machine,
        "environment": notebook.environment,
        "checks": sorted(notebook.checks),
        "results": {
            name: {
                "unit": s.unit,
                "better": s.better,
                "noise": None if s.noise is None else float(f"{s.noise:.{DIGITS}g}"),
                "runs": [[float(f"{value:.{DIGITS}g}") for value in run] for run in s.runs],
            }
            for name, s in sorted(notebook.results.items())
        },
    }


def _from_dict(document: dict[str, Any]) -> Notebook:
    results = {
        name: Series(
            tuple(tuple(map(float, run)) for run in r["runs"]),
            r.get("unit", ""),
            r.get("better"),
            r.get("noise"),
        )
        for name, r in document["results"].items()
    }
    return Notebook(
        document.get("parameters", {}),
        tuple(document.get("checks", ())),
        results,
        document.get("machine", {}),
        document.get("environment", {}),
    )
