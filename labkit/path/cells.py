# SPDX-License-Identifier: BSD-3-Clause
"""Cells of the tables that nodes keep: how 64-bit numbers of the engine are told."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

MISSING = 2**64 - 1  # what is not known

Read = Callable[[Sequence[Sequence[int]], Sequence[str]], Any]


@dataclass(frozen=True)
class Column:
    """A kind of cell.

    Attributes
    ----------
    width: native cells that it takes
    read: values of a column, from the native cells of each row and the node's outputs
    """

    read: Read
    width: int = 1


def _each(told: Callable[[int], Any]) -> Read:
    return lambda rows, _: [None if row[0] == MISSING else told(row[0]) for row in rows]


def _whole(rows: Sequence[Sequence[int]], _: Sequence[str]) -> "pd.Series[Any]":
    import pandas as pd

    values = [None if row[0] == MISSING else row[0] for row in rows]
    return pd.Series(
        values, dtype="UInt64" if max((r[0] for r in rows), default=0) >> 63 else "Int64"
    )


def _seconds(rows: Sequence[Sequence[int]], _: Sequence[str]) -> "pd.Series[Any]":
    import pandas as pd

    values = [None if row[0] == MISSING else row[0] / 1e9 for row in rows]
    return pd.Series(values, dtype="float64")


def _mac(number: int) -> str:
    return number.to_bytes(6, "big").hex(":")


def _ip(rows: Sequence[Sequence[int]], _: Sequence[str]) -> list[str | None]:
    return [_address(version, high << 64 | low) for version, high, low in rows]


def _address(version: int, number: int) -> str | None:
    if version == 6:
        return str(IPv6Address(number))
    return str(IPv4Address(number)) if version == 4 else None


def _prefix(rows: Sequence[Sequence[int]], _: Sequence[str]) -> list[str | None]:
    return [
        f"{_address(version, high << 64 | low)}/{length}" if version else None
        for version, high, low, length in rows
    ]


def _output(rows: Sequence[Sequence[int]], outputs: Sequence[str]) -> list[str | None]:
    return [None if row[0] == MISSING else outputs[row[0]] for row in rows]


class Cell:
    """What a column of a node's table may be; MISSING (all bits) is no value in each of them."""

    WHOLE = Column(_whole)
    SECONDS = Column(_seconds)  # from ns
    FLAG = Column(_each(bool))
    MAC = Column(_each(_mac))  # the address in the lower 48 bits
    IP = Column(_ip, 3)  # version, upper and lower half; 0: no address
    PREFIX = Column(_prefix, 4)  # an address, and its bits that count
    OUTPUT = Column(_output)  # the number of an output of the node, `outputs` of OutputsType

    @staticmethod
    def choice(*words: str) -> Column:
        """One of these, by its place."""
        return Column(_each(words.__getitem__))
