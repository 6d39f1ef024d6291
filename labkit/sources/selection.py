# SPDX-License-Identifier: BSD-3-Clause
"""Some of a source's counters, chosen by patterns of their names."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase

from labkit.arguments.checked import checked
from labkit.sources.base import Sample, Schema, SourceError, readonly, unknown_name
from labkit.text import alike

WILD = re.compile(r"\[[^\]]*\]|[*?]")
MOST_LETTERS = 1000  # of a name


@checked(SourceError)
def select(names: Iterable[str], patterns: Iterable[str], *, must: bool = True) -> list[str]:
    """The names that any pattern matches, in the order of patterns; each once.

    A pattern (with *, ? and [...]) matches a whole name or what is behind its last slash. With
    `must`, one that matches nothing is an error.
    """
    known = list(names)
    found: dict[str, None] = {}
    for pattern in patterns:
        matching = [
            name
            for name in known
            if fnmatchcase(name, pattern) or fnmatchcase(name.rsplit("/", 1)[-1], pattern)
        ]
        if must and not matching:
            if meant := _near_pattern(pattern, known):
                there = f"no counter of {len(known):,} matches {pattern!r}"
                raise SourceError(f"{there}; did you mean {meant!r}?")
            raise SourceError(unknown_name(pattern, known))
        found.update(dict.fromkeys(matching))
    return list(found)


def _near_pattern(pattern: str, names: Sequence[str]) -> str:
    """A pattern with the near miss in place of every part that no name has; "" where none helps."""
    if not WILD.search(pattern):
        return ""
    known = [name.split("/") for name in names]
    if "/" not in pattern:
        known = [name[-1:] for name in known]
    meant: list[str] = []
    for place, part in enumerate(pattern.split("/")):
        there = dict.fromkeys(name[place] for name in known if len(name) > place)
        fitting = _near_part(part, list(there))
        known = [name for name in known if fnmatchcase("/".join(name[place : place + 1]), fitting)]
        meant.append(fitting)
    found = "/".join(meant)
    return found if known and found != pattern else ""


def _near_part(part: str, there: Sequence[str]) -> str:
    """The part; where nothing that is there matches, with the near miss of its begin or end."""
    head, *_, tail = WILD.split(part) if WILD.search(part) else (part, "")
    begins = dict.fromkeys(name[:n] for n in _about(head, part) for name in there)
    ends = dict.fromkeys(name[-n:] for n in _about(tail, part) for name in there)
    tries = [part]
    tries += (one + part[len(head) :] for one in alike(head, begins))
    tries += (part[: len(part) - len(tail)] + one for one in alike(tail, ends))
    fits = (one for one in tries if any(fnmatchcase(name, one) for name in there))
    return next(fits, part)


def _about(piece: str, part: str) -> tuple[int, ...]:
    """How many letters of a name may stand for a piece of a part: all of them for the whole."""
    lengths = (len(piece), len(piece) + 1, max(len(piece) - 1, 1))
    return lengths if piece != part else (MOST_LETTERS,)


class Choice:
    """Takes the counters that patterns match out of samples, whatever their schema."""

    def __init__(self, patterns: Sequence[str]) -> None:
        self._patterns = patterns
        self._parts: dict[Schema, tuple[Schema, list[int]]] = {}

    def __call__(self, sample: Sample) -> Sample:
        """The sample with fewer counters."""
        if sample.schema not in self._parts:
            whole = sample.schema
            names = select(whole.names, self._patterns, must=False)
            units = {name: whole.units[name] for name in names if name in whole.units}
            kinds = {name: whole.kinds[name] for name in names if name in whole.kinds}
            part = Schema(tuple(names), units, kinds, whole.drivers, whole.anew)
            self._parts[whole] = part, [whole.index[name] for name in names]
        part, columns = self._parts[sample.schema]
        return replace(sample, values=readonly(sample.values[columns]), schema=part)
