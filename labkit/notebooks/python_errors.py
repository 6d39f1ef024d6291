# SPDX-License-Identifier: BSD-3-Clause
"""What a notebook shows of Python's own errors about labkit's names: an attribute, an argument or
an import that is not there. One line with the near miss, as of labkit's errors; `%tb Verbose` shows
all of it.
"""

import inspect
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from types import CodeType, ModuleType, TracebackType
from typing import Any

from labkit.errors import LabError, in_notebook
from labkit.text import alike, did_you_mean, near

KINDS = (AttributeError, ImportError, TypeError)
FROM = re.compile(r"cannot import name '(\w+)' from '(labkit[\w.]*)'")
NO_SETTER = re.compile(r"property '(\w+)' of '(\w+)' object has no setter")
CALL = re.compile(r"((?:\w+\.)*\w+)\(\) (?:got|missing|takes)")
UNKNOWN = re.compile(r"unexpected keyword argument '(\w+)'")


def tell_briefly(shell: Any) -> None:
    """Has a shell of IPython ask here, unless something else tells its errors already."""
    if not shell.custom_exceptions:
        shell.set_custom_exc(KINDS, _show)


def _show(shell: Any, kind: Any, error: Any, trace: Any, tb_offset: int | None = None) -> None:
    text = None if isinstance(error, LabError) else told(error, trace, _is_of_a_cell(shell))
    if text is not None:
        error._render_traceback_ = lambda: in_notebook(error, text)
    shell.showtraceback((kind, error, trace), tb_offset=tb_offset)


def _is_of_a_cell(shell: Any) -> Callable[[CodeType], bool]:
    return lambda code: shell.compile.format_code_name(code.co_filename) is not None


def told(
    error: Exception, trace: TracebackType | None, is_of_a_cell: Callable[[CodeType], bool]
) -> str | None:
    """An error in one line; None for one that is not about labkit, or not of the user's line."""
    *_, last = _frames(trace)
    if getattr(last, "f_code", None) and last.f_code.co_name == "__setattr__":  # frozen
        owner = last.f_locals.get("self")
        is_ours = last.f_back is not None and is_of_a_cell(last.f_back.f_code) and _is_ours(owner)
        return f"{error}; make another one with the value that is to differ" if is_ours else None
    if last is None or not is_of_a_cell(last.f_code):
        return None
    if isinstance(error, ImportError):
        return _of_import(error)
    return _of_attribute(error) if isinstance(error, AttributeError) else _of_call(error)


def _frames(trace: TracebackType | None) -> Iterable[Any]:
    yield None
    while trace is not None:
        yield trace.tb_frame
        trace = trace.tb_next


def _of_attribute(error: AttributeError) -> str | None:
    owner, name = error.obj, error.name
    if owner is None and (found := NO_SETTER.match(str(error))):
        return f"{error}: it is told, not set" if _find(found[2]) is not None else None
    if not _is_ours(owner) or not name:
        return None
    if isinstance(owner, Mapping) and name in owner:
        return f"{error}; it is a key: [{name!r}]"
    hint = did_you_mean(alike(name, _public(owner)))
    return f"{error}{hint or '; TAB and dir() tell those that there are'}"


def _of_import(error: ImportError) -> str | None:
    if found := FROM.match(str(error)):
        return found[0] + did_you_mean(alike(found[1], _public(sys.modules.get(found[2]))))
    name = error.name or ""
    package, _, last = name.rpartition(".")
    if package.partition(".")[0] != "labkit" or package not in sys.modules:
        return None
    if last in dir(sys.modules[package]):
        return f"{name} is no module; write `from {package} import {last}`"
    return f"{error}{did_you_mean(alike(last, _public(sys.modules[package])))}"


def _of_call(error: Exception) -> str | None:
    found = CALL.match(str(error))
    function = _find(found[1]) if found else None
    if function is None:
        return None
    unknown = UNKNOWN.search(str(error))
    parameters = [name for name in inspect.signature(function).parameters if name != "self"]
    return str(error) + (near(unknown[1], parameters) if unknown else "")


def _public(owner: object) -> list[str]:
    return [name for name in dir(owner) if not name.startswith("_")]


def _is_ours(thing: object) -> bool:
    """Whether it is a module, class or object of labkit."""
    if isinstance(thing, ModuleType):
        return _is_name_of_ours(thing.__name__)
    kind = thing if isinstance(thing, type) else type(thing)
    return _is_name_of_ours(kind.__module__)


def _is_name_of_ours(module: object) -> bool:
    return str(module).partition(".")[0] == "labkit"


def _find(path: str) -> Any:
    """The class or function of labkit that an error calls so, such as "Port.receive"."""
    first, *others = path.split(".")
    for name, module in list(sys.modules.items()):
        found = vars(module).get(first) if _is_name_of_ours(name) and module else None
        for part in others:
            found = getattr(found, part, None)
        if callable(found) and _is_name_of_ours(getattr(found, "__module__", "")):
            return found
    return None
