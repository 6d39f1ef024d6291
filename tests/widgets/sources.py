# SPDX-License-Identifier: BSD-3-Clause
"""A source whose counters a test sets."""

import time

from labkit.sources import Sample, Schema, Source, SourceError
from labkit.sources.base import readonly

NAMES = ("rx_packets", "tx_packets", "rx_bytes", "queue/depth")
UNITS = {"rx_packets": "packets", "tx_packets": "packets", "rx_bytes": "bytes"}
KINDS = {"queue/depth": "gauge"}


class Hand(Source):
    """Time and values are the test's: add() makes the next sample."""

    def __init__(self, names: tuple[str, ...] = NAMES) -> None:
        super().__init__("by hand")
        self._schema = Schema(names, UNITS, KINDS)  # type: ignore[arg-type]
        self.values = dict.fromkeys(names, 1000)
        self.monotonic_ns = 10**12
        self.is_there = True
        self.opens = 0
        self.closes = 0

    def add(self, seconds: float = 0.1, **growth: int) -> None:
        """Lets time pass and counters grow."""
        self.monotonic_ns += round(seconds * 1e9)
        for name, by in growth.items():
            self.values[name] += by

    def rename(self, names: tuple[str, ...]) -> None:
        """Other counters from now on."""
        self._schema = Schema(names, UNITS, KINDS)  # type: ignore[arg-type]
        self.values = {name: self.values.get(name, 0) for name in names}

    def _connect(self) -> None:
        if not self.is_there:
            raise SourceError("nobody is there")
        self.opens += 1

    def _disconnect(self) -> None:
        self.closes += 1

    def _read(self) -> Sample | None:
        if not self.is_there:
            self._state = ("gone", "the cable is out")
            return None
        self._state = ("live", "counts")
        return Sample(
            self.monotonic_ns,
            self.monotonic_ns + 1_700_000_000 * 10**9,
            readonly(list(self.values.values())),
            self._schema,
        )


class Clock(Hand):
    """Counts 1000 packets/s of 100 bytes by itself."""

    def _read(self) -> Sample | None:
        now = time.monotonic_ns()
        elapsed, self.monotonic_ns = now - self.monotonic_ns, now
        if elapsed < 10**12 and self.values:
            self.values["rx_packets"] += elapsed // 10**6
            self.values["rx_bytes"] += elapsed // 10**4
        return super()._read()
