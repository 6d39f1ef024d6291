# SPDX-License-Identifier: BSD-3-Clause
"""A node that its user wrote: what there is to know of it, on both sides of the engine."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal

from labkit.packet.edges import MOST_OUTPUTS

CELL = "<cell>"  # what its compiler calls a cell
LANGUAGES = ("C", "Python")
Language = Literal["C", "Python"]
DROP, OUTPUT, COUNTER, PARAMETER = range(4)  # enum lk_cell_what of native/packet/cell_library.h


@dataclass(frozen=True)
class OwnParameter:
    """A parameter; default None: it has to be given."""

    name: str
    is_real: bool
    lowest: float
    highest: float
    default: float | None = None


@dataclass(frozen=True)
class OwnNode:
    """A node that is no part of labkit.

    Attributes
    ----------
    name: of its kind
    native: of this version of it, in the engine
    language, text: its source
    sentence: what it does, in its author's words
    library: file that was compiled of it; "" of one in Python
    first_line: number, in its cell, of the source's first line
    has_state: it has a struct of its own
    parameters, drops, outputs: in their order; outputs besides next and other
    counters: name and how many there are of it
    """

    name: str
    native: str
    language: Language
    text: str
    sentence: str = ""
    library: str = ""
    first_line: int = 1
    has_state: bool = False
    parameters: tuple[OwnParameter, ...] = ()
    drops: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    counters: tuple[tuple[str, int], ...] = ()

    @property
    def source(self) -> dict[str, str]:
        """As a path's file names it."""
        return {"language": self.language, "sha256": sha256(self.text), "source": self.text}

    @property
    def counter_names(self) -> tuple[str, ...]:
        """One by one: `name`, or `name_0`, `name_1` … of several."""
        return one_by_one(self.counters)

    def line(self, number: int) -> str:
        """A line of its cell."""
        lines = self.text.split("\n")
        at = number - self.first_line
        return lines[at].strip() if 0 <= at < len(lines) else ""

    @property
    def own_drops(self) -> tuple[str, ...]:
        """Those of its drops that are not among labkit's verdicts."""
        from labkit.packet.codec import VERDICT_BY_NAME  # native: paths are declared without

        return tuple(name for name in self.drops if name not in VERDICT_BY_NAME)

    def numbers(self) -> dict[tuple[int, str], int]:
        """What each name stands for in native code: a verdict, the first of its counters, a place
        among values."""
        from labkit.packet.codec import VERDICT_BY_NAME, VERDICTS  # native, too

        first_drop = len(VERDICTS) + MOST_OUTPUTS
        found = {(DROP, name): first_drop + i for i, name in enumerate(self.own_drops)}
        for name in set(self.drops).difference(self.own_drops):
            found[DROP, name] = VERDICT_BY_NAME[name].number
        found |= {(OUTPUT, name): len(VERDICTS) + i for i, name in enumerate(self.outputs)}
        found |= {(PARAMETER, p.name): i for i, p in enumerate(self.parameters)}
        first = 0
        for name, count in self.counters:
            found[COUNTER, name] = first
            first += count
        return found

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            **{field.name: getattr(self, field.name) for field in fields(self)},
            "parameters": [p.__dict__ for p in self.parameters],
            "drops": list(self.drops),
            "outputs": list(self.outputs),
            "counters": [list(counter) for counter in self.counters],
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "OwnNode":
        """What `to_dict` gave."""
        return cls(
            **{
                **data,
                "parameters": tuple(OwnParameter(**p) for p in data["parameters"]),
                "drops": tuple(data["drops"]),
                "outputs": tuple(data["outputs"]),
                "counters": tuple((name, count) for name, count in data["counters"]),
            }
        )


VERSIONS: dict[str, OwnNode] = {}  # all that this process has made, by their native names


def one_by_one(counters: Iterable[tuple[str, int]]) -> tuple[str, ...]:
    """Names of counters: `name`, or `name_0`, `name_1` … of several."""
    return tuple(
        name if count == 1 else f"{name}_{i}" for name, count in counters for i in range(count)
    )


def sha256(text: str) -> str:
    """Of a source, in hex digits."""
    return hashlib.sha256(text.encode()).hexdigest()
