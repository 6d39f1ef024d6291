# SPDX-License-Identifier: BSD-3-Clause
"""The child process seen from the notebook: started, asked, and noticed when it ends."""

import contextlib
import itertools
import mmap
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import weakref
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import IO, Any

from labkit._codec import ffi, lib
from labkit.engine import protocol
from labkit.engine.answers import EngineFacts
from labkit.engine.command_calls import commands_over
from labkit.engine.config import LOGS_VARIABLE, EalConfig
from labkit.errors import EngineDied, EngineElsewhere, EngineError, LabClosed
from labkit.machine.limits import limits_named, limits_told
from labkit.machine.runtime import check_writable, remove_stale_runtime, runtime_directory

LOG_LINES_SHOWN = 12
EXIT_SECONDS = 5.0
ANSWER_SECONDS = 60.0  # none of the commands waits for traffic; a driver may take seconds

_numbers = itertools.count(1)

# Thousands of flows take megabytes: in huge pages where the kernel has them to give (glibc manual,
# "Memory Allocation Tunables"), which needs no reservation and no right.
TUNABLES = "glibc.malloc.hugetlb=1"

Answer = tuple[protocol.Message, list[str]] | Exception
Order = tuple["SimpleQueue[Answer]", str, Sequence[int], dict[str, Any]]


class EngineClient:
    """One engine process. Thread-safe: one command is under way at a time."""

    def __init__(self, config: EalConfig) -> None:
        prefix = config.file_prefix or f"labkit-{os.getpid()}-{next(_numbers)}"
        self.runtime = runtime_directory(prefix)
        check_writable(self.runtime.parent)
        remove_stale_runtime(self.runtime.parent)
        self._owner = os.getpid()
        self._closed = False
        self._commands: SimpleQueue[Order | None] = SimpleQueue()
        self._ordering = threading.Lock()
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
            self._exchanging = threading.Thread(
                target=self._exchange_all, name="labkit-engine", daemon=True
            )
            self._exchanging.start()
            undo.pop_all()  # from here on kill() does it
            weakref.finalize(self, self._log.close)  # read after the engine's end too
        self.commands = commands_over(self._ask)
        try:
            self.facts: EngineFacts = self.commands.start(
                config.arguments(prefix), config.usable_cpus(), config.workers()
            )
        except (EngineDied, EngineError) as error:
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

    def _not_started(self, error: EngineDied | EngineError) -> EngineError:
        """Nothing was there to be restarted: what kept it, rather than how it ended."""
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
        """Ends the engine in order, by force when it does not end in time."""
        if self._closed or os.getpid() != self._owner:
            return  # it is not ours to end
        with contextlib.suppress(OSError):
            self._channel.shutdown(socket.SHUT_WR)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(EXIT_SECONDS)
        self.kill()

    def kill(self) -> None:
        """Ends the engine at once and removes what it left."""
        with self._ordering:
            if self._closed:
                return
            self._closed = True
            self._commands.put(None)  # no order comes after it, so each one gets its answer
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        # The garbage collector, which closes a forgotten lab, may run on any thread.
        if threading.current_thread() is not self._exchanging:
            self._exchanging.join()
        self._channel.close()
        os.close(self._status)
        shutil.rmtree(self.runtime, ignore_errors=True)

    def _ask(self, command: str, descriptors: Sequence[int], arguments: dict[str, Any]) -> Any:
        """Runs a command in the engine and returns its result.

        Raises EngineError when the engine refuses it, EngineDied when there is no engine any more,
        LabClosed when that was asked for.
        """
        self.check_ours()
        # On a thread of its own an exchange comes to its end even when Ctrl-C ends the wait for it.
        # SimpleQueue is the one way to wait that KeyboardInterrupt leaves whole.
        answer: SimpleQueue[Answer] = SimpleQueue()
        with self._ordering:
            if self._closed:
                raise LabClosed
            # Whose wait Ctrl-C ends may close its descriptors before they are on their way.
            ours = [os.dup(descriptor) for descriptor in descriptors]
            self._commands.put((answer, command, ours, arguments))
        try:
            outcome = answer.get(timeout=ANSWER_SECONDS)
        except Empty:
            raise EngineError(
                f"{command.replace('_', ' ')}: the engine (process {self.process.pid}) has not "
                f"answered for {ANSWER_SECONDS:g} s, though its process runs; it may be stopped "
                f"(kill -CONT {self.process.pid}) or its driver hang: see lab.log; lab.restart() "
                "ends it"
            ) from None
        if isinstance(outcome, Exception):
            raise outcome
        reply, said = outcome
        if "error" not in reply:
            return reply["result"]
        text = f"{command.replace('_', ' ')}: {reply['error']}"
        if said:
            text += "\nthe engine's log says:\n" + "\n".join(f"  {line}" for line in said[-6:])
        if told := limits_told(text):
            text += f"\n{told}"
        raise EngineError(text)

    def _exchange_all(self) -> None:
        """The thread that talks to the engine, until it is told to end."""
        while (order := self._commands.get()) is not None:
            answer, command, descriptors, arguments = order
            try:
                answer.put(self._exchange(command, descriptors, arguments))
            except Exception as error:  # whatever it is, whoever waits is told
                answer.put(error)

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
            self.process.kill()
            code = self.process.wait()
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
            command=_text(status.command).replace("_", " ") or None,
            log=tuple(without_backtrace(self.log.splitlines())[-LOG_LINES_SHOWN:]),
        )


def without_usage(lines: Sequence[str]) -> list[str]:
    """What was said without the pages of EAL options that a bad argument brings up."""
    said, in_usage = [], False
    for line in lines:
        in_usage = line.startswith("Usage:") or (in_usage and not line.startswith("EAL: "))
        if line.strip() and not in_usage:
            said.append(line)
    return said


def without_backtrace(lines: Sequence[str]) -> list[str]:
    """What was said without the addresses that a panic of DPDK lists behind its reason."""
    return [line for line in lines if not re.fullmatch(r"\d+: .*\[[0-9a-f]+\]", line)]


def _text(field: Any) -> str:
    text: bytes = ffi.string(field)
    return text.decode(errors="replace")


def open_log(prefix: str) -> IO[bytes]:
    """A file for what an engine prints: without a name, unless logs are to be kept."""
    if folder := os.environ.get(LOGS_VARIABLE):
        return Path(folder, f"engine-{prefix}.log").open("w+b")
    return tempfile.TemporaryFile(prefix="labkit-log-")


def _environment() -> dict[str, str]:
    """The engine's: what the user tunes comes last, and counts."""
    theirs = os.environ.get("GLIBC_TUNABLES")
    return {**os.environ, "GLIBC_TUNABLES": f"{TUNABLES}:{theirs}" if theirs else TUNABLES}
