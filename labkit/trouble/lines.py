# SPDX-License-Identifier: BSD-3-Clause
"""Lines of a log beside one another: near to others, more and more of something, many at once."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable

from labkit.trouble.comparison import Number, number
from labkit.trouble.evidence import Event, Place
from labkit.trouble.order import Era, Order
from labkit.trouble.rules import LineSign

SAME_SECONDS = 1.5  # between two logs' times of a line; syslog tells whole seconds


def near_to(
    events: Iterable[Event],
    others: Iterable[Event],
    sign: LineSign,
    near: LineSign,
    order: Order,
) -> list[Event]:
    """Those that are so near to one of the others, as far as their clocks tell."""
    times: dict[str | None, dict[Era, list[float]]] = defaultdict(lambda: defaultdict(list))
    for other in others:
        times[_same(near, sign.same, other)][_clock(other, order)].append(other.moment.seconds)
    for of in times.values():
        for seconds in of.values():
            seconds.sort()

    def is_near(event: Event) -> bool:
        alike = times.get(_same(sign, sign.same, event), {})
        of = alike.get(_clock(event, order))
        if not event.moment.clock:
            return bool(alike)
        if of is None:  # those of another clock may be; of another boot they are not
            return any(clock != event.moment.clock for clock, _, _ in alike)
        at = bisect_left(of, event.moment.seconds - sign.apart)
        return at < len(of) and of[at] <= event.moment.seconds + sign.apart

    return [event for event in events if is_near(event)]


def _clock(event: Event, order: Order) -> Era:
    """Times of one can be compared: the wall clock is one, the boot clock of each boot another."""
    return order.era(event) if event.moment.clock == "boot" else (event.moment.clock, "", 0)


def _same(sign: LineSign, group: str | None, event: Event) -> str | None:
    """What a group holds that lines must have alike; None where none must."""
    found = sign.found(event.text) if group is not None else None
    return None if found is None or group is None else found[group]


def distinct(events: Iterable[Event]) -> list[Event]:
    """Without those that another file tells too: a journal, and a log that it was forwarded to."""
    told: dict[tuple[str, str], list[Event]] = defaultdict(list)
    found = []
    for event in events:
        alike = told[event.moment.clock, event.text]
        if event.moment.clock and any(
            other.place.file != event.place.file
            and abs(other.moment.seconds - event.moment.seconds) <= SAME_SECONDS
            for other in alike
        ):
            continue
        alike.append(event)
        found.append(event)
    return found


def rising(events: Iterable[Event], sign: LineSign, group: str) -> list[Event]:
    """Those of which the number is larger than in the last line alike before, and that line."""
    before: dict[tuple[str, str | None], tuple[Event, Number]] = {}
    found: dict[Place, Event] = {}
    for event in events:
        match = sign.found(event.text)
        value = None if match is None else number(group, match.groupdict())
        if value is None:
            continue
        key = event.place.file, _same(sign, sign.same, event)
        last, less = before.get(key, (event, value))
        if value > less and _is_within(last, event, sign.within):
            found |= {last.place: last, event.place: event}
        before[key] = event, value
    return list(found.values())


def _is_within(first: Event, last: Event, seconds: float | None) -> bool:
    """Whether so few seconds are between them, as far as one clock tells."""
    if seconds is None or not first.moment.clock or first.moment.clock != last.moment.clock:
        return True
    return abs(last.moment.seconds - first.moment.seconds) <= seconds


def densest(events: list[Event], seconds: float, least: int, order: Order) -> list[Event]:
    """The first of them that lie within so many seconds, at least so many; lines without a time
    are taken to."""
    timed: dict[Era, list[Event]] = defaultdict(list)
    for event in events:
        if event.moment.clock:
            timed[order.era(event)].append(event)
    if not timed:
        return events
    for era in timed.values():
        era.sort(key=lambda event: event.moment.seconds)
        for i in range(len(era) - least + 1):
            if era[i + least - 1].moment.seconds - era[i].moment.seconds <= seconds:
                return era[i:]
    return []
