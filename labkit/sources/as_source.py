# SPDX-License-Identifier: BSD-3-Clause
"""What stands for a source where one is wanted."""

from collections.abc import Mapping
from typing import Any

from labkit.lab.flows.flow import Flow
from labkit.lab.flows.traffic import Traffic as LiveTraffic
from labkit.lab.lab import Lab
from labkit.sources.base import Source, SourceError
from labkit.sources.engine import Engine
from labkit.sources.traffic import Traffic

Counted = Source | Lab | LiveTraffic | Flow


def counter_names(arguments: Mapping[str, Any]) -> tuple[str, ...]:
    """The counters of a source, or of a lab's engine, for TAB; and what is behind their last slash,
    which patterns match too."""
    with as_source(arguments["source"]) as source:
        short = (name.rpartition("/")[2] for name in source.names)
        return tuple(dict.fromkeys((*source.names, *short)))


def as_source(source: Counted) -> Source:
    """A source as it is; a lab as its engine; live traffic, or one flow of it, as its counters."""
    if isinstance(source, Lab):
        return Engine(source)
    if isinstance(source, (LiveTraffic, Flow)):
        return Traffic(source)
    if not isinstance(source, Source):
        kinds = ", ".join(kind.__name__ for kind in Source.__subclasses__() if _is_ours(kind))
        raise SourceError(
            f"a source is a Lab or one of lk.sources ({kinds}), or what lab.traffic() made, "
            f"not {type(source).__name__}"
        )
    return source


def _is_ours(kind: type[Source]) -> bool:
    return kind.__module__.startswith("labkit.sources.")
