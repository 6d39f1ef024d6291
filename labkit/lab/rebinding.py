# SPDX-License-Identifier: BSD-3-Clause
"""What becomes of a lab whose name is bound to a new one: a set-up cell that runs again would leave
an engine behind each time.
"""

import ast
import dis
import gc
import re
import sys
import types
import warnings
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from labkit.lab import open_labs
from labkit.machine.cpus import usable_cpus

OURS = ("labkit", "IPython", "ipykernel")
CHECKS = "labkit.arguments."
HISTORY = re.compile(r"_+|_\d+")  # IPython's names of what cells have shown


@dataclass(frozen=True, eq=False)
class _Place:
    """What a statement is about to give another value.

    Attributes
    ----------
    text: as it is written, such as "lab" or "bench.lab"
    lab: what it stands for now
    holder: what holds it there: a namespace, an object, a list or a dictionary
    """

    text: str
    lab: Any
    holder: Any


def make_room(caller: types.FrameType) -> None:
    """Ends labs that are about to be lost, before another one is made by the statement that the
    caller is at; warns of one that something without a name holds."""
    caller = _beyond_checks(caller)
    if not open_labs.labs or _is_of_labkit(caller):
        return
    places = [place for place in _about_to_be_bound(caller) if _is_open(place.lab)]
    for place in places:
        holders = [other.holder for other in places if other.lab is place.lab]
        engine = f"{place.text} gets another lab, and the engine {place.lab.pid} of the one it was"
        if _has_another_name(place.lab, holders):
            continue
        if _is_held(place.lab, holders):
            _warn(
                f"{engine} still runs, because something else holds it; lk.labs() ends it", caller
            )
        elif _is_open(place.lab):
            place.lab.close()
            if _shell() is not None:
                print(f"{engine} was ended")
    places.clear()
    gc.collect()  # labs that nobody can reach any more


def warn_of_many(caller: types.FrameType) -> None:
    """When there are more engines in this process than CPUs for their workers."""
    caller = _beyond_checks(caller)
    cpus, count = len(usable_cpus()), len(open_labs.labs)
    if count > cpus and not _is_of_labkit(caller):
        names = names_of_labs()
        told = ", ".join(f"{lab.pid} ({names.get(lab.pid, 'new')})" for lab in open_labs.in_order())
        _warn(
            f"{count} engines run here, more than there are CPUs ({cpus}), so that workers share "
            f"them: {told}. lab.close() ends one; lk.labs() lists them with buttons that do",
            caller,
        )


def names_of_labs() -> dict[int, str]:
    """What labs are called in the notebook or program, by process id of their engines."""
    names: dict[int, list[str]] = {}
    for name, value in list(_top().items()):
        if not HISTORY.fullmatch(name) and _is_open(value):
            names.setdefault(value.pid, []).append(name)
    return {pid: ", ".join(found) for pid, found in names.items()}


def _warn(told: str, frame: types.FrameType) -> None:
    warnings.warn_explicit(told, UserWarning, frame.f_code.co_filename, frame.f_lineno)


def _beyond_checks(frame: types.FrameType) -> types.FrameType:
    """Who called, behind what looks at the arguments first."""
    while str(frame.f_globals.get("__name__")).startswith(CHECKS) and frame.f_back is not None:
        frame = frame.f_back
    return frame


def _shell() -> Any:
    return sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None


def _top() -> dict[str, Any]:
    """The names of the notebook or program."""
    shell = _shell()
    return vars(sys.modules["__main__"]) if shell is None else shell.user_ns


def _is_open(value: object) -> bool:
    return any(value is lab for lab in open_labs.labs)


def _is_of_labkit(frame: types.FrameType) -> bool:
    return str(frame.f_globals.get("__name__")).partition(".")[0] == "labkit"


def _about_to_be_bound(caller: types.FrameType) -> Iterator[_Place]:
    """What the statements of the frame and of its callers bind to what they call; nothing that is
    used on the way."""
    used: set[str] = set()
    frame: types.FrameType | None = caller
    while frame is not None:
        targets, values = _bindings(frame, is_call=frame is caller)
        used |= _names(values)
        for target in targets:
            if not _names([target]) & used:
                yield from _places(frame, target)
        if frame.f_code.co_name == "<module>":
            return
        used |= {*frame.f_code.co_names, *frame.f_code.co_freevars}
        frame = frame.f_back


def _names(nodes: Iterable[ast.AST]) -> set[str]:
    return {n.id for node in nodes for n in ast.walk(node) if isinstance(n, ast.Name)}


def _bindings(frame: types.FrameType, *, is_call: bool) -> tuple[list[ast.expr], list[ast.expr]]:
    """Targets and values of what the frame's statement binds.

    is_call: it calls lk.Lab itself, so that without source, too, it is known what gets the lab
    """
    import executing  # late: most programs make one lab

    found = executing.Source.executing(frame)
    node = found.node or next(iter(found.statements or ()), None)
    if node is None and not is_call:
        return [], []
    if node is None:
        return [ast.Name(name, ast.Store()) for name in _stored_next(frame)], []
    while node is not None and not isinstance(node, ast.stmt):
        above = getattr(node, "parent", None)
        if isinstance(above, ast.withitem) and above.optional_vars is not None:
            return [above.optional_vars], [above.context_expr]
        if isinstance(above, ast.NamedExpr):
            return [above.target], [above.value]
        node = above
    if isinstance(node, ast.Assign):
        return _flat(node.targets), [node.value]
    if isinstance(node, ast.AnnAssign) and node.value is not None:
        return [node.target], [node.value]
    return [], []


def _flat(targets: Iterable[ast.expr]) -> list[ast.expr]:
    """The targets of `a, (b, c) = ...` one by one."""
    flat: list[ast.expr] = []
    for target in targets:
        flat += _flat(target.elts) if isinstance(target, (ast.Tuple, ast.List)) else [target]
    return flat


def _stored_next(frame: types.FrameType) -> list[str]:
    """Names that get the value of the call that a frame without source (%%time) is at."""
    names: list[str] = []
    for instruction in dis.get_instructions(frame.f_code):
        if instruction.offset <= frame.f_lasti:
            continue
        if instruction.opname.startswith("STORE_"):
            names.append(str(instruction.argval))
        elif instruction.opname not in ("CACHE", "UNPACK_SEQUENCE", "COPY"):
            break
    return names


def _places(frame: types.FrameType, target: ast.expr) -> Iterator[_Place]:
    if isinstance(target, ast.Name):
        code = frame.f_code
        is_local = target.id in (*code.co_varnames, *code.co_cellvars, *code.co_freevars)
        is_top = code.co_name == "<module>"
        space = frame.f_locals if is_local or is_top else frame.f_globals
        yield _Place(target.id, space.get(target.id), space)
        return
    if isinstance(target, (ast.Attribute, ast.Subscript)):
        import pure_eval  # late, too

        known = pure_eval.Evaluator.from_frame(frame)
        with suppress(pure_eval.CannotEval):
            yield _Place(ast.unparse(target), known[target], known[target.value])


def _has_another_name(lab: Any, holders: list[Any]) -> bool:
    """Whether the notebook or program has it under another name, too."""
    named = (name for name, value in list(_top().items()) if value is lab)
    count = sum(not HISTORY.fullmatch(name) for name in named)
    return count > sum(holder is _top() for holder in holders)


def _is_held(lab: Any, holders: list[Any]) -> bool:
    """Whether something of the user's refers to it, other than what is about to let it go."""
    gc.collect()
    ours = {id(holders), *map(id, holders), id(_top()), id(_top().get("_oh"))}
    ours.add(id(getattr(_shell(), "user_ns_hidden", None)))
    ours |= {id(vars(holder)) for holder in holders if hasattr(holder, "__dict__")}
    return any(_is_users(holder) for holder in gc.get_referrers(lab) if id(holder) not in ours)


def _is_users(holder: Any) -> bool:
    """Whether it is none of labkit's and none that Python makes by itself."""
    if isinstance(holder, (types.FrameType, types.MethodType, _Place)) or _is_ours(holder):
        return False
    if isinstance(holder, dict):
        owners = gc.get_referrers(holder)
        return not any(_is_ours(owner) and vars(owner) is holder for owner in owners)
    return True


def _is_ours(holder: Any) -> bool:
    """Whether it is an object of labkit, or of the kernel, which keeps what was shown last."""
    return type(holder).__module__.partition(".")[0] in OURS and hasattr(holder, "__dict__")
