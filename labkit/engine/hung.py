# SPDX-License-Identifier: BSD-3-Clause
"""What an engine does that does not answer, read where it leaves it: memory shared with it, and
what the kernel tells of its process."""

import re
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labkit._codec import ffi, lib
from labkit.engine.cell_line import line_of_cell
from labkit.errors import EngineHung
from labkit.units import plain

SHORTEST_SECONDS = 1.0  # what is under way for a shorter time hangs not, or is found again
STOPPED = ("T", "t")  # states of a process (proc(5)): by a signal, by a debugger
ASLEEP_FOR_GOOD = "D"


@dataclass(frozen=True)
class AtWork:
    """What is under way in an engine.

    Attributes
    ----------
    what: in words
    seconds: since when
    call: of DPDK; None: none, or not known
    driver, port, node: where; None: not known
    """

    what: str
    seconds: float
    call: str | None = None
    driver: str | None = None
    port: str | None = None
    node: str | None = None


def calls_under_way(status: Any, port: str | None = None) -> list[AtWork]:
    """Calls into drivers, the longest first. port: that of a device that is no port yet."""
    now = time.monotonic_ns()
    found = []
    for call in status.calls:
        since = call.since_ns
        if since == 0:
            continue
        if 0 <= call.port < lib.LK_NAMED_PORTS:
            known = status.ports[call.port]
            name, driver, device = map(_text, (known.name, known.driver, known.device))
        else:
            name, device = port or "", _text(call.device)
            driver = _driver_of(device)
        function, seconds = _text(call.function), (now - since) / 1e9
        what = f"{function}{_of(driver, device)} has not returned for {_seconds(seconds)}"
        if name:
            what = f"port {name}: {what}"
        found.append(AtWork(what, seconds, function, driver or None, name or None))
    return sorted(found, key=lambda one: -one.seconds)


def standstills(status: Any) -> list[AtWork]:
    """Workers that do not come to the end of their walk, the longest first."""
    now = time.monotonic_ns()
    found = []
    for lcore, worker in enumerate(status.workers):
        since = worker.since_ns
        if since != 0:
            node, seconds = _text(worker.node), (now - since) / 1e9
            where = f"node {node}{_line(status, lcore)}" if node else "its walk"
            what = f"worker {lcore} has not come back from {where} for {_seconds(seconds)}"
            found.append(AtWork(what, seconds, node=node or None))
    return sorted(found, key=lambda one: -one.seconds)


def _line(status: Any, lcore: int) -> str:
    """Of its cell, where a worker was in a node of a user's own when it was asked."""
    native = _text(status.hung_library)
    line = line_of_cell(native, status.hung_at) if native and status.hung_lcore == lcore else None
    return f", line {line[0]} of its cell (`{line[1]}`)," if line else ""


def hung(
    status: Any,
    pid: int,
    asked: str,
    command: str,
    arguments: Mapping[str, Any],
    seconds: float,
    *,
    is_left: bool,
    log: Sequence[str],
) -> EngineHung:
    """What to raise of a command that the engine does not answer.

    asked: the command that was called, which may wait behind it; seconds: since when it is at
    work; is_left: nobody waits for it any more
    """
    name = arguments.get("name")
    at_work = _at_work(status, pid, seconds, name if isinstance(name, str) else None)
    words = command.replace("_", " ")
    parts = [at_work.what]
    if asked != command:
        whose = ", for which nobody waits any more" if is_left else ""
        parts.insert(0, f"the engine is still at work on {words}{whose}")
    text = f"{asked.replace('_', ' ')}: {': '.join(parts)}"
    return hung_at(at_work, text, pid, words, log)


def hung_at(
    at_work: AtWork, text: str, pid: int, command: str | None, log: Sequence[str]
) -> EngineHung:
    """The same with a text of one's own in front of what can be done."""
    return EngineHung(
        text,
        pid=pid,
        call=at_work.call,
        driver=at_work.driver,
        port=at_work.port,
        node=at_work.node,
        seconds=at_work.seconds,
        command=command,
        log=tuple(log),
    )


def _at_work(status: Any, pid: int, seconds: float, port: str | None) -> AtWork:
    """What keeps the engine; the command alone where nothing more is known."""
    state = process_state(pid)
    if state in STOPPED:
        return stopped(pid, seconds)
    longest = min(SHORTEST_SECONDS, seconds / 2)
    for one in (*calls_under_way(status, port), *standstills(status)):
        if one.seconds >= longest:
            return one
    what = f"the engine (process {pid}) has not answered for {_seconds(seconds)}"
    if state == ASLEEP_FOR_GOOD:
        what += f" and waits in the kernel, uninterruptibly{_kernel_function(pid)}"
    return AtWork(what, seconds)


def stopped(pid: int, seconds: float = 0.0) -> AtWork:
    """Of a process that a signal or a debugger has stopped."""
    waited = f" and has not answered for {_seconds(seconds)}" if seconds else ""
    what = f"the engine (process {pid}) is stopped, by SIGSTOP or a debugger{waited}"
    return AtWork(f"{what}; kill -CONT {pid} lets it go on", seconds)


def process_state(pid: int) -> str:
    """A letter of proc(5), such as R, S, D, T; nothing where there is no such process."""
    with suppress(OSError, IndexError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    return ""


def _kernel_function(pid: int) -> str:
    with suppress(OSError):
        if (name := Path(f"/proc/{pid}/wchan").read_text().strip()) not in ("", "0"):
            return f" (in {name})"
    return ""


def _driver_of(device: str) -> str:
    """Of a virtual device, whose name begins with its driver's."""
    found = re.fullmatch(r"([a-z]\w*?)\d*", device)
    return found[1] if found else ""


def _of(driver: str, device: str) -> str:
    if not driver or (device.startswith(driver) and device):
        return f" of {device}" if device else ""
    return f" of {driver} ({device})" if device else f" of {driver}"


def _seconds(seconds: float) -> str:
    return f"{plain(round(seconds, 1) if seconds < 10 else round(seconds))} s"


def _text(field: Any) -> str:
    text: bytes = ffi.string(field)
    return text.decode(errors="replace")
