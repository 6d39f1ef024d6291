# SPDX-License-Identifier: BSD-3-Clause
"""A node in C on single frames, in a process of its own that watches every byte it touches."""

import os
import re
import signal
import struct
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labkit.arguments.checked import checked
from labkit.arguments.names import Named
from labkit.errors import LabError, PathError
from labkit.lab.python_nodes import FUNCTIONS, verdict_of
from labkit.node.diagnostics import Said
from labkit.node.entries import read_entries
from labkit.node.made import built
from labkit.node.toolchain import TEST
from labkit.packet.codec import EDGES
from labkit.packet.edges import MOST_OUTPUTS, MOST_OWN_DROPS
from labkit.packet.frame_bytes import frame_bytes
from labkit.packet.one_frame import like
from labkit.path.chain import Chain, Node
from labkit.path.own_kinds import own_node
from labkit.path.own_node import CELL, OwnNode
from labkit.text import shown
from labkit.units import plain

if TYPE_CHECKING:
    from scapy.packet import Packet

HEADROOM = 128  # bytes in front of a frame, RTE_PKTMBUF_HEADROOM
LONGEST = 65_535
OUTSIDE = 2**32 - 1  # length of a frame that ends outside of its buffer
ENVIRONMENT = {
    "ASAN_OPTIONS": "detect_leaks=0:abort_on_error=0",
    "UBSAN_OPTIONS": "print_stacktrace=0:halt_on_error=1",
}
LATE, WAITS = 97, 10  # as in native/cell/in_test.h
SPARE_SECONDS = 30
AT = re.compile(rf"^(?:\s+#\d+ .*)?\S*{CELL}:(\d+)", re.MULTILINE)
ADDRESS = re.compile(r"on address (0x[0-9a-f]+)")
ACCESS = re.compile(r"^(READ|WRITE) of size (\d+)", re.MULTILINE)
FRAME = re.compile(r"^frame (\d+) at (0x[0-9a-f]+), (\d+)$", re.MULTILINE)
UNDEFINED = re.compile(r"runtime error: (.*)")
KIND = re.compile(r"AddressSanitizer: (\S+)")


class NodeFault(LabError):
    """A node did what it must not do with a frame; the message has the line of its cell.

    Attributes
    ----------
    line: of the cell; None: not known
    frame: number of the frame, from 0
    """

    def __init__(self, message: str, line: int | None = None, frame: int = 0) -> None:
        super().__init__(message)
        self.line = line
        self.frame = frame


@dataclass(frozen=True)
class Result:
    """What became of a frame.

    Attributes
    ----------
    verdict: the output by which it left, such as "next", or the drop node, "drop_ttl_exceeded"
    frame: as it left, of the type that was given
    """

    verdict: str
    frame: "bytes | Packet"


class Tested(Sequence[Result]):
    """What became of all frames, in their order.

    Attributes
    ----------
    counters: of the node, after the last
    """

    def __init__(self, results: Sequence[Result], counters: Mapping[str, int]) -> None:
        self._results = tuple(results)
        self.counters = counters

    def __getitem__(self, index: Any) -> Any:
        return self._results[index]

    def __len__(self) -> int:
        return len(self._results)

    def __iter__(self) -> Iterator[Result]:
        return iter(self._results)

    @property
    def verdict(self) -> str:
        """Of the only frame."""
        return self._only.verdict

    @property
    def frame(self) -> "bytes | Packet":
        """The only frame."""
        return self._only.frame

    @property
    def _only(self) -> Result:
        if len(self) != 1:
            raise LabError(f"{len(self)} frames were tested; write [0].verdict for the first one")
        return self._results[0]

    def __repr__(self) -> str:
        counted = ", ".join(f"{name} {n}" for name, n in self.counters.items() if n)
        lines = [f"  {i}  {r.verdict}, {len(r.frame)} B" for i, r in enumerate(self)]
        return "\n".join([f"<Tested: {counted or 'nothing counted'}>", *lines])


@checked(PathError)
def test(
    node: Node | Chain | Callable[..., Node | Chain],
    frames: "bytes | Packet | Sequence[bytes | Packet]",
    *,
    tailroom: int = 128,  # noqa: PT028  # no test of pytest's
    timeout: int = 10,  # noqa: PT028
) -> Tested:
    """What a node of one's own does with frames, without a lab: verdicts, frames as they leave,
    counters.

        lk.node.test(ttl(by=2), Ether() / IP(ttl=1)).verdict        # "drop_ttl_exceeded"

    node: one with its parameters, or its maker where these have defaults; one in Python is called
    as it is
    frames: bytes or scapy packets, one or several, which the node sees one after the other
    tailroom: bytes behind each frame by which lk_append may lengthen it; in front there are 128
    timeout: seconds of CPU time that it may take in all; ten times as much on the clock

    It runs in a process of its own with AddressSanitizer and UndefinedBehaviorSanitizer. What it
    reads or writes outside of a frame, divides by 0 or does else that C leaves undefined raises
    NodeFault with the line of its cell, and so does a loop that does not end.
    """
    made = node if isinstance(node, (Node, Chain)) else node()
    if isinstance(made, Chain):
        made = made.nodes[-1]  # of one in Python, what answers
    own = own_node(made.kind)
    if own is None:
        raise PathError(
            f"{shown(node)} is no node of your own; %%node and lk.python_node make those"
        )
    if not 0 <= tailroom <= LONGEST:
        raise PathError(f"tailroom is {tailroom}; the range is 0 to {LONGEST} bytes")
    if not 1 <= timeout <= 3600:
        raise PathError(f"timeout is {timeout}; the range is 1 to 3600 s")
    given = list(frames) if isinstance(frames, (list, tuple)) else [frames]
    raw = [frame_bytes(frame) for frame in given]
    for number, frame in enumerate(raw):
        if not 1 <= len(frame) <= LONGEST:
            raise PathError(f"frame {number} has {len(frame)} bytes; the range is 1 to {LONGEST}")
    if own.language == "Python":
        return _in_python(own, given, raw)
    program = _program(own)
    told = _question(own, made, program, raw, tailroom, timeout)
    environment = {**os.environ, **ENVIRONMENT}
    try:
        ran = subprocess.run(
            [program],
            input=told,
            capture_output=True,
            env=environment,
            timeout=timeout * WAITS + SPARE_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise _fault(own, LATE, "", timeout) from None
    said = ran.stderr.decode(errors="replace")
    if ran.returncode != 0:
        raise _fault(own, ran.returncode, said, timeout)
    try:
        return _answer(own, ran.stdout, given)
    except struct.error:
        number = len(FRAME.findall(said)) - 1
        raise NodeFault(
            f"node {own.name}: it ended its process in frame {max(0, number)}, as exit() does; "
            "return a verdict instead",
            frame=max(0, number),
        ) from None


def _in_python(own: OwnNode, given: list[Any], raw: list[bytes]) -> Tested:
    """What the function gives, called here; what it raises is raised."""
    names, results = _edge_names(own), []
    for frame, data in zip(given, raw, strict=True):
        verdict, after = verdict_of(own, FUNCTIONS[own.native](data))
        results.append(Result(names[verdict], like(frame, data if after is None else after)))
    return Tested(results, Named("counter"))


@cache
def _program(own: OwnNode) -> Path:
    has_state = own.has_state
    return built(own.name, own.text, own.first_line, [*TEST], own.native, has_state, "in_test.h")


def _question(
    own: OwnNode, node: Node, program: Path, frames: list[bytes], tailroom: int, timeout: int
) -> bytes:
    values = [node.params[p.name] for p in own.parameters]
    numbers = own.numbers()
    entries = [numbers[e.what, e.name] for e in read_entries(program)]
    head = (timeout, HEADROOM, tailroom, len(values), len(own.counter_names))
    parts = [struct.pack("=5I", *head)]
    parts += [struct.pack("=qd", int(v), float(v)) for v in values]  # type: ignore[arg-type]
    parts.append(struct.pack(f"={len(entries)}I", *entries))
    for frame in frames:
        parts += [struct.pack("=I", len(frame)), frame]
    return b"".join(parts)


def _answer(own: OwnNode, answer: bytes, given: list[Any]) -> Tested:
    results, at = [], 0
    names = _edge_names(own)
    for number, frame in enumerate(given):
        verdict, length = struct.unpack_from("=II", answer, at)
        at += 8
        if length == OUTSIDE:
            raise NodeFault(
                f"node {own.name}: frame {number} ends outside of its buffer: its length or data "
                "were set wrong; lk_prepend, lk_append, lk_cut_front and lk_cut_end keep within it",
                frame=number,
            )
        if length == 0:
            raise NodeFault(
                f"node {own.name}: it left frame {number} without a byte, and a lab drops such a "
                "frame (drop_no_room); leave one at least, or return a drop",
                frame=number,
            )
        name = names[verdict] if verdict < len(names) else ""
        if not name:
            raise NodeFault(
                f"node {own.name}: it returned {verdict} of frame {number}, which is no verdict; "
                'return LK_next, LK_other, lk_drop("name") or lk_output("name")',
                frame=number,
            )
        results.append(Result(name, like(frame, answer[at : at + length])))
        at += length
    counters = struct.unpack_from(f"={len(own.counter_names)}Q", answer, at)
    return Tested(results, Named("counter", zip(own.counter_names, counters, strict=True)))


def _edge_names(own: OwnNode) -> list[str]:
    """Outputs and drop nodes by verdict; "": there is none."""
    names = [*EDGES[: -MOST_OWN_DROPS - MOST_OUTPUTS], *own.outputs]
    names += [""] * (len(EDGES) - MOST_OWN_DROPS - len(names))
    return [*names, *(f"drop_{name}" for name in own.own_drops)]


def _fault(own: OwnNode, code: int, said: str, timeout: int) -> LabError:
    """What a sanitizer says, at the line of the cell."""
    at = AT.search(said)
    line = int(at[1]) if at else None
    frames = FRAME.findall(said)
    number = int(frames[-1][0]) if frames else 0
    if code == LATE:
        what = f"it has not come back from a frame within {plain(timeout)} s"
    elif undefined := UNDEFINED.search(said):
        what = undefined[1]
    elif (address := ADDRESS.search(said)) and (access := ACCESS.search(said)) and frames:
        data, length = int(frames[-1][1], 16), int(frames[-1][2])
        offset = int(address[1], 16) - data
        first = max(offset, length) if offset >= 0 else offset
        verb = "reads" if access[1] == "READ" else "writes"
        what = (
            f"{verb} {access[2]} B, and byte {first} is not of frame {number}, which has {length} "
            f"(0 to {length - 1})"
        )
        if not -LONGEST <= offset <= 2 * LONGEST:
            what = f"{verb} {access[2]} B outside of every frame ({_kind(said)})"
    elif code < 0:
        what = f"it was ended by {signal.Signals(-code).name}"
    else:
        what = _kind(said)
    if line is None:
        last = "\n".join(said.splitlines()[-6:])
        return NodeFault(f"node {own.name}: {what}\n{last}", None, number)
    source = [""] * (own.first_line - 1) + own.text.split("\n")
    return NodeFault(f"node {own.name}, {Said(line, 0, what).shown(source)}", line, number)


def _kind(said: str) -> str:
    found = KIND.search(said)
    return f"AddressSanitizer tells {found[1]}" if found else "the test ended, and said no more"
