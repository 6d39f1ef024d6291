# SPDX-License-Identifier: BSD-3-Clause
"""Frames with a length in place of a type (IEEE 802.3)."""

import pytest
from scapy.layers.l2 import LLC, SNAP, STP, Dot3
from scapy.packet import Packet, Raw

import labkit as lk

LINK = Dot3(src="02:00:00:00:00:01", dst="01:80:c2:00:00:00")


@pytest.mark.parametrize("packet", [LINK / LLC() / STP(), LINK / LLC() / SNAP(code=0x88B5)])
def test_the_length_follows_the_size(packet: Packet) -> None:
    sizes = [128, 512, 1518]
    for size, frame in zip(sizes, lk.Stream(packet, sizes).frames(3), strict=True):
        assert int.from_bytes(frame[12:14], "big") == size - 18
        assert frame == bytes(packet / Raw(frame[len(packet) :]))


def test_a_length_that_would_be_a_type_is_refused() -> None:
    with pytest.raises(lk.LabError, match="size 1519 is too long for Dot3"):
        lk.Stream(LINK / LLC(), 1519)
