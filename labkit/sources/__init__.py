# SPDX-License-Identifier: BSD-3-Clause
"""Sources: anything with counters over time, behind one interface.

    Engine(lab) · Traffic(lab.traffic()) · Telemetry("/run/dpdk/rte") · Ethtool("eth0")
    Recording("file.parquet")

Each has names, units, kinds, state and sample(); see Source. Logs are sources of lines, which
lk.trouble.watch() takes: Journal() · LogFile("/var/log/app.log"); see LineSource.
"""

from labkit.arguments.names import no_attribute
from labkit.sources import xstats
from labkit.sources.as_source import as_source
from labkit.sources.base import MISSING, Sample, Schema, Source, SourceError, State
from labkit.sources.catalogue import Kind
from labkit.sources.engine import Engine
from labkit.sources.ethtool import Ethtool
from labkit.sources.journal import Journal
from labkit.sources.lines import LineSource
from labkit.sources.log_file import LogFile
from labkit.sources.rates import Rates, rates
from labkit.sources.recording import Recording
from labkit.sources.samples import Samples
from labkit.sources.selection import select
from labkit.sources.telemetry import Telemetry
from labkit.sources.traffic import Traffic

__all__ = [
    "MISSING",
    "Engine",
    "Ethtool",
    "Journal",
    "Kind",
    "LineSource",
    "LogFile",
    "Rates",
    "Recording",
    "Sample",
    "Samples",
    "Schema",
    "Source",
    "SourceError",
    "State",
    "Telemetry",
    "Traffic",
    "as_source",
    "rates",
    "select",
    "xstats",
]


def __dir__() -> list[str]:
    return __all__


def __getattr__(name: str) -> object:
    raise no_attribute(__name__, name, __all__)
