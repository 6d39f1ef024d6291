# SPDX-License-Identifier: BSD-3-Clause
"""Exercises: a notebook is kept as students get it, and its solutions in a file of their own.

An exercise is a code cell tagged `exercise`. Its source is what students start from, such as
`answer = ...`. The solutions are a file of JSON that students do not get: by the id of a cell, the
lines of its solution. lk.check with answer= tells what is wrong with an answer, and nothing while
there is none.
"""

import copy
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from labkit.errors import LabError
from labkit.notebooks.document import source_of, tags_of
from labkit.notebooks.json_file import read_json

EXERCISE, SOLVED = "exercise", "solved"
Solutions = dict[str, str]  # by the id of a cell


def solved(document: Mapping[str, Any], solutions: Mapping[str, str]) -> dict[str, Any]:
    """The teacher's version: solutions in place, the students' cells kept in the metadata."""
    found = copy.deepcopy(dict(document))
    for number, cell in _exercises(found):
        if SOLVED in tags_of(cell):
            raise LabError(f"cell {number} is solved already; this is the teacher's version")
        if cell.get("id") not in solutions:
            raise LabError(
                f"cell {number}, id {cell.get('id')!r}, is an exercise without a solution; the "
                f"solutions are of the ids {', '.join(solutions) or 'none'}"
            )
        cell["metadata"].setdefault("labkit", {})["start"] = cell["source"]
        cell["source"] = solutions[cell["id"]]
        cell["metadata"]["tags"].append(SOLVED)
    return found


def folded(document: Mapping[str, Any]) -> tuple[dict[str, Any], Solutions]:
    """The students' version of a teacher's one, and the solutions that it had. It has no outputs,
    which might tell a solution."""
    found = copy.deepcopy(dict(document))
    solutions: Solutions = {}
    for number, cell in _exercises(found):
        settings = cell["metadata"].pop("labkit", {})
        if "start" not in settings:
            raise LabError(
                f"cell {number} is an exercise that is not solved; its metadata lacks "
                '{"labkit": {"start": "answer = ..."}}, what students start from'
            )
        if not cell.get("id"):
            raise LabError(f"cell {number} has no id; open and save the notebook in JupyterLab")
        solutions[cell["id"]] = source_of(cell)
        cell["source"] = settings.pop("start")
        cell["metadata"]["tags"].remove(SOLVED)
        if settings:
            cell["metadata"]["labkit"] = settings
    for cell in found["cells"]:
        if cell["cell_type"] == "code":
            cell["outputs"], cell["execution_count"] = [], None
    return found, solutions


def read_solutions(path: Path) -> Solutions:
    """The solutions of a file; LabError where it holds none."""
    found = read_json(path, "holds no solutions")
    if not isinstance(found, dict):
        raise LabError(f'{path} holds no solutions, such as {{"cell-16": ["answer = 42"]}}')
    for key, lines in found.items():
        if not isinstance(lines, list) or not all(isinstance(line, str) for line in lines):
            raise LabError(f'{path}: the solution of {key!r} is no list of lines ["answer = 42"]')
    return {key: "\n".join(lines) for key, lines in found.items()}


def write_solutions(solutions: Mapping[str, str], path: Path) -> None:
    """Writes solutions as read_solutions has them."""
    lines = {key: source.split("\n") for key, source in solutions.items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(lines, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def solutions_of(notebook: Path, folder: Path) -> Solutions:
    """The solutions of a notebook in a folder of them, none where it has none there."""
    path = folder / f"{notebook.stem}.json"
    return read_solutions(path) if path.exists() else {}


def count_exercises(document: Mapping[str, Any]) -> int:
    """How many exercises a notebook has."""
    return sum(1 for _ in _exercises(document))


def _exercises(document: Mapping[str, Any]) -> Iterator[tuple[int, dict[str, Any]]]:
    for number, cell in enumerate(document["cells"], 1):
        if EXERCISE in tags_of(cell):
            yield number, cell
