# SPDX-License-Identifier: BSD-3-Clause
"""What a node did to a frame, in words."""

import pytest
from scapy.layers.inet import ICMP, IP, UDP
from scapy.layers.l2 import Dot1Q, Ether
from scapy.layers.vxlan import VXLAN

from labkit.packet.node_effects import MOST_FIELDS, effects

INNER = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02") / IP(dst="10.0.0.2") / ICMP()
OUTER = Ether() / IP(dst="10.1.0.2") / UDP(sport=4000, dport=4789) / VXLAN(vni=7)


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        (INNER, INNER, []),
        (INNER, OUTER / INNER, ["puts on Ethernet, IP, UDP, VXLAN"]),
        (OUTER / INNER, INNER, ["takes off Ethernet, IP, UDP, VXLAN"]),
        (
            Ether() / Dot1Q(vlan=5) / IP() / ICMP(),
            Ether() / Dot1Q(vlan=6) / IP() / ICMP(),
            ["802.1Q vlan: 5 → 6"],
        ),
        (INNER / b"abc", INNER / b"abd", ["ICMP chksum: 0x339d → 0x329d", "changes the data"]),
    ],
)
def test_effects(before: Ether, after: Ether, told: list[str]) -> None:
    assert effects(bytes(before), bytes(after)) == told


@pytest.mark.parametrize("after", [b"", b"\x00", bytes(range(256))])
def test_any_bytes_have_an_effect(after: bytes) -> None:
    assert 1 <= len(effects(bytes(OUTER / INNER), after)) <= MOST_FIELDS + 1
