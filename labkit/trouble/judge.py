# SPDX-License-Identifier: BSD-3-Clause
"""Rules applied to evidence, device by device."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from labkit.trouble.derived import with_derived
from labkit.trouble.evidence import Event, Evidence, Fact
from labkit.trouble.finding import Finding, Seen
from labkit.trouble.instances import with_instances
from labkit.trouble.rules import LEVELS, CounterSign, FactSign, LineSign, Rule, Sign, rules
from labkit.trouble.series import AllSeries, Series
from labkit.trouble.versions import version

MOST_SHOWN = 5  # counters of one sign


def judge(evidence: Evidence, of: Iterable[Rule] | None = None) -> list[Finding]:
    """What the rules find, most certain first; of two that explain the same, the better one."""
    chosen = list(rules().values() if of is None else of)
    aliases = _aliases(evidence.events)
    series = AllSeries(with_derived(evidence.readings))
    evidence = replace(evidence, facts=list(with_instances(evidence.facts)))
    found: list[Finding] = []
    for device in _devices(evidence, series, aliases):
        case = _Device(device, evidence, series, aliases)
        seen = {rule.id: case.finding(rule) for rule in chosen}
        found += [f for f in seen.values() if f is not None and not _yields(f, seen)]
    found = _without_doubles(found)
    return sorted(found, key=Finding.order)


def _yields(finding: Finding, seen: Mapping[str, Finding | None]) -> bool:
    """Whether another rule explains the same, and no less certainly."""
    for other in finding.rule.yields:
        better = seen.get(other)
        if better is not None and LEVELS.index(better.level) <= LEVELS.index(finding.level):
            return True
    return False


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
        self, name: str, evidence: Evidence, series: AllSeries, aliases: Mapping[str, str]
    ) -> None:
        self._name, self._series = name, series
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
        evidence = tuple(part for name in named for part in seen[name])
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
        matching = [e for e in self._events if sign.pattern.search(e.text)]
        if matching and isinstance(near, LineSign):
            others = [e for e in self._events if near.pattern.search(e.text)]
            matching = _near(matching, others, sign.apart)
        if sign.after is not None:
            if not after:
                return ()
            matching = [e for e in matching if not _is_before(e, after[0])]
        if sign.within is not None:
            matching = _densest(matching, sign.within, sign.least)
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
            if version(f.value) < version(other.value)
        )


def _is_before(event: Event, first: Seen) -> bool:
    """Whether it was before another line, as far as that can be told: by one clock, or one file."""
    if event.moment.clock and event.moment.clock == first.moment.clock:
        return event.moment.seconds < first.moment.seconds
    return event.place.file == first.place.file and event.place.line < first.place.line


def _near(events: list[Event], others: list[Event], seconds: float) -> list[Event]:
    """Those that are so near to one of the others, as far as their clocks tell."""
    times = {
        clock: sorted(o.moment.seconds for o in others if o.moment.clock == clock)
        for clock in {o.moment.clock for o in others}
    }

    def is_near(event: Event) -> bool:
        of = times.get(event.moment.clock)
        if of is None or not event.moment.clock:
            return bool(others)
        at = bisect_left(of, event.moment.seconds - seconds)
        return at < len(of) and of[at] <= event.moment.seconds + seconds

    return [event for event in events if is_near(event)]


def _densest(events: list[Event], seconds: float, least: int) -> list[Event]:
    """The first of them that lie within so many seconds, at least so many; lines without a time
    are taken to."""
    timed = [e for e in events if e.moment.clock]
    if not timed:
        return events
    for i in range(len(timed) - least + 1):
        if timed[i + least - 1].moment.seconds - timed[i].moment.seconds <= seconds:
            return timed[i:]
    return []


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
    if sign.below is not None and not version(fact.value) < version(sign.below):
        return False
    return sign.above is None or version(fact.value) > version(sign.above)
