# SPDX-License-Identifier: BSD-3-Clause
"""The child process seen from the notebook: started, asked, and noticed when it ends."""

import contextlib
import itertools
import mmap
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import warnings
import weakref
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

from labkit._codec import ffi, lib
from labkit.engine import protocol
from labkit.engine.answers import EngineFacts
from labkit.engine.cell_line import line_of_cell
from labkit.engine.command_calls import commands_over
from labkit.engine.config import EalConfig
from labkit.engine.exchanges import Exchanges, Order
from labkit.engine.hung import (
    STOPPED,
    AtWork,
    calls_under_way,
    hung,
    hung_at,
    process_state,
    standstills,
    stopped,
)
from labkit.engine.log import open_log, without_backtrace, without_usage
from labkit.errors import EngineDied, EngineElsewhere, EngineError, EngineHung
from labkit.machine.limits import limits_named, limits_told
from labkit.machine.runtime import check_writable, remove_stale_runtime, runtime_directory

LOG_LINES_SHOWN = 12
EXIT_SECONDS = 5.0
STANDSTILL_SECONDS = 5.0  # of a worker or of the process, until it is told
KILL_SECONDS = 10.0  # until the kernel has taken a killed process away

_numbers = itertools.count(1)

# Thousands of flows take megabytes: in huge pages where the kernel has them to give (glibc manual,
# "Memory Allocation Tunables"), which needs no reservation and no right. Each version of a node
# from a cell has thread-local memory ("Dynamic Linking Tunables"); without room, 71 have.
TUNABLES = "glibc.malloc.hugetlb=1:glibc.rtld.optional_static_tls=65536"


class EngineClient:
    """One engine process. Thread-safe: one command is under way at a time."""

    def __init__(self, config: EalConfig) -> None:
        prefix = config.file_prefix or f"labkit-{os.getpid()}-{next(_numbers)}"
        self.runtime = runtime_directory(prefix)
        check_writable(self.runtime.parent)
        remove_stale_runtime(self.runtime.parent)
        self._owner = os.getpid()
        self._closed = False
        self._killing = threading.Lock()
        with limits_named("the engine did not start"), ExitStack() as undo:
            self._log = undo.enter_context(open_log(prefix))
            self._status = os.memfd_create("labkit-status", os.MFD_CLOEXEC)
            undo.callback(os.close, self._status)
            os.ftruncate(self._status, lib.LK_STATUS_BYTES)
            memory = mmap.mmap(self._status, lib.LK_STATUS_BYTES)
            self.status = ffi.from_buffer("struct lk_status *", memory)
            ours, theirs = socket.socketpair()
            self._channel = undo.enter_context(ours)
            with theirs:
                self.process = self._begin(theirs)
            undo.callback(self.process.wait)
            undo.callback(self.process.kill)
            self.exchanges = Exchanges(
                self._exchange, self._hung, self._stands_still, config.deadlines
            )
            undo.pop_all()  # from here on kill() does it
            weakref.finalize(self, self._log.close)  # read after the engine's end too
        self.commands = commands_over(self._ask)
        try:
            self.facts: EngineFacts = self.commands.start(
                config.arguments(prefix), config.usable_cpus(), config.workers()
            )
        except (EngineDied, EngineError, EngineHung) as error:
            self.kill()
            raise self._not_started(error) from None
        except BaseException:
            self.kill()
            raise

    def _begin(self, channel: socket.socket) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(
            [
                sys.executable,
                "-m",
                "labkit.engine",
                str(channel.fileno()),
                str(self._status),
                str(self.runtime),
            ],
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
            pass_fds=(channel.fileno(), self._status),
            env=_environment(),
            # Ctrl-C in a terminal is not for it. A session of its own would do that too, but the
            # kernel shares each CPU out among sessions (sched_autogroup), and badly: beside two
            # busy processes a worker went without its CPU for 0.7 s, in this session for 12 ms.
            process_group=0,
        )

    def _not_started(self, error: EngineDied | EngineError | EngineHung) -> EngineError:
        """Nothing was there to be restarted: what kept it, rather than how it ended."""
        if isinstance(error, EngineHung):
            said = "\n".join(f"  {line}" for line in error.log)
            return EngineError(
                f"the engine did not start, and was killed: {error.reason}\nits log says:\n{said}"
            )
        told = limits_told(f"{error} {self.log}")
        if told:
            return EngineError(f"the engine did not start: {told}")
        if isinstance(error, EngineError):
            return error
        said = "\n".join(f"  {line}" for line in error.log)
        return EngineError(f"the engine did not start: {error.reason}\nits log says:\n{said}")

    @property
    def is_alive(self) -> bool:
        """Whether the process runs; an ended one is not reported until it is asked something."""
        is_ours = os.getpid() == self._owner
        return is_ours and not self._closed and self.process.poll() is None

    def check_ours(self) -> None:
        """Raises EngineElsewhere in a fork of the notebook's process, which does not own it."""
        if os.getpid() != self._owner:
            raise EngineElsewhere(self._owner)

    @property
    def channel(self) -> int:
        """The descriptor of the connection; it hangs up when the process ends (EPOLLHUP)."""
        return self._channel.fileno()

    @property
    def log(self) -> str:
        """What the engine and DPDK printed so far."""
        size = os.fstat(self._log.fileno()).st_size
        return os.pread(self._log.fileno(), size, 0).decode(errors="replace")

    def open_log(self) -> int:
        """A descriptor for its log: whose it is may read on when the process has been replaced."""
        return os.dup(self._log.fileno())

    def close(self) -> None:
        """Ends the engine in order, by force when it hangs or does not end in time."""
        if self._closed or os.getpid() != self._owner:
            return  # it is not ours to end
        try:
            if self.hung is None:
                self._channel.shutdown(socket.SHUT_WR)
                self.process.wait(EXIT_SECONDS)
        except (OSError, subprocess.TimeoutExpired):
            pass
        finally:  # whatever ends the wait
            self.kill()

    def kill(self) -> None:
        """Ends the engine at once and removes what it left."""
        with self._killing:
            if self._closed:
                return
            self._closed = True
        self.exchanges.close()
        self._end_process()
        with contextlib.suppress(OSError):
            self._channel.shutdown(socket.SHUT_RDWR)  # nobody answers any more
        self.exchanges.join(KILL_SECONDS)
        self._channel.close()
        os.close(self._status)
        shutil.rmtree(self.runtime, ignore_errors=True)

    def _end_process(self) -> None:
        """Kills it; what the kernel does not let go is told, and left behind."""
        if self.process.poll() is None:
            self.process.kill()
        try:
            self.process.wait(KILL_SECONDS)
        except subprocess.TimeoutExpired:
            pid = self.process.pid
            warnings.warn(
                f"the engine's process {pid} was killed and does not end: the kernel has it in "
                f"state {process_state(pid)} (proc(5)), in a driver or on a device that does not "
                "answer; it keeps its device and memory until it is let go, or the machine is "
                "restarted",
                stacklevel=2,
            )

    @property
    def hung(self) -> EngineHung | None:
        """What is to be raised of an engine that is known to hang; nothing is asked."""
        if not self.is_alive:
            return None
        if process_state(self.process.pid) in STOPPED:
            return self._hung_at(stopped(self.process.pid))
        if (
            self.exchanges.busy_seconds == 0.0
        ):  # but a recorder may be in a driver, which commands wait for
            for call in calls_under_way(self.status):
                if call.seconds > STANDSTILL_SECONDS:
                    return self._hung_at(call)
        return self.exchanges.hung

    @property
    def stands_still(self) -> EngineHung | None:
        """The same, also of a worker that has not come back for seconds."""
        found = self._standstills() if self.is_alive else []
        return self._hung_at(found[0]) if found else self.hung

    def _hung_at(self, found: AtWork) -> EngineHung:
        return hung_at(found, found.what, self.process.pid, None, self._last_lines())

    def _stands_still(self, seconds: float) -> bool:
        """Whether a command that is so old cannot get on: a worker does not come back, or the whole
        process is stopped."""
        is_stopped = process_state(self.process.pid) in STOPPED
        return seconds > STANDSTILL_SECONDS and (is_stopped or bool(self._standstills()))

    def _standstills(self) -> list[AtWork]:
        return [one for one in standstills(self.status) if one.seconds > STANDSTILL_SECONDS]

    def check_walks(self) -> None:
        """Raises EngineHung when a worker has stood still for seconds."""
        for found in self._standstills():
            if self.is_alive:
                raise self._hung_at(found)

    def _hung(self, order: Order, asked: str) -> EngineHung:
        return hung(
            self.status,
            self.process.pid,
            asked,
            order.command,
            order.arguments,
            time.monotonic() - (order.begun or time.monotonic()),
            is_left=order.left is not None,
            log=self._last_lines(),
        )

    def _ask(self, command: str, descriptors: Sequence[int], arguments: dict[str, Any]) -> Any:
        """Runs a command in the engine and returns its result.

        Raises EngineError when the engine refuses it, EngineHung when it does not answer in time,
        EngineDied when there is no engine any more, LabClosed when that was asked for.
        """
        self.check_ours()
        outcome = self.exchanges.ask(command, descriptors, arguments)
        if outcome is None:  # nobody waits
            return None
        reply, said = outcome
        if "error" not in reply:
            return reply["result"]
        text = f"{command.replace('_', ' ')}: {reply['error']}"
        if said:
            text += "\nthe engine's log says:\n" + "\n".join(f"  {line}" for line in said[-6:])
        if told := limits_told(text):
            text += f"\n{told}"
        raise EngineError(text)

    def _exchange(
        self, command: str, descriptors: Sequence[int], arguments: dict[str, Any]
    ) -> tuple[protocol.Message, list[str]]:
        """A command, its answer, and what the engine printed meanwhile."""
        before = os.fstat(self._log.fileno()).st_size
        try:
            message = {"command": command, "arguments": arguments}
            protocol.send(self._channel, message, descriptors)
            reply, _ = protocol.receive(self._channel)
        except (EOFError, OSError):
            raise self._death() from None
        finally:
            for descriptor in descriptors:
                os.close(descriptor)
        if "error" not in reply:
            return reply, []
        said = self.log.encode()[before:].decode(errors="replace")
        return reply, without_usage(said.splitlines())

    def _death(self) -> EngineDied:
        try:
            code = self.process.wait(EXIT_SECONDS)
        except subprocess.TimeoutExpired:
            self._end_process()
            code = self.process.returncode or -signal.SIGKILL
        shutil.rmtree(self.runtime, ignore_errors=True)
        status = self.status
        name = signal.Signals(-code).name if code < 0 else None
        if status.fault_signal:
            name = signal.Signals(status.fault_signal).name
        told = limits_told(f"{name} {self.log}") if name != "SIGABRT" else ""
        return EngineDied(
            (name or f"exit code {code}") + f" ({told})" * bool(told),
            signal=name,
            node=_text(status.fault_node) or None,
            line=line_of_cell(_text(status.fault_library), status.fault_at),
            command=_text(status.command).replace("_", " ") or None,
            log=self._last_lines(),
        )

    def _last_lines(self) -> tuple[str, ...]:
        return tuple(without_backtrace(self.log.splitlines())[-LOG_LINES_SHOWN:])


def _text(field: Any) -> str:
    text: bytes = ffi.string(field)
    return text.decode(errors="replace")


def _environment() -> dict[str, str]:
    """The engine's: what the user tunes comes last, and counts."""
    theirs = os.environ.get("GLIBC_TUNABLES")
    return {**os.environ, "GLIBC_TUNABLES": f"{TUNABLES}:{theirs}" if theirs else TUNABLES}
