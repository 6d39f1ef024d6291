# SPDX-License-Identifier: BSD-3-Clause
"""Lessons of a folder: what the metadata of their notebooks says of them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labkit.errors import LabError
from labkit.notebooks.document import read_document
from labkit.notebooks.needs import NEEDS
from labkit.notebooks.source import heading_of
from labkit.text import near, plural, shown

MOST_MINUTES = 240
MOST_NOTEBOOKS = 200  # of a folder that are looked at
LARGEST = 20_000_000  # bytes of a notebook


@dataclass(frozen=True)
class Lesson:
    """A notebook that says what it is: {"labkit": {"about", "minutes", "needs", "optional"}}.

    Attributes
    ----------
    file: its name within the folder
    title: its first heading
    about: one sentence
    minutes: to read it and do its exercises, 1 to 240
    needs: names of labkit.notebooks.needs.NEEDS without which it cannot be run
    optional: names of what it shows more with
    """

    file: str
    title: str
    about: str
    minutes: int
    needs: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()


def lessons_of(folder: Path) -> tuple[list[Lesson], list[str]]:
    """The lessons of a folder by file name, and why notebooks are left out that would be some."""
    found, left_out = [], []
    notebooks = sorted(path for path in folder.glob("*.ipynb") if path.is_file())
    for path in notebooks[:MOST_NOTEBOOKS]:
        try:
            lesson = read_lesson(path)
        except LabError as error:
            left_out.append(str(error))
            continue
        if lesson is not None:
            found.append(lesson)
    if len(notebooks) > MOST_NOTEBOOKS:
        more = len(notebooks) - MOST_NOTEBOOKS
        left_out.append(f"{plural(more, 'notebook')} beyond the first {MOST_NOTEBOOKS}")
    return found, left_out


def read_lesson(path: Path) -> Lesson | None:
    """What a notebook says of itself; None where it does not claim to be a lesson, which is to have
    "minutes"; LabError where what it says is wrong."""
    if (size := path.stat().st_size) > LARGEST:
        raise LabError(f"{path.name} has {size:,} bytes, and lessons have at most {LARGEST:,}")
    document = read_document(path)
    settings = document["metadata"].get("labkit") or {}
    if "minutes" not in settings:
        return None
    minutes, about = settings["minutes"], settings.get("about")
    if type(minutes) is not int or not 1 <= minutes <= MOST_MINUTES:
        raise _wrong(path, "minutes", minutes, f"a whole number from 1 to {MOST_MINUTES}")
    if not isinstance(about, str) or not about.strip():
        raise _wrong(path, "about", about, "one sentence on what is learnt")
    headings = (heading_of(cell) for cell in document["cells"])
    return Lesson(
        path.name,
        next(filter(None, headings), path.stem),
        about,
        minutes,
        _names(path, "needs", settings.get("needs")),
        _names(path, "optional", settings.get("optional")),
    )


def _names(path: Path, key: str, names: Any) -> tuple[str, ...]:
    if names is None:
        return ()
    if not isinstance(names, list):
        raise _wrong(path, key, names, 'a list such as ["DPDK"]')
    for name in names:
        if not isinstance(name, str) or name not in NEEDS:
            raise _wrong(path, key, name, f"of the known needs{near(name, NEEDS)}")
    return tuple(dict.fromkeys(names))


def _wrong(path: Path, key: str, value: Any, wanted: str) -> LabError:
    told = f"is {shown(value)}" if value is not None else "is missing"
    return LabError(f'{path.name}: "{key}" of "labkit" in its metadata {told}; it is {wanted}')
