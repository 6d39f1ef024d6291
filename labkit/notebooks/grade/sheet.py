# SPDX-License-Identifier: BSD-3-Clause
"""The score sheet of a class: text, CSV, a page."""

import csv
import io
from dataclasses import dataclass
from functools import cached_property
from textwrap import wrap

from labkit.notebooks.grade.attempt import Verdict
from labkit.notebooks.records import COLORS, MARKS
from labkit.notebooks.report.pages import render
from labkit.text import MISSING, plural, shortened, without_escapes

RUN = (
    "each answer was run against the checks of the lesson as it is kept; outputs that are stored "
    "in the students' files were not looked at"
)
READ = "the answers were read and not run, so there are no points"
TOTALS = ("points", "of", "to look at", "what failed, and why")
FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet would compute
LONGEST_NAME = 24  # letters in the text's columns
UNKNOWN = "?"
TEXT_WIDTH, INDENT = 100, " " * 6


@dataclass(frozen=True)
class Row:
    """One student's.

    Attributes
    ----------
    student: the name of the file or folder
    file: the notebook, empty where there is none
    verdicts: by exercise, in the order of the sheet
    trouble: what happened where nothing could be judged
    """

    student: str
    file: str
    verdicts: dict[str, Verdict]
    trouble: str = ""

    @property
    def unknown(self) -> int:
        """Exercises that nobody could judge; a person has to look at them."""
        return sum(verdict.status == "unknown" for verdict in self.verdicts.values())

    @property
    def remarks(self) -> list[str]:
        """What failed, and why."""
        first = [without_escapes(self.trouble)] if self.trouble else []
        found: dict[str, list[str]] = {}
        for name, verdict in self.verdicts.items():
            if verdict.status in ("failed", "open") or (verdict.status == "unknown" and not first):
                found.setdefault(without_escapes(verdict.why), []).append(title(name))
        if [len(names) for names in found.values()] == [len(self.verdicts)]:
            return [*first, *found]  # all alike
        return [*first, *(f"{', '.join(names)}: {why}" for why, names in found.items())]


@dataclass(frozen=True)
class Sheet:
    """A class's points in a lesson.

    Attributes
    ----------
    lesson: its name
    exercises: names of the checks, each worth a point
    rows: one a student
    was_run: whether the answers were; else there are no points
    """

    lesson: str
    exercises: tuple[str, ...]
    rows: tuple[Row, ...]
    was_run: bool = True

    @property
    def way(self) -> str:
        """How the points were found."""
        return RUN if self.was_run else READ

    @cached_property
    def heads(self) -> list[str]:
        """Of the columns between the student and the points."""
        return [title(name) for name in self.exercises]

    def points(self, row: Row) -> int | None:
        """Exercises that a student passed; None where none of them could be judged."""
        if not self.was_run or row.unknown == len(self.exercises):
            return None
        return sum(verdict.status == "passed" for verdict in row.verdicts.values())

    @property
    def summary(self) -> str:
        """Who was graded, and how."""
        left = sum(self.points(row) is None for row in self.rows)
        said = f"{self.lesson}: {plural(len(self.rows), 'student')}"
        said += f", {plural(len(self.exercises), 'point')} at most"
        return said + (f", {left} without points: see why" if left else "")

    def __repr__(self) -> str:
        """One line a student, then what failed and why."""
        width = max((len(row.student) for row in self.rows), default=0)
        width = min(LONGEST_NAME, max(width, len("student")))
        lines = [self.summary, f"({self.way})", ""]
        lines += [f"{number:2}  {head}" for number, head in enumerate(self.heads, 1)]
        numbers = "".join(f"{number:>4}" for number in range(1, len(self.heads) + 1))
        lines += ["", f"{'student':{width}}{numbers}  points"]
        for row in self.rows:
            marks = "".join(f"{mark(row.verdicts[name]):>4}" for name in self.exercises)
            points = self.points(row)
            total = MISSING if points is None else f"{points}/{len(self.exercises)}"
            lines.append(f"{_printable(shortened(row.student, width)):{width}}{marks}  {total}")
            for remark in row.remarks:
                lines += wrap(
                    _printable(remark),
                    TEXT_WIDTH,
                    initial_indent=INDENT,
                    subsequent_indent=f"{INDENT}  ",
                )
        return "\n".join(lines)

    def to_csv(self) -> str:
        """A line a student: points by exercise, empty where nobody could judge, and the total."""
        text = io.StringIO()
        table = csv.writer(text, lineterminator="\n")
        table.writerow(["student", "file", *map(_harmless, self.heads), *TOTALS])
        for row in self.rows:
            scores = [_score(row.verdicts[name]) for name in self.exercises]
            points = self.points(row)
            why = _harmless(_printable("; ".join(row.remarks)))
            totals = ("" if points is None else points, len(self.exercises), row.unknown, why)
            table.writerow([_harmless(row.student), _harmless(row.file), *scores, *totals])
        return text.getvalue()

    def to_html(self) -> str:
        """A page of its own, without scripts."""
        colors = {**COLORS, "unknown": "#8a4b00"}
        return render(
            "grades", title=f"{self.lesson}: points", sheet=self, mark=mark, colors=colors
        )


def title(check: str) -> str:
    """A check's name as a column has it."""
    return check.removeprefix("exercise: ")


def mark(verdict: Verdict) -> str:
    """A sign for a verdict."""
    return MARKS.get(verdict.status, UNKNOWN)


def _score(verdict: Verdict) -> int | str:
    return "" if verdict.status == "unknown" else int(verdict.status == "passed")


def _harmless(text: str) -> str:
    """A text that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(FORMULA) else text


def _printable(text: str) -> str:
    """On one line, and without what a terminal would take for a command."""
    return "".join(c if c.isprintable() else " " for c in without_escapes(text))
