# SPDX-License-Identifier: BSD-3-Clause
"""What may be asked of an engine: the commands described, and nothing else that it has."""

import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

import labkit as lk
from labkit.engine import protocol
from labkit.engine.command_calls import NAMES, answer_to, commands_over
from labkit.engine.commands import Descriptors

STATUS_BYTES = 1 << 16  # more than struct lk_status and what is behind it

Asked = tuple[str, Sequence[int], dict[str, Any]]


class Answering:
    """Stands for the server: two commands, and what else an object has."""

    def xstats(self, name: str) -> dict[str, int]:
        return {name: 1}

    def start_recorder(
        self, rows: int, room: int, interval_ns: int, descriptors: Descriptors
    ) -> tuple[int, Descriptors]:
        return rows, descriptors

    def end(self) -> None:
        raise AssertionError("this is no command")


def test_a_method_asks_for_the_command_of_its_name() -> None:
    asked: list[Asked] = []
    commands = commands_over(lambda *question: asked.append(question))
    commands.run_path("echo", path={"nodes": []})
    commands.attach_frames("client", [1, 2], Descriptors((7, 8)))
    assert asked == [
        ("run_path", (), {"name": "echo", "path": {"nodes": []}}),
        ("attach_frames", (7, 8), {"name": "client", "sizes": [1, 2]}),
    ]


def test_a_wrong_call_is_seen_before_the_engine_is_asked() -> None:
    commands: Any = commands_over(lambda *_: pytest.fail("it was asked"))
    with pytest.raises(TypeError, match="room"):
        commands.trial_ticks("run")
    with pytest.raises(AttributeError):
        commands.end()


def test_commands_are_answered_with_their_descriptors() -> None:
    engine: Any = Answering()
    assert answer_to(engine, "xstats", {"name": "client"}, []) == {"client": 1}
    settings = {"rows": 1, "room": 2, "interval_ns": 3}
    assert answer_to(engine, "start_recorder", settings, [9]) == (1, Descriptors((9,)))


@pytest.mark.parametrize("name", ["end", "__class__", "__init__", "_ask", "xstats ", ""])
def test_nothing_else_can_be_called(name: str) -> None:
    engine: Any = Answering()
    assert name not in NAMES
    with pytest.raises(LookupError, match="there is no command"):
        answer_to(engine, name, {}, [])


def test_descriptors_that_nobody_takes_are_closed() -> None:
    engine: Any = Answering()
    read, write = os.pipe()
    answer_to(engine, "xstats", {"name": "client"}, [write])
    assert os.read(read, 1) == b""  # the end of it: nobody holds the other one
    os.close(read)


def test_the_process_refuses_what_is_no_command(tmp_path: Path) -> None:
    ours, theirs = socket.socketpair()
    status = os.memfd_create("status")
    os.ftruncate(status, STATUS_BYTES)
    numbers = (theirs.fileno(), status)
    arguments = [*map(str, numbers), str(tmp_path / "runtime")]
    engine = subprocess.Popen([sys.executable, "-m", "labkit.engine", *arguments], pass_fds=numbers)
    theirs.close()
    os.close(status)
    with ours:
        for name in ("end", "__class__", "descriptors"):
            protocol.send(ours, {"command": name, "arguments": {}})
            reply, _ = protocol.receive(ours)
            assert reply == {"error": f"there is no command {name!r}", "type": "LookupError"}
    assert engine.wait(10) == 0


def test_the_engine_says_which_command_it_refused(lab: lk.Lab) -> None:
    with pytest.raises(lk.EngineError, match=r"^stop recorder: "):
        lab.engine.commands.stop_recorder(99)
