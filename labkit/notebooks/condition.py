# SPDX-License-Identifier: BSD-3-Clause
"""Why a condition was false: its source, and what its parts were."""

import ast
import reprlib
from types import FrameType
from typing import Any

MOST_CHARACTERS = 120
_short = reprlib.Repr()
_short.maxstring = _short.maxother = MOST_CHARACTERS


def explain(frame: FrameType) -> tuple[str, dict[str, str]]:
    """The first argument of the call that `frame` is in: its source, and its parts' values by their
    source. Only parts are looked at whose reading runs no code of the user's (pure_eval)."""
    # Late: of use only to checks that fail.
    from executing import Source
    from pure_eval import Evaluator, group_expressions

    call = Source.executing(frame).node
    if not isinstance(call, ast.Call) or not call.args:
        return "", {}
    condition: ast.expr = call.args[0]
    if isinstance(condition, ast.Lambda):
        condition = condition.body
    if isinstance(condition, ast.Constant):
        return "", {}
    evaluator = Evaluator.from_frame(frame)
    found = group_expressions(
        pair for pair in evaluator.find_expressions(condition) if _says_something(*pair)
    )
    values = {ast.unparse(nodes[0]): _short.repr(value) for nodes, value in found}
    source = ast.unparse(condition)
    return source, {text: value for text, value in values.items() if text not in (source, value)}


def _says_something(node: ast.expr, value: Any) -> bool:
    """Not a literal, a function or a module, nor a table that would fill the page."""
    if isinstance(node, ast.Constant) or callable(value) or hasattr(value, "__path__"):
        return False
    shown = repr(value)
    return not hasattr(value, "__file__") and "\n" not in shown and " at 0x" not in shown
