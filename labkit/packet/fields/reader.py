# SPDX-License-Identifier: BSD-3-Clause
"""Fields out of bytes, one after the other: those that are there.

A format is a text of fields in their order on the wire: name:bits, or name:bits:show with one of
SHOWS. A name that begins with "_" is read and not shown, one that begins with "?" is shown unless
it is 0, as reserved bits are.

    reader = Reader(data)
    yield from reader.read("sport:16 dport:16 len:16 chksum:16:hex")
"""

from collections.abc import Callable, Iterable, Iterator
from functools import cache

from labkit.packet.fields.shown import SHOWS, Show, listed

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
        self._last: tuple[Pair | None, int] = None, 0  # yielded here, and its first bit

    def read(self, fields: str) -> Parts:
        """The fields of a format. Behind one that is not whole there is none."""
        known, total = _parsed(fields)
        whole = self._peek(total)
        left = total
        for name, bits, show, is_hidden, is_optional in known:
            left -= bits
            begin = self._bit
            if whole is None:
                value = self._number(bits)
                if value is None:
                    return
            else:
                value = whole >> left & (1 << bits) - 1
                self._bit += bits
            self.values[name] = value
            if not is_hidden and (value or not is_optional):
                pair = name, show(value, bits)
                self._last = pair, begin
                yield pair

    def look(self, fields: str) -> None:
        """Reads the fields of a format for their values alone."""
        for _ in self.read(fields):
            pass

    def part(
        self, name: str, length: int, show: Callable[[bytes], str] = bytes.hex
    ) -> Iterator[Pair]:
        """A field of so many bytes; none where they are not all there, or 0."""
        begin = self._bit
        data = self.take(length)
        if data and len(data) == length:
            pair = name, show(data)
            self._last = pair, begin
            yield pair

    def rest(self, name: str, show: Callable[[bytes], str] = bytes.hex) -> Iterator[Pair]:
        """All that is left."""
        yield from self.part(name, self.left, show)

    def take(self, length: int) -> bytes:
        """The next bytes, as many of them as are there."""
        at = self.at
        data = self.data[at : at + max(length, 0)]
        self._bit += 8 * len(data)
        return data

    def made(self, name: str, value: str, begin: int) -> Pair:
        """A field of all that was read since it stood at a bit."""
        pair = name, value
        self._last = pair, begin
        return pair

    def first_bit(self, pair: Pair, before: int) -> int:
        """Where a field begins that was yielded just now: one that was read as such where it stood,
        one that was made of several parts behind the field before it, at `before`."""
        last, begin = self._last
        return begin if pair is last else before

    @property
    def bit(self) -> int:
        """Bit at which it stands."""
        return self._bit

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
        value = self._peek(bits)
        self._bit = 8 * len(self.data) if value is None else self._bit + bits
        return value

    def _peek(self, bits: int) -> int | None:
        """The next bits as a number; None where they are not all there."""
        begin, end = self._bit, self._bit + bits
        if end > 8 * len(self.data):
            return None
        last = (end + 7) // 8
        value = int.from_bytes(self.data[begin // 8 : last], "big")
        return value >> 8 * last - end & (1 << bits) - 1


def listing(name: str, texts: Iterable[str]) -> Parts:
    """One field of several texts; none where there are none."""
    if found := list(texts):
        yield name, listed(found)


Field = tuple[str, int, Show, bool, bool]  # name, bits, how it is shown, whether hidden or optional


@cache
def _parsed(fields: str) -> tuple[tuple[Field, ...], int]:
    """The fields of a format, and their bits together."""
    words = [word.split(":") for word in fields.split()]
    found = tuple(
        (
            word[0].lstrip("_?"),
            int(word[1]),
            SHOWS["".join(word[2:])],
            word[0][0] == "_",
            word[0][0] == "?",
        )
        for word in words
    )
    return found, sum(bits for _, bits, *_ in found)
