# SPDX-License-Identifier: BSD-3-Clause
"""What every source has in common: named counters, read together, with the time they were read."""

import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt

from labkit.arguments.names import Named
from labkit.errors import LabError, UnknownName
from labkit.sources import catalogue
from labkit.sources.catalogue import Kind
from labkit.text import near

State = Literal["live", "gone", "ended"]
Values = npt.NDArray[np.uint64]

MISSING = 2**64 - 1  # stands where a source could not read a counter


class SourceError(LabError):
    """A source that cannot be opened, or is used wrongly."""


class UnknownCounter(SourceError, UnknownName):
    """A name that no counter of a source has."""


@dataclass(frozen=True, eq=False)
class Schema:
    """The names of one sample's values, in their order.

    A source keeps one Schema as long as its names stay and its counters run on. So a sample whose
    schema `is` another one has other names, or counters that began anew.

    Attributes
    ----------
    names: such as "port/client/rx_good_packets"; no name occurs twice
    units: of those whose unit is known, such as "packets", "bytes", "ns", "cycles"
    kinds: "counter" (only grows; shown as a rate), "gauge" (a level) or "state" (a code)
    drivers: by the prefix of names, such as {"port/client": "net_ring"}; "" for names without one
    anew: names of counters that began anew with this schema, whatever they stand at, and of levels
        that are not known yet (MISSING, and no fault)
    """

    names: tuple[str, ...]
    units: Mapping[str, str] = field(default_factory=dict)
    kinds: Mapping[str, Kind] = field(default_factory=dict)
    drivers: Mapping[str, str] = field(default_factory=dict)
    anew: frozenset[str] = frozenset()

    @classmethod
    def of(cls, names: Iterable[str], drivers: Mapping[str, str] | None = None) -> Self:
        """With the units and kinds that the catalogue (labkit.sources.catalogue) knows."""
        found = tuple(names)
        units = {name: unit for name in found if (unit := catalogue.unit(name))}
        kinds = {name: metric.kind for name in found if (metric := catalogue.find(name))}
        return cls(found, units, kinds, drivers or {})

    @cached_property
    def index(self) -> Mapping[str, int]:
        """Position by name."""
        return {name: i for i, name in enumerate(self.names)}

    def places_by(self, prefix: str) -> dict[str, list[int]]:
        """Positions of the names that begin so, by what stands behind it up to the next slash."""
        found: dict[str, list[int]] = {}
        for place, name in enumerate(self.names):
            if name.startswith(prefix):
                found.setdefault(name.removeprefix(prefix).partition("/")[0], []).append(place)
        return found

    def place(self, name: object) -> int:
        """Position of a name; UnknownCounter with what may be meant when there is none."""
        if name not in self.index:
            raise UnknownCounter(unknown_name(name, self.names))
        return self.index[str(name)]

    @cached_property
    def is_counter(self) -> npt.NDArray[np.bool_]:
        """By position, whether it is a counter. What no catalogue knows is taken for one."""
        counters = (self.kinds.get(name, "counter") == "counter" for name in self.names)
        return np.fromiter(counters, dtype=bool)

    def __repr__(self) -> str:
        return f"<Schema of {len(self.names)} counters>"


@dataclass(frozen=True, eq=False)
class Sample:
    """All counters of a source at one moment.

    Attributes
    ----------
    monotonic_ns: CLOCK_MONOTONIC, for rates and axes
    time_ns: ns since the epoch, for people
    values: uint64, read-only, in the order of schema.names; MISSING where it could not be read
    sequence: number of the tick of a source that samples by itself, else 0
    """

    monotonic_ns: int
    time_ns: int
    values: Values
    schema: Schema
    sequence: int = 0

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the values."""
        return self.schema.names

    def __getitem__(self, name: str) -> int:
        return int(self.values[self.schema.place(name)])

    def _ipython_key_completions_(self) -> tuple[str, ...]:
        return self.names

    def __repr__(self) -> str:
        return f"<Sample of {len(self.values)} counters at {self.time_ns} ns>"

    def as_dict(self) -> dict[str, int]:
        """Values by name."""
        return Named("counter", zip(self.names, self.values.tolist(), strict=True))


class Stated:
    """What can be followed, and may go away and come back."""

    _state: tuple[State, str]

    @property
    def state(self) -> State:
        """live; gone (it may return, and is then picked up by itself); ended (nothing follows)."""
        return self._state[0]

    @property
    def reason(self) -> str:
        """The state in a sentence."""
        return self._state[1]


class Source(Stated, ABC):
    """Something with counters over time.

    Opened by open() or `with`, as often as you like: it stays open until each open() has had its
    close(). All methods may be called from any thread.

    Attributes
    ----------
    label: what pictures call it
    hz: samples a second of a source that samples by itself; None when it is read when asked
    """

    hz: float | None = None

    def __init__(self, label: str) -> None:
        self.label = label
        self._lock = threading.RLock()
        self._opened = 0
        self._schema = Schema(())
        self._state = ("gone", "not opened yet")

    # What a source shows

    @property
    def schema(self) -> Schema:
        """The schema of the latest sample."""
        return self._schema

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the counters, in the order of a sample's values."""
        return self._schema.names

    @property
    def units(self) -> Mapping[str, str]:
        """Units by name, where known."""
        return self._schema.units

    @property
    def kinds(self) -> Mapping[str, Kind]:
        """Kinds by name."""
        return self._schema.kinds

    def open(self) -> Self:
        """Connects, and has names from then on. SourceError when there is nothing to connect to."""
        with self._lock:
            if self._opened == 0:
                self._connect()
                self._state = ("live", f"{self.label} answers")
                if not self.names:
                    self._read()
            self._opened += 1
        return self

    def close(self) -> None:
        """Gives back what the matching open() took. A source that is not open stays so."""
        with self._lock:
            if self._opened == 0:
                return
            self._opened -= 1
            if self._opened == 0:
                self._disconnect()
                self._state = ("gone", "closed")

    def sample(self) -> Sample | None:
        """The counters now; None when there are none, and `state` and `reason` say why."""
        with self._lock:
            self._check_open()
            return self._read()

    def since(self, previous: Sample | None) -> list[Sample]:
        """Samples after `previous`, oldest first (None: from now on).

        One for a source that is read when asked; all there are for one that samples by itself.
        """
        sample = self.sample()
        if sample is None or (previous and sample.monotonic_ns <= previous.monotonic_ns):
            return []
        return [sample]

    def at(self, hz: float) -> "Source":
        """This source for a reader that wants `hz` samples a second."""
        return self

    def __enter__(self) -> Self:
        return self.open()

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.label}: {self.state}, {len(self.names)} counters>"

    def _check_open(self) -> None:
        if self._opened == 0:
            raise SourceError(f"{self.label} is not open; use `with source:` or source.open()")

    def _sample(self, values: Values) -> Sample:
        """A sample of this moment."""
        return Sample(time.monotonic_ns(), time.time_ns(), values, self._schema)

    # What a source is made of; all three run with the lock held

    @abstractmethod
    def _connect(self) -> None:
        """Makes the connection or raises SourceError."""

    @abstractmethod
    def _disconnect(self) -> None:
        """Ends the connection."""

    @abstractmethod
    def _read(self) -> Sample | None:
        """A sample of an open source; sets _state when there is none."""


def readonly(values: Any) -> Values:
    """An array of values that nobody can change by mistake."""
    array = np.asarray(values, dtype=np.uint64)
    array.flags.writeable = False
    return array


def unknown_name(name: object, known: Iterable[str]) -> str:
    """The error for a name that a source does not have."""
    return f"there is no counter {name!r}{near(name, known)}"
