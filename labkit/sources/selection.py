# SPDX-License-Identifier: BSD-3-Clause
"""Some of a source's counters, chosen by patterns of their names."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase

from labkit.arguments.checked import checked
from labkit.sources.base import Sample, Schema, SourceError, readonly, unknown_name


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
            raise SourceError(unknown_name(pattern, known))
        found.update(dict.fromkeys(matching))
    return list(found)


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
            part = Schema(tuple(names), units, kinds, whole.drivers)
            self._parts[whole] = part, [whole.index[name] for name in names]
        part, columns = self._parts[sample.schema]
        return replace(sample, values=readonly(sample.values[columns]), schema=part)
