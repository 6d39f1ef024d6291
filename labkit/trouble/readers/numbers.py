# SPDX-License-Identifier: BSD-3-Clause
"""What is a counter's value in a text."""

LONGEST = 20  # digits of 2**64


def is_count(text: str) -> bool:
    """Whether it is a whole number that a counter can hold."""
    return text.isdecimal() and len(text) <= LONGEST
