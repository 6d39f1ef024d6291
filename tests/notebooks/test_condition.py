# SPDX-License-Identifier: BSD-3-Clause
"""A failed check shows the parts of its condition; that of an exercise its answer alone."""

from collections.abc import Iterator
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell

import labkit as lk
from labkit.notebooks import records, watching
from labkit.notebooks.records import Recorder

SETUP = """
import labkit as lk
class Ledger:
    drops = {"drop_ttl": [3, 4]}
    @property
    def received(self): return 16
class Run: ledger = Ledger()
r, calls = Run(), []
def took(n):
    calls.append(n)
    return n + 1
"""


@pytest.fixture(autouse=True)
def recorder(monkeypatch: pytest.MonkeyPatch) -> Recorder:
    fresh = Recorder(None)
    monkeypatch.setattr(records, "recorder", fresh)
    monkeypatch.setattr("IPython.get_ipython", lambda: None)
    return fresh


@pytest.fixture
def shell() -> Iterator[InteractiveShell]:
    """IPython whose cells are watched."""
    made = InteractiveShell()
    watching.install(made)
    made.run_cell(SETUP).raise_error()
    yield made
    InteractiveShell.clear_instance()


def values(shell: InteractiveShell, recorder: Recorder, condition: str) -> dict[str, str]:
    recorder.checks.clear()
    shell.run_cell(f"lk.check({condition}, 'c')").raise_error()
    check = recorder.checks["c"]
    assert check.status == "failed"
    return check.values


@pytest.mark.parametrize(
    ("condition", "parts"),
    [
        ("r.ledger.received == 17", {"r.ledger.received": "16"}),
        ("took(3) == 9", {"took(3)": "4"}),
        ("took(took(1)) > 9", {"took(1)": "2", "took(took(1))": "3"}),
        ("r.ledger.drops['drop_ttl'][1] == 3", {"r.ledger.drops['drop_ttl'][1]": "4"}),
        ("len([n for n in range(4)]) == 5", {"len([n for n in range(4)])": "4"}),
        ("took(1) == 2 and took(2) == 2 and took(3)", {"took(2)": "3"}),
        ("not took(4)", {"took(4)": "5"}),
        ("lambda: took(5) == 7", {"took(5)": "6"}),
        ("lambda: r.ledger.received[0]", {"r.ledger.received": "16"}),
    ],
)
def test_parts_are_shown_as_they_were(
    condition: str, parts: dict[str, str], shell: InteractiveShell, recorder: Recorder
) -> None:
    assert values(shell, recorder, condition).items() >= parts.items()


def test_nothing_is_called_twice(shell: InteractiveShell, recorder: Recorder) -> None:
    frames = iter([1, 2, 3])
    shell.push({"frames": frames})
    assert values(shell, recorder, "next(frames) == 5") == {"next(frames)": "1"}
    assert next(frames) == 2
    values(shell, recorder, "took(1) == 2 and took(7) == 0")
    assert shell.user_ns["calls"] == [1, 7]
    assert "took(3)" not in values(shell, recorder, "took(0) == 3 and took(3)"), "was not computed"


def test_watched_cells_do_what_they_did(shell: InteractiveShell, recorder: Recorder) -> None:
    cell = """
class Other:
    def check(self, *values, flag=None): return values, flag
made = Other().check(1 + 1, *[3], flag=(n := took(8)))
both = [Other().check(x > 1)[0][0] for x in range(3)]
lk.check(n == 9, "walrus")
lk.check(lambda: all(x >= 0 for x in [1, 2]), "generator")
lk.check(f"{n:>3}" == "  9", "text")
lk.check(True, "constant")
"""
    shell.run_cell(cell).raise_error()
    assert shell.user_ns["made"] == ((2, 3), 9)
    assert shell.user_ns["both"] == [False, False, True]
    assert [c.status for c in recorder.checks.values()] == ["passed"] * 4


def test_a_check_of_somebody_else_leaves_nothing_to_the_next(
    shell: InteractiveShell, recorder: Recorder
) -> None:
    shell.run_cell("class O:\n    def check(self, c): pass\nO().check(1 > 2); lk.check(False, 'c')")
    assert (recorder.checks["c"].expression, recorder.checks["c"].values) == ("", {})


def test_a_check_of_a_module_is_not_taken_for_the_cells(
    shell: InteractiveShell, recorder: Recorder
) -> None:
    def in_a_module(received: int) -> None:
        lk.check(received == 3, "module")

    shell.push({"helper": in_a_module})
    shell.run_cell(
        "class O:\n    def check(self, c): pass\nO().check(1 > 2); helper(2)"
    ).raise_error()
    assert recorder.checks["module"].expression == "received == 3"
    assert recorder.checks["module"].values == {"received": "2"}


class Ledger:
    drops: dict[str, Any] = {"drop_ttl": [3, 4]}  # noqa: RUF012
    answers = ("a", "b")

    @property
    def received(self) -> int:
        return 16


def test_a_script_reads_them_again_without_effects(recorder: Recorder) -> None:
    ledger, taken, frames = Ledger(), [], iter([1, 2])

    def took(n: int) -> int:
        taken.append(n)
        return n

    lk.check(ledger.received == 17, "property")
    lk.check(ledger.drops["drop_ttl"][0] == 4 or len(ledger.answers) > 2, "subscript and call")
    lk.check(took(3) == next(frames) + 9, "effects")
    found = recorder.checks
    assert found["property"].values["ledger.received"] == "16"
    assert found["subscript and call"].values["ledger.drops['drop_ttl'][0]"] == "3"
    assert found["subscript and call"].values["len(ledger.answers)"] == "2"
    assert not any("(" in part for part in found["effects"].values)
    assert taken == [3]
    assert next(frames) == 2


def test_what_changed_since_is_told(recorder: Recorder) -> None:
    class Counter:
        frames = 0

        @property
        def grown(self) -> int:
            self.frames += 1
            return self.frames

    counter = Counter()
    lk.check(counter.grown >= 2, "late")
    assert recorder.checks["late"].values["the condition"] == "true when it was read again"


SOLUTION = "drop_ip_no_such_address"


@pytest.mark.parametrize(
    "condition",
    [
        "solution == answer",
        "lambda: solution == answer",
        "lambda: {solution: 1}[answer]",
        "lambda: lk.near(answer, [solution])",
    ],
)
def test_an_exercise_never_shows_its_solution(
    condition: str, shell: InteractiveShell, recorder: Recorder, capsys: pytest.CaptureFixture[str]
) -> None:
    lab_error = "def refuse(answer, known):\n    raise lk.LabError(f'there are: {known}')"
    shell.run_cell(f"{lab_error}\nsolution, answer = {SOLUTION!r}, 'drop_ttl'").raise_error()
    condition = condition.replace("lk.near", "refuse")
    shell.run_cell(f"lk.check({condition}, 'e', answer=answer, hint='look')").raise_error()
    assert recorder.checks["e"].status == "failed"
    assert recorder.checks["e"].values["the answer"] == "'drop_ttl'"
    assert recorder.checks["e"].message.endswith("look")
    shell.run_cell("lk.checks()")
    said = capsys.readouterr()
    assert "ChecksFailed" in said.out
    assert SOLUTION not in recorder.checks["e"].message + said.out + said.err


@pytest.mark.parametrize("answer", [..., [..., 1], (1, ...), {"a": ...}])
def test_an_answer_with_a_gap_is_open(answer: Any, recorder: Recorder) -> None:
    lk.check(lambda: answer == 1, "e", answer=answer)
    assert recorder.checks["e"].status == "open"
