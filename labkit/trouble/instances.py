# SPDX-License-Identifier: BSD-3-Clause
"""What EC2 gives to types of instances: facts that follow from the type (datasets/ena_*.csv)."""

from collections.abc import Iterable, Iterator

from labkit.trouble import instance_tables
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
            if (row := instance_tables.queues().get(kind)) is not None:
                yield Fact(name, row[column], told.place, device)
        if kind in instance_tables.express():
            yield Fact("ena_express", "possible", told.place, device)
