# SPDX-License-Identifier: BSD-3-Clause
"""Recordings as evidence: samples of counters over hours, of which the telling ones are taken.

A recording is cut where something changes: its counters begin anew, a device can no longer be
read, a counter of which a rule asks whether it stands still does so. Each part is judged apart,
since what holds of a NIC before it stalls does not hold afterwards.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby

import numpy as np
import numpy.typing as npt

from labkit.sources import MISSING, Sample, Samples, SourceError
from labkit.sources.base import Schema
from labkit.text import plural
from labkit.trouble.evidence import Event, Item, Moment, Note, Place, Reading
from labkit.trouble.rules import CounterSign, rules
from labkit.units import plain

MOST_PARTS = 12
MOST_TOLD = 6  # times that a device could not be read, and columns that hold no counters
MOST_EDGES = 24  # samples of a part that are taken because a counter fell
EVENLY = 8  # samples of a part that are taken anyhow
TOGETHER_SECONDS = 10.0  # between devices that stop for one reason
STANDS_SECONDS = 5.0  # so long does a counter stand still before its part begins
MOST_VALUES = 50_000_000  # of a file
STEP_SECONDS = 1.0  # of the wall clock, from which on it is told
OF_INTERFACES = ("interface", "qdisc")  # follow an interface's name
INTERFACE = "interface "  # in front of the name of such a source

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class _Run:
    """Samples that are alike, by their numbers; `last` is the last one."""

    first: int
    last: int
    seconds: float


def recorded(samples: Samples, name: str) -> Iterator[Item]:
    """What a recording tells: readings of chosen samples, devices that could not be read."""
    taken = list(samples.samples)  # more may come meanwhile
    if not taken:
        yield Note(Place(name), "is a recording without samples", True)
        return
    moments = _moments(taken)
    yield from _steps(taken, name)
    device = samples.label.removeprefix(INTERFACE) if samples.label.startswith(INTERFACE) else ""
    unread: list[_Run] = []
    begins: dict[str, Moment] = {}  # when a device could not be read first
    for owner, names in _owners(taken, device).items():
        runs = list(_unread(taken, names, moments))
        longest = _longest(runs, MOST_TOLD)
        for run in longest:
            yield from _told(run, owner, moments, name)
        if more := len(runs) - len(longest):
            yield Note(Place(name), f"{owner or 'it'} was unreadable {more:,} more times", True)
        unread += runs
        if owner and runs:
            begins[owner] = moments[runs[0].first]
    yield from _together(begins, name)
    yield from _partly(taken, device, name)
    parts = _parts(taken, [*unread, *_standing(taken, moments)])
    if len(parts) > MOST_PARTS:
        told = f"changes {len(parts) - 1:,} times; its last {MOST_PARTS} parts were judged"
        yield Note(Place(name), told, True)
    judged = 0
    for number, (first, end) in enumerate(parts[-MOST_PARTS:], 1):
        for i in _chosen(taken[first:end]):
            at, judged = first + i, judged + 1
            yield from readings_of(taken[at], Place(name, at + 1), device, moments[at], number)
    told = f"a recording of {plural(len(taken), 'sample')} over {plain(samples.seconds, 3)} s"
    yield Note(Place(name), f"{told}; {judged:,} of them were judged")


def _parts(taken: Sequence[Sample], runs: Iterable[_Run]) -> list[tuple[int, int]]:
    """Where it is cut: the first sample of each part, and the one behind its last."""
    # (where the part before ends, where the next one begins)
    cuts = {(i, i) for i in range(1, len(taken)) if begins_anew(taken[i - 1], taken[i])}
    for run in _longest(runs, MOST_PARTS // 2):
        # Its first and last samples are those of its neighbours too: what was counted between is.
        cuts |= {(run.first + 1, run.first), (run.last + 1, run.last)}
    inside = sorted(cut for cut in cuts if cut[1] > 0 and cut[0] < len(taken))
    begins = [0, *(begin for _, begin in inside)]
    return list(zip(begins, [*(end for end, _ in inside), len(taken)], strict=True))


def begins_anew(before: Sample, after: Sample) -> bool:
    """Whether counters do. Not where others came, such as those of a path that was started: what
    grew meanwhile would be lost."""
    old, new = before.schema, after.schema
    if old is new:
        return False
    both = [name for name in new.names if name in old.index]
    if len(both) == len(new.names) == len(old.names) or not new.anew.isdisjoint(both):
        return True
    counters = [name for name in both if new.kinds.get(name, "counter") == "counter"]
    stood = before.values[[old.index[name] for name in counters]]
    stands = after.values[[new.index[name] for name in counters]]
    return bool(np.any((stands < stood) & (stood != MISSING) & (stands != MISSING)))


def readings_of(
    sample: Sample, place: Place, device: str, moment: Moment, part: int = 0
) -> list[Reading]:
    """A sample as readings: one a device, by names without what is before them; one of the rest.
    What could not be read is not among them, nor what a lab counts of a port whose NIC it has made
    sick: its driver tells what others would see."""
    of: dict[str, dict[str, int]] = {}
    owned = _names(sample.schema, device)
    for (owner, rest), value in zip(owned, sample.values.tolist(), strict=True):
        if value != MISSING and owner is not None:
            of.setdefault(owner, {})[rest] = value
    return [Reading(counters, place, moment, owner, part=part) for owner, counters in of.items()]


@lru_cache(maxsize=64)
def _names(schema: Schema, device: str) -> tuple[tuple[str | None, str], ...]:
    """For each name the device, and what the counter is called there; None: it is no evidence."""
    split = [name.split("/", 2) for name in schema.names]
    owners = {parts[0] for parts in split if len(parts) == 3 and parts[1] in OF_INTERFACES}
    sick = schema.places_by("driver/")
    found: list[tuple[str | None, str]] = []
    for name, parts in zip(schema.names, split, strict=True):
        if parts[0] in ("port", "driver") and len(parts) == 3:
            is_lab = parts[0] == "port" and parts[1] in sick
            is_mark = parts[0] == "driver" and parts[2].startswith("fault/")
            found.append((None if is_lab or is_mark else parts[1], parts[2]))
        elif parts[0] in owners:
            found.append((parts[0], name.partition("/")[2]))
        else:
            found.append((device, name))
    return tuple(found)


def _moments(taken: Sequence[Sample]) -> list[Moment]:
    """When samples were taken: by the clock that does not jump, from the first one's time on."""
    start = taken[0]
    return [
        Moment("wall", (start.time_ns + sample.monotonic_ns - start.monotonic_ns) / 1e9)
        for sample in taken
    ]


def _steps(taken: Sequence[Sample], name: str) -> Iterator[Item]:
    """Where the wall clock went its own way."""
    offsets = np.array([sample.time_ns - sample.monotonic_ns for sample in taken]) / 1e9
    for i in np.flatnonzero(np.abs(np.diff(offsets)) >= STEP_SECONDS):
        step = float(offsets[i + 1] - offsets[i])
        place = Place(name, int(i) + 2)
        yield Note(place, f"the clock was stepped by {step:+.1f} s")


def _owners(taken: Sequence[Sample], device: str) -> dict[str, set[str]]:
    """The names of the counters of each device."""
    found: dict[str, set[str]] = {}
    for schema in dict.fromkeys(sample.schema for sample in taken):
        for name, (owner, _) in zip(schema.names, _names(schema, device), strict=True):
            if owner is not None:
                found.setdefault(owner, set()).add(name)
    return found


def _unread(taken: Sequence[Sample], names: set[str], moments: Sequence[Moment]) -> Iterator[_Run]:
    """Samples in a row in which no counter of a device could be read."""
    missing = np.zeros(len(taken), dtype=bool)
    whose = frozenset(names)
    for i, sample in enumerate(taken):
        at = _places(sample.schema, whose)
        missing[i] = len(at) > 0 and bool(np.all(sample.values[at] == MISSING))
    yield from _runs(missing, moments)


@lru_cache(maxsize=256)
def _places(schema: Schema, names: frozenset[str]) -> npt.NDArray[np.intp]:
    """The positions of those names that are counters and evidence, as far as their values are known
    yet."""
    counts = zip(schema.names, schema.is_counter.tolist(), _names(schema, ""), strict=True)
    there = [
        i
        for i, (name, is_counter, (owner, _)) in enumerate(counts)
        if is_counter and name in names and owner is not None
    ]
    return np.array([i for i in there if schema.names[i] not in schema.anew], np.intp)


def _together(begins: Mapping[str, Moment], name: str) -> Iterator[Event]:
    """That devices could not be read from nearly the same moment on."""
    first = min((moment.seconds for moment in begins.values()), default=0.0)
    near = [owner for owner, moment in begins.items() if moment.seconds - first <= TOGETHER_SECONDS]
    if len(near) > 1:
        text = f"{len(near)} devices could not be read any more: {', '.join(sorted(near))}"
        yield Event(text, Place(name), begins[near[0]])


def _partly(taken: Sequence[Sample], device: str, name: str) -> Iterator[Note]:
    """Counters that could not be read while others of their device could."""
    times: dict[str, int] = {}
    for schema, of_schema in groupby(taken, key=lambda sample: sample.schema):
        owners = np.array([owner or "" for owner, _ in _names(schema, device)])
        counts = np.isin(np.arange(len(owners)), _places(schema, frozenset(schema.names)))
        partly = np.zeros(len(owners), dtype=int)
        for sample in of_schema:
            missing = sample.values == MISSING
            if missing.any():
                readable = np.unique(owners[counts & ~missing])
                partly += counts & missing & np.isin(owners, readable)
        for i in np.flatnonzero(partly).tolist():
            counter = schema.names[i]
            times[counter] = times.get(counter, 0) + int(partly[i])
    if times:
        most = max(times, key=lambda counter: times[counter])
        others = f" and {plural(len(times) - 1, 'other')}" if len(times) > 1 else ""
        told = f"{most}{others} could not be read in {plural(times[most], 'sample')}"
        yield Note(Place(name), told, True)


def _standing(taken: Sequence[Sample], moments: Sequence[Moment]) -> Iterator[_Run]:
    """Samples in a row through which a counter stands still that moved, of those of which a rule
    asks that."""
    patterns = [
        pattern
        for rule in rules().values()
        for sign in rule.signs.values()
        if isinstance(sign, CounterSign) and sign.stands
        for pattern in sign.patterns
    ]
    schemas = dict.fromkeys(sample.schema for sample in taken)
    names = {
        name
        for schema in schemas
        for name, (_, rest) in zip(schema.names, _names(schema, ""), strict=True)
        if any(pattern.fullmatch(rest) for pattern in patterns)
    }
    for name in sorted(names):
        values = [
            int(s.values[s.schema.index[name]]) if name in s.schema.index else MISSING
            for s in taken
        ]
        known = np.array([value != MISSING for value in values])
        same = np.array([a == b for a, b in zip(values[1:], values[:-1], strict=True)])
        still = np.concatenate([[False], same & known[1:] & known[:-1]]).astype(bool)
        if np.all(still[1:] | ~known[1:]):
            continue  # it never moved
        for run in _runs(still, moments):
            first = run.first - 1  # from the sample on that has its value first
            seconds = moments[run.last].seconds - moments[first].seconds
            if seconds >= STANDS_SECONDS:
                yield _Run(first, run.last, seconds)


def _runs(holds: Bools, moments: Sequence[Moment]) -> Iterator[_Run]:
    """Where it holds in a row."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], holds.astype(np.int8), [0]])))
    for first, end in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        yield _Run(first, end - 1, moments[end - 1].seconds - moments[first].seconds)


def _longest(runs: Iterable[_Run], most: int) -> list[_Run]:
    return sorted(runs, key=lambda run: run.seconds, reverse=True)[:most]


def _told(run: _Run, owner: str, moments: Sequence[Moment], name: str) -> Iterator[Item]:
    """That a device could not be read."""
    number = run.last - run.first + 1
    place = Place(name, run.first + 1)
    whose = f"of {owner} " if owner else ""
    times = f"in {plural(number, 'sample')}, over {plain(run.seconds, 3)} s"
    text = f"no counter {whose}could be read {times}"
    yield Event(text, place, moments[run.first], owner)
    yield Note(place, text, True)


def _chosen(part: Sequence[Sample]) -> list[int]:
    """Samples of a part, by number: first, last, some between, those around counters that fell."""
    chosen = {round(i) for i in np.linspace(0, len(part) - 1, min(EVENLY, len(part))).tolist()}
    edges: list[int] = []
    for i in range(1, len(part)):
        before, after = part[i - 1].values, part[i].values
        if part[i - 1].schema is not part[i].schema:
            continue  # none fell
        known = (before != MISSING) & (after != MISSING)
        if np.any((after < before) & known & part[i].schema.is_counter):
            edges += [i - 1, i]
        if len(edges) >= MOST_EDGES:
            break
    return sorted(chosen | set(edges))


def from_parquet(data: bytes, name: str) -> Iterator[Item]:
    """What a Parquet file tells that Samples.save() wrote; what of it is no counter is named."""
    import io

    from labkit.sources.parquet import read, values_of  # late: pyarrow is slow

    skipped: dict[str, str] = {}
    try:
        if (values := values_of(data)) > MOST_VALUES:
            told = f"holds {values:,} values, of which {MOST_VALUES:,} are read at most"
            yield Note(Place(name), f"{told}; give fewer counters, or a shorter one", True)
            return
        label, hz, samples = read(name, io.BytesIO(data), skipped)
    except SourceError as error:
        yield Note(Place(name), f"was not used: {error}", True)
        return
    for column in list(skipped)[:MOST_TOLD]:
        yield Note(Place(name), f"its column {column} holds no counter, and was passed over", True)
    if (more := len(skipped) - MOST_TOLD) > 0:
        yield Note(Place(name), f"{more:,} more of its columns hold no counters", True)
    yield from recorded(Samples(label, hz, samples), name)
