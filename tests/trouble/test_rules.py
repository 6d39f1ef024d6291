# SPDX-License-Identifier: BSD-3-Clause
"""Every rule on files of its own: those in which it finds its trouble, and those that look like it.

tests/trouble/cases/RULE/LEVEL/ holds the files of a case that the rule judges to be of that level;
negative/ and near/ are cases in which it is silent.
"""

import io
import tomllib
from dataclasses import replace
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path

import pytest
import re2

import labkit as lk
from labkit.trouble.evidence import Evidence
from labkit.trouble.gathered import gather
from labkit.trouble.incidents import incidents
from labkit.trouble.judge import judge
from labkit.trouble.moments import Dater
from labkit.trouble.readers.logs import candidates, plain
from labkit.trouble.rules import LEVELS, LineSign, Rule, rule_of, rules

CASES = Path(__file__).parent / "cases"
UNTIL = datetime(2026, 11, 30, tzinfo=UTC)
SILENT = ("negative", "near")
KINDS = dict.fromkeys(LEVELS, "positive") | {kind: kind for kind in SILENT}
RULE_FILES = sorted(f.name for f in (files("labkit.trouble") / "rules").iterdir())
ALL = sorted(path for path in CASES.glob("*/*") if path.is_dir())


@pytest.mark.parametrize("folder", ALL, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_a_case(folder: Path) -> None:
    case = lk.trouble.look(*sorted(folder.iterdir()))
    levels = {finding.id: finding.level for finding in case.findings}
    expected = None if folder.name.partition("-")[0] in SILENT else folder.name.partition("-")[0]
    assert levels.get(folder.parent.name) == expected, case
    assert expected is None or expected in LEVELS


def test_patterns_mean_the_same_to_both_libraries() -> None:
    """RE2 finds the lines, Python's library takes them apart."""
    for rule in rules().values():
        for sign in rule.signs.values():
            if isinstance(sign, LineSign):
                re2.compile(plain(sign.pattern.pattern))


def test_lines_that_a_rule_knows_are_found_among_all() -> None:
    """What picks lines out of gigabytes passes none over that a sign's own pattern finds."""
    signs = [s for r in rules().values() for s in r.signs.values() if isinstance(s, LineSign)]
    found = 0
    for file in CASES.glob("*/*/*"):
        text = file.read_bytes()
        lines = text.decode("utf-8", errors="replace").split("\n")
        picked = {number for number, _ in candidates(io.BytesIO(text))}
        for number, line in enumerate(lines, 1):
            if any(s.pattern.search(Dater(UNTIL).read(line)[1]) for s in signs):
                found += 1
                assert number in picked, (file, line)
    assert found > 300


@pytest.mark.parametrize(
    ("pattern", "means"),
    [
        ("^a: (?P<n>\\d+)$", "a: (?:\\d+)"),
        ("[^a]b", "[^a]b"),
        ("[$^]b", "[$^]b"),
        ("\\^a\\$", "\\^a\\$"),
        ("[]^]x$", "[]^]x"),
        ("(?:$|\\s)", "(?:|\\s)"),
    ],
)
def test_only_the_ends_of_a_line_are_taken_away(pattern: str, means: str) -> None:
    assert plain(pattern) == means


def test_a_remedy_names_the_interface() -> None:
    case = lk.trouble.look(*sorted((CASES / "receive-ring-short" / "likely").iterdir()))
    (found,) = [f for f in case.findings if f.id == "receive-ring-short"]
    assert "ethtool -G ens5 rx" in found.remedy
    for rule in rules().values():
        assert "{" not in rule.cause + rule.title, rule.id


def test_what_a_log_says_of_an_address_is_its_interfaces(tmp_path: Path) -> None:
    (tmp_path / "dmesg").write_text(
        "[1.0] ena 0000:00:05.0: Elastic Network Adapter (ENA) v2.2.4g\n"
        "[2.0] ena 0000:00:05.0 ens5: Trigger reset is on\n"
    )
    (tmp_path / "ethtool_-i_ens5.txt").write_text("driver: ena\n")
    case = lk.trouble.look(tmp_path / "dmesg", tmp_path / "ethtool_-i_ens5.txt")
    assert ("ena-driver-without-accelerated-path", "ens5") in {
        (f.id, f.device) for f in case.findings
    }


def test_cases_are_of_rules_that_there_are() -> None:
    assert {path.name for path in CASES.iterdir()} <= set(rules())


@pytest.mark.parametrize("file", RULE_FILES)
def test_every_rule_has_cases_of_every_kind(file: str) -> None:
    assert {rule: lacking(rule) for rule in ids(file) if lacking(rule)} == {}


def ids(file: str) -> list[str]:
    """The rules of a file."""
    text = (files("labkit.trouble") / "rules" / file).read_text(encoding="utf-8")
    return [data["id"] for data in tomllib.loads(text)["rule"]]


def lacking(rule: str) -> set[str]:
    """The kinds of cases that a rule has none of."""
    there = {KINDS.get(path.name.partition("-")[0]) for path in (CASES / rule).glob("*")}
    return set(KINDS.values()) - there


@pytest.mark.parametrize("file", RULE_FILES)
def test_every_exclusion_and_better_rule_is_needed(file: str) -> None:
    """Without it the rule would speak in one of its silent cases."""
    unneeded = []
    for rule in (rules()[rule] for rule in ids(file)):
        silent = [
            gather(sorted(path.iterdir()))
            for path in (CASES / rule.id).iterdir()
            if path.name.partition("-")[0] in SILENT
        ]
        for entry in rule.excluded:
            others = tuple(other for other in rule.excluded if other is not entry)
            if not _speaks(replace(rule, excluded=others), silent):
                unneeded.append((rule.id, entry.text))
        for better in rule.yields:
            others_of = {to: why for to, why in rule.yields.items() if to != better}
            if not _speaks(replace(rule, yields=others_of), silent):
                unneeded.append((rule.id, better))
    assert unneeded == []


def _speaks(rule: Rule, cases: list[Evidence]) -> bool:
    of = {**rules(), rule.id: rule}.values()
    return any(finding.id == rule.id for case in cases for finding in judge(case, of))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"where": "nowhere"}, "where is 'nowhere'"),
        ({"verdict": {"certain": "a or b"}}, "there is no sign 'b'"),
        ({"verdict": {"certain": "a + a"}}, "takes and, or, not"),
        ({"verdict": {"sure": "a"}}, "has sure"),
        ({"signs": {"a": {"counter": "x"}}}, "one of them is needed"),
        ({"signs": {"a": {"line": "x", "fact": "y"}}}, "it is one of line, counter, fact"),
        ({"signs": {"a": {"line": "x", "after": "z"}}}, "there is no sign 'z'"),
        ({"signs": {"a": {"line": "x", "near": "z"}}}, "there are no lines 'z'"),
        ({"colour": "red"}, "has colour"),
    ],
)
def test_a_rule_that_cannot_be(change: dict[str, object], words: str) -> None:
    data = {
        **{"id": "x", "title": "t", "where": "host", "cause": "c", "remedy": "r", "origin": "o"},
        **{"signs": {"a": {"line": "b"}}, "verdict": {"certain": "a"}},
    }
    rule_of(data)
    with pytest.raises(lk.LabError, match=words):
        rule_of(data | change)


def test_what_is_on_record_stands_with_the_finding() -> None:
    case = lk.trouble.look(*sorted((CASES / "admin-queue-hung" / "certain").iterdir()))
    (found,) = [f for f in case.findings if f.id == "admin-queue-hung"]
    told = "severity critical; SSR 6.1.7 to before 6.2.6; net_ena 2.6.0, mended with 2.9.0"
    assert f"On record: Juniper, SSR issue I95-56233; {told}" in str(found)
    assert found.to_dict()["incident"]["workaround"].startswith("Turn enhanced networking off")


def test_incidents_are_of_rules_that_there_are() -> None:
    assert incidents().keys() <= rules().keys()
