# SPDX-License-Identifier: BSD-3-Clause
"""A run as JUnit XML: a suite a notebook, a case a check, a case for its coming to the end."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from junitparser import Error, Failure, JUnitXml, Skipped, TestCase, TestSuite

from labkit.notebooks.report.comparison import RunComparison
from labkit.notebooks.report.notebook_run import NotebookRun
from labkit.notebooks.report.results import Run, write_whole
from labkit.text import without_escapes
from labkit.units import plain

NO_XML = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def write_junit(run: Run, path: Path, comparison: RunComparison | None = None) -> None:
    """Writes the file that CI systems read."""
    xml = JUnitXml("labkit")
    for notebook in run.all_notebooks:
        xml.add_testsuite(_suite(notebook, run.origin))
    if comparison:
        xml.add_testsuite(_compared(comparison))
    xml.update_statistics()
    _clean(xml)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, xml.tostring().decode())


def _suite(notebook: NotebookRun, origin: Mapping[str, Any]) -> TestSuite:
    suite = TestSuite(notebook.title)
    suite.timestamp = notebook.started_at
    for name, value in notebook.parameters.items():
        suite.add_property(name, str(value))
    for result in notebook.results:
        mean = sum(result.values) / len(result.values)
        suite.add_property(f"result {result.name}", f"{plain(mean, 6)} {result.unit}".strip())
    for name, value in origin.items():
        suite.add_property(name, str(value))
    whole = TestCase("runs to its end", notebook.title, notebook.seconds)
    if notebook.status == "error":
        error = Error(_first_line(notebook.message) or "error", notebook.reason)
        error.text = f"{notebook.message}\n{notebook.traceback}"
        whole.result = [error]
    elif notebook.status == "cancelled":
        whole.result = [Skipped(notebook.message)]
    suite.add_testcase(whole)
    for check in notebook.checks:
        case = TestCase(check.name, notebook.title, 0)
        if check.status == "failed":
            failure = Failure(_first_line(check.message) or "failed")
            failure.text = check.message
            case.result = [failure]
        elif check.status == "open":
            case.result = [Skipped(check.hint)]
        suite.add_testcase(case)
    return suite


def _compared(comparison: RunComparison) -> TestSuite:
    suite = TestSuite(f"compared with {comparison.before}")
    for row in comparison.rows:
        case = TestCase(row.name, f"{row.notebook}.baseline", 0)
        if row in comparison.loud:
            change = "" if row.change is None else f" by {100 * row.change:+.1f} %"
            case.result = [Failure(f"{row.verdict}{change} {row.remark}".strip())]
        suite.add_testcase(case)
    return suite


def _first_line(text: str) -> str:
    return text.strip().partition("\n")[0]


def _clean(xml: JUnitXml) -> None:
    """Takes out of every name and text what XML cannot hold, and colours of a terminal."""
    for element in xml._elem.iter():
        element.text, element.tail = _without(element.text), _without(element.tail)
        for name, value in element.attrib.items():
            element.set(name, _without(value))


def _without(text: str | None) -> str | None:
    return text if text is None else NO_XML.sub("", without_escapes(text))
