# SPDX-License-Identifier: BSD-3-Clause
"""Fields out of bytes, one after the other: those that are there.

A format is a text of fields in their order on the wire: name:bits, or name:bits:show with one of
SHOWS. A name that begins with "_" is read and not shown, one that begins with "?" is shown unless
it is 0, as reserved bits are.

    reader = Reader(data)
    yield from reader.read("sport:16 dport:16 len:16 chksum:16:hex")
"""

from collections.abc import Callable, Iterator
from functools import cache

from labkit.packet.fields.shown import SHOWS, Show

Pair = tuple[str, str]  # name and value of a field
Parts = Iterator[Pair]


class Reader:
    """Stands at a bit of the bytes of a layer.

    Attributes
    ----------
    data: the bytes
    values: by name, what was read so far
    """

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.values: dict[str, int] = {}
        self._bit = 0

    def read(self, fields: str) -> Parts:
        """The fields of a format. Behind one that is not whole there is none."""
        for name, bits, show in _parsed(fields):
            value = self._number(bits)
            if value is None:
                return
            self.values[name.lstrip("_?")] = value
            if name[0] not in "_?" or (name[0] == "?" and value):
                yield name.lstrip("?"), show(value, bits)

    def look(self, fields: str) -> None:
        """Reads the fields of a format for their values alone."""
        for _ in self.read(fields):
            pass

    def part(
        self, name: str, length: int, show: Callable[[bytes], str] = bytes.hex
    ) -> Iterator[Pair]:
        """A field of so many bytes; none where they are not all there, or 0."""
        data = self.take(length)
        if data and len(data) == length:
            yield name, show(data)

    def rest(self, name: str, show: Callable[[bytes], str] = bytes.hex) -> Iterator[Pair]:
        """All that is left."""
        yield from self.part(name, self.left, show)

    def take(self, length: int) -> bytes:
        """The next bytes, as many of them as are there."""
        at = self.at
        data = self.data[at : at + max(length, 0)]
        self._bit += 8 * len(data)
        return data

    @property
    def at(self) -> int:
        """Byte at which it stands."""
        return self._bit // 8

    @property
    def left(self) -> int:
        """Bytes that are left."""
        return len(self.data) - self.at

    def __getitem__(self, name: str) -> int:
        """A value that was read; 0 where the field is not there."""
        return self.values.get(name, 0)

    def _number(self, bits: int) -> int | None:
        begin, end = self._bit, self._bit + bits
        if end > 8 * len(self.data):
            self._bit = 8 * len(self.data)
            return None
        self._bit = end
        last = (end + 7) // 8
        value = int.from_bytes(self.data[begin // 8 : last], "big")
        return value >> 8 * last - end & (1 << bits) - 1


@cache
def _parsed(fields: str) -> tuple[tuple[str, int, Show], ...]:
    words = (word.split(":") for word in fields.split())
    return tuple((word[0], int(word[1]), SHOWS["".join(word[2:])]) for word in words)
