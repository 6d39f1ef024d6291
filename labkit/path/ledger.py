# SPDX-License-Identifier: BSD-3-Clause
"""The packet ledger: what was meant to be sent, and where every frame of it went."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from labkit.path.drops import Drops
from labkit.text import bold, html_table

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Ledger:
    """`intended = sent + unsent` and `sent = received + every named drop + unexplained`.

    Attributes
    ----------
    intended: frames that the run was asked to send
    sent: frames that a port took
    received: frames that came back whole and in time
    drops: frames by the drop node that refused them, such as {"drop_udp_bad_checksum": 3}
    extra: frames that are no loss and are told apart, such as duplicates
    """

    intended: int
    sent: int
    received: int
    drops: Mapping[str, int] = field(default_factory=dict)
    extra: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "drops", Drops("drop node", self.drops))

    @property
    def unsent(self) -> int:
        """Frames that no port took."""
        return self.intended - self.sent

    @property
    def unexplained(self) -> int:
        """Frames that went out and that no counter of this lab has seen again."""
        return self.sent - self.received - sum(self.drops.values())

    @property
    def is_balanced(self) -> bool:
        """Every frame is accounted for."""
        return self.unexplained == 0 and self.unsent >= 0

    def __add__(self, other: "Ledger") -> "Ledger":
        return Ledger(
            self.intended + other.intended,
            self.sent + other.sent,
            self.received + other.received,
            _sum(self.drops, other.drops),
            _sum(self.extra, other.extra),
        )

    @property
    def rows(self) -> list[tuple[str, int]]:
        """The ledger line by line."""
        return [
            ("intended", self.intended),
            ("unsent", self.unsent),
            ("sent", self.sent),
            ("received", self.received),
            *((name, count) for name, count in self.drops.items() if count),
            ("unexplained", self.unexplained),
            *((name, count) for name, count in self.extra.items() if count),
        ]

    @property
    def table(self) -> "pd.DataFrame":
        """One row a line: `frames` by name."""
        import pandas as pd

        from labkit.tables.table import Table

        names, counts = zip(*self.rows, strict=True)
        return Table({"frames": counts}, index=pd.Index(names, name="ledger"))

    def __repr__(self) -> str:
        width = max(len(name) for name, _ in self.rows)
        lines = [f"{name:<{width}}  {count:>12,}" for name, count in self.rows]
        lines.append("balanced" if self.is_balanced else "NOT balanced")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        rows = [(name, f"{count:,}") for name, count in self.rows]
        color, word = ("#2f7d4f", "balanced") if self.is_balanced else ("#b3261e", "NOT balanced")
        return html_table((), rows, "lr", caption=bold(word, color))


def _sum(a: Mapping[str, int], b: Mapping[str, int]) -> dict[str, int]:
    return {name: a.get(name, 0) + b.get(name, 0) for name in (*a, *(n for n in b if n not in a))}
