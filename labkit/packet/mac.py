# SPDX-License-Identifier: BSD-3-Clause
"""MAC addresses as text: six bytes as 02:00:00:00:00:01."""

import re

MAC = re.compile(r"([0-9a-fA-F]{2}:){5}[0-9a-fA-F]{2}")
HOW_TO_WRITE = "write six bytes as 02:00:00:00:00:01"


def is_mac(value: object) -> bool:
    """Whether it is a text that tells one."""
    return isinstance(value, str) and MAC.fullmatch(value) is not None


def is_group(mac: str) -> bool:
    """Whether it is an address of a group, which no host has."""
    return bool(int(mac[:2], 16) & 1)


def mac_bytes(mac: str) -> bytes:
    """As it stands in a header."""
    return bytes.fromhex(mac.replace(":", ""))
