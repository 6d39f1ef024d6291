# SPDX-License-Identifier: BSD-3-Clause
"""lk.check and lk.checks: named checks of a notebook, shown below the cell that makes them."""

import math
import os
import sys
from types import CodeType, FrameType
from typing import Any

from labkit.arguments.hints import is_real
from labkit.errors import ChecksFailed, LabError
from labkit.notebooks import records, watching
from labkit.notebooks.condition import Parts, explain, shown
from labkit.notebooks.hints import Hints, hints_of, next_hints
from labkit.notebooks.records import Check, CheckList
from labkit.text import shown as told

watching.install_here()


def check(condition: Any, name: str, *, hint: Hints = "", answer: Any = None) -> None:
    """A named check. It never raises; `labkit run`, pytest and lk.checks() fail when it failed.

    condition: True or False; or a function without arguments that returns one of them, whose
        exceptions count as failure
    name: what is checked, such as "drop at 700 kpps"
    hint: what to look at when it fails; or a list of hints, from a nudge to nearly all: the first
        failed try tells the first one, each with another answer one more
    answer: an exercise's answer; while it, or a part of it, is `...` the check is open and fails
        nothing

    The cell shows its checks as a table, failed ones with the values of the condition's parts. Of
    an exercise only the answer is shown: the parts would tell the solution.
    """
    _check_name(name)
    hints = hints_of(hint)
    frame = sys._getframe(1)
    if _is_open(answer):
        watching.forget()
        _add(Check(name, "open", hint="not answered yet", cell=_cell()))
        return
    code = frame.f_code if not callable(condition) else None
    value, raised = condition, None
    if callable(condition):
        watching.forget()
        try:
            value = condition()
        except Exception as error:  # a check whose condition raises is a check that failed
            raised = error
    passed = raised is None and _truth(value, name)
    expression, values = ("", {}) if passed else _explain(frame, code)
    watching.forget()  # what a condition was made of may be large
    if answer is not None:
        expression, values = "", {} if passed else shown("", [("the answer", answer)])
    if not passed and _is_nan(value):
        values = {**values, "the condition": str(value)}
    if raised is not None:
        # What it says may be the solution.
        said = "" if answer is not None else f": {raised}"
        values = {**values, "the condition": f"{type(raised).__name__}{said}"}
    if passed:
        _add(Check(name, "passed", hint="\n".join(hints[:1]), cell=_cell()))
        return
    tried = told(answer) if answer is not None else f"run {_cell()}"
    _add(Check(name, "failed", expression, values, next_hints(name, hints, tried), _cell()))


def checks() -> None:
    """Ends a notebook: prints "all checks passed", or raises ChecksFailed with those that failed.

    `labkit run` and pytest look at the checks themselves. papermill, nbclient and people with
    Run All do not: for them this is the last cell.
    """
    failed = CheckList(records.recorder.checks.values()).failed
    if failed:
        word = "check" if len(failed) == 1 else "checks"
        raise ChecksFailed(f"{len(failed)} {word} failed\n{CheckList(failed)!r}")
    print("all checks passed")


def _check_name(name: object) -> None:
    if not isinstance(name, str):
        raise LabError(
            f'name is {told(name)}; it is a text: lk.check(run.ledger.is_balanced, "balanced")'
        )


def _add(added: Check) -> None:
    added = records.recorder.add_check(added)
    in_cell = CheckList(c for c in records.recorder.checks.values() if c.cell == added.cell)
    shell = _shell()
    if shell is None:
        print(repr(CheckList([added])))
        return
    from IPython.display import display  # late: IPython is there already, or is not needed

    # One table a cell, that grows.
    where = f"labkit-checks-{os.getpid()}-{added.cell}"
    display(in_cell, display_id=where, update=len(in_cell) > 1)


def _shell() -> Any:
    ipython = sys.modules.get("IPython")
    return ipython.get_ipython() if ipython else None


def _cell() -> int | None:
    shell = _shell()
    return shell.execution_count if shell else None


def _is_open(answer: Any) -> bool:
    """Whether an answer is `...`, or has it where something is to be filled in."""
    if isinstance(answer, dict):
        answer = list(answer.values())
    parts = answer if isinstance(answer, (list, tuple, set)) else [answer]
    return any(part is ... for part in parts)


def _explain(frame: FrameType, code: CodeType | None) -> Parts:
    try:
        return watching.take(code) or explain(frame)
    except Exception:  # a check must be recorded, whatever its condition's parts do when looked at
        return "", {}


def _is_nan(value: Any) -> bool:
    return is_real(value) and math.isnan(value)


def _truth(condition: Any, name: str) -> bool:
    if _is_nan(condition):
        return False  # though Python takes it for true: nothing was measured
    try:
        return bool(condition)
    except TypeError:  # such as pandas' NA
        raise LabError(
            f"check {name!r}: the condition is {told(condition)}, which is neither true nor false"
        ) from None
    except ValueError:
        raise LabError(
            f"check {name!r}: the condition is a {type(condition).__name__} of many values; say "
            "which of them must hold, with .all() or .any()"
        ) from None
