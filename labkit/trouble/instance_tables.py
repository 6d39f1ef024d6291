# SPDX-License-Identifier: BSD-3-Clause
"""Tables of EC2's types of instances, by type (datasets/ena_*.csv)."""

import csv
from collections.abc import Mapping
from functools import lru_cache

from labkit.datasets import dataset

Table = Mapping[str, Mapping[str, str]]


def queues() -> Table:
    """Queues that a type gives to its interfaces."""
    return _table("ena_queues.csv")


def express() -> Table:
    """Types that have ENA Express."""
    return _table("ena_express.csv")


@lru_cache(maxsize=2)
def _table(name: str) -> Table:
    with dataset(name).open(newline="", encoding="utf-8") as file:
        return {row["instance_type"]: row for row in csv.DictReader(file)}
