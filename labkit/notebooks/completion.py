# SPDX-License-Identifier: BSD-3-Clause
"""What TAB offers in a notebook besides what IPython finds by itself.

- Texts that an argument may be: what its annotation names (Literal) or offers (Offers), such as
  kinds of ports, data sets, counters; where nodes take a port's name, ports of the open labs.
- Keys and attributes behind properties of labkit's objects, and keys of what its methods read,
  which IPython does not look at because they could do anything: path.drops["…, port.xstats()["…
"""

import ast
import contextlib
import inspect
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from types import ModuleType
from typing import Any, get_args, get_origin

from IPython.core.completer import (
    CompletionContext,
    SimpleCompletion,
    SimpleMatcherResult,
    context_matcher,
)

from labkit.arguments.checked import hints_of
from labkit.arguments.hints import offers
from labkit.lab import open_labs
from labkit.path.types import PortType

FILES = "IPCompleter.file_matcher"
OPENING, CLOSING, QUOTES = "([{", ")]}", "\"'"


@dataclass
class Bracket:
    """An open bracket: where it stands, and the commas within."""

    at: int
    sign: str
    commas: list[int] = field(default_factory=list)


class Unfinished:
    """Python code up to the cursor: its open brackets, and where its open string begins."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.brackets: list[Bracket] = []
        self.quote: int | None = None
        is_escaped = is_comment = False
        for at, sign in enumerate(text):
            if is_comment:
                is_comment = sign != "\n"
            elif self.quote is not None:
                if sign == text[self.quote] and not is_escaped:
                    self.quote = None
                is_escaped = sign == "\\" and not is_escaped
            elif sign in QUOTES:
                self.quote = at
            elif sign == "#":
                is_comment = True
            elif sign in OPENING:
                self.brackets.append(Bracket(at, sign))
            elif sign in CLOSING and self.brackets:
                self.brackets.pop()
            elif sign == "," and self.brackets:
                self.brackets[-1].commas.append(at)

    def before(self, end: int) -> str:
        """The name, with its attributes, keys and calls without arguments, that ends there."""
        start = end
        while start:
            if self.text.endswith("()", 0, start):
                start -= 2
            elif self.text[start - 1].isalnum() or self.text[start - 1] in "_.[]\"':-":
                start -= 1
            else:
                break
        return self.text[start:end].lstrip(".]\"':-")

    def parts(self, bracket: Bracket) -> list[str]:
        """The arguments of a call so far; the last one is not finished."""
        bounds = [bracket.at, *bracket.commas, len(self.text)]
        return [self.text[a + 1 : b] for a, b in pairwise(bounds)]


class Completions:
    """Finds completions for code in a namespace."""

    def __init__(self, names: Mapping[str, Any]) -> None:
        self.names = names

    def of(self, text: str) -> tuple[list[str], str, bool]:
        """What may stand at the end of a text, the part of it that stands there already, and
        whether nothing else may."""
        code = Unfinished(text)
        if code.quote is None:
            expression, _, begun = code.before(len(text)).rpartition(".")
            found = self._attributes(expression) if text.endswith(f".{begun}") else []
            return _beginning(found, begun), begun, True
        begun = text[code.quote + 1 :]
        *outer, inner = [None, *code.brackets]
        if inner is None:
            return [], begun, False
        if inner.sign == "[" and (expression := code.before(inner.at)):
            keys = self._keys(expression) if code.quote == inner.at + 1 else []
            return _beginning(keys, begun), begun, True
        call = inner if inner.sign == "(" else outer[-1]
        if call is None or call.sign != "(":
            return [], begun, False
        found, is_path = self._texts(code, call)
        return _beginning(found, begun), begun, not is_path

    def _attributes(self, expression: str) -> list[str]:
        """Those of an object that a property of one of labkit's gives."""
        if "." not in expression:
            return []
        found = self._value(expression)
        if found is None or isinstance(found, ModuleType | type) or callable(found):
            return []
        return [name for name in dir(found) if not name.startswith("_")]

    def _keys(self, expression: str) -> list[str]:
        found = self._value(expression)
        for name in ("_ipython_key_completions_", "keys"):
            if hasattr(found, name):
                return [key for key in getattr(found, name)() if isinstance(key, str)]
        return []

    def _texts(self, code: Unfinished, call: Bracket) -> tuple[list[str], bool]:
        """What the argument at the cursor may be, and whether any file too."""
        function = self._value(code.before(call.at))
        if function is None or not _is_ours(function) or not callable(function):
            return [], False
        is_class = isinstance(function, type)
        made: Callable[..., Any] = function.__init__ if is_class else function
        parameters = [*inspect.signature(made).parameters.values()][int(is_class) :]
        *given, last = code.parts(call)
        names = [p.name for p in parameters if p.kind is not p.KEYWORD_ONLY]
        names += [p.name for p in parameters if p.kind is p.VAR_POSITIONAL] * len(given)
        arguments: dict[str, Any] = {}
        for name, part in zip(names, given, strict=False):
            with contextlib.suppress(LookupError):
                arguments[name] = self._value(part.strip())
        keyword, is_named, _ = last.partition("=")
        name = keyword.strip() if is_named else next(iter(names[len(given) :]), "")
        hint = hints_of(made).get(name)
        found = offers(hint, arguments)
        if any(isinstance(part, PortType) for part in _all_parts(hint)):
            found += dict.fromkeys(port for lab in open_labs.in_order() for port in lab.ports)
        is_path = any(part in (os.PathLike, os.PathLike[str]) for part in _all_parts(hint))
        return found, is_path

    def _value(self, expression: str) -> Any:
        """What a name with attributes and keys stands for; None where it cannot be told. Only what
        is labkit's is asked."""
        try:
            return self._looked_up(ast.parse(expression, mode="eval").body)
        except Exception:  # a completion is no place for an error, whatever a property raises
            return None

    def _looked_up(self, node: ast.expr) -> Any:
        if isinstance(node, ast.Name):
            return self.names[node.id]
        if isinstance(node, ast.Attribute):
            owner = self._looked_up(node.value)
            return getattr(owner, node.attr) if _is_ours(owner) else None
        if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
            owner = self._looked_up(node.value)
            return owner[node.slice.value] if isinstance(owner, Mapping) else None
        if isinstance(node, ast.Call) and not node.args and not node.keywords:
            method = self._looked_up(node.func)
            return method() if inspect.ismethod(method) and _reads(method) else None
        return None


def _beginning(names: Iterable[str], begun: str) -> list[str]:
    return [name for name in names if name.startswith(begun)]


def _reads(method: Callable[..., Any]) -> bool:
    """Whether it is one of labkit's that gives a dictionary, and so changes nothing."""
    gives = inspect.get_annotations(inspect.unwrap(method), eval_str=True).get("return")
    return _is_ours(method) and (get_origin(gives) or gives) is dict


def _is_ours(thing: object) -> bool:
    """Whether it is a module, class, function or object of labkit."""
    where = getattr(thing, "__module__", None) or type(thing).__module__
    name = thing.__name__ if isinstance(thing, ModuleType) else where
    return str(name).partition(".")[0] == "labkit"


def _all_parts(hint: Any) -> list[Any]:
    return [hint, *(inner for part in get_args(hint) for inner in _all_parts(part))]


def offer_completions(shell: Any) -> None:
    """Has a shell of IPython ask here too."""

    @context_matcher(identifier="labkit")  # type: ignore[untyped-decorator]
    def matcher(context: CompletionContext) -> SimpleMatcherResult:
        lines = context.full_text.split("\n")[: context.cursor_line]
        found, begun, is_all = Completions(shell.user_ns).of(
            "\n".join([*lines, context.text_until_cursor])
        )
        return {
            "completions": [SimpleCompletion(text=name, type="value") for name in found],
            "matched_fragment": begun,
            "suppress": bool(found),
            "do_not_suppress": set() if is_all else {FILES},
        }

    matchers = shell.Completer.custom_matchers
    if not any(getattr(other, "matcher_identifier", "") == "labkit" for other in matchers):
        matchers.append(matcher)
