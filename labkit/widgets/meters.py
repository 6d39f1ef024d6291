# SPDX-License-Identifier: BSD-3-Clause
"""Quantities that views compute from rates: sums, shares, cycles a packet."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from labkit.sources import Schema

FLOOR = 1e-9  # what is divided by is more than this


@dataclass(frozen=True)
class Meter:
    """scale × sum of some counters' rates, divided by the sum of others where these are given."""

    over: tuple[str, ...]
    under: tuple[str, ...] = ()
    scale: float = 1.0


class Meters:
    """Meters in the order in which the page gets their values."""

    def __init__(self) -> None:
        self._meters: list[Meter] = []
        self._at: list[tuple[list[int], list[int] | None, float]] = []
        self._schema: Schema | None = None

    def add(self, over: str | Iterable[str], under: Iterable[str] = (), scale: float = 1.0) -> int:
        """A new meter; returns its place."""
        names = (over,) if isinstance(over, str) else tuple(over)
        self._meters.append(Meter(names, tuple(under), scale))
        self._schema = None
        return len(self._meters) - 1

    def read(self, schema: Schema, means: Any) -> Any:
        """Their values, float64; NaN where there is nothing to tell."""
        if schema is not self._schema:
            self._schema = schema
            self._at = [
                (_places(m.over, schema), _places(m.under, schema) if m.under else None, m.scale)
                for m in self._meters
            ]
        values = np.full(len(self._at), np.nan)
        for i, (over, under, scale) in enumerate(self._at):
            if not over:
                continue
            value = scale * sum(means[j] for j in over)
            if under is not None:
                total = sum(means[j] for j in under)
                value = value / total if total > FLOOR else np.nan
            values[i] = value
        return values


def _places(names: Iterable[str], schema: Schema) -> list[int]:
    return [schema.index[name] for name in names if name in schema.index]
