# SPDX-License-Identifier: BSD-3-Clause
"""Quantities that a rule needs and no counter is: what follows from several of one moment."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping

from labkit.sources.catalogue import unit
from labkit.sources.rates import no_count
from labkit.trouble.evidence import Reading

_QDISC = re.compile(r"qdisc/root/[^/]+/packets")


def with_derived(readings: Iterable[Reading]) -> Iterator[Reading]:
    """The readings, and what follows from the counters that a device had last."""
    known: dict[str, dict[str, int]] = {}
    for reading in readings:
        yield reading
        of = known.setdefault(reading.device, {})
        of.update(reading.counters)
        found = {name: derive(of) for name, derive in DERIVED.items()}
        new = {n: value for n, value in found.items() if value is not None and of.get(n) != value}
        if new:
            of.update(new)
            yield Reading(new, reading.place, reading.moment, reading.device, reading.order)


def _in_ring(counters: Mapping[str, int]) -> int | None:
    """Frames that the qdisc handed over and the driver has not finished."""
    sent = [value for name, value in counters.items() if _QDISC.fullmatch(name)]
    done = counters.get("interface/tx_packets")
    if len(sent) != 1 or done is None or not 0 <= sent[0] - done < 1 << 16:
        return None
    return sent[0] - done


def _addresses(counters: Mapping[str, int]) -> int | None:
    """How many counters hold addresses."""
    found = sum(bool(no_count(value % 2**64, unit(name))) for name, value in counters.items())
    return found or None


DERIVED: Mapping[str, Callable[[Mapping[str, int]], int | None]] = {
    "derived/tx_in_ring": _in_ring,
    "derived/addresses": _addresses,
}
