# SPDX-License-Identifier: BSD-3-Clause
"""Sources: anything with counters over time, behind one interface.

    Engine(lab) · Telemetry("/run/dpdk/rte") · Ethtool("eth0") · Recording("file.parquet")

Each has names, units, kinds, state and sample(); see Source.
"""

from labkit.sources.base import MISSING, Sample, Schema, Source, SourceError, State
from labkit.sources.engine import Engine
from labkit.sources.ethtool import Ethtool
from labkit.sources.rates import Rates, rates
from labkit.sources.telemetry import Telemetry
from labkit.xstats import Kind

__all__ = [
    "MISSING",
    "Engine",
    "Ethtool",
    "Kind",
    "Rates",
    "Sample",
    "Schema",
    "Source",
    "SourceError",
    "State",
    "Telemetry",
    "rates",
]
