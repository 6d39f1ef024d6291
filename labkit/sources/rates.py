# SPDX-License-Identifier: BSD-3-Clause
"""From two samples to rates, with counters that cannot be believed told apart."""

import errno
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from labkit.arguments.checked import checked
from labkit.sources.base import MISSING, Sample, Schema, SourceError
from labkit.units import plain

# The most in a second, or in one step: 800 Gbit/s carry 1.2 Gpps and 1e11 bytes.
FASTEST = {"packets": 1e10, "bytes": 1e13, "ns": 1e11}
FASTEST_OTHER = 1e12
# Where Linux puts a process: a count that looks like this is a pointer that was read as a number
# (first seen with ENA's counters after its admin queue hung).
ADDRESSES = (
    (0x5500_0000_0000, 0x7FFF_FFFF_FFFF),  # x86-64: programs, libraries and stacks
    (0xAAAA_0000_0000, 0xAAAB_FFFF_FFFF),  # arm64: programs and their heaps
    (0xFFFF_0000_0000, 0xFFFF_FFFF_FFFF),  # arm64: libraries and stacks
)
COUNTED = ("packets", "events")  # do not grow as large as an address; bytes and cycles do
# The kernel's half, which nothing reaches by counting; at its end are its error numbers.
LOWEST_OF_KERNEL, LOWEST_ERROR = 0xFFFF_0000_0000_0000, 2**64 - 4095
# What drivers of NICs mean by their errors
MEANINGS: Mapping[int, str] = {
    errno.ETIME: "the device did not answer in time",
    errno.ENODEV: "the driver has given the device up",
}


@dataclass(frozen=True, eq=False)
class Rates:
    """What happened between two samples.

    Attributes
    ----------
    seconds: measured time between them
    values: float64 in the order of schema.names: units a second for counters, the level itself for
        gauges and states; NaN where there is none (a fault, or a counter that was not there before)
    faults: by name, why a counter cannot be believed
    """

    seconds: float
    values: npt.NDArray[np.float64]
    faults: Mapping[str, str]
    schema: Schema

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the values."""
        return self.schema.names

    def __getitem__(self, name: str) -> float:
        return float(self.values[self.schema.place(name)])

    def _ipython_key_completions_(self) -> tuple[str, ...]:
        return self.names


@checked(SourceError)
def rates(before: Sample, after: Sample) -> Rates:
    """The rates between two samples of one source, a second of measured time.

    A counter that fell, jumped further than any hardware counts, holds an address or an error
    number, or could not be read is a fault, never a rate. One that is lower under another schema
    began anew (a path was run again, an application restarted) and has no rate yet.
    """
    elapsed = after.monotonic_ns - before.monotonic_ns
    if elapsed <= 0:
        raise SourceError(
            f"the second sample is {-elapsed} ns older than the first; pass the earlier one first"
            if elapsed
            else "both samples were taken at the same moment; wait for the next one"
        )
    seconds, schema = elapsed / 1e9, after.schema
    new = after.values
    old, known = _aligned(before, after)
    change = (new - old).astype(np.int64).astype(np.float64)  # exact where it is small
    values = np.where(schema.is_counter, change / seconds, new.astype(np.float64))
    values[schema.is_counter & ~known] = np.nan
    faults: dict[str, str] = {}
    anew = _anew(schema)
    unreadable = (new == MISSING) & (schema.is_counter | ~anew)
    values[(new == MISSING) & anew] = np.nan
    pointer = _of_unit(schema, COUNTED) & _is_address(new) | _of_unit(schema) & _is_kernels(new)
    counted = schema.is_counter & known & ~unreadable & (old != MISSING)
    fell = counted & (new < old)
    if after.schema is not before.schema:
        began = fell | anew & schema.is_counter
        values[began] = np.nan
        counted, fell = counted & ~began, np.zeros_like(fell)
    # Some counters move in steps: a worker tells of its rest when it wakes up.
    leapt = counted & ~fell & (change > _limits(schema) * max(seconds, 1.0))
    values[schema.is_counter & known & (old == MISSING)] = np.nan
    for i in np.flatnonzero(unreadable | pointer | fell | leapt):
        values[i] = np.nan
        unit = schema.units.get(schema.names[i], "") if pointer[i] else ""
        faults[schema.names[i]] = _sentence(int(old[i]), int(new[i]), seconds, unit, bool(fell[i]))
    values.flags.writeable = False
    return Rates(seconds, values, faults, schema)


def no_count(value: int, unit: str) -> str:
    """What a counter of this unit holds instead of a count, as a sentence's end; "" for a count."""
    if unit and _is_kernels(value) and value >= LOWEST_ERROR:
        error = 2**64 - value
        name = errno.errorcode.get(error, "")
        told = ", ".join(part for part in (name, MEANINGS.get(error, "")) if part)
        return f"which is the error -{error}{f' ({told})' if told else ''} and not a count"
    if (unit and _is_kernels(value)) or (unit in COUNTED and _is_address(value)):
        return "which is an address and not a count"
    return ""


def _is_address(value: Any) -> Any:
    """Whether a number, or each of an array, is where Linux puts a process."""
    return np.logical_or.reduce([(value >= low) & (value <= high) for low, high in ADDRESSES])


def _is_kernels(value: Any) -> Any:
    """Whether a number, or each of an array, is an address or an error number of the kernel."""
    return (value >= LOWEST_OF_KERNEL) & (value != MISSING)


def _sentence(old: int, new: int, seconds: float, unit: str, fell: bool) -> str:
    if new == MISSING:
        return "could not be read"
    if unit:
        return f"stands at {new:,} ({new:#x}), {no_count(new, unit)}"
    if fell:
        return f"fell from {old:,} to {new:,}; it was reset, wrapped or broke"
    return f"grew by {new - old:,} in {plain(seconds, 3)} s, faster than anything counts"


def _aligned(before: Sample, after: Sample) -> tuple[Any, Any]:
    """The old values in the order of the new, and which of them there were."""
    if before.schema is after.schema:
        return before.values, np.ones(len(after.names), dtype=bool)
    at = [before.schema.index.get(name, -1) for name in after.names]
    known = np.array([i >= 0 for i in at], dtype=bool)
    old = after.values.copy()
    old[known] = before.values[[i for i in at if i >= 0]]
    return old, known


@lru_cache(maxsize=64)
def _anew(schema: Schema) -> npt.NDArray[np.bool_]:
    """By position, whether its name is among Schema.anew."""
    return np.fromiter((name in schema.anew for name in schema.names), dtype=bool)


@lru_cache(maxsize=64)
def _limits(schema: Schema) -> npt.NDArray[np.float64]:
    """By position, the highest rate to believe."""
    units = (schema.units.get(name, "") for name in schema.names)
    return np.array([FASTEST.get(unit, FASTEST_OTHER) for unit in units])


@lru_cache(maxsize=64)
def _of_unit(schema: Schema, units: tuple[str, ...] = ()) -> npt.NDArray[np.bool_]:
    """By position, whether it is a counter of one of these units, or of any that is known."""
    of = (schema.units.get(name, "") for name in schema.names)
    fits = (unit in units if units else unit != "" for unit in of)
    return np.fromiter(fits, dtype=bool) & schema.is_counter
