# SPDX-License-Identifier: BSD-3-Clause
"""What the doctor found, as text, JSON and HTML."""

import html
import json
from dataclasses import asdict, dataclass
from typing import Literal

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
        cell = 'style="text-align:left;vertical-align:top;padding:2px 10px"'
        rows = "".join(
            f'<tr><td {cell}><b style="color:{COLORS[f.status]}">{MARKS[f.status]}</b></td>'
            f"<td {cell}>{html.escape(f.name)}</td><td {cell}>{html.escape(f.detail)}"
            + (f"<br><i>fix:</i> {html.escape(f.fix)}" if f.fix else "")
            + "</td></tr>"
            for f in self.findings
        )
        return f'<table style="border-collapse:collapse">{rows}</table>'
