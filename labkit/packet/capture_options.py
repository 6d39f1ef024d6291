# SPDX-License-Identifier: BSD-3-Clause
"""Sections and interfaces of a capture, and what pcapng's options tell of them."""

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from labkit._codec import ffi

COMMENT = 1
HARDWARE, OS, APPLICATION = 2, 3, 4  # of a section
NAME, DESCRIPTION, SPEED, FILTER, INTERFACE_OS = 2, 3, 8, 11, 12  # of an interface
RESOLUTION, FCS, OFFSET = 9, 13, 14
IS_OF_TWO = 0x80
NANOSECONDS = 9
SECTION, INTERFACE = 0x0A0D0D0A, 1
SECTION_MAGIC = 0x1A2B3C4D
FEWEST_FCS_BITS = 8
LONGEST_VALUE = 65_532  # bytes of an option


@dataclass(frozen=True)
class CaptureSection:
    """A section of a pcapng file, or a pcap file.

    Attributes
    ----------
    at: byte of the file
    is_big: whether its numbers are in network order
    hardware, os, application: of the capture; "": not told
    comments: on the section
    """

    at: int
    is_big: bool
    hardware: str = ""
    os: str = ""
    application: str = ""
    comments: tuple[str, ...] = ()

    @classmethod
    def of(cls, native: Any) -> "CaptureSection":
        """Of struct lk_capture_section."""
        texts = _texts(native, bool(native.is_big))
        hardware, system, application = (
            _first(texts, code) for code in (HARDWARE, OS, APPLICATION)
        )
        comments = tuple(texts.get(COMMENT, ()))
        return cls(native.at, bool(native.is_big), hardware, system, application, comments)


@dataclass(frozen=True)
class CaptureInterface:
    """An interface that frames were captured on.

    Attributes
    ----------
    section: number of its section
    number: within the section, from 0
    link_type: number of its LINKTYPE; 1: Ethernet
    snaplen: bytes of a frame that were kept at most; 0: all
    resolution: seconds of a unit of its time stamps, such as 1e-06
    offset_s: seconds that were added to every time stamp
    fcs: bytes of FCS behind every frame, as far as the file tells
    speed: bit/s; 0: not told
    name, description, os, filter: "": not told
    comments: on the interface
    """

    section: int
    number: int
    link_type: int
    snaplen: int
    resolution: float
    offset_s: int = 0
    fcs: int = 0
    speed: int = 0
    name: str = ""
    description: str = ""
    os: str = ""
    filter: str = ""
    comments: tuple[str, ...] = ()

    @classmethod
    def of(cls, native: Any, is_big: bool) -> "CaptureInterface":
        """Of struct lk_capture_described."""
        options = dict(_options(native, is_big))
        texts = _texts(native, is_big)
        told, speed = native.resolution, options.get(SPEED, b"")
        filtered = options.get(FILTER, b"")
        return cls(
            native.section,
            native.number,
            native.link_type,
            native.snaplen,
            2.0 ** -(told & ~IS_OF_TWO) if told & IS_OF_TWO else 10.0**-told,
            native.offset_s,
            native.fcs,
            int.from_bytes(speed, "big" if is_big else "little") if len(speed) == 8 else 0,
            _first(texts, NAME),
            _first(texts, DESCRIPTION),
            _first(texts, INTERFACE_OS),
            _text(filtered[1:]) if filtered[:1] == b"\0" else "",  # 1: a program of BPF
            tuple(texts.get(COMMENT, ())),
        )


def section_block(comments: Iterable[str] = ()) -> bytes:
    """A section header of pcapng in machine order."""
    options = [(COMMENT, one.encode(errors="replace")) for one in comments]
    return _block(SECTION, struct.pack("=IHHq", SECTION_MAGIC, 1, 0, -1), options)


def interface_block(one: CaptureInterface, offset_s: int = 0) -> bytes:
    """An interface description of pcapng in machine order, with stamps in nanoseconds since a
    second."""
    texts = ((NAME, one.name), (DESCRIPTION, one.description), (INTERFACE_OS, one.os))
    options = [(code, text.encode(errors="replace")) for code, text in texts if text]
    options += [(COMMENT, text.encode(errors="replace")) for text in one.comments]
    options.append((RESOLUTION, bytes([NANOSECONDS])))
    if one.speed:
        options.append((SPEED, struct.pack("=Q", one.speed)))
    if one.filter:
        options.append((FILTER, b"\0" + one.filter.encode(errors="replace")))
    if one.fcs:
        # Bits, says the draft, and bytes, write others: a small number can be bytes alone.
        told = one.fcs if one.fcs < FEWEST_FCS_BITS else 8 * one.fcs
        options.append((FCS, bytes([told])))
    if offset_s:
        options.append((OFFSET, struct.pack("=q", offset_s)))
    return _block(INTERFACE, struct.pack("=HHI", one.link_type, 0, one.snaplen), options)


def _block(kind: int, body: bytes, options: Iterable[tuple[int, bytes]]) -> bytes:
    """A block of pcapng (draft-ietf-opsawg-pcapng 3.1)."""
    told = list(options)
    for code, value in told:
        value = value[:LONGEST_VALUE]
        body += struct.pack("=HH", code, len(value)) + value + bytes(-len(value) % 4)
    body += bytes(4) if told else b""
    size = len(body) + 12
    return struct.pack("=II", kind, size) + body + struct.pack("=I", size)


def _options(native: Any, is_big: bool) -> Iterator[tuple[int, bytes]]:
    """Codes and values, up to the last one that is whole."""
    if native.options == ffi.NULL:
        return
    data = bytes(ffi.buffer(native.options, native.options_length))
    head = struct.Struct(">HH" if is_big else "<HH")
    at = 0
    while at + 4 <= len(data):
        code, size = head.unpack_from(data, at)
        if code == 0 or at + 4 + size > len(data):
            return
        yield code, data[at + 4 : at + 4 + size]
        at += 4 + (size + 3) // 4 * 4


def _texts(native: Any, is_big: bool) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    for code, value in _options(native, is_big):
        found.setdefault(code, []).append(_text(value))
    return found


def _text(value: bytes) -> str:
    return value.rstrip(b"\0").decode(errors="replace")


def _first(texts: dict[int, list[str]], code: int) -> str:
    return texts.get(code, [""])[0]
