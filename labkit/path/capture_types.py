# SPDX-License-Identifier: BSD-3-Clause
"""What a capture may be told: its file, when it ends, and when the next file begins."""

import math
import re
from dataclasses import dataclass
from numbers import Integral
from os import PathLike
from pathlib import Path
from typing import Any, Literal

from labkit.arguments.hints import is_real
from labkit.errors import PathError
from labkit.path.values import ParamType, TextType, Value, WholeType
from labkit.text import as_utf8, plural, shown
from labkit.units import QuantityError, find_quantity, parse_quantity, plain

PCAP = (".pcap", ".cap")
PCAPNG = (".pcapng", "")  # a name without a suffix is one of pcapng
MOST = 2**62  # frames, bytes or ns
NS = 1e9

Limit = Literal["frames", "bytes", "ns"]


def is_pcap(file: str) -> bool:
    """Whether a file of this name is one of pcap, and not of pcapng."""
    return Path(file).suffix.lower() in PCAP


class FileType(TextType):
    """A file that frames are written to."""

    def given(self, value: Any) -> Value:
        """Its whole path: the engine may work in another folder."""
        if not isinstance(value, (str, PathLike)):
            raise PathError(f"file is {shown(value)}; it is the name of a file")
        return str(Path(value).absolute()) if str(value) else ""

    def check(self, where: str, name: str, value: Value) -> Value:
        """Named as a capture."""
        file = str(super().check(where, name, value))
        suffix = Path(file).suffix
        if "\0" in file:
            raise PathError(f"node {where}: {name} is {shown(file)}; no file can be called so")
        if suffix.lower() not in (*PCAP, *PCAPNG):
            raise PathError(
                f"node {where}: {name} is {shown(file)}; a capture is written as .pcapng or .pcap, "
                f"and not as {suffix}"
            )
        return file

    def lines(self, value: Value) -> list[str]:
        """The name without the folder."""
        return [as_utf8(Path(str(value)).name)]


@dataclass(frozen=True)
class SnaplenType(WholeType):
    """Bytes kept of a frame in the node's file."""

    lowest: int = 0
    highest: int = 65535

    def lines(self, value: Value) -> list[str]:
        """How many, unless it is all."""
        return [f"first {value} B of each"] if value else []


@dataclass(frozen=True)
class EndType(ParamType):
    """Frames, bytes or seconds after which a capture ends; kept as a number."""

    of: Literal["frames", "bytes", "seconds"]

    def given(self, value: Any) -> Value:
        """A number, or a text with a unit such as "10 MB"."""
        if not isinstance(value, str):
            return value  # type: ignore[no-any-return]
        try:
            if self.of == "frames":
                return _whole(frames_in(value))
            return _whole(parse_quantity(value, ("B" if self.of == "bytes" else "s",)).value)
        except QuantityError as error:
            raise PathError(f"{self.of} is {shown(value)}: {error}") from None

    def check(self, where: str, name: str, value: Value) -> Value:
        """More than nothing."""
        if self.of == "seconds":
            fits = is_real(value) and 1e-9 <= value <= MOST / NS  # type: ignore[operator]
            meant = (
                f"it is a number of seconds above 0, at most {MOST / NS:,.0f}, or a text such as "
                '"20 s"'
            )
        else:
            fits = isinstance(value, Integral) and not isinstance(value, bool)
            fits = fits and 1 <= int(value) <= MOST  # type: ignore[arg-type]
            such = "10 MB" if self.of == "bytes" else "10 kframes"
            meant = f'it is a whole number of {self.of}, 1 or more, or a text such as "{such}"'
        if not fits:
            raise PathError(f"node {where}: {name} is {shown(value)}; {meant}")
        return float(value) if self.of == "seconds" else int(value)  # type: ignore[arg-type]

    def lines(self, value: Value) -> list[str]:
        """When it ends."""
        if value is None:
            return []
        assert isinstance(value, (int, float))
        unit = {"frames": "frames", "bytes": "B", "seconds": "s"}[self.of]
        return [f"ends after {plain(value)} {unit}"]


class RotateType(TextType):
    """How much a file may have before the next one begins; kept as the text."""

    def check(self, where: str, name: str, value: Value) -> Value:
        """Such as "10 MB"."""
        try:
            rotation(value)
        except QuantityError as error:
            raise PathError(
                f"node {where}: {name} is {shown(value)}: {error}; it is what a file may have, "
                'such as "10 MB", "60 s" or "1000 frames"'
            ) from None
        return value

    def lines(self, value: Value) -> list[str]:
        """When files change."""
        return [f"a file for each {value}"] if value else []


@dataclass(frozen=True)
class FilesType(WholeType):
    """How many files are kept of those that a capture has written, the newest."""

    lowest: int = 1
    highest: int = 10_000

    def lines(self, value: Value) -> list[str]:
        """How many."""
        return [f"newest {plural(int(value), 'file')}"] if value else []  # type: ignore[arg-type]


def rotation(text: object) -> tuple[Limit, int]:
    """ "10 MB" as ("bytes", 10_000_000), "60 s" in ns; QuantityError for what is none."""
    if not isinstance(text, str):
        raise QuantityError("it is no text with a number and a unit")
    limit: Limit
    if "frame" in text:
        limit, number = "frames", frames_in(text)
    else:
        found = parse_quantity(text, ("B", "s"))
        limit, number = ("bytes", found.value) if found.unit == "B" else ("ns", found.value * NS)
    if not 1 <= number <= MOST or (not float(number).is_integer() and limit != "ns"):
        raise QuantityError("it is too little, too much, or no whole number")
    return limit, round(number)


def frames_in(text: str) -> float:
    """ "1,000 frames" and "1 kframes" as 1000.0."""
    found = re.fullmatch(r"(.*?)frames?", text.strip())
    quantity = found and find_quantity(f"{found[1]}pps")
    if quantity is None:
        raise QuantityError("write such as '1000 frames' or '10 kframes'")
    return quantity.value


def _whole(number: float) -> float:
    return int(number) if math.isfinite(number) and number.is_integer() else number
