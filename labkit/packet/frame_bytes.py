# SPDX-License-Identifier: BSD-3-Clause
"""Frames as bytes, of those that are scapy packets too."""

from typing import Any

from labkit.errors import LabError


def frame_bytes(frame: Any, error: type[LabError] = LabError) -> bytes:
    """The bytes of a frame; an error for what is none.

    bytes() makes zeros of a number, and a frame of any list of small ones.
    """
    if not isinstance(frame, (bytes, bytearray, memoryview)) and not hasattr(frame, "__bytes__"):
        raise error(
            f"frame is {frame!r:.100}; a frame is a scapy packet or bytes, such as "
            "Ether()/IP()/UDP() or bytes.fromhex(...)"
        )
    return bytes(frame)
