# SPDX-License-Identifier: BSD-3-Clause
"""What becomes of a lab whose name is bound to a new one: a set-up cell that runs again would leave
an engine behind each time.
"""

import gc
import re
import sys
import threading
import types
import warnings
import weakref
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from labkit.lab import open_labs
from labkit.lab.bindings import about_to_be_bound
from labkit.lab.holders import Scene
from labkit.machine.cpus import usable_cpus

CHECKS = "labkit.arguments."
RESULTS = re.compile(r"_+|_\d+|Out|_oh")  # IPython's names of what cells have shown


@dataclass(frozen=True)
class Run:
    """A run of a cell.

    Attributes
    ----------
    cell: its identifier, or what stands in it where the front end tells none
    number: what tells the run from others
    """

    cell: str
    number: str


_made_in: weakref.WeakKeyDictionary[Any, Run] = weakref.WeakKeyDictionary()  # labs, in notebooks


def make_room(caller: types.FrameType) -> None:
    """Ends labs that are about to be lost, before another one is made by the statement that the
    caller is at, and labs that only Out holds since an earlier run of the same cell; warns of one
    that something without a name holds."""
    caller = _beyond_checks(caller)
    if not open_labs.labs or _is_of_labkit(caller):
        return
    gc.collect()  # labs that nobody can reach any more
    names, places = _top(), list(about_to_be_bound(caller))
    shown = frozenset(name for name in names if RESULTS.fullmatch(name))
    hidden = (names.get("_oh"), getattr(_shell(), "user_ns_hidden", None))
    scene = Scene(names, [one for one in hidden if one is not None], shown, places)
    run = _this_run()
    for lab in [weakref.ref(one) for one in open_labs.in_order()]:
        if lab() is not None:
            _decide(lab, scene, run, caller)


def _decide(lab: Callable[[], Any], scene: Scene, run: Run | None, caller: types.FrameType) -> None:
    """Ends a lab, or lets it live.

    lab: gives it, for a variable would be one more holder
    """
    made = _made_in.get(lab())
    is_replaced = made is not None and run is not None and made.cell == run.cell and made != run
    if not is_replaced and not any(p.is_now and gc.is_tracked(p.value) for p in scene.places):
        return
    found, pid = scene.holders([lab]), lab().pid
    direct = next((place.text for place in found.places if place.value is lab()), None)
    if found.names or found.others:
        if direct and not found.names and (run is None or made != run):
            told = f"{direct} gets another lab, and the engine {pid} of the one before still runs"
            _warn(f"{told}, because something else holds it; lk.labs() ends it", caller)
        return
    if direct:
        told = f"{direct} gets another lab, and the engine {pid} of the one before"
    elif found.places:
        told = f"{found.places[0].text} gets another value, and the engine {pid} of a lab in it"
    elif found.is_shown and is_replaced:
        told = f"the engine {pid} of a lab that only Out holds since this cell ran before"
    else:
        return
    if not _is_used_by_parts(lab, scene, is_new=made == run, is_bound=bool(found.places)):
        lab().close()
        if _shell() is not None:
            print(f"{told} was ended")


def _is_used_by_parts(
    lab: Callable[[], Any], scene: Scene, *, is_new: bool, is_bound: bool
) -> bool:
    """Whether ports and paths of a lab were kept in its place. Names like `client` are those of the
    lab that its name stands for; a list that code is at filling is another matter."""
    if is_bound and not is_new:
        return False
    parts = [weakref.ref(part) for part in (*lab().ports.values(), *lab().paths.values())]
    found = scene.holders(parts)
    return found.others or (bool(found.names) and not is_bound)


def note(lab: Any, caller: types.FrameType) -> None:
    """Remembers which cell made a new lab; tells when there are more engines in this process than
    CPUs for their workers."""
    caller = _beyond_checks(caller)
    cpus, count = len(usable_cpus()), len(open_labs.labs)
    if (run := _this_run()) is not None:
        _made_in[lab] = run
        if count > 1:
            _collect_after_cell()
    if count > cpus and not _is_of_labkit(caller):
        names = names_of_labs()
        told = ", ".join(f"{lab.pid} ({names.get(lab.pid, 'new')})" for lab in open_labs.in_order())
        _warn(
            f"{count} engines run here, more than there are CPUs ({cpus}), so that workers share "
            f"them: {told}. lab.close() ends one; lk.labs() lists them with buttons that do",
            caller,
        )


def _collect_after_cell() -> None:
    """Ends labs that the cell's last statement has let go of."""
    events = _shell().events

    def collect(*_: object) -> None:
        events.unregister("post_run_cell", collect)
        gc.collect()

    events.register("post_run_cell", collect)


def names_of_labs() -> dict[int, str]:
    """What labs are called in the notebook or program, by process id of their engines."""
    names: dict[int, list[str]] = {}
    for name, value in list(_top().items()):
        if not RESULTS.fullmatch(name):
            for text, lab in _labs_in(name, value):
                names.setdefault(lab.pid, []).append(text)
    return {pid: ", ".join(found) for pid, found in names.items()}


def _labs_in(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    """A lab that a name stands for, and those in a list or dictionary that it stands for."""
    within: Iterable[tuple[Any, Any]] = ()
    if type(value) in (list, tuple):
        within = enumerate(value)
    elif type(value) is dict:
        within = value.items()
    for text, one in [(name, value), *((f"{name}[{key!r}]", item) for key, item in within)]:
        if _is_open(one):
            yield text, one


def _this_run() -> Run | None:
    """The cell that runs; None outside of notebooks, and in threads, which outlive their cells."""
    shell = _shell()
    if shell is None or threading.current_thread() is not threading.main_thread():
        return None
    asked: dict[str, Any] = getattr(shell, "get_parent", dict)() or {}  # by a front end
    inputs = shell.user_ns.get("In") or [""]
    source = asked.get("content", {}).get("code", inputs[-1])
    number = asked.get("header", {}).get("msg_id", str(len(inputs)))
    return Run(asked.get("metadata", {}).get("cellId", source), number)


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
