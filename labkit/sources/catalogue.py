# SPDX-License-Identifier: BSD-3-Clause
"""The catalogue of the statistics of drivers, kernels and this engine.

datasets/xstats_catalogue.csv has one row a metric. Names are patterns: {n} stands for a number,
{name} for anything without a slash, as in "rx_q{n}_packets" and "path/{path}/drop_{verdict}".
"""

import csv
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal

from labkit.datasets import dataset

Kind = Literal["counter", "gauge", "state"]
CATALOGUE = "xstats_catalogue.csv"
DRIVERS = "xstats_drivers.csv"
QUEUE_OF_VMXNET3 = re.compile(r"^[rt]xq\d+ ")
UNIT_BY_ENDING = {
    "_bytes": "bytes",
    "_octets": "bytes",
    "_packets": "packets",
    "_pkts": "packets",
    "_frames": "packets",
}


@dataclass(frozen=True)
class Metric:
    """A row of the catalogue.

    Attributes
    ----------
    name: the pattern of its names
    meaning: a sentence
    unit: "packets", "bytes", "ns", "cycles", "events", "%" … or "" for a code
    kind: "counter" (only grows), "gauge" (a level) or "state" (a code or an entry of a log)
    reported_by: drivers and the version that had it first, such as "net_ena (DPDK 20.11) 2.2.0"
    advice: what to do when it moves, "" when there is nothing to do
    counts: what it counts in the normalised view, such as "dropped by NIC"; "" for nothing
    origin: where this is written down
    """

    name: str
    meaning: str
    unit: str
    kind: Kind
    reported_by: tuple[str, ...]
    advice: str
    counts: str
    origin: str

    def __str__(self) -> str:
        lines = [
            f"{self.name}: {self.kind}{f' of {self.unit}' if self.unit else ''}",
            self.meaning,
            f"What to do: {self.advice}" if self.advice else "",
            f"Counts as: {self.counts}" if self.counts else "",
            f"Reported by: {', '.join(self.reported_by)}",
            f"Source: {self.origin}",
        ]
        return "\n  ".join(filter(None, lines))

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(str(self))

    @property
    def is_queue(self) -> bool:
        """Whether it is a queue's share of something that the port counts too."""
        return "{n}" in self.name


@lru_cache(maxsize=1)
def metrics() -> tuple[Metric, ...]:
    """All metrics of the catalogue."""
    with dataset(CATALOGUE).open(newline="", encoding="utf-8") as file:
        return tuple(
            Metric(
                row["name"],
                row["meaning"],
                row["unit"],
                _kind(row["kind"]),
                _parts(row["reported_by"]),
                row["advice"],
                row["counts"],
                row["origin"],
            )
            for row in csv.DictReader(file)
        )


@lru_cache(maxsize=1)
def _index() -> tuple[dict[str, Metric], list[tuple[re.Pattern[str], Metric]]]:
    """Plain names, and expressions of the names with placeholders."""
    plain = {metric.name: metric for metric in metrics() if "{" not in metric.name}
    patterns = [(_expression(metric.name), metric) for metric in metrics() if "{" in metric.name]
    return plain, patterns


def _expression(pattern: str) -> re.Pattern[str]:
    parts = re.split(r"(\{\w+\})", pattern)
    return re.compile(
        "".join(
            r"\d+" if part == "{n}" else "[^/]+" if part.startswith("{") else re.escape(part)
            for part in parts
        )
    )


@lru_cache(maxsize=65536)
def find(name: str) -> Metric | None:
    """The metric that a counter's name stands for; None when the catalogue does not know it.

    A name may have prefixes: "port/client/rx_good_packets" is found as "rx_good_packets".
    """
    plain, patterns = _index()
    parts = _without_number(name).split("/")
    for candidate in ("/".join(parts[i:]) for i in range(len(parts))):
        if candidate in plain:
            return plain[candidate]
        for expression, metric in patterns:
            if expression.fullmatch(candidate):
                return metric
    return None


def unit(name: str) -> str:
    """The unit of a counter, from the catalogue or, for one it does not know, from its name."""
    metric = find(name)
    if metric is not None:
        return metric.unit
    plain = _without_number(name)
    return next((unit for ending, unit in UNIT_BY_ENDING.items() if plain.endswith(ending)), "")


def _without_number(name: str) -> str:
    """Of a counter whose name comes again (labkit.text.unique), and of a queue's of vmxnet3, which
    the readers of lk.trouble call "rxq0 ucast pkts rx"."""
    return QUEUE_OF_VMXNET3.sub("", re.sub(r"#\d+$", "", name))


def _kind(text: str) -> Kind:
    assert text in ("counter", "gauge", "state"), text
    return text  # type: ignore[return-value]


@dataclass(frozen=True)
class Driver:
    """What a driver tells otherwise than others.

    Attributes
    ----------
    name: as Schema.drivers has it, such as "net_ena" (DPDK) or "ena" (Linux)
    cannot_report: quantities of the normalised view
    because: why, or where else to look
    counts: by name of a counter, what it counts here instead of Metric.counts; "" for nothing
    """

    name: str
    cannot_report: tuple[str, ...] = ()
    because: str = ""
    counts: Mapping[str, str] = field(default_factory=dict)


@lru_cache(maxsize=1)
def drivers() -> tuple[Driver, ...]:
    """Drivers that differ from the others (datasets/xstats_drivers.csv)."""
    with dataset(DRIVERS).open(newline="", encoding="utf-8") as file:
        return tuple(
            Driver(
                row["driver"],
                _parts(row["cannot_report"]),
                row["because"],
                dict(_assigned(part) for part in _parts(row["counts"])),
            )
            for row in csv.DictReader(file)
        )


def driver_of(device: str) -> str:
    """The driver of a virtual DPDK device, by the name that EAL makes it begin with; or ""."""
    named = [driver.name for driver in drivers() if device.startswith(driver.name)]
    return max(named, key=len, default="")


def _assigned(text: str) -> tuple[str, str]:
    name, _, value = text.partition("=")
    return name.strip(), value.strip()


def _parts(text: str) -> tuple[str, ...]:
    return tuple(filter(None, (part.strip() for part in text.split(";"))))
