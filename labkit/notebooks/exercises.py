# SPDX-License-Identifier: BSD-3-Clause
"""Exercises: a notebook is kept as students get it, with each solution in its cell's metadata.

An exercise is a code cell tagged `exercise`. Its source is what students start from, such as
`answer = ...`; {"labkit": {"solution": "answer = 42"}} in its metadata is the solution. lk.check
with answer= tells what is wrong with an answer, and nothing while there is none.
"""

import copy
from collections.abc import Iterator, Mapping
from typing import Any

from labkit.errors import LabError
from labkit.notebooks.document import source_of, tags_of

EXERCISE, SOLVED = "exercise", "solved"


def solved(document: Mapping[str, Any]) -> dict[str, Any]:
    """The instructor's version: solutions in place, the students' cells kept in the metadata."""
    found = copy.deepcopy(dict(document))
    for number, cell in _exercises(found):
        settings = cell["metadata"].get("labkit", {})
        if "solution" not in settings:
            raise LabError(
                f"cell {number} is an exercise without a solution; its metadata lacks "
                '{"labkit": {"solution": "…"}}'
            )
        settings["start"] = cell["source"]
        cell["source"] = settings.pop("solution")
        cell["metadata"]["tags"].append(SOLVED)
    return found


def folded(document: Mapping[str, Any]) -> dict[str, Any]:
    """The students' version of an instructor's one, whose solutions may have been edited."""
    found = copy.deepcopy(dict(document))
    for _, cell in _exercises(found):
        settings = cell["metadata"].get("labkit", {})
        if "start" in settings:
            settings["solution"] = source_of(cell)
            cell["source"] = settings.pop("start")
            cell["metadata"]["tags"].remove(SOLVED)
        if cell["cell_type"] == "code":
            cell["outputs"], cell["execution_count"] = [], None
    return found


def count_exercises(document: Mapping[str, Any]) -> int:
    """How many exercises a notebook has."""
    return sum(1 for _ in _exercises(document))


def _exercises(document: Mapping[str, Any]) -> Iterator[tuple[int, dict[str, Any]]]:
    for number, cell in enumerate(document["cells"], 1):
        if EXERCISE in tags_of(cell):
            yield number, cell
