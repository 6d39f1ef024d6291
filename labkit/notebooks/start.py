# SPDX-License-Identifier: BSD-3-Clause
"""The first page of a lab: cards of the lessons and of what else people come for."""

import textwrap
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import jinja2

from labkit.arguments.checked import checked
from labkit.errors import LabError
from labkit.machine.doctor_report import MARKS, Finding
from labkit.notebooks.lessons import Lesson, lessons_of
from labkit.notebooks.needs import found_here
from labkit.notebooks.scaffold import make_notebook

WIDTH = 100  # characters of a line of text


@dataclass(frozen=True)
class Task:
    """Something to begin with; file: a notebook that shows how, empty for none."""

    title: str
    about: str
    code: str
    file: str = ""


TASKS = (
    Task(
        "New experiment",
        "A notebook that measures, checks and keeps its results; change it to yours.",
        'lk.new("my_experiment")',
    ),
    Task(
        "Look at a capture",
        "A pcap or pcapng file as a table: filter it, find the odd frame, see its bytes.",
        'lk.Capture("seen.pcapng")',
        "09_captures.ipynb",
    ),
    Task(
        "Something is wrong with a NIC",
        "Logs and counters of a machine are judged: the likely cause, and what would prove it.",
        'lk.trouble.look("case.zip")',
        "12_incidents.ipynb",
    ),
)


@dataclass(frozen=True)
class Start:
    """The cards that lk.start() shows.

    Attributes
    ----------
    lessons: of the folder, by file name
    found: what lessons need, and what is here of it
    left_out: why notebooks are not shown that would be lessons
    """

    lessons: tuple[Lesson, ...]
    found: dict[str, Finding]
    left_out: tuple[str, ...] = ()

    def __repr__(self) -> str:
        lines = []
        for lesson in self.lessons:
            told = [self._told(name) for name in lesson.needs]
            told += [f"{self._told(name)} (optional)" for name in lesson.optional]
            needs = f"; needs: {', '.join(told)}" if told else ""
            lines.append(f"{lesson.file}  {lesson.title}, {lesson.minutes} min{needs}")
            lines += textwrap.wrap(lesson.about, WIDTH, initial_indent="  ", subsequent_indent="  ")
        for finding in self.found.values():
            if finding.status != "ok":
                lines.append(f"{MARKS[finding.status]} {finding.name}: {finding.detail}")
                lines += [f"  fix: {finding.fix}"] * bool(finding.fix)
        lines += [f"{task.title}: {task.code}" for task in TASKS]
        lines += [f"left out: {reason}" for reason in self.left_out]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        files = {lesson.file for lesson in self.lessons}
        return _template().render(start=self, tasks=TASKS, files=files)

    def _told(self, name: str) -> str:
        return f"{name} {MARKS['ok' if self.found[name].status == 'ok' else 'problem']}"


@dataclass(frozen=True)
class NewNotebook:
    """A notebook that lk.new() has made; shown as a link to it."""

    path: Path

    def __repr__(self) -> str:
        return f"made {self.path}"

    def _repr_html_(self) -> str:
        return _template("made.html.j2").render(name=self.path.name)


@checked()
def start(folder: str | Path = ".") -> Start:
    """Shows what there is to begin with: the lessons of a folder, each with its minutes, what it
    needs and whether that is here, and the ways to work of one's own.

    Starts an engine once, as labkit doctor does, where a lesson needs DPDK.

    folder: holds the lessons' notebooks

    >>> lk.start()
    """
    place = Path(folder)
    if not place.is_dir():
        raise LabError(f"{str(folder)!r} is no folder; name the one that holds the lessons")
    lessons, left_out = lessons_of(place)
    names = [name for lesson in lessons for name in (*lesson.needs, *lesson.optional)]
    return Start(tuple(lessons), found_here(names), tuple(left_out))


@checked()
def new(name: str) -> NewNotebook:
    """Makes a notebook to begin an experiment with, beside this one, and shows a link to it; what
    `labkit new` does. Never over another file: LabError.

    name: a file name; .ipynb is added

    >>> lk.new("my_experiment")
    """
    if "/" in name:
        raise LabError(f"name is {name!r}; it is a file name such as 'my_experiment'")
    return NewNotebook(make_notebook(name))


@cache
def _templates() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.PackageLoader("labkit.notebooks"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _template(name: str = "start.html.j2") -> jinja2.Template:
    return _templates().get_template(name)
