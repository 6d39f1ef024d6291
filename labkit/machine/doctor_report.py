# SPDX-License-Identifier: BSD-3-Clause
"""What the doctor found, as text, JSON and HTML."""

import json
from dataclasses import asdict, dataclass
from html import escape
from typing import Literal

from labkit.text import Html, bold, html_table

Status = Literal["ok", "note", "problem"]

MARKS = {"ok": "✓", "note": "·", "problem": "✗"}
COLORS = {"ok": "#00785a", "note": "#57606a", "problem": "#b3261e"}


@dataclass(frozen=True)
class Finding:
    """One thing looked at: `status` is ok, note (something optional is missing) or problem."""

    name: str
    status: Status
    detail: str
    fix: str = ""


@dataclass(frozen=True)
class Report:
    """All findings. `ok` is true when a lab with ring ports works."""

    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        """Whether a lab with ring ports works."""
        return all(finding.status != "problem" for finding in self.findings)

    def to_json(self) -> str:
        """{"ok": …, "findings": [{"name", "status", "detail", "fix"}, …]}"""
        return json.dumps({"ok": self.ok, "findings": [asdict(f) for f in self.findings]}, indent=2)

    def __repr__(self) -> str:
        width = max(len(f.name) for f in self.findings)
        lines = []
        for f in self.findings:
            lines.append(f"{MARKS[f.status]} {f.name:<{width}}  {f.detail}")
            if f.fix:
                lines.append(f"  {'':<{width}}  fix: {f.fix}")
        lines.append("a lab with ring ports works here" if self.ok else "a lab does not work yet")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        rows = []
        for f in self.findings:
            fix = f"<br><i>fix:</i> {escape(f.fix)}" if f.fix else ""
            detail = Html(f"{escape(f.detail)}{fix}")
            rows.append((bold(MARKS[f.status], COLORS[f.status]), f.name, detail))
        return html_table((), rows)
