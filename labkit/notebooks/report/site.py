# SPDX-License-Identifier: BSD-3-Clause
"""Pages over notebooks: the index of a run, of many runs with trends, and a comparison."""

from collections.abc import Sequence
from os.path import relpath
from pathlib import Path

from labkit.errors import LabError
from labkit.notebooks.report.comparison import RunComparison
from labkit.notebooks.report.pages import render, svg_url
from labkit.notebooks.report.results import REPORT_FILE, Run, is_run, load_run, write_whole
from labkit.units import plain

INDEX_FILE = "index.html"


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
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, page)


def write_history(folder: Path, page: Path) -> int:
    """The page over all runs in a folder, the newest first, with a trend of every result; returns
    how many runs there were."""
    found = sorted({p for p in folder.glob("**/*") if p.is_dir() and is_run(p)})
    found += sorted(p for p in folder.glob("**/*.zip") if is_run(p))
    if not found:
        raise LabError(f"{folder} has no run in it; labkit run --report {folder}/NAME makes one")
    runs = sorted(((load_run(p), p) for p in found), key=lambda pair: pair[0].started_at)
    links = [_link(path, page.parent) for _, path in runs]
    write_whole(
        page,
        render(
            "history",
            runs=[(run, link) for (run, _), link in zip(runs, links, strict=True)][::-1],
            trends=_trends([run for run, _ in runs]),
        ),
    )
    return len(runs)


def _link(path: Path, base: Path) -> str:
    """A link to a run's own index, or to its zip."""
    index = path / INDEX_FILE
    return relpath(index if index.exists() else path, base)


def _trends(runs: Sequence[Run]) -> list[tuple[str, str]]:
    """(label, picture) of each result that more than one run has."""
    from labkit.notebooks.report.pictures import svg, trend_figure  # matplotlib is slow

    found: dict[tuple[str, str, str], dict[str, list[float]]] = {}
    better: dict[tuple[str, str, str], str | None] = {}
    for run in runs:
        for n in run.notebooks:
            for r in n.results:
                key = (n.name, r.name, r.unit)
                points = found.setdefault(key, {})
                points.setdefault(run.started_at, []).extend(r.values)
                better[key] = r.better
    pictures = []
    for key, points in found.items():
        notebook, name, unit = key
        labels = [(at[5:16].replace("T", "\n"), values) for at, values in points.items()]
        if len(labels) > 1:
            figure = trend_figure(f"{notebook}: {name}", unit, labels, better[key])
            last = labels[-1][1]
            mean = sum(last) / len(last)
            text = f"{notebook}: {name} over {len(labels)} runs, last {plain(mean, 5)} {unit}"
            pictures.append((text, svg_url(svg(figure))))
    return pictures


def _picture(comparison: RunComparison | None) -> str:
    if comparison is None:
        return ""
    from labkit.notebooks.report.pictures import difference_figure, svg  # matplotlib is slow

    figure = difference_figure(comparison.table)
    return svg_url(svg(figure)) if figure else ""
