# SPDX-License-Identifier: BSD-3-Clause
"""Sick NICs: what their logs, counters and settings say, judged by rules.

case = lk.trouble.look("dmesg.txt", "ethtool-S-before.txt", "ethtool-S-after.txt", "tc.txt")
"""

from labkit.arguments.names import no_attribute
from labkit.trouble.case import Case, look
from labkit.trouble.collect import Collected, collect
from labkit.trouble.finding import Finding, Seen
from labkit.trouble.noticed import Noticed
from labkit.trouble.watching import Watch, watch

__all__ = ["Case", "Collected", "Finding", "Noticed", "Seen", "Watch", "collect", "look", "watch"]


def __dir__() -> list[str]:
    return __all__


def __getattr__(name: str) -> object:
    raise no_attribute(__name__, name, __all__)
