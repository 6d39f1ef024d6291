# SPDX-License-Identifier: BSD-3-Clause
"""Sources: anything with counters over time, behind one interface.

    Engine(lab) · Telemetry("/run/dpdk/rte") · Ethtool("eth0") · Recording("file.parquet")

Each has names, units, kinds, state and sample(); see Source.
"""

from typing import TYPE_CHECKING

from labkit.sources import xstats
from labkit.sources.base import MISSING, Sample, Schema, Source, SourceError, State, select
from labkit.sources.catalogue import Kind
from labkit.sources.engine import Engine
from labkit.sources.ethtool import Ethtool
from labkit.sources.rates import Rates, rates
from labkit.sources.recording import Recording
from labkit.sources.samples import Samples
from labkit.sources.telemetry import Telemetry

if TYPE_CHECKING:
    from labkit.lab.lab import Lab

__all__ = [
    "MISSING",
    "Engine",
    "Ethtool",
    "Kind",
    "Rates",
    "Recording",
    "Sample",
    "Samples",
    "Schema",
    "Source",
    "SourceError",
    "State",
    "Telemetry",
    "as_source",
    "rates",
    "select",
    "xstats",
]


def as_source(source: "Source | Lab") -> Source:
    """A source as it is; a lab as its engine."""
    from labkit.lab.lab import Lab

    if isinstance(source, Lab):
        return Engine(source)
    if not isinstance(source, Source):
        raise SourceError(
            f"a source is a Lab or one of lk.sources (Engine, Telemetry, Ethtool, Recording), not "
            f"{type(source).__name__}"
        )
    return source
