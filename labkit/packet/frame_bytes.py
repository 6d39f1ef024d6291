# SPDX-License-Identifier: BSD-3-Clause
"""Frames as bytes, of those that are scapy packets too."""

from typing import Any

from labkit.errors import LabError
from labkit.text import shown


def frame_bytes(frame: Any, error: type[LabError] = LabError) -> bytes:
    """The bytes of a frame; an error for what is none.

    bytes() makes zeros of a number, and a frame of any list of small ones.
    """
    if not isinstance(frame, (bytes, bytearray, memoryview)) and not hasattr(frame, "__bytes__"):
        raise error(
            f"frame is {shown(frame)}; a frame is a scapy packet or bytes, such as "
            "Ether()/IP()/UDP() or bytes.fromhex(...)"
        )
    return built(frame, error)


def built(frame: Any, error: type[LabError] = LabError) -> bytes:
    """A packet's bytes, or bytes as such; an error where scapy cannot build it."""
    try:
        return bytes(frame)
    except Exception as why:  # layers of scapy raise what they like
        raise unbuilt(frame, why, error) from None


def unbuilt(frame: Any, why: Exception, error: type[LabError]) -> LabError:
    """What is to be said of a packet that scapy does not build."""
    try:
        name = frame.summary()
    except Exception:  # which builds it, too
        name = f"this {type(frame).__name__}"
    said = " ".join(str(why).partition("To inject")[0].split())
    return error(f"scapy cannot build {name}: {said}")
