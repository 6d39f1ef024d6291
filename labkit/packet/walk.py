# SPDX-License-Identifier: BSD-3-Clause
"""The layers of a frame by their offsets: the C walk (native/packet/layers.h) in Python."""

from collections.abc import Callable
from itertools import count, takewhile
from typing import Any, NamedTuple

from labkit._codec import ffi, lib
from labkit.errors import LabError
from labkit.packet.link_types import NAMES
from labkit.text import near

LONGEST_WIRE = 2**32 - 1  # bytes: as far as captures count
LINK_TYPES = {name.lower(): number for number, name in NAMES.items()}
MOST_LINK_TYPE = 2**32 - 1


def _texts(of: Callable[[int], Any]) -> tuple[str, ...]:
    """What a native function says of each kind, in the order of their numbers."""
    each = map(of, count())
    return tuple(ffi.string(text).decode() for text in takewhile(lambda it: it != ffi.NULL, each))


def _names(prefix: str, enum: str) -> tuple[str, ...]:
    elements = ffi.typeof(f"enum {enum}").elements
    return tuple(elements[n].removeprefix(prefix).lower() for n in range(len(elements)))


KINDS, TITLES = _texts(lib.lk_layer_name), _texts(lib.lk_layer_title)
SUM_STATES = _names("LK_SUM_", "lk_sum_state")
PROBLEMS = _names("LK_PROBLEM_", "lk_problem")
# What tables and explanations say of a checksum; the latter with their reasons behind it
SUM_WORDS = {
    "good": "good",
    "wrong": "wrong",
    "unfinished": "unfinished",
    "not_there": "not there",
    "forbidden": "not there",
    "unknown": "cannot be told",
}


class Found(NamedTuple):
    """A layer as the walk found it.

    Attributes
    ----------
    kind: of KINDS
    title: what it is called
    offset, length: of its own bytes, on the wire
    end: of what it carries
    sum: of SUM_STATES; stored, right: its checksum as it is, and as it should be
    problem: of PROBLEMS
    is_quoted: inside of an ICMP error
    """

    kind: str
    title: str
    offset: int
    length: int
    end: int
    sum: str
    stored: int
    right: int
    problem: str
    is_quoted: bool


def walk(
    raw: bytes, wire_length: int | None = None, link_type: int = 1, fcs: int = 0
) -> list[Found]:
    """The layers of a frame, from the outside in, without gaps; of any bytes there are some.

    wire_length: bytes on the wire, of which `raw` are the first; None: all of them are there
    link_type: LINKTYPE_...
    fcs: bytes at the end of the wire that are its frame check sequence
    """
    native: Any = ffi.new("struct lk_walk *")
    length = len(raw) if wire_length is None else wire_length
    lib.lk_codec_walk(raw, len(raw), length, link_type, fcs, native)
    return [
        Found(
            KINDS[layer.kind],
            TITLES[layer.kind],
            layer.offset,
            layer.length,
            layer.end,
            SUM_STATES[layer.sum],
            layer.checksum,
            layer.right,
            PROBLEMS[layer.problem],
            bool(layer.is_quoted),
        )
        for layer in native.layers[0 : native.count]
    ]


def link_type_number(link_type: str | int) -> int:
    """LINKTYPE_... of a name or a number; an error for what is none."""
    if isinstance(link_type, str):
        if link_type.lower() not in LINK_TYPES:
            raise LabError(
                f"link_type is {link_type!r}; it is the number or the name of a link type of "
                f"tcpdump.org/linktypes{near(link_type, LINK_TYPES)}"
            )
        return LINK_TYPES[link_type.lower()]
    if not 0 <= link_type <= MOST_LINK_TYPE:
        raise LabError(f"link_type is {link_type}; the numbers are 0 to {MOST_LINK_TYPE}")
    return link_type
