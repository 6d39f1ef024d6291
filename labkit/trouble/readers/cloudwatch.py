# SPDX-License-Identifier: BSD-3-Clause
"""Metrics of CloudWatch: JSON of get-metric-data and get-metric-statistics, CSV of its console.

They become readings named "cloudwatch/NetworkPacketsIn". Each value is of one period and no
running count: rules may ask for above and below; how much it grows says nothing.
"""

import csv
import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from labkit.trouble.evidence import UNKNOWN, Item, Moment, Note, Place, Reading
from labkit.trouble.readers.asked import Asked

STATISTICS = ("Sum", "Maximum", "Average", "SampleCount", "Minimum")  # the first that there is
HEADS = ("label", "timestamp", "time")
# What was sent or received, and which metrics tell it; the agent puts "ethtool_" in front.
_EXPRESS = (
    ("sent", re.compile(r"ena_srd_tx_pkts$"), re.compile(r"\bNetworkPackets?Out$")),
    ("received", re.compile(r"ena_srd_rx_pkts$"), re.compile(r"\bNetworkPackets?In$")),
)
_INSTANCE = re.compile(r"\bi-[0-9a-f]{8,17}\b")

Points = list[tuple[str, float]]  # of a metric: time and value


def read(lines: Sequence[str], name: str, asked: Asked) -> Iterator[Item]:
    """Readings by instance, where a label names one."""
    del asked
    metrics: list[tuple[str, Points]] = []
    if any('"MetricDataResults"' in line or '"Datapoints"' in line for line in lines):
        try:
            metrics += _json(json.loads("\n".join(lines)))
        except (ValueError, LookupError, RecursionError, TypeError, AttributeError):
            yield Note(Place(name), "looks like metrics of CloudWatch, and is damaged", True)
            return
    else:
        metrics += _csv(lines)
    found = 0
    for label, points in metrics:
        instance = _INSTANCE.search(label)
        words = _INSTANCE.sub("", label).split()
        key = f"cloudwatch/{words[-1] if words else label}"
        timed = [(_moment(time), value) for time, value in points if math.isfinite(value)]
        for moment, value in sorted(timed, key=lambda point: point[0].seconds):
            counters = {key: round(value)}
            yield Reading(counters, Place(name), moment, instance[0] if instance else "", found)
            found += 1
    yield from _express(metrics, name)
    if metrics:
        yield Note(Place(name), f"metrics of CloudWatch, {found:,} values")


def _express(metrics: Sequence[tuple[str, Points]], name: str) -> Iterator[Item]:
    """How much of an instance's packets went over ENA Express, by times that both metrics have."""
    for word, part, whole in _EXPRESS:
        parts = [points for label, points in metrics if part.search(label)]
        wholes = [points for label, points in metrics if whole.search(label)]
        if len(parts) != 1 or len(wholes) != 1:  # of several instances, or interfaces
            continue
        of, all_of = dict(parts[0]), dict(wholes[0])
        both = of.keys() & all_of.keys()
        packets = sum(all_of[time] for time in both)
        if packets > 0 and (share := sum(of[time] for time in both) / packets) <= 1:
            told = f"{share:.0%} of the packets {word} went over ENA Express"
            yield Note(Place(name), told)


def _json(told: Any) -> Iterator[tuple[str, Points]]:
    for result in told.get("MetricDataResults", ()):
        values = map(float, result["Values"])
        label = str(result.get("Label") or result["Id"])
        yield label, list(zip(map(str, result["Timestamps"]), values, strict=True))
    if "Datapoints" in told:
        points = [(str(point["Timestamp"]), _statistic(point)) for point in told["Datapoints"]]
        yield str(told.get("Label") or "metric"), points


def _statistic(point: Mapping[str, Any]) -> float:
    return next((float(point[name]) for name in STATISTICS if name in point), math.nan)


def _csv(lines: Sequence[str]) -> Iterable[tuple[str, Points]]:
    """The console's: labels in one row, then a row for each time."""
    for at, line in enumerate(lines[:10]):
        labels = _row(line)
        if labels and labels[0].strip().casefold() in HEADS and len(labels) > 1:
            columns: list[Points] = [[] for _ in labels]
            for later in lines[at + 1 :]:
                row = _row(later)
                if not row or _moment(row[0]) is UNKNOWN:
                    continue
                for column, cell in zip(columns[1:], row[1:], strict=False):
                    if re.fullmatch(r"-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?", cell.strip()):
                        column.append((row[0], float(cell)))
            found = list(zip(labels[1:], columns[1:], strict=True))
            return [(label, points) for label, points in found if label.strip() and points]
    return []


def _row(line: str) -> list[str]:
    try:
        return next(csv.reader([line]), [])
    except csv.Error:
        return []


def _moment(text: str) -> Moment:
    try:
        when = datetime.fromisoformat(text.strip().replace("/", "-"))
        when = when if when.tzinfo else when.replace(tzinfo=UTC)
        return Moment("wall", when.timestamp())
    except (ValueError, OverflowError):
        return UNKNOWN
