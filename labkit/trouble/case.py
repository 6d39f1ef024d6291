# SPDX-License-Identifier: BSD-3-Clause
"""A case: files of a machine in trouble, and what they say."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labkit.errors import LabError
from labkit.sources import Samples
from labkit.text import Html, html_table, plural, shown
from labkit.trouble.evidence import Evidence, Note
from labkit.trouble.finding import Finding
from labkit.trouble.gathered import NOTHING as NOTHING_KNOWN
from labkit.trouble.gathered import gather
from labkit.trouble.judge import judge
from labkit.trouble.report import body, page, told_apart
from labkit.trouble.timeline import timeline

if TYPE_CHECKING:
    import pandas as pd

NOTHING = "no rule found anything; what was read stands below"


def look(*files: str | Path | Samples) -> "Case":
    """What troubles a NIC, from files of any kind: logs, outputs of ethtool, ip, ifconfig and tc,
    /proc files, sysctl, nstat, ping, metrics of CloudWatch, Windows event logs, recordings
    (Parquet, or the samples themselves), archives and folders of these. Of counters that were read
    several times give the older file first.

    Raises LabError where no file is given, or one is not there. Files that cannot be used are named
    in the case, and the rest is.
    """
    if not files:
        raise LabError("give files: lk.trouble.look('dmesg.txt', 'ethtool-S.txt', ...)")
    for file in files:
        if not isinstance(file, (str, Path, Samples)):
            raise LabError(f"{shown(file)} is no file's name, and no recording")
    evidence = gather(Path(file) if isinstance(file, str) else file for file in files)
    return Case(evidence, judge(evidence))


class Case:
    """Findings, most certain first, and the evidence that they rest on.

    Attributes
    ----------
    evidence: all that was read and may matter
    findings: what the rules found
    """

    def __init__(self, evidence: Evidence, findings: list[Finding]) -> None:
        self.evidence = evidence
        self.findings = findings

    @property
    def notes(self) -> list[Note]:
        """What was done with each file, and what could not be used."""
        return self.evidence.notes

    @property
    def table(self) -> "pd.DataFrame":
        """One row a finding: level, title, device, where, cause, remedy, evidence."""
        import pandas as pd

        from labkit.tables.table import Table

        columns = ["level", "title", "device", "where", "cause", "remedy", "evidence"]
        rows = [
            (f.level, f.title, f.device, f.rule.where, f.cause, f.remedy, len(f.evidence))
            for f in self.findings
        ]
        return Table(
            rows, columns=columns, index=pd.Index([f.id for f in self.findings], name="id")
        )

    def to_json(self) -> str:
        """Findings and notes."""
        told: dict[str, Any] = {
            "findings": [finding.to_dict() for finding in self.findings],
            "files": [
                {"file": str(note.place), "text": note.text, "is_fault": note.is_fault}
                for note in self.notes
            ],
        }
        return json.dumps(told, indent=2)

    def _told(self) -> list[tuple[str, str]]:
        """A row a file; those that told nothing in one."""
        silent = [note for note in self.notes if note.text == NOTHING_KNOWN]
        told = [(str(note.place), note.text) for note in self.notes if note not in silent]
        if len(silent) > 1:
            return [*told, (plural(len(silent), "other file"), NOTHING_KNOWN)]
        return [*told, *((str(note.place), note.text) for note in silent)]

    def __repr__(self) -> str:
        full, more = told_apart(self.findings)
        found = "\n\n".join([*map(str, full), *more]) or NOTHING
        files = "\n".join(f"  {place}: {text}" for place, text in self._told())
        return f"{found}\n\nRead:\n{files}"

    @property
    def timeline(self) -> Any:
        """When what was seen, as a picture; None where no time is known."""
        return timeline(self.findings)

    def report(self, path: str | Path) -> Path:
        """Writes a page of its own; OSError where it cannot be written."""
        path = Path(path)
        path.write_text(page(self.findings, self._told(), NOTHING), encoding="utf-8")
        return path

    def _repr_html_(self) -> str:
        files = html_table(("file", "what rules know of it"), self._told())
        return Html(f"{body(self.findings, NOTHING)}{files}")
