# SPDX-License-Identifier: BSD-3-Clause
"""A run as JUnit XML: a suite a notebook, a case a check, a case for its coming to the end."""

from pathlib import Path

from junitparser import Error, Failure, JUnitXml, Skipped, TestCase, TestSuite

from labkit.notebooks.report.comparison import RunComparison
from labkit.notebooks.report.notebook_run import NotebookRun
from labkit.notebooks.report.results import Run, write_whole
from labkit.units import plain

NO_XML = {i: None for i in range(32) if chr(i) not in "\t\n\r"}


def write_junit(run: Run, path: Path, comparison: RunComparison | None = None) -> None:
    """Writes the file that CI systems read."""
    xml = JUnitXml("labkit")
    for notebook in run.notebooks:
        xml.add_testsuite(_suite(notebook))
    if comparison:
        xml.add_testsuite(_compared(comparison))
    xml.update_statistics()
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, xml.tostring().decode())


def _suite(notebook: NotebookRun) -> TestSuite:
    suite = TestSuite(notebook.title)
    suite.timestamp = notebook.started_at
    for name, value in notebook.parameters.items():
        suite.add_property(name, str(value))
    for result in notebook.results:
        mean = sum(result.values) / len(result.values)
        suite.add_property(f"result {result.name}", f"{plain(mean, 6)} {result.unit}".strip())
    whole = TestCase("runs to its end", notebook.title, notebook.seconds)
    if notebook.status == "error":
        error = Error(_clean(notebook.message.splitlines()[0]), notebook.reason)
        error.text = _clean(f"{notebook.message}\n{notebook.traceback}")
        whole.result = [error]
    elif notebook.status == "cancelled":
        whole.result = [Skipped(_clean(notebook.message))]
    suite.add_testcase(whole)
    for check in notebook.checks:
        case = TestCase(check.name, notebook.title, 0)
        if check.status == "failed":
            failure = Failure(_clean(check.message.splitlines()[0] if check.message else "failed"))
            failure.text = _clean(check.message)
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


def _clean(text: str) -> str:
    """Without the control characters that XML cannot hold."""
    return text.translate(NO_XML)
