# SPDX-License-Identifier: BSD-3-Clause
"""A node that copies frames to another output."""

from typing import Annotated

from labkit.arguments.checked import EVERY, checked
from labkit.errors import PathError
from labkit.path.chain import Node
from labkit.path.declaration import node
from labkit.path.function_types import Outputs
from labkit.path.types import FrameFilter, Name
from labkit.path.values import Value, WholeType


class SnaplenOfCopies(WholeType):
    """Bytes kept of a copy."""

    def lines(self, value: Value) -> list[str]:
        """Unless it is all."""
        return [f"{value} B each"] if value else []


class OneIn(WholeType):
    """Every how many-th frame."""

    def lines(self, value: Value) -> list[str]:
        """Unless it is every one."""
        return [f"1 in {value}"] if value != 1 else []


@node(
    role="process",
    kind="mirror",
    reference="RFC 2613",
    counters=("matched", "made", "not_copied"),
)
def copying(
    outputs: Outputs,
    filter: FrameFilter | None = None,
    snaplen: Annotated[int, SnaplenOfCopies(0, 65535)] = 0,
    one_in: Annotated[int, OneIn(1, 2**32)] = 1,
    *,
    name: Name = None,
) -> None:
    """Passes frames on, and copies of some by another output."""


@checked(PathError, but=EVERY)
def mirror(
    filter: str | None = None,
    *,
    snaplen: int = 0,
    one_in: int = 1,
    name: str | None = None,
) -> Node:
    """Passes every frame on, and a copy of those that are wanted by the output `copy`.

        m = lk.mirror("udp port 53")
        lab.run(lk.Path(lk.rx(a) >> m >> lk.tx(b), m["copy"] >> lk.tx(probe)))

    filter: which frames are copied (pcap-filter); None: every one
    snaplen: bytes kept of a copy, 0: all
    one_in: every so many-th of them is copied, the first one included

    RunningPath.counters.functions tells how many frames matched, copies made, and copies not made
    for want of buffers. Without an edge at `copy` nothing is copied.
    """
    return copying(["copy"], filter, snaplen, one_in, name=name)
