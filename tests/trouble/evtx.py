# SPDX-License-Identifier: BSD-3-Clause
"""Event logs of Windows, written as its service writes them: one chunk, no templates."""

import struct
import zlib
from collections.abc import Sequence
from datetime import UTC, datetime

HEADER, CHUNK, CHUNK_HEADER = 4096, 65536, 512
EPOCH = datetime(1601, 1, 1, tzinfo=UTC)


def event_log(events: Sequence[tuple[datetime, str, int, str]]) -> bytes:
    """Of (time, source, event, binary data as hexadecimal digits)."""
    body = b""
    last = CHUNK_HEADER
    for number, event in enumerate(events, 1):
        last = CHUNK_HEADER + len(body)
        body += _record(number, *event, at=last)
    head = struct.pack("<8sQQQQIII", b"ElfChnk\0", 1, len(events), 1, len(events), 128, last,
                       CHUNK_HEADER + len(body))  # fmt: skip
    head += struct.pack("<I", zlib.crc32(body)) + bytes(64) + struct.pack("<I", 0)
    tables = bytes(CHUNK_HEADER - 128)
    chunk = head + struct.pack("<I", zlib.crc32(head[:120] + tables)) + tables + body
    file = struct.pack("<8sQQQIHHHH", b"ElfFile\0", 0, 0, len(events) + 1, 128, 1, 3, HEADER, 1)
    file += bytes(120 - len(file))
    file += struct.pack("<II", 0, zlib.crc32(file))
    return file.ljust(HEADER, b"\0") + chunk.ljust(CHUNK, b"\0")


def _record(number: int, when: datetime, source: str, event: int, binary: str, at: int) -> bytes:
    ticks = int((when - EPOCH).total_seconds()) * 10_000_000
    begin = at + 24
    xml = b"\x0f\x01\x01\x00"
    stamp = when.strftime("%Y-%m-%dT%H:%M:%S.0000000Z")
    data: list[object] = ["Data", {}, "\\DEVICE\\{4C33}"]
    adapter: list[object] = ["Data", {}, "Amazon Elastic Network Adapter"]
    tree: list[object] = [
        "Event",
        {"xmlns": "http://schemas.microsoft.com/win/2004/08/events/event"},
        [
            "System",
            {},
            ["Provider", {"Name": source}],
            ["EventID", {"Qualifiers": "49152"}, str(event)],
            ["TimeCreated", {"SystemTime": stamp}],
            ["EventRecordID", {}, str(number)],
            ["Channel", {}, "System"],
        ],
        ["EventData", {}, data, adapter, *([["Binary", {}, binary]] if binary else [])],
    ]
    xml += _element(tree, begin + len(xml)) + b"\x00"
    size = 24 + len(xml) + 4
    return struct.pack("<4sIQQ", b"**\0\0", size, number, ticks) + xml + struct.pack("<I", size)


def _name(text: str, at: int) -> bytes:
    """Its place, which is the next byte, and itself."""
    code = 0
    for letter in text:
        code = (code * 65599 + ord(letter)) & 0xFFFFFFFF
    return struct.pack("<IIHH", at + 4, 0, code & 0xFFFF, len(text)) + f"{text}\0".encode(
        "utf-16le"
    )


def _value(text: str) -> bytes:
    return struct.pack("<BBH", 5, 1, len(text)) + text.encode("utf-16le")


def _element(node: list[object], at: int) -> bytes:
    tag, attributes, *children = node
    assert isinstance(tag, str)
    assert isinstance(attributes, dict)
    out = struct.pack("<BI", 0x41 if attributes else 0x01, 0)
    out += _name(tag, at + len(out))
    if attributes:
        listed = b""
        for name, value in attributes.items():
            listed += b"\x06"
            listed += _name(name, at + len(out) + 4 + len(listed)) + _value(value)
        out += struct.pack("<I", len(listed)) + listed
    if not children:
        out += b"\x03"
    else:
        out += b"\x02"
        for child in children:
            out += _value(child) if isinstance(child, str) else _element(child, at + len(out))  # type: ignore[arg-type]
        out += b"\x04"
    return out[:1] + struct.pack("<I", len(out) - 5) + out[5:]
