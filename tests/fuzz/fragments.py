# SPDX-License-Identifier: BSD-3-Clause
"""Fragments of packets that they may or may not make up."""

import random

from scapy.layers.inet import IP
from scapy.layers.l2 import Ether

from tests.frames import SERVER_MAC


def fragments(seed: int) -> list[bytes]:
    """Of one or several packets, some of them whole."""
    noise = random.Random(seed)
    flags, offsets = ("", "MF", "DF"), (0, 1, 2, 185, 370, 8191)
    return [
        bytes(
            Ether(dst=SERVER_MAC)
            / IP(flags=noise.choice(flags), frag=noise.choice(offsets), id=noise.randrange(9))
            / bytes(noise.choice((0, 8, 16, 1480, 8000)))
        )
        for _ in range(500)
    ]
