# SPDX-License-Identifier: BSD-3-Clause
r"""The rules: what is seen of a trouble, in which order, what excludes it, its cause and remedy.

They are data, in rules/*.toml. A rule has signs, each a kind of line, a counter or a fact:

    [[rule]]
    id = "keep-alive-lost"
    title, where ("device", "host", "cpu", "configuration", "allowance", "network", "application"),
    cause, remedy, origin
    is_symptom = true                         # it has another cause: told after those
    [rule.signs.silent]
    line = 'Keep alive watchdog timeout'      # searched in each line
    least = 1                                 # so many of them,
    within = 600                              # in so many seconds
    after = "other sign"                      # not before that one
    near = "other sign"                       # from a line of which it is, where times tell,
    apart = 60                                # so many seconds away at most
    [rule.signs.long]
    line = 'silent for (?P<ms>\d+) ms'        # or lines_of = "silent", another sign's pattern
    where = "ms >= 6000"                      # what numbers of its groups are; 0x is hexadecimal,
                                              # and so is a group (?P<tdh_hex>...)
    rises = "ms"                              # a group whose number is larger than in a line before
    same = "queue"                            # a group that both lines have alike, or that it and
                                              # the line that it is near to have
    [rule.signs.counted]
    counter = "wd_expired"                    # or several, {n} is any number, {name} any word
    grows = 1                                 # from the first reading to the last; or stands = true
    above = 0                                 # the last reading; or below, equals
    [rule.signs.old]
    fact = "version"                          # below, above as versions; equals, in = [...]
    below = "2.9.0"                           # or below_fact = "ring/rx_max", of the same device
    [rule.verdict]                            # conditions over signs
    certain = "silent and counted"
    likely = "silent or counted"
    possible = "..."
    [[rule.excluded]]
    by = "paused"                             # a condition over signs
    why = "the whole machine was paused"
    [[rule.yields]]
    to = "poll-starvation"                    # another rule that explains the same better
    why = "..."
    [[rule.needs]]                            # what would decide, where it is not certain
    what = "..."
    command = "ethtool -S {device}"
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any, Literal, get_args

from labkit.errors import LabError
from labkit.trouble.comparison import Comparison, comparison
from labkit.trouble.verdict import Condition, condition

Where = Literal[
    "device", "host", "cpu", "configuration", "allowance", "network", "application", "memory"
]
LEVELS = ("certain", "likely", "possible")
COUNTER_DOES = ("grows", "stands", "above", "below", "equals")
_SIGN_KEYS = {
    "line": {"line", "least", "within", "after", "near", "apart", "where", "rises", "same"},
    "counter": {"counter", *COUNTER_DOES},
    "fact": {"fact", "equals", "in", "not_in", "above", "below", "below_fact"},
}
_PLACEHOLDER = re.compile(r"\\\{(\w+)\\\}")


@dataclass(frozen=True)
class LineSign:
    """So many lines in which a pattern is found, and its numbers are as they should be."""

    name: str
    pattern: re.Pattern[str]
    least: int = 1
    within: float | None = None
    after: str | None = None
    near: str | None = None
    apart: float = 60.0
    where: Comparison | None = None
    rises: str | None = None
    same: str | None = None

    def found(self, text: str) -> re.Match[str] | None:
        """Where it is in a line."""
        found = self.pattern.search(text)
        if found is None or self.where is None or self.where(found.groupdict()):
            return found
        return None


@dataclass(frozen=True)
class CounterSign:
    """What counters do; one of them is enough."""

    name: str
    patterns: tuple[re.Pattern[str], ...]
    grows: float | None = None
    stands: bool = False
    above: float | None = None
    below: float | None = None
    equals: float | None = None


@dataclass(frozen=True)
class FactSign:
    """What a fact says."""

    name: str
    fact: re.Pattern[str]
    one_of: frozenset[str] | None = None
    none_of: frozenset[str] | None = None
    above: str | None = None
    below: str | None = None
    below_fact: str | None = None


Sign = LineSign | CounterSign | FactSign


@dataclass(frozen=True)
class Exclusion:
    """What explains the same in another way."""

    condition: Condition
    text: str
    why: str


@dataclass(frozen=True)
class Rule:
    """One kind of trouble; the attributes are those of the file."""

    id: str
    title: str
    where: Where
    cause: str
    remedy: str
    origin: str
    signs: Mapping[str, Sign]
    verdict: Mapping[str, tuple[str, Condition]]
    excluded: tuple[Exclusion, ...]
    yields: Mapping[str, str]
    needs: tuple[Mapping[str, str], ...]
    is_symptom: bool = False


@lru_cache(maxsize=1)
def rules() -> Mapping[str, Rule]:
    """All rules by their id."""
    found: dict[str, Rule] = {}
    folder = files("labkit.trouble") / "rules"
    for file in sorted(folder.iterdir(), key=lambda file: file.name):
        if not file.name.endswith(".toml"):
            continue
        for data in tomllib.loads(file.read_text(encoding="utf-8"))["rule"]:
            rule = rule_of(data)
            if rule.id in found:
                raise LabError(f"{file.name}: there are two rules {rule.id!r}")
            found[rule.id] = rule
    for rule in found.values():
        for other in rule.yields:
            if other not in found:
                raise LabError(f"rule {rule.id}: it yields to {other!r}, which there is not")
    return found


def rule_of(data: Mapping[str, Any]) -> Rule:
    """A rule from its data; LabError for what it cannot be."""
    name = data.get("id", "without an id")
    known = {"id", "title", "where", "cause", "remedy", "origin", "signs", "verdict"}
    _check(f"rule {name}", data, known, known | {"excluded", "yields", "needs", "is_symptom"})
    if data["where"] not in get_args(Where):
        raise LabError(f"rule {name}: where is {data['where']!r}; it is one of {get_args(Where)}")
    signs = {
        sign: _sign(f"rule {name}, sign {sign}", sign, _with_lines(d, data["signs"]))
        for sign, d in data["signs"].items()
    }
    names = frozenset(signs)
    for sign in signs.values():
        if isinstance(sign, LineSign):
            _check_line(f"rule {name}, sign {sign.name}", sign, signs)
    _check(f"rule {name}, verdict", data["verdict"], set(), set(LEVELS))
    return Rule(
        id=data["id"],
        title=data["title"],
        where=data["where"],
        cause=data["cause"],
        remedy=data["remedy"],
        origin=data["origin"],
        signs=signs,
        verdict={
            level: (data["verdict"][level], condition(data["verdict"][level], names))
            for level in LEVELS
            if level in data["verdict"]
        },
        excluded=tuple(
            Exclusion(condition(entry["by"], names), entry["by"], entry["why"])
            for entry in data.get("excluded", ())
        ),
        yields={entry["to"]: entry["why"] for entry in data.get("yields", ())},
        needs=tuple(data.get("needs", ())),
        is_symptom=data.get("is_symptom", False),
    )


def _with_lines(data: Mapping[str, Any], signs: Mapping[str, Any]) -> Mapping[str, Any]:
    """With the pattern of the sign whose lines it looks at."""
    of = signs.get(data.get("lines_of", ""), {})
    if "line" not in of:
        return data
    return {"line": of["line"]} | {key: data[key] for key in data if key != "lines_of"}


def _check_line(where: str, sign: LineSign, signs: Mapping[str, Sign]) -> None:
    """LabError for other signs and groups that there are not."""
    if sign.after is not None and sign.after not in signs:
        raise LabError(f"{where}: there is no sign {sign.after!r}")
    near = signs.get(sign.near or "")
    if sign.near is not None and not isinstance(near, LineSign):
        raise LabError(f"{where}: there are no lines {sign.near!r}")
    groups = sign.pattern.groupindex.keys()
    for name in (sign.rises, sign.same):
        if name is not None and name not in groups:
            raise LabError(f"{where}: its pattern has no group {name!r}")
    if isinstance(near, LineSign) and sign.same not in {None, *near.pattern.groupindex}:
        raise LabError(f"{where}: the pattern of {near.name!r} has no group {sign.same!r}")
    if sign.same is not None and sign.near is None and sign.rises is None:
        raise LabError(f"{where}: same is of a sign that has near or rises")


def _sign(where: str, name: str, data: Mapping[str, Any]) -> Sign:
    kinds = [kind for kind in _SIGN_KEYS if kind in data]
    if len(kinds) != 1:
        raise LabError(f"{where}: has {kinds or 'nothing'}; it is one of line, counter, fact")
    (kind,) = kinds
    _check(where, data, {kind}, _SIGN_KEYS[kind])
    if kind == "line":
        pattern = _pattern(where, data["line"])
        holds = None
        if "where" in data:
            try:
                holds = comparison(data["where"], pattern.groupindex.keys())
            except LabError as error:
                raise LabError(f"{where}: {error}") from None
        rest = {key: data[key] for key in data if key not in ("line", "where")}
        return LineSign(name, pattern, where=holds, **rest)
    if kind == "counter":
        names = [data["counter"]] if isinstance(data["counter"], str) else data["counter"]
        how = {
            key: data[key] for key in ("grows", "stands", "above", "below", "equals") if key in data
        }
        if len(how) != 1:
            raise LabError(f"{where}: says {sorted(how)} of the counter; one of them is needed")
        return CounterSign(name, tuple(map(name_pattern, names)), **how)
    one_of = [data["equals"]] if "equals" in data else data.get("in")
    return FactSign(
        name,
        name_pattern(data["fact"]),
        None if one_of is None else frozenset(one_of),
        frozenset(data["not_in"]) if "not_in" in data else None,
        data.get("above"),
        data.get("below"),
        data.get("below_fact"),
    )


def _pattern(where: str, text: str) -> re.Pattern[str]:
    try:
        return re.compile(text)
    except re.error as error:
        raise LabError(f"{where}: {text!r} is no regular expression ({error})") from None


def name_pattern(text: str) -> re.Pattern[str]:
    """Of a counter's name: {n} is any number, {name} anything without a slash."""
    replaced = _PLACEHOLDER.sub(lambda m: r"\d+" if m[1] == "n" else r"[^/]+", re.escape(text))
    return re.compile(replaced)


def _check(where: str, data: Mapping[str, Any], needed: set[str], known: set[str]) -> None:
    if missing := needed - data.keys():
        raise LabError(f"{where}: lacks {', '.join(sorted(missing))}")
    if unknown := data.keys() - known:
        raise LabError(
            f"{where}: has {', '.join(sorted(unknown))}; it may have {', '.join(sorted(known))}"
        )
