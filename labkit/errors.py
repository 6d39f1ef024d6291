# SPDX-License-Identifier: BSD-3-Clause
"""Everything labkit raises on purpose."""

import sys
from typing import Any, Protocol

WHOLE_TRACEBACKS = ("Verbose", "Plain")  # modes of IPython's %tb and %xmode


class LabError(Exception):
    """Base of labkit's errors. They can be pickled, so that a pool of processes can raise them.

    A notebook shows the message alone, with the line of the cell; `%tb Verbose` shows all of it.
    `labkit docs NAME` has causes and remedies of each kind. A notebook says so below those whose
    message alone does not tell what to do.
    """

    _has_causes = False  # beyond what the message says

    def _render_traceback_(self) -> list[str]:
        """What IPython shows in place of a traceback."""
        return in_notebook(self, str(self))

    def __reduce__(self) -> tuple[Any, ...]:
        return _again, (type(self), self.args, self.__dict__)


def in_notebook(error: BaseException, text: str) -> list[str]:
    """The lines that a notebook shows of an error: its kind, a text, and the line of the cell."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    if shell is not None and shell.InteractiveTB.mode in WHOLE_TRACEBACKS:
        whole = shell.InteractiveTB.structured_traceback
        lines: list[str] = whole(type(error), error, error.__traceback__)
        return [*lines, _more(error)] if isinstance(error, LabError) else lines
    first, *others = f"{type(error).__name__}: {text}".split("\n")
    more = [_more(error)] if getattr(error, "_has_causes", False) else []
    return [f"{first}{_where(error, shell)}", *others, *getattr(error, "__notes__", ()), *more]


def _more(error: BaseException) -> str:
    return f"causes, and what to do: labkit docs {getattr(error, '_topic', type(error).__name__)}"


def _where(error: BaseException, shell: Any) -> str:
    """The innermost line of a cell that the error came by."""
    trace, where = error.__traceback__, ""
    while trace is not None and shell is not None:
        code = trace.tb_frame.f_code
        cell = shell.compile.format_code_name(code.co_filename)
        # A cell of another language has one line of Python, which nobody wrote.
        if cell is not None and "run_cell_magic" not in code.co_names:
            where = f" ({cell[1]}, line {trace.tb_lineno})"
        trace = trace.tb_next
    return where


def _again(kind: type[LabError], arguments: tuple[Any, ...], state: dict[str, Any]) -> LabError:
    """An error as it was: its __init__ would make another message of its message."""
    error = kind.__new__(kind, *arguments)
    error.__dict__.update(state)
    return error


class UnknownName(LabError, KeyError, AttributeError):
    """A name that is not there; the message tells those that are, and which may be meant."""

    __str__ = Exception.__str__  # KeyError shows its message as a string in quotes


class CallError(LabError, TypeError):
    """A call with an argument too many, one too few, or one that does not exist."""


class PathError(LabError, ValueError):
    """A path that cannot be: the message names node, edge and fix."""


class FilterError(LabError, ValueError):
    """A capture filter that is none; the message shows where it is wrong.

    Attributes
    ----------
    at: the letters that are wrong, first and behind the last; None when they are not known
    """

    def __init__(self, message: str, at: tuple[int, int] | None = None) -> None:
        super().__init__(message)
        self.at = at


class ParameterError(LabError, ValueError):
    """A parameter of a notebook that does not exist, or a value that it cannot have."""


class ChecksFailed(LabError):
    """Checks of a notebook failed; the message names each one."""


class TroubleFound(LabError):
    """A watch has found what makes a NIC sick; the message is the findings in words."""


class PortError(LabError):
    """A port that cannot be opened or used as asked."""


class SocketClosed(PortError, EOFError):
    """A socket of a port was closed while somebody waited on it, or before."""


class EngineError(LabError):
    """The engine refused a command; it goes on running."""

    _has_causes = True


class EngineDied(LabError):
    """The engine process ended.

    Attributes
    ----------
    reason: why, in a few words
    signal: name of the signal that ended it, such as "SIGSEGV", or None
    node: "path/node" that was at work, where known
    line: number and text of the line of its cell that was at work, of a node of one's own in C
    command: what the engine had been asked to do, where known
    log: the last lines of the engine's log
    """

    _has_causes = True

    def __init__(
        self,
        reason: str,
        *,
        signal: str | None = None,
        node: str | None = None,
        line: tuple[int, str] | None = None,
        command: str | None = None,
        log: tuple[str, ...] = (),
    ) -> None:
        lines = [f"the engine died: {reason}"]
        if node:
            lines[0] += f" in node {node}"
        if line:
            lines[0] += f", line {line[0]} of its cell (`{line[1]}`)"
        if command:
            lines[0] += f" while it was asked to {command}"
        lines[0] += "; lab.restart() rebuilds its ports and paths"
        if log:
            lines += ["last lines of the engine's log:", *(f"  {line}" for line in log)]
        super().__init__("\n".join(lines))
        self.reason = reason
        self.signal = signal
        self.node = node
        self.line = line
        self.command = command
        self.log = log


class EngineHung(LabError):
    """The engine does not answer in the time that a command has, though its process runs.

    It may answer yet: then commands work again. Nothing waits for it meanwhile; lab.restart() and
    lab.close() kill it.

    Attributes
    ----------
    reason: what it is at, in a few words
    pid: the engine's process
    call: the DPDK function that does not return, such as "rte_eth_dev_start"; None: not known
    driver: the driver that is at work, such as "net_virtio"; None: not known
    port: the port's name; None: none, or not known
    node: "path/node" that a worker does not come back from; None: workers walk
    seconds: since when
    command: what the engine had been asked to do; None: nothing, its workers stand still
    log: the last lines of the engine's log
    """

    _has_causes = True

    def __init__(
        self,
        reason: str,
        *,
        pid: int,
        call: str | None = None,
        driver: str | None = None,
        port: str | None = None,
        node: str | None = None,
        seconds: float = 0.0,
        command: str | None = None,
        log: tuple[str, ...] = (),
    ) -> None:
        fix = "lab.restart() kills the engine and starts another with the lab's ports and paths"
        lines = [f"{reason}; {fix}"]
        if log:
            lines += ["last lines of the engine's log:", *(f"  {line}" for line in log)]
        super().__init__("\n".join(lines))
        self.reason = reason
        self.pid = pid
        self.call = call
        self.driver = driver
        self.port = port
        self.node = node
        self.seconds = seconds
        self.command = command
        self.log = log


def is_answered(error: BaseException) -> bool:
    """Whether the engine has done with the command that raised it; else an interrupt or a deadline
    ended the wait alone, and it may be done yet."""
    return isinstance(error, LabError) and not isinstance(error, EngineHung)


class LabClosed(EngineDied):
    """A lab that was closed was asked for what only its engine can do.

    What was counted last is still to be had.
    """

    _has_causes = False

    def __init__(self) -> None:
        LabError.__init__(
            self,
            "the lab's engine does not run: it was closed; lab.restart() starts it again with the "
            "lab's ports and paths",
        )
        self.reason = "it was closed"
        self.signal = self.node = self.line = self.command = None
        self.log = ()


class EngineElsewhere(EngineDied):
    """A fork of the process that made a lab asked for what only that process can have of it."""

    _has_causes = False

    def __init__(self, owner: int) -> None:
        LabError.__init__(
            self,
            f"the lab's engine answers process {owner} alone, of which this one is a fork; make a "
            'lab here with lk.Lab(), or start workers by multiprocessing.get_context("spawn")',
        )
        self.reason = f"it belongs to process {owner}"
        self.signal = self.node = self.line = self.command = None
        self.log = ()


class Unreachable(LabError):
    """Nobody answered for an address: no ARP reply, no neighbour advertisement."""

    _has_causes = True


class TunnelError(LabError, ValueError):
    """A tunnel that cannot be: the message names the parameter, its range and the fix."""


class Verdict(Protocol):
    """What there is to tell of labkit.packet.codec.Verdict."""

    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def sentence(self) -> str: ...  # noqa: D102
    @property
    def source(self) -> str: ...  # noqa: D102


class Refused(LabError):
    """A frame that a node would drop.

    Attributes
    ----------
    verdict: labkit.packet.codec.Verdict, as in the drop node and the ledger
    at: offset in the frame of the byte that is wrong; None when it is no single place
    """

    _has_causes = True

    def __init__(self, verdict: Verdict, at: int | None = None, more: str = "") -> None:
        where = f" at byte {at}" if at is not None else ""
        source = f" ({verdict.source})" if verdict.source else ""
        super().__init__(f"{verdict.name}{where}: {verdict.sentence}{source}{more}")
        self.verdict = verdict
        self.at = at
        self._topic = f"drop_{verdict.name}"


class HostLost(LabError):
    """Another host ended or fell silent while it was needed.

    Attributes
    ----------
    host: its name
    reason: what is gone, and how that shows
    """

    _has_causes = True

    def __init__(self, host: str, reason: str) -> None:
        super().__init__(f"host {host} is lost: {reason}")
        self.host = host
        self.reason = reason


class DutDied(LabError):
    """A device under test ended while it was needed.

    Attributes
    ----------
    dut: its name
    log: the last lines it printed
    """

    _has_causes = True

    def __init__(self, dut: str, reason: str, log: tuple[str, ...] = ()) -> None:
        lines = [f"the DUT {dut} died: {reason}"]
        if log:
            lines += ["the last lines it printed:", *(f"  {line}" for line in log)]
        super().__init__("\n".join(lines))
        self.dut = dut
        self.log = log
