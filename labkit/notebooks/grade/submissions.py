# SPDX-License-Identifier: BSD-3-Clause
"""What students handed in: files that may hold anything, read without running them."""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from labkit.errors import LabError
from labkit.notebooks.document import read_document, source_of, tags_of
from labkit.notebooks.exercises import EXERCISE
from labkit.notebooks.grade.attempt import Written
from labkit.notebooks.grade.lesson import Exercise, Lesson, assigned
from labkit.text import as_utf8, plural

LONGEST_FILE = 32 << 20
LONGEST_CELL = 100_000  # letters of an answer
MOST_FILES = 200  # of one student
NOTEBOOK = ".ipynb"


@dataclass(frozen=True)
class Submission:
    """One student's row.

    Attributes
    ----------
    student: the name of the file or folder
    file: within the folder that was graded, empty where there is none
    written: by the id of an exercise
    trouble: why there is nothing to run, else empty
    """

    student: str
    file: str = ""
    written: dict[str, Written] = field(default_factory=dict)
    trouble: str = ""


def submissions(folder: Path, lesson: Lesson) -> list[Submission]:
    """A submission for each notebook and each folder in a folder, by name."""
    if not folder.is_dir():
        raise LabError(f"{folder} is no folder; give the one with a notebook or folder a student")
    entries = [e for e in folder.iterdir() if not e.name.startswith(".")]
    entries = [e for e in entries if e.suffix == NOTEBOOK or (e.is_dir() and not e.is_symlink())]
    if not entries:
        raise LabError(f"{folder} has neither notebooks nor folders; is it the right one?")
    found = [_submission(folder, entry, lesson) for entry in entries]
    return sorted(found, key=lambda submission: submission.student.casefold())


def _submission(folder: Path, entry: Path, lesson: Lesson) -> Submission:
    if entry.suffix == NOTEBOOK and not (entry.is_dir() and not entry.is_symlink()):
        return _read(folder, entry, _student(as_utf8(entry.stem), lesson), lesson)
    student = as_utf8(entry.name)
    files = list(_notebooks(entry))
    if not files:
        return Submission(student, trouble="the folder has no notebook")
    read = [_read(folder, file, student, lesson) for file in files]
    # The lesson of its name, the one with the most of the exercises, the newest
    rank = [
        (not s.trouble, len(s.written), lesson.name in f.stem, _modified(f), s.file)
        for s, f in zip(read, files, strict=True)
    ]
    return read[rank.index(max(rank))]


def _student(stem: str, lesson: Lesson) -> str:
    """A file's name without that of the lesson, if more is in it: anna of anna_01_first_packets."""
    return stem.replace(lesson.name, "").strip(" _-.") or stem


def _notebooks(folder: Path) -> Iterator[Path]:
    count = 0
    for where, folders, names in os.walk(folder):  # which follows no links
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if name.endswith(NOTEBOOK) and not name.startswith("."):
                count += 1
                if count > MOST_FILES:
                    return
                yield Path(where, name)


def _modified(file: Path) -> float:
    return file.lstat().st_mtime


def _read(folder: Path, file: Path, student: str, lesson: Lesson) -> Submission:
    name = as_utf8(str(file.relative_to(folder)))
    try:
        document = _document(file)
        written = answers(document, lesson)
    except LabError as error:
        reason = str(error).replace(str(file), "the file")
        return Submission(student, name, trouble=as_utf8(reason))
    except (RecursionError, MemoryError):
        return Submission(student, name, trouble="it is nested too deep for a notebook")
    trouble = "" if written else f"it has no cell of the exercises of {lesson.name}"
    return Submission(student, name, written, trouble)


def _document(file: Path) -> dict[str, Any]:
    status = file.lstat()
    if not stat.S_ISREG(status.st_mode):
        raise LabError("it is no file itself, but a link or the like, which is not followed")
    if status.st_size > LONGEST_FILE:
        raise LabError(
            f"it has {status.st_size / 1e6:,.0f} MB, and at most {LONGEST_FILE / 1e6:,.0f} MB are "
            "read; clear its outputs"
        )
    if not status.st_size:
        raise LabError("the file is empty")
    document = read_document(file)
    metadata = document["metadata"]
    for key in ("kernelspec", "language_info"):
        told = metadata.get(key)
        language = told.get("language" if key == "kernelspec" else "name") if told else None
        if isinstance(language, str) and language.lower() != "python":
            raise LabError(f"it is a notebook of {language[:40]}, not of Python")
    return document


def answers(document: dict[str, Any], lesson: Lesson) -> dict[str, Written]:
    """By exercise the cell that a student filled in: the lesson's own, by its id or its tag; or,
    where that is gone or as it was, one of the student's that sets the same variables."""
    kept = {source.strip() for _, source in lesson.cells}
    code = [cell for cell in document["cells"] if cell["cell_type"] == "code"]
    found: dict[str, Written] = {}
    for exercise in lesson.exercises:
        fitting = [n for n, cell in enumerate(code) if _fits(source_of(cell), exercise)]
        # Its own cell, should it set what it likes
        fitting = fitting or [n for n, cell in enumerate(code) if all(_marks(cell, exercise))]
        if not fitting:
            continue
        number = max(fitting, key=lambda n: (_likeness(code[n], exercise), n))
        source = source_of(code[number])
        if len(source) > LONGEST_CELL:
            raise LabError(
                f"an answer has {plural(len(source), 'letter')}; at most {LONGEST_CELL:,} are read"
            )
        before = (source_of(cell) for cell in code[:number])
        own = tuple(s for s in before if s.strip() and s.strip() not in kept)
        found[exercise.id] = Written(source, own)
    return found


def _fits(source: str, exercise: Exercise) -> bool:
    if exercise.magic:
        return source.lstrip().startswith(exercise.magic)
    names = assigned(source)
    if not names:  # what is no Python may be an answer that was typed wrong
        lines = {line.split("=", 1)[0].strip() for line in source.splitlines() if "=" in line}
        names = tuple(lines)
    return set(exercise.names) <= set(names)


def _likeness(cell: dict[str, Any], exercise: Exercise) -> tuple[bool, ...]:
    """How surely a cell is the exercise's: first of all it is answered."""
    return source_of(cell).strip() != exercise.start.strip(), *_marks(cell, exercise)


def _marks(cell: dict[str, Any], exercise: Exercise) -> tuple[bool, bool]:
    """What a cell is known by, as far as nobody changed it."""
    return cell.get("id") == exercise.id, EXERCISE in tags_of(cell)
