# SPDX-License-Identifier: BSD-3-Clause
"""Streams and questions that tests of live traffic share."""

from typing import Any

from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether

import labkit as lk


def stream(to: lk.Port | None = None, **settings: Any) -> lk.Stream:
    """Small frames of UDP over IPv4, to the MAC of a port."""
    packet = (
        Ether(**({} if to is None else {"dst": to.mac}))
        / IP(src="10.0.0.1", dst="10.0.0.2")
        / UDP(sport=1000, dport=2000)
    )
    return lk.Stream(packet, **settings)


def assert_whole(traffic: Any) -> None:
    """Every frame of every flow is accounted for, and none was lost, repeated or out of turn."""
    table = traffic.counters()
    assert (table["received"] == table["sent"]).all(), table.to_string()
    for name in ("lost", "reordered", "duplicated", "late", "behind"):
        assert not table[name].any(), table.to_string()
    assert traffic.ledger.is_balanced, traffic.ledger
