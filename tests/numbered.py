# SPDX-License-Identifier: BSD-3-Clause
"""Frames that bear a number, and the numbers of those that a file has."""

from collections.abc import Iterable
from pathlib import Path

from scapy.utils import RawPcapReader

ETHERNET = bytes([2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x88, 0xB5])


def numbered(numbers: Iterable[int], size: int = 64) -> list[bytes]:
    """Frames of so many bytes without FCS, the number behind the Ethernet header."""
    return [ETHERNET + n.to_bytes(4, "big") + bytes(size - 18) for n in numbers]


def numbers_in(*files: Path) -> list[int]:
    """Of all frames, file by file, as scapy reads them; a record that is cut is none."""
    found = []
    for file in files:
        with RawPcapReader(str(file)) as reader:
            for frame, _ in reader:
                assert frame[12:14] == ETHERNET[12:]
                found.append(int.from_bytes(frame[14:18], "big"))
    return found
