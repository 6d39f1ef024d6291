# SPDX-License-Identifier: BSD-3-Clause
"""A lesson as it is kept: its code, its exercises, and the checks that give points."""

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from labkit.errors import LabError
from labkit.notebooks.document import source_of, tags_of
from labkit.notebooks.exercises import EXERCISE
from labkit.notebooks.source import PARAMETERS, is_executed, parse_cell, read_notebook
from labkit.text import near

PACKAGE = Path(__file__).parents[2]
# Beside the package in a checkout, inside it when installed
FOLDERS = (PACKAGE / "data/notebooks", PACKAGE.parent / "notebooks")
CELL_MAGIC = "%%"


@dataclass(frozen=True)
class Exercise:
    """A cell that students fill in.

    Attributes
    ----------
    id: of the cell
    names: the variables that it sets, none where the cell is a magic's
    start: what students find in it
    """

    id: str
    names: tuple[str, ...]
    start: str

    @property
    def magic(self) -> str:
        """The first line of a cell in another language, such as `%%node ttl`; else empty."""
        first = self.start.split("\n", 1)[0].strip()
        return first if first.startswith(CELL_MAGIC) else ""


@dataclass(frozen=True)
class Lesson:
    """What answers are judged by.

    Attributes
    ----------
    name: the file's, without its ending
    cells: (id, code) of those that run, up to the last check of an exercise
    exercises: in their order
    checks: by the name of a check that has an answer the exercise whose answer it is
    folder: where its files are
    """

    name: str
    cells: tuple[tuple[str, str], ...]
    exercises: tuple[Exercise, ...]
    checks: dict[str, str]
    folder: str = ""

    @classmethod
    def read(cls, path: Path, given: Mapping[str, Any] = MappingProxyType({})) -> "Lesson":
        """The lesson of a file; LabError where it has no exercise, or none that is checked.

        given: values of its parameters by name, such as a shorter time
        """
        source = read_notebook(path)
        values = source.values(given)
        document = source.tagged()
        code = [
            (_key(cell, number), source_of(cell), EXERCISE in tags_of(cell))
            for number, cell in enumerate(document["cells"])
            if is_executed(cell)
        ]
        exercises = tuple(
            Exercise(key, assigned(source), source) for key, source, is_one in code if is_one
        )
        if not exercises:
            raise LabError(f"{path} has no exercise, a code cell tagged `exercise`")
        for number, cell in enumerate(document["cells"]):
            if PARAMETERS in tags_of(cell) and values:
                behind = next(n for n, (key, *_) in enumerate(code) if key == _key(cell, number))
                lines = "\n".join(f"{name} = {value!r}" for name, value in values.items())
                code.insert(behind + 1, ("given", lines, False))
        checks, last = _checks(path, code)
        if not checks:
            raise LabError(f"{path} has no lk.check with answer=, so its exercises give no points")
        cells = tuple((key, source) for key, source, _ in code[: last + 1])
        return cls(path.stem, cells, exercises, checks, str(path.parent.absolute()))


def _key(cell: Mapping[str, Any], number: int) -> str:
    return str(cell.get("id") or f"cell {number}")


def find_lesson(name: str) -> Path:
    """The file of a lesson: a path, or the name of one of labkit's own such as 01_first_packets."""
    if (path := Path(name)).suffix == ".ipynb" and path.is_file():
        return path
    there = lessons()
    if (stem := path.name.removesuffix(".ipynb")) in there:
        return there[stem]
    raise LabError(f"there is no lesson {name!r}{near(stem, there)}, nor a file of this name")


def lesson_of(folder: Path) -> Path:
    """The one of labkit's lessons whose name most of the notebooks in a folder hold."""
    stems = [path.stem for path in folder.glob("**/*.ipynb")] if folder.is_dir() else []
    there = lessons()
    counts = {name: sum(name in stem for stem in stems) for name in there}
    if not (most := max(counts.values(), default=0)):
        raise LabError(
            f"no notebook in {folder} has the name of a lesson{near('', there)}; say which it is "
            "with --lesson"
        )
    found = [name for name, count in counts.items() if count == most]
    if len(found) > 1:
        raise LabError(f"{folder} holds {', '.join(found)}; say which to grade with --lesson")
    return there[found[0]]


def lessons() -> dict[str, Path]:
    """Labkit's own lessons by name."""
    return {path.stem: path for folder in FOLDERS for path in sorted(folder.glob("*.ipynb"))}


def assigned(source: str) -> tuple[str, ...]:
    """The variables that a cell sets at its top level; none where it is no Python."""
    try:
        tree = parse_cell(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ()
    targets: list[ast.expr] = []
    for statement in tree.body:
        if isinstance(statement, ast.Assign):
            targets += statement.targets
        elif isinstance(statement, (ast.AnnAssign, ast.AugAssign)):
            targets.append(statement.target)
    found = [n.id for t in targets for n in ast.walk(t) if isinstance(n, ast.Name)]
    return tuple(dict.fromkeys(found))


def _checks(path: Path, code: list[tuple[str, str, bool]]) -> tuple[dict[str, str], int]:
    """The checks of exercises, and the number of the last cell that has one."""
    owner: dict[str, str] = {}  # by a variable, the exercise that it depends on
    found: dict[str, str] = {}
    current, last = "", 0
    for number, (key, source, is_exercise) in enumerate(code):
        current = key if is_exercise else current
        owner |= dict.fromkeys(assigned(source), current)
        for call in _calls(source):
            given = {keyword.arg: keyword.value for keyword in call.keywords}
            if "answer" not in given:
                continue
            name: Any = call.args[1] if len(call.args) > 1 else given.get("name")
            if not isinstance(name, ast.Constant) or not isinstance(name.value, str):
                raise LabError(
                    f"{path}: the check in cell {key} has a name that is computed; the check of an "
                    "exercise is named by a text, which is a column of the sheet"
                )
            answer = given["answer"]
            owned = owner.get(answer.id, "") if isinstance(answer, ast.Name) else ""
            found[name.value], last = owned or current, number
    return found, last


def _calls(source: str) -> Iterator[ast.Call]:
    if "check" not in source or source.startswith(CELL_MAGIC):
        return
    for node in ast.walk(parse_cell(source)):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("lk.check", "labkit.check"):
            yield node
