# SPDX-License-Identifier: BSD-3-Clause
"""What EC2 gives to types of instances: facts that follow from the type (datasets/ena_*.csv)."""

import csv
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache

from labkit.datasets import dataset
from labkit.trouble.derived_facts import derived_facts
from labkit.trouble.evidence import Fact

TYPE = "instance_type"
OF_INTERFACE = {
    "queues_default_per_eni": "queues/default",
    "queues_max_per_eni": "queues/most",
}


def with_instances(facts: Iterable[Fact]) -> Iterator[Fact]:
    """The facts, what follows from several of them, and for each ENA interface what its machine's
    type gives it."""
    listed = list(facts)
    yield from listed
    yield from derived_facts(listed)
    types = {fact.value: fact for fact in listed if fact.name == TYPE}
    devices = {fact.device for fact in listed if fact.name == "driver" and fact.value == "ena"}
    if len(types) != 1:
        return
    ((kind, told),) = types.items()
    for device in sorted(devices):
        for column, name in OF_INTERFACE.items():
            if (row := _table("ena_queues.csv").get(kind)) is not None:
                yield Fact(name, row[column], told.place, device)
        if kind in _table("ena_express.csv"):
            yield Fact("ena_express", "possible", told.place, device)


@lru_cache(maxsize=2)
def _table(name: str) -> Mapping[str, Mapping[str, str]]:
    with dataset(name).open(newline="", encoding="utf-8") as file:
        return {row[TYPE]: row for row in csv.DictReader(file)}
