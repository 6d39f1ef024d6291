# SPDX-License-Identifier: BSD-3-Clause
"""A run as Markdown, for a comment on a pull request."""

from collections.abc import Mapping
from typing import Any

from labkit.notebooks.report.comparison import RunComparison
from labkit.notebooks.report.pages import number, percent
from labkit.notebooks.report.results import Run
from labkit.text import MISSING, plural, without_escapes

MARKS = {"passed": "✅", "failed": "❌", "error": "❌", "cancelled": "⚪"}
MOST_LINES = 15  # of a message


def markdown(run: Run, comparison: RunComparison | None = None) -> str:
    """Notebooks, what failed, and how results compare."""
    loud = len(comparison.loud) if comparison else 0
    mark = MARKS["failed"] if loud else MARKS[run.status]
    lines = [f"### {mark} Notebooks {run.status} in {run.seconds:.0f} s", ""]
    if comparison and loud:
        lines[0] += f", {loud} of {plural(len(comparison.rows), 'comparison')} failed"
    lines += [_origin(run.origin), ""] if run.origin else []
    lines += ["| | notebook | checks | time |", "|---|---|--:|--:|"]
    for n in run.notebooks:
        lines.append(f"| {MARKS[n.status]} | {_cell(n.title)} | {n.tally} | {n.seconds:.1f} s |")
    for n in run.notebooks:
        if n.status in ("passed", "cancelled"):
            continue
        lines += ["", f"**{n.title}**: {n.status}" + (f" ({n.reason})" if n.reason else "")]
        if n.status == "error":
            lines += ["```", *without_escapes(n.message).splitlines()[:MOST_LINES], "```"]
        for check in n.failed_checks:
            lines += [f"- ❌ {without_escapes(check.name)}", "", "  ```"]
            lines += [
                f"  {line}" for line in without_escapes(check.message).splitlines()[:MOST_LINES]
            ]
            lines += ["  ```"]
    if comparison:
        lines += ["", *_compared(comparison)]
    return "\n".join(lines) + "\n"


def _compared(comparison: RunComparison) -> list[str]:
    lines = [f"#### Compared with {comparison.before}", ""]
    lines += [f"> ⚠️ {warning}" for warning in comparison.warnings] + [""]
    lines += [
        "| | result | before | now | difference | 95 % interval |",
        "|---|---|--:|--:|--:|--:|",
    ]
    for row in comparison.rows:
        mark = "❌ " if row in comparison.loud else ""
        cells = (
            f"{mark}{row.verdict}",
            f"{row.notebook}: {row.name}",
            f"{number(row.before)} {row.unit}".strip() if row.before is not None else MISSING,
            f"{number(row.now)} {row.unit}".strip() if row.now is not None else MISSING,
            percent(row.change),
            f"{row.interval} {row.remark}".strip(),
        )
        lines.append("| " + " | ".join(_cell(cell) for cell in cells) + " |")
    return lines


def _origin(origin: Mapping[str, Any]) -> str:
    """Commit and branch, with the link of the CI run."""
    parts = [f"commit `{origin['commit'][:12]}`" if "commit" in origin else ""]
    parts += [f"on `{origin['branch']}`" if "branch" in origin else ""]
    parts += ["with changes that are not committed" if origin.get("dirty") else ""]
    parts += [f"([CI]({origin['ci']}))" if "ci" in origin else ""]
    return " ".join(filter(None, parts))


def _cell(text: str) -> str:
    return without_escapes(text).replace("|", "\\|").replace("\n", " ")
