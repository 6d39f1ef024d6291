# SPDX-License-Identifier: BSD-3-Clause
"""Rules applied to evidence, device by device."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from labkit.trouble.derived import with_derived
from labkit.trouble.evidence import Event, Evidence, Fact, Reading
from labkit.trouble.finding import Finding, Seen
from labkit.trouble.instances import with_instances
from labkit.trouble.lines import densest, distinct, near_to, rising
from labkit.trouble.order import Order
from labkit.trouble.rules import LEVELS, CounterSign, FactSign, LineSign, Rule, Sign, rules
from labkit.trouble.series import AllSeries, Series, in_order
from labkit.trouble.versions import is_comparable, version

MOST_SHOWN = 5  # counters of one sign


def judge(evidence: Evidence, of: Iterable[Rule] | None = None) -> list[Finding]:
    """What the rules find, most certain first; of two that explain the same, the better one."""
    chosen = list(rules().values() if of is None else of)
    order = Order(evidence.events)
    found: dict[str, dict[str, Finding]] = defaultdict(dict)  # by device and rule
    for part in _parts(evidence):
        for finding in _findings(part, chosen, order):
            of_device = found[finding.device]
            before = of_device.get(finding.id)
            if before is None or LEVELS.index(finding.level) < LEVELS.index(before.level):
                of_device[finding.id] = finding
    left = [f for seen in found.values() for f in seen.values() if not _yields(f, found)]
    return sorted(_without_doubles(left), key=Finding.order)


def _parts(evidence: Evidence) -> Iterator[Evidence]:
    """Each part of each recording, with all that is of none."""
    parts: dict[tuple[str, int], list[Reading]] = {}
    of_all = [reading for reading in evidence.readings if not reading.part]
    for reading in evidence.readings:
        if reading.part:
            key = reading.place.file, reading.part
            parts.setdefault(key, list(of_all)).append(reading)
    for readings in parts.values() or [of_all]:
        yield replace(evidence, readings=readings)


def _findings(evidence: Evidence, chosen: Iterable[Rule], order: Order) -> Iterator[Finding]:
    aliases = _aliases(evidence.events)
    series = AllSeries(with_derived(in_order(evidence.readings)))
    evidence = replace(evidence, facts=list(with_instances(evidence.facts)))
    for device in _devices(evidence, series, aliases):
        case = _Device(device, evidence, series, aliases, order)
        for rule in chosen:
            if (finding := case.finding(rule)) is not None:
                yield finding


def _yields(finding: Finding, found: Mapping[str, Mapping[str, Finding]]) -> bool:
    """Whether another rule explains the same, and no less certainly: of that device, or of any for
    what names none."""
    devices = [finding.device] if finding.device else list(found)
    better = (found[device].get(other) for device in devices for other in finding.rule.yields)
    level = LEVELS.index(finding.level)
    return any(other is not None and LEVELS.index(other.level) <= level for other in better)


def _without_doubles(found: list[Finding]) -> list[Finding]:
    """A finding that rests on what names no device is told once: of the machine, or of the device
    of which more is known."""
    of_all = {(f.id, f.evidence) for f in found if not f.device}
    own = [f for f in found if f.device and (f.id, f.evidence) not in of_all]
    return own + [f for f in found if not f.device and not any(_tells_more(o, f) for o in own)]


def _tells_more(finding: Finding, than: Finding) -> bool:
    return (
        finding.id == than.id
        and LEVELS.index(finding.level) <= LEVELS.index(than.level)
        and set(than.evidence) <= set(finding.evidence)
    )


def _aliases(events: Iterable[Event]) -> dict[str, str]:
    """Interface names by PCI address, from lines that have both."""
    found: dict[str, str] = {}
    for event in events:
        words = event.text.split(": ", 1)[0].split()
        if len(words) >= 3 and words[-1] == event.device and words[-2].count(":") == 2:
            found[words[-2]] = event.device
    return found


def _devices(evidence: Evidence, series: AllSeries, aliases: Mapping[str, str]) -> list[str]:
    named = {event.device for event in evidence.events} | {fact.device for fact in evidence.facts}
    return sorted({aliases.get(name, name) for name in named | series.devices} | {""})


class _Device:
    """The evidence of one device, and that of the machine that names none."""

    def __init__(
        self,
        name: str,
        evidence: Evidence,
        series: AllSeries,
        aliases: Mapping[str, str],
        order: Order,
    ) -> None:
        self._name, self._series, self._order = name, series, order
        mine = (name, "")
        self._events = [e for e in evidence.events if aliases.get(e.device, e.device) in mine]
        self._facts = [f for f in evidence.facts if aliases.get(f.device, f.device) in mine]
        self._own = [e for e in self._events if e.device]

    def finding(self, rule: Rule) -> Finding | None:
        """What the rule says, if anything."""
        seen: dict[str, tuple[Seen, ...]] = {}
        for sign in rule.signs.values():
            seen[sign.name] = self._seen(sign, seen, rule)
        if self._name and not any(self._is_own(rule.signs[name], seen[name]) for name in seen):
            return None  # all of it is the machine's, and told there

        def holds(name: str) -> bool:
            return bool(seen[name])

        met = [(level, text) for level, (text, holding) in rule.verdict.items() if holding(holds)]
        if not met:
            return None
        level, text = met[0]
        excluded = []
        for entry in rule.excluded:
            if entry.condition(holds):
                return None
            excluded.append(f"{entry.why}: nothing of it was seen")
        named = [name for name in rule.signs if seen[name]]
        parts = [part for name in named for part in seen[name]]
        # A line is told once, however many signs look at it.
        evidence = tuple({(part.text, part.place): part for part in reversed(parts)}.values())[::-1]
        needs = () if level == "certain" else rule.needs
        told = tuple({key: self._named(value) for key, value in need.items()} for need in needs)
        remedy = self._named(rule.remedy)
        return Finding(rule, self._name, level, text, evidence, remedy, tuple(excluded), told)

    def _named(self, text: str) -> str:
        """With the interface's name in its commands."""
        return text.replace("{device}", self._name or "IF")

    def _is_own(self, sign: Sign, seen: Sequence[Seen]) -> bool:
        if not seen:
            return False
        match sign:
            case LineSign():
                places = {part.place for part in seen}
                return any(event.place in places for event in self._own)
            case CounterSign():
                return any(part.text.startswith(f"{self._name} ") for part in seen)
        return any(f.device for f in self._facts if sign.fact.fullmatch(f.name))

    def _seen(
        self, sign: Sign, before: Mapping[str, tuple[Seen, ...]], rule: Rule
    ) -> tuple[Seen, ...]:
        match sign:
            case LineSign():
                near = rule.signs.get(sign.near or "")
                return self._lines(sign, before.get(sign.after or "", ()), near)
            case CounterSign():
                return self._counters(sign)
        return self._facts_of(sign)

    def _lines(
        self, sign: LineSign, after: tuple[Seen, ...], near: Sign | None
    ) -> tuple[Seen, ...]:
        matching = [e for e in self._events if sign.found(e.text)]
        if matching and isinstance(near, LineSign):
            others = [e for e in self._events if near.found(e.text)]
            matching = near_to(matching, others, sign, near, self._order)
        if sign.after is not None:
            if not after:
                return ()
            first, before = after[0], self._order.is_before
            matching = [
                e for e in matching if not before(e.place, e.moment, first.place, first.moment)
            ]
        if sign.least > 1:
            matching = distinct(matching)
        if sign.rises is not None:
            matching = rising(matching, sign, sign.rises)
        elif sign.within is not None:
            matching = densest(matching, sign.within, sign.least, self._order)
        if len(matching) < sign.least:
            return ()
        by_place = defaultdict(list)
        for event in matching:
            by_place[event.place.file].append(event)
        return tuple(
            Seen(
                sign.name,
                events[0].text,
                events[0].place,
                events[0].moment,
                len(events) + sum(event.repeats for event in events),
                events[-1].moment,
            )
            for events in by_place.values()
        )

    def _counters(self, sign: CounterSign) -> tuple[Seen, ...]:
        found = [
            series
            for pattern in sign.patterns
            for series in self._series.matching(self._name, pattern)
            if _does(sign, series)
        ]
        return tuple(
            Seen(sign.name, str(series), series.points[-1].place, series.points[-1].moment)
            for series in found[:MOST_SHOWN]
        )

    def _facts_of(self, sign: FactSign) -> tuple[Seen, ...]:
        found = [f for f in self._facts if sign.fact.fullmatch(f.name) and _says(sign, f)]
        if sign.below_fact is None:
            return tuple(Seen(sign.name, f"{f.name} {f.value}", f.place) for f in found)
        others = [f for f in self._facts if f.name == sign.below_fact]
        return tuple(
            Seen(sign.name, f"{f.name} {f.value}, and {other.name} {other.value}", f.place)
            for f in found
            for other in others[-1:]
            if is_comparable(f.value) and version(f.value) < version(other.value)
        )


def _does(sign: CounterSign, series: Series) -> bool:
    growth = series.growth
    if sign.grows is not None:
        return growth is not None and growth >= sign.grows
    if sign.stands:
        return growth == 0
    if sign.above is not None:
        return series.last > sign.above
    if sign.below is not None:
        return series.last < sign.below
    return series.last == sign.equals


def _says(sign: FactSign, fact: Fact) -> bool:
    if sign.one_of is not None and fact.value not in sign.one_of:
        return False
    if sign.none_of is not None and fact.value in sign.none_of:
        return False
    if (sign.below or sign.above) is not None and not is_comparable(fact.value):
        return False
    if sign.below is not None and not version(fact.value) < version(sign.below):
        return False
    return sign.above is None or version(fact.value) > version(sign.above)
