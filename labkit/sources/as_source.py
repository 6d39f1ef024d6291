# SPDX-License-Identifier: BSD-3-Clause
"""What stands for a source where one is wanted."""

from collections.abc import Mapping
from typing import Any

from labkit.lab.lab import Lab
from labkit.sources.base import Source, SourceError
from labkit.sources.engine import Engine


def counter_names(arguments: Mapping[str, Any]) -> tuple[str, ...]:
    """The counters of a source, or of a lab's engine, for TAB; and what is behind their last slash,
    which patterns match too."""
    with as_source(arguments["source"]) as source:
        short = (name.rpartition("/")[2] for name in source.names)
        return tuple(dict.fromkeys((*source.names, *short)))


def as_source(source: Source | Lab) -> Source:
    """A source as it is; a lab as its engine."""
    if isinstance(source, Lab):
        return Engine(source)
    if not isinstance(source, Source):
        kinds = ", ".join(kind.__name__ for kind in Source.__subclasses__() if _is_ours(kind))
        raise SourceError(
            f"a source is a Lab or one of lk.sources ({kinds}), not {type(source).__name__}"
        )
    return source


def _is_ours(kind: type[Source]) -> bool:
    return kind.__module__.startswith("labkit.sources.")
