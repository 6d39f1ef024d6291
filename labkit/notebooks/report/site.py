# SPDX-License-Identifier: BSD-3-Clause
"""Pages over notebooks: the index of a run, of many runs with trends, and a comparison."""

import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from os.path import relpath
from pathlib import Path

from labkit.errors import LabError
from labkit.notebooks.report.comparison import RunComparison
from labkit.notebooks.report.pages import render, svg_url
from labkit.notebooks.report.results import (
    REPORT_FILE,
    Run,
    is_run,
    load_run,
    notebooks_of,
    write_whole,
)
from labkit.notebooks.report.series import Notebook, Series
from labkit.units import plain

INDEX_FILE = "index.html"
OURS = "<footer>labkit "  # stands at the end of every page


def write_run_index(run: Run, folder: Path, comparison: RunComparison | None = None) -> None:
    """The page of a run, with links to its notebooks' reports."""
    reports = {n.folder: f"{n.folder}/{REPORT_FILE}" for n in run.notebooks}
    there = {n: link for n, link in reports.items() if (folder / link).exists()}
    page = render(
        "run", run=run, reports=there, comparison=comparison, picture=_picture(comparison)
    )
    write_whole(folder / INDEX_FILE, page)


def write_comparison(comparison: RunComparison, before: Run, now: Run, path: Path) -> None:
    """The page of a comparison of two runs."""
    page = render(
        "comparison", comparison=comparison, picture=_picture(comparison), before=before, now=now
    )
    _write_page(path, page)


def write_history(folder: Path, page: Path, tell: Callable[[str], None] = lambda _: None) -> int:
    """The page over all runs in a folder, the newest first, with a trend of every result; returns
    how many runs there were.

    tell: is told of each run that cannot be read and is left out, as the page tells it
    """
    if is_run(folder) and page.resolve() == (folder / INDEX_FILE).resolve():
        raise LabError(f"{folder} is a run itself, and {page} its page; give another with --html")
    runs, unreadable = _runs_in(folder)
    if not runs:
        why = unreadable[0] if unreadable else f"labkit run --report {folder}/NAME makes one"
        raise LabError(f"{folder} has no run in it; {why}")
    shown = [(run, _link(path, page.parent)) for run, path in reversed(runs)]
    trends = _trends([run for run, _ in runs])
    _write_page(page, render("history", runs=shown, trends=trends, unreadable=unreadable))
    for reason in unreadable:
        tell(reason)
    return len(runs)


def _runs_in(folder: Path) -> tuple[list[tuple[Run, Path]], list[str]]:
    """Runs with their places, the oldest first, and what could not be read. A zip of a run whose
    folder is there too is no second one."""
    places = [folder, *sorted(p for p in folder.glob("**/*") if p.is_dir())]
    places += sorted(folder.glob("**/*.zip"))
    runs: list[tuple[Run, Path]] = []
    unreadable = []
    for place in places:
        try:
            if is_run(place) and (run := load_run(place)) not in (known for known, _ in runs):
                runs.append((run, place))
        except (LabError, OSError, zipfile.BadZipFile) as error:
            unreadable.append(str(error))
    return sorted(runs, key=lambda pair: pair[0].started_at), unreadable


def _write_page(path: Path, page: str) -> None:
    """Writes a page over an earlier one of labkit's, and over nothing else."""
    if path.exists() and OURS not in path.read_text(encoding="utf-8", errors="replace"):
        raise LabError(f"{path} exists already and is no page of labkit's; choose another name")
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, page)


def _link(path: Path, base: Path) -> str:
    """A link to a run's own index, or to its zip."""
    index = path / INDEX_FILE
    return relpath(index if index.exists() else path, base)


def _trends(runs: Sequence[Run]) -> list[tuple[str, str]]:
    """(label, picture) of each result that more than one run has.

    Points are what `labkit compare` would compare: of notebooks that came to their end, with the
    parameters of the last run.
    """
    from labkit.notebooks.report.pictures import svg, trend_figure  # matplotlib is slow

    compared = [notebooks_of([run]) for run in runs]
    last = {(n, r): (notebook, s) for now in compared for n, r, notebook, s in _results(now)}
    pictures = []
    for (name, result), (model, series) in last.items():
        points = []
        for run, now in zip(runs, compared, strict=True):
            notebook = now.get(name, Notebook())
            found = notebook.results.get(result)
            if found and (found.unit, notebook.parameters) == (series.unit, model.parameters):
                label = run.started_at[5:16].replace("T", "\n")
                points.append((label, [value for values in found.runs for value in values]))
        if len(points) > 1:
            title = f"{name}: {result}"
            figure = trend_figure(title, series.unit, points, series.better)
            text = f"{title} over {len(points)} runs, last {plain(series.mean, 5)} {series.unit}"
            pictures.append((text, svg_url(svg(figure))))
    return pictures


def _results(notebooks: Mapping[str, Notebook]) -> Iterator[tuple[str, str, Notebook, Series]]:
    """(notebook, result, and both by these names)."""
    for name, notebook in notebooks.items():
        for result, series in notebook.results.items():
            yield name, result, notebook, series


def _picture(comparison: RunComparison | None) -> str:
    if comparison is None:
        return ""
    from labkit.notebooks.report.pictures import difference_figure, svg  # matplotlib is slow

    figure = difference_figure(comparison.table)
    return svg_url(svg(figure)) if figure else ""
