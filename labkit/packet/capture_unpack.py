# SPDX-License-Identifier: BSD-3-Clause
"""What compressed files hold, piece by piece: all that there is before a place that is damaged."""

import bz2
import lzma
import os
import zlib
from collections.abc import Callable, Iterator
from typing import Any

from labkit.text import reason

PACKED = 1 << 16  # bytes that are read at a time
PIECE = 1 << 18  # bytes that are given at a time, at most
SMALL_PIECE = 512  # bytes of what pyarrow unpacks before a damaged place, the rest of which is lost
GZIP = 16 + zlib.MAX_WBITS
ENDED = "it ends before its end is told"


class DamagedError(Exception):
    """Compressed data that end early, or are none; its message is a part of a sentence."""


def pieces(descriptor: int, kind: str) -> Iterator[bytes]:
    """Of a file from its beginning; DamagedError behind the last piece that is sound.

    kind: "gzip", "bz2", "xz" with any number of members, "zstd" or "lz4"
    """
    try:
        yield from _by_python(descriptor, kind) if kind in ENGINES else _by_arrow(descriptor, kind)
    except (zlib.error, lzma.LZMAError, OSError, EOFError, ValueError) as error:
        raise DamagedError(f"its {kind} data are damaged or cut short ({reason(error)})") from None


class _Zlib:
    """zlib's decompressor with the face that those of bz2 and lzma have."""

    def __init__(self) -> None:
        self._engine, self._left = zlib.decompressobj(GZIP), b""

    def decompress(self, data: bytes, most: int) -> bytes:
        """Up to so many bytes; what they do not need of the data is kept."""
        piece = self._engine.decompress(self._left + data, most)
        self._left = self._engine.unconsumed_tail
        # Without input zlib may still hold output.
        self._is_full = len(piece) == most
        return piece

    @property
    def needs_input(self) -> bool:
        """Whether nothing more comes of what it was given."""
        return not self._left and not self._is_full

    @property
    def eof(self) -> bool:
        """Whether a member has ended."""
        return self._engine.eof

    @property
    def unused_data(self) -> bytes:
        """What stands behind it."""
        return self._engine.unused_data


ENGINES: dict[str, Callable[[], Any]] = {
    "gzip": _Zlib,
    "bz2": bz2.BZ2Decompressor,
    "xz": lzma.LZMADecompressor,
}


def _by_python(descriptor: int, kind: str) -> Iterator[bytes]:
    at, data, engine = 0, b"", None
    while True:
        if not data and (engine is None or engine.needs_input):
            data = os.pread(descriptor, PACKED, at)
            at += len(data)
            if not data:
                if engine is not None:
                    raise EOFError(ENDED)
                return
        if engine is None:  # what pads a member, or all of them
            data = data.lstrip(b"\0")
            if not data:
                continue
            engine = ENGINES[kind]()
        piece = engine.decompress(data, PIECE)
        data = b""
        if piece:
            yield piece
        if engine.eof:
            data, engine = engine.unused_data, None


def _by_arrow(descriptor: int, kind: str) -> Iterator[bytes]:
    """pyarrow gives no part of a piece in which something is damaged: those are read once more,
    in small pieces."""
    given, most = 0, PIECE
    while True:
        skipped = 0
        try:
            with _arrow_stream(descriptor, kind) as stream:
                while skipped < given:
                    skipped += len(stream.read(min(PIECE, given - skipped)))
                while piece := stream.read(most):
                    given += len(piece)
                    yield piece
            return
        except OSError:
            if most == SMALL_PIECE:
                raise
            most = SMALL_PIECE


def _arrow_stream(descriptor: int, kind: str) -> Any:
    import pyarrow as pa  # late: slow to load

    packed = os.fdopen(os.dup(descriptor), "rb", buffering=0)
    packed.seek(0)
    return pa.CompressedInputStream(pa.PythonFile(packed, "r"), kind)
