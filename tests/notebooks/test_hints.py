# SPDX-License-Identifier: BSD-3-Clause
"""Hints come by degrees, one a failed try, and never with a solution."""

from collections.abc import Iterator

import pytest

import labkit as lk
from labkit.notebooks import hints, records
from labkit.notebooks.records import Recorder

HINTS = ["look at the VLAN", "a trunk carries all", "Bob's port has VLAN 20"]


@pytest.fixture
def recorder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Recorder]:
    hints.forget()
    fresh = Recorder(None)
    monkeypatch.setattr(records, "recorder", fresh)
    yield fresh
    hints.forget()


def said_of(answer: object, recorder: Recorder) -> str:
    recorder.checks.clear()
    lk.check(lambda: answer == 20, "exercise: vlan", answer=answer, hint=HINTS)
    return recorder.checks["exercise: vlan"].hint


def test_each_failed_try_tells_one_more(recorder: Recorder) -> None:
    assert said_of(..., recorder) == "not answered yet"
    assert said_of(1, recorder).splitlines() == [HINTS[0], "(2 more hints after another try)"]
    assert said_of(2, recorder).splitlines() == [*HINTS[:2], "(1 more hint after another try)"]
    assert said_of(3, recorder).splitlines() == HINTS
    assert said_of(4, recorder).splitlines() == HINTS


def test_the_same_answer_again_is_no_try(recorder: Recorder) -> None:
    assert said_of(1, recorder) == said_of(1, recorder)
    assert HINTS[1] in said_of(2, recorder)


def test_checks_have_hints_of_their_own(recorder: Recorder) -> None:
    said_of(1, recorder)
    lk.check(lambda: 1 == 2, "exercise: other", answer=1, hint=HINTS)
    assert HINTS[1] not in recorder.checks["exercise: other"].hint


def test_one_hint_is_a_text(recorder: Recorder) -> None:
    lk.check(lambda: 1 == 2, "x", answer=1, hint="look")
    assert recorder.checks["x"].hint == "look"


@pytest.mark.parametrize("hint", [7, None, ["a", 1], {"a": "b"}, b"look"])
def test_what_is_no_hint(hint: object, recorder: Recorder) -> None:
    with pytest.raises(lk.LabError, match="it is a text, or a list of texts"):
        lk.check(lambda: True, "x", hint=hint)  # type: ignore[arg-type]
    assert not recorder.checks
