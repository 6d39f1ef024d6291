# SPDX-License-Identifier: BSD-3-Clause
"""pytest collects notebooks: `pytest notebooks/` runs each as a test and reports its checks.

Installed with labkit, and turned off by `-p no:labkit` or `labkit_notebooks = false` in pytest's
configuration. Beside nbmake and nbval it keeps out of the way when they were asked to run.
"""

import threading
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from labkit.errors import LabError
from labkit.notebooks.records import Check
from labkit.notebooks.report.notebook_run import NotebookRun
from labkit.notebooks.run.jobs import Job
from labkit.notebooks.source import NotebookSource, read_notebook
from labkit.text import without_escapes

OTHERS = ("nbmake", "nbval", "nbval_lax")
CHECK = "labkit_check"  # of a report: the check that it is of


class NotebookFailed(Exception):
    """A notebook did not come to its end, or checks failed."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options and the setting."""
    parser.addini("labkit_notebooks", "collect notebooks as tests", type="bool", default=True)
    group = parser.getgroup("labkit", "notebooks as tests")
    group.addoption(
        "--notebook-param",
        nargs=2,
        action="append",
        default=[],
        metavar=("NAME", "VALUE"),
        help="set a parameter of the notebooks",
    )
    group.addoption(
        "--notebook-report",
        type=Path,
        metavar="FOLDER",
        help="keep executed notebooks and their HTML reports",
    )
    group.addoption(
        "--notebook-solutions",
        type=Path,
        metavar="FOLDER",
        help="put FOLDER/NOTEBOOK.json, solutions of exercises, in their places",
    )


def pytest_sessionstart(session: pytest.Session) -> None:
    """Checks become tests in the process that tells of them: a worker of pytest-xdist reports only
    on tests that it was given."""
    if not hasattr(session.config, "workerinput"):
        session.config.pluginmanager.register(ChecksAsTests(session))


class ChecksAsTests:
    """Gives checks their names, and counts them as tests that were collected, or pytest would tell
    of 650 % of them."""

    def __init__(self, session: pytest.Session) -> None:
        self.session = session

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """A test or a check has ended."""
        if hasattr(report, CHECK):
            report.nodeid += f"::{without_escapes(getattr(report, CHECK))}"
            self.session.testscollected += 1


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> "NotebookFile | None":
    """A notebook is a file of tests."""
    config = parent.config
    wanted = (
        file_path.suffix == ".ipynb"
        and not file_path.parent.name.startswith(".")
        and config.getini("labkit_notebooks")
        and not any(config.getoption(other, None) for other in OTHERS)
    )
    return NotebookFile.from_parent(parent, path=file_path) if wanted else None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Names every notebook's report. A parameter that no notebook has is a mistake."""
    tests = [item for item in items if isinstance(item, NotebookTest)]
    sources = [test.source for test in tests]
    if tests and config.getoption("--notebook-report"):
        from labkit.notebooks.run.plan import names_of  # late: what runs notebooks is slow

        for test, name in zip(tests, names_of(sources), strict=True):
            test.report_name = name
    for name, _ in config.getoption("--notebook-param"):
        if sources and not any(name in source.parameters for source in sources):
            there = ", ".join(sorted({p for source in sources for p in source.parameters}))
            raise pytest.UsageError(f"no notebook has a parameter {name!r} (they have: {there})")


class NotebookFile(pytest.File):
    """A notebook."""

    def collect(self) -> Iterable["NotebookTest"]:
        """Its one test, with the parameters checked."""
        try:
            source = read_notebook(self.path)
            given = dict(self.config.getoption("--notebook-param"))
            values = source.values({k: v for k, v in given.items() if k in source.parameters})
        except LabError as error:
            raise self.CollectError(str(error)) from None
        yield NotebookTest.from_parent(self, name=self.path.stem, source=source, values=values)


class NotebookTest(pytest.Item):
    """Runs a notebook; each of its checks is reported as a test of its own."""

    def __init__(self, source: NotebookSource, values: dict[str, Any], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.source = source
        self.values = values
        self.report_name = source.name

    def runtest(self) -> None:
        """Runs it in a kernel of its own, and waits for CPUs that another run measures with."""
        # Late: the plugin is there in every run of pytest, and what runs notebooks is slow.
        from labkit.notebooks.run.plan import Settings, plan
        from labkit.notebooks.run.runner import run_all

        with TemporaryDirectory(prefix="labkit-") as private:
            report = self.config.getoption("--notebook-report")
            settings = Settings(
                self.values,
                solutions=self.config.getoption("--notebook-solutions"),
                report=report is not None,
            )
            folder = report or Path(private)
            jobs = plan([self.source], folder, settings, [self.report_name])
            (outcome,) = run_all(jobs, 1, _Silent(), threading.Event())
        if outcome.status == "cancelled":
            raise KeyboardInterrupt
        for check in outcome.checks:
            self._report(check)
        if outcome.status == "error":
            raise NotebookFailed("\n".join(filter(None, (outcome.message, outcome.traceback))))
        if outcome.failed_checks:
            many, all_of = len(outcome.failed_checks), len(outcome.checks)
            raise NotebookFailed(f"{many} of {all_of} checks failed")

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """What happened in the notebook, not in this plugin."""
        if isinstance(excinfo.value, (NotebookFailed, LabError)):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, None, str]:
        """Where the test is."""
        return self.path, None, f"notebook {self.name}"

    def _report(self, check: Check) -> None:
        outcomes = {"passed": "passed", "failed": "failed", "open": "skipped"}
        longrepr: Any = None
        if check.status == "failed":
            longrepr = check.message or "failed"
        elif check.status == "open":
            longrepr = (str(self.path), None, f"{check.name}: {check.hint}")
        path, _, _ = self.reportinfo()
        report = pytest.TestReport(
            nodeid=self.nodeid,
            location=(str(path), None, check.name),
            keywords={},
            outcome=outcomes[check.status],  # type: ignore[arg-type]
            longrepr=longrepr,
            when="call",
        )
        setattr(report, CHECK, check.name)
        self.ihook.pytest_runtest_logreport(report=report)


class _Silent:
    """pytest shows the progress itself."""

    def cell(self, job: Job, number: int, total: int, what: str) -> None:
        """A cell starts."""

    def tick(self) -> None:
        """Time goes by."""

    def waits(self, job: Job, cpu: int) -> None:
        """A notebook waits for a CPU."""

    def ended(self, job: Job, outcome: NotebookRun) -> None:
        """A notebook has ended."""
