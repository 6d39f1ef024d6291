# SPDX-License-Identifier: BSD-3-Clause
"""The commands labkit exercises solve, fold and grade."""

from pathlib import Path

import click

from labkit.errors import LabError
from labkit.notebooks.run.options import (
    FILE,
    TEXT,
    THERE,
    CommandGroup,
    Number,
    exit_on_error,
    say,
)
from labkit.progress import progress_bar
from labkit.text import plural


@click.group(cls=CommandGroup)
def exercises() -> None:
    """Exercises of a notebook: with solutions, without them, and a class's points."""


force_option = click.option("--force", is_flag=True, help="Replace what exists.")
solutions_option = click.option(
    "--solutions",
    type=FILE,
    required=True,
    metavar="FILE",
    help="The solutions, a file of JSON that students do not get.",
)


@exercises.command("solve")
@click.argument("notebook", type=THERE)
@click.argument("output", type=FILE)
@solutions_option
@force_option
def solve(notebook: Path, output: Path, solutions: Path, force: bool) -> None:
    """Write the teacher's version of NOTEBOOK, with solutions, to OUTPUT."""
    from labkit.notebooks.document import write_notebook
    from labkit.notebooks.exercises import read_solutions, solved

    with exit_on_error():
        _check_free(output, force)
        document, count = _with_exercises(notebook)
        write_notebook(solved(document, read_solutions(solutions)), output)
        say(f"{output}: {plural(count, 'exercise')}")


@exercises.command("fold")
@click.argument("notebook", type=THERE)
@click.argument("output", type=FILE)
@solutions_option
@force_option
def fold(notebook: Path, output: Path, solutions: Path, force: bool) -> None:
    """Write the students' version of NOTEBOOK, a teacher's one, to OUTPUT, without solutions.

    They go to the file that --solutions names.
    """
    from labkit.notebooks.document import write_notebook
    from labkit.notebooks.exercises import folded, write_solutions

    with exit_on_error():
        _check_free(output, force)
        _check_free(solutions, force)
        document, count = _with_exercises(notebook)
        students, found = folded(document)
        write_solutions(found, solutions)
        write_notebook(students, output)
        say(f"{output}: {plural(count, 'exercise')}; {solutions}: {plural(len(found), 'solution')}")


@exercises.command("grade")
@click.argument("folder", type=THERE)
@click.option(
    "--lesson",
    type=TEXT,
    metavar="NAME",
    help="A notebook as it was handed out, or the name of one of labkit's, such as "
    "01_first_packets. Default: the one that most of the names in FOLDER hold.",
)
@click.option(
    "-p",
    "--param",
    "given",
    nargs=2,
    multiple=True,
    metavar="NAME VALUE",
    help="Set a parameter of the lesson, such as a shorter time.",
)
@click.option("--out", "table", type=FILE, metavar="CSV", help="Write a table, a line a student.")
@click.option("--html", "page", type=FILE, metavar="FILE", help="Write a page.")
@click.option("--jobs", type=click.IntRange(1), help="Students at a time. Default: half the CPUs.")
@click.option(
    "--timeout",
    type=Number(1),
    default=300,
    show_default=True,
    metavar="SECONDS",
    help="For the lesson with one student's answers.",
)
@click.option("--no-run", is_flag=True, help="Only tell who answered what; nothing is run.")
def grade(
    folder: Path,
    lesson: str | None,
    given: tuple[tuple[str, str], ...],
    table: Path | None,
    page: Path | None,
    jobs: int | None,
    timeout: float,
    no_run: bool,
) -> None:
    """Print a class's points: one notebook, or one folder, a student in FOLDER.

    Each answer is run against the checks of the lesson as it is kept, locked in: without network,
    files, other users' processes, and with limits of time and memory. Stored outputs count for
    nothing. Exit code 0: there is a sheet, whatever it says; 2: there is none.
    """
    from labkit.notebooks.grade.grader import Limits, read
    from labkit.notebooks.grade.grader import grade as graded
    from labkit.notebooks.grade.lesson import Lesson, find_lesson, lesson_of

    with exit_on_error():
        path = find_lesson(lesson) if lesson else lesson_of(folder)
        wanted = Lesson.read(path, dict(given))
        if no_run:
            sheet = read(folder, wanted)
        else:
            limits = Limits(seconds=timeout)
            with progress_bar(unit="student") as bar:
                sheet = graded(
                    folder, wanted, jobs=jobs, limits=limits, done=lambda _: bar.update()
                )
        say(repr(sheet))
        for file, text in ((table, sheet.to_csv), (page, sheet.to_html)):
            if file:
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(text(), encoding="utf-8")
                say(f"written: {file}")


def _check_free(path: Path, force: bool) -> None:
    if path.exists() and not force:
        raise LabError(f"{path} exists already; choose another name, or --force replaces it")


def _with_exercises(notebook: Path) -> tuple[dict[str, object], int]:
    from labkit.notebooks.exercises import count_exercises
    from labkit.notebooks.source import read_notebook

    document = read_notebook(notebook).document
    count = count_exercises(document)
    if not count:
        raise LabError(f"{notebook} has no exercise, a code cell tagged `exercise`")
    return document, count
