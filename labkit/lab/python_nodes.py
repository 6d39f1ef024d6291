# SPDX-License-Identifier: BSD-3-Clause
"""Nodes in Python at work: for each of a path a thread, which takes frames off the engine's
journal, calls the function, and answers. The engine waits for none of it."""

import struct
import threading
import warnings
import weakref
from collections.abc import Callable
from typing import Any

from labkit.engine.commands import Descriptors
from labkit.engine.engine import Engine
from labkit.errors import LabError, PathError
from labkit.lab.frame_reader import FrameReader
from labkit.lab.frame_rings import MAX_FRAME, FrameRings
from labkit.packet.frame_bytes import frame_bytes
from labkit.path.own_node import DROP, OUTPUT, OwnNode
from labkit.path.path import Path
from labkit.text import shown

QUESTION = struct.Struct("=Q")  # struct lk_question of native/dataplane/python.h
ANSWER = struct.Struct("=QII")  # struct lk_answer
AT_ONCE = 64
SHORTEST_SECONDS, LONGEST_SECONDS = 0.0002, 0.01  # between two looks, while nothing comes
LOOKS = 32  # between two looks at the engine
ERROR = "python_error"

Function = Callable[[bytes], Any]
FUNCTIONS: dict[str, Function] = {}  # by the native names of their nodes

_served: "weakref.WeakKeyDictionary[Engine, dict[str, list[Server]]]" = weakref.WeakKeyDictionary()


def verdict_of(own: OwnNode, answer: Any) -> tuple[int, bytes | None]:
    """What a function answered: the number of the verdict, and the frame where it is another one.

    Raises PathError for what is no answer.
    """
    from labkit.packet.codec import VERDICT_BY_NAME  # native, as all that runs is

    word, frame = answer if isinstance(answer, tuple) and len(answer) == 2 else (answer, None)
    if word is None or (not isinstance(word, str) and frame is None):
        word, frame = "next", word
    known = {name: VERDICT_BY_NAME[name].number for name in ("next", "other")}
    for (what, name), number in own.numbers().items():
        if what == DROP:
            known[f"drop_{name}"] = number
        if what == OUTPUT:
            known[name] = number
    is_frame = isinstance(frame, (bytes, bytearray, memoryview)) or hasattr(frame, "__bytes__")
    if word not in known or not (frame is None or is_frame):
        raise PathError(
            f"it gave {shown(answer)}; it gives the frame (bytes or a scapy packet), None for the "
            f"frame as it came, or {', '.join(map(repr, known))}, alone or in front of the frame"
        )
    return known[word], None if frame is None else frame_bytes(frame)


class Server:
    """A node of a path: its memory, and the thread that calls its function."""

    def __init__(self, engine: Engine, path: str, state: str, own: OwnNode) -> None:
        self.own = own
        self._rings = FrameRings(f"of node {own.name}", MAX_FRAME, 1, lambda slot, bell: None)
        self._reader = FrameReader(self._rings)
        self._engine = weakref.ref(engine)
        self._ended = threading.Event()
        self._has_told = False
        both = [self._rings.queue, *self._rings.journals]
        descriptors = Descriptors(ring.descriptor for ring in both)
        engine.commands.attach_python(path, state, [ring.bytes for ring in both], descriptors)
        self._rings.serve(engine.status, engine.channel)
        threading.Thread(target=self._run, name=f"labkit-{own.name}", daemon=True).start()

    def end(self) -> None:
        """Ends the thread after the frame that it has."""
        self._ended.set()

    def _run(self) -> None:
        pause, looks = SHORTEST_SECONDS, 0
        while not self._ended.is_set():
            answers = self._answers()
            if answers:
                pause = SHORTEST_SECONDS
                try:
                    self._rings.send(answers, self._check)
                except LabError:
                    return  # the engine is gone, or does not get on
                continue
            looks += 1
            if looks % LOOKS == 0 and not self._is_wanted():
                return
            self._ended.wait(pause)
            pause = min(LONGEST_SECONDS, pause * 1.2)

    def _answers(self) -> list[bytes]:
        found: list[bytes] = []
        while len(found) < AT_ONCE and not self._ended.is_set():
            read = self._reader.read()
            if read is None:
                break
            found.append(self._answer(read[0]))
        return found

    def _answer(self, question: bytes) -> bytes:
        (token,) = QUESTION.unpack_from(question)
        try:
            given = FUNCTIONS[self.own.native](question[QUESTION.size :])
            verdict, frame = verdict_of(self.own, given)
        except BaseException as error:  # whatever it raises, the frame has to go somewhere
            self._tell(error)
            verdict, frame = self.own.numbers()[DROP, ERROR], None
        return ANSWER.pack(token, verdict, frame is not None) + (frame or b"")

    def _tell(self, error: BaseException) -> None:
        """Once: the frames that follow fail alike."""
        if self._has_told:
            return
        self._has_told = True
        line, trace = "", error.__traceback__
        while trace is not None:
            if trace.tb_frame.f_code is getattr(FUNCTIONS[self.own.native], "__code__", None):
                line = f", line {trace.tb_lineno}"
            trace = trace.tb_next
        warnings.warn(
            f"node {self.own.name}{line}: {type(error).__name__}: {error}; frames on which it "
            f"fails end in drop_{ERROR}, and are told of no more",
            stacklevel=1,
        )

    def _is_wanted(self) -> bool:
        engine = self._engine()
        return engine is not None and engine.is_alive

    def _check(self) -> None:
        if self._ended.is_set() or not self._is_wanted():
            raise LabError("nobody waits for answers any more")


def serve(engine: Engine, path: Path) -> None:
    """Begins to answer for the nodes in Python that a path has, which is about to run."""
    end(engine, path.name)
    servers = [
        Server(engine, path.name, str(n.params["state"]), n.own)
        for n in path.nodes
        if n.own is not None and n.own.language == "Python"
    ]
    if servers:
        _served.setdefault(engine, {})[path.name] = servers


def end(engine: Engine, path: str) -> None:
    """No frame of this path is answered for any more."""
    for server in _served.get(engine, {}).pop(path, []):
        server.end()
