# SPDX-License-Identifier: BSD-3-Clause
"""What counters mean, and one view of the counters of any driver.

lk.xstats.describe("bw_in_allowance_exceeded")
lk.xstats.normalise(source.sample())
lk.xstats.table()
"""

import time
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np

from labkit.arguments.checked import checked
from labkit.arguments.hints import Offers
from labkit.arguments.names import no_attribute
from labkit.errors import LabError
from labkit.packet.codec import VERDICT_BY_NAME
from labkit.sources.base import MISSING, Sample, Schema, Source, SourceError
from labkit.sources.catalogue import Driver, Metric, drivers, find, metrics, unit
from labkit.sources.rates import no_count
from labkit.text import alike, did_you_mean, shown

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Metric", "describe", "find", "normalise", "table", "unit"]

# What the normalised view tells of every port and interface
QUANTITIES = (
    "received",
    "received bytes",
    "sent",
    "sent bytes",
    "dropped by NIC",
    "dropped by kernel",
    "bad frames received",
    "no buffer on receipt",
    "not sent",
    "held back by the platform",
)


def _catalogued(_: Mapping[str, Any]) -> list[str]:
    return [metric.name for metric in metrics()]


@checked()
def describe(name: Annotated[str, Offers(_catalogued)]) -> Metric:
    """What a counter means: meaning, unit, kind, what to do, who reports it, where it is written.

    name as a source shows it ("port/client/rx_q0_packets"), as a driver does ("rx_q0_packets"), or
    of the catalogue ("rx_q{n}_packets"). LabError, with what comes near, for one nobody knows.
    """
    metric = find(name) or next((metric for metric in metrics() if metric.name == name), None)
    if metric is None:
        there = [metric.name for metric in metrics()]
        hint = did_you_mean(alike(name.rsplit("/", 1)[-1], there, 3))
        raise LabError(f"the catalogue has no counter {name!r} (lk.xstats.table() lists all){hint}")
    verdict = VERDICT_BY_NAME.get(name.rsplit("/drop_", 1)[-1])
    if metric.name.endswith("/drop_{verdict}") and verdict is not None:
        return replace(metric, meaning=verdict.sentence, origin=verdict.source or metric.origin)
    return metric


def table() -> "pd.DataFrame":
    """The catalogue: name, meaning, unit, kind, reported_by, advice, counts, origin."""
    from labkit.tables.table import Table  # pandas is slow to load

    return Table([asdict(metric) for metric in metrics()])


@checked(SourceError)
def normalise(sample: Sample | Source | Mapping[str, int]) -> "pd.DataFrame":
    """The same ten quantities of every port or interface, whatever its driver calls them.

    A table with `of` (prefix of the names: "port/client", "" for an interface), `quantity`,
    `value` (missing where it cannot be told), `counters` (names that it is the sum of) and `note`
    (what the driver cannot report, and why; what cannot be believed).

    sample: of a source, or the newest one of a source; or counters by their names, as Port.xstats()
    and lk.nitro's counters() tell them
    """
    from labkit.tables.table import Table  # pandas is slow to load

    if isinstance(sample, Source):
        taken = sample.sample()
        if taken is None:
            raise SourceError(f"{sample.label} has no sample: {sample.reason}")
        sample = taken
    if not isinstance(sample, Sample):
        sample = _as_sample(sample)
    rows = []
    for of in dict.fromkeys(_group(name) for name in sample.names):
        if of is None:
            continue
        members = [name for name in sample.names if _group(name) == of]
        driver = _driver(sample.schema.drivers.get(of, ""))
        for quantity in QUANTITIES:
            counters = _counters(quantity, members, driver)
            value, note = _total({name: sample[name] for name in counters}, quantity, driver)
            rows.append((of, quantity, value, ", ".join(counters), note))
    columns = ["of", "quantity", "value", "counters", "note"]
    return Table(rows, columns=columns).astype({"value": "UInt64"})


def _as_sample(counters: Mapping[str, int]) -> Sample:
    """Counters that were read by themselves."""
    for name, value in counters.items():
        if not isinstance(name, str) or not isinstance(value, (int, np.integer)):
            raise SourceError(
                f"counter {shown(name)} is {shown(value)}; counters are whole numbers by names, "
                "as Port.xstats() tells them"
            )
    values = np.array([value % 2**64 for value in counters.values()], dtype=np.uint64)
    return Sample(time.monotonic_ns(), time.time_ns(), values, Schema.of(counters))


def _group(name: str) -> str | None:
    """What a counter tells of: a port, the interface (""), or neither."""
    parts = name.split("/")
    if parts[0] == "port":
        return "/".join(parts[:2])
    kernel = next((i for i, part in enumerate(parts) if part in ("interface", "qdisc")), None)
    if kernel is not None:
        return "/".join(parts[:kernel])
    return "" if len(parts) == 1 else None


def _counters(quantity: str, names: list[str], driver: Driver) -> list[str]:
    """The counters of a quantity: those of the whole port, or else those of its queues."""
    counted = [(name, find(name)) for name in names]
    found = [
        (name, metric)
        for name, metric in counted
        if metric and driver.counts.get(metric.name, metric.counts) == quantity
    ]
    whole = [name for name, metric in found if not metric.is_queue]
    return whole or [name for name, _ in found]


def _driver(name: str) -> Driver:
    return next((driver for driver in drivers() if driver.name == name), Driver(name))


def _total(counters: Mapping[str, int], quantity: str, driver: Driver) -> tuple[int | None, str]:
    for counter, value in counters.items():
        if value == MISSING:
            return None, f"{counter} could not be read"
        if instead := no_count(value, unit(counter)):
            return None, f"{counter} stands at {value:,}, {instead}"
    total = sum(counters.values())
    # ethdev shows some counters of every port, and 0 where the driver does not count.
    if quantity in driver.cannot_report and total == 0:
        return None, f"{driver.name} cannot report this: {driver.because}"
    known = driver.because if quantity == "dropped by NIC" else ""
    if not counters:
        return None, f"no counter of this source tells it{f': {known}' if known else ''}"
    return total, known


def __dir__() -> list[str]:
    return __all__


def __getattr__(name: str) -> object:
    raise no_attribute(__name__, name, __all__)
