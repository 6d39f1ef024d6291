# SPDX-License-Identifier: BSD-3-Clause
"""What a rule concludes from evidence."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from labkit.trouble.evidence import UNKNOWN, Moment, Place
from labkit.trouble.incidents import Incident, incidents
from labkit.trouble.rules import LEVELS, Rule


@dataclass(frozen=True)
class Seen:
    """A piece of evidence of a finding.

    Attributes
    ----------
    sign: of the rule, that it is
    text: the line, or the counter and its values
    place: where it stands
    count: of lines alike, of which this is the first
    last: when the last of them was
    """

    sign: str
    text: str
    place: Place
    moment: Moment = UNKNOWN
    count: int = 1
    last: Moment = UNKNOWN

    def __str__(self) -> str:
        times = f" ({self.count:,} times)" if self.count > 1 else ""
        return f"{self.text}{times} [{self.place}]"


@dataclass(frozen=True, repr=False)
class Finding:
    """A trouble that was recognised.

    Attributes
    ----------
    rule: what recognised it: title, where, cause, remedy, origin
    device: the interface, "" where the evidence names none
    level: "certain", "likely" or "possible"
    because: the rule's condition that was met
    evidence: lines and counters, in the order of the rule's signs
    remedy: what to do
    excluded: what would explain it otherwise and was looked for, with what came of it
    needs: what would decide, and the command that gets it; none of what is certain
    """

    rule: Rule
    device: str
    level: str
    because: str
    evidence: tuple[Seen, ...]
    remedy: str
    excluded: tuple[str, ...] = ()
    needs: tuple[Mapping[str, str], ...] = ()

    @property
    def id(self) -> str:
        """The rule's id."""
        return self.rule.id

    @property
    def title(self) -> str:
        """What it is."""
        return self.rule.title

    @property
    def cause(self) -> str:
        """Why it comes."""
        return self.rule.cause

    @property
    def incident(self) -> Incident | None:
        """What is on record of it."""
        return incidents().get(self.id)

    def __repr__(self) -> str:
        return f"<Finding {self.id}: {self.level}{f', {self.device}' if self.device else ''}>"

    def order(self) -> tuple[int, bool, int, str, str]:
        """Its place among others: most certain first, what has another cause after the rest."""
        level = LEVELS.index(self.level)
        return level, self.rule.is_symptom, -len(self.evidence), self.id, self.device

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "id": self.id,
            "title": self.title,
            "where": self.rule.where,
            "device": self.device,
            "level": self.level,
            "because": self.because,
            "cause": self.cause,
            "remedy": self.remedy,
            "evidence": [
                {
                    "sign": seen.sign,
                    "text": seen.text,
                    "file": seen.place.file,
                    "line": seen.place.line or None,
                    "count": seen.count,
                    "clock": seen.moment.clock or None,
                    "seconds": seen.moment.seconds if seen.moment.clock else None,
                }
                for seen in self.evidence
            ],
            "excluded": list(self.excluded),
            "needs": [dict(need) for need in self.needs],
            "origin": self.rule.origin,
            "incident": asdict(self.incident) if self.incident else None,
        }

    def __str__(self) -> str:
        of = f" on {self.device}" if self.device else ""
        lines = [
            f"{self.level.upper()}: {self.title}{of}",
            *(f"  {seen}" for seen in self.evidence),
            f"  Cause: {self.cause}",
            f"  Remedy: {self.remedy}",
            *(f"  Excluded: {text}" for text in self.excluded),
            *(f"  Would decide: {need['what']}: {need['command']}" for need in self.needs),
            *([f"  On record: {self.incident}"] if self.incident else []),
        ]
        return "\n".join(lines)
