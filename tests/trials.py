# SPDX-License-Identifier: BSD-3-Clause
"""What tests of trials have in common: packets, a stream of them, and what is so of every trial."""

import math

from scapy.layers.inet import IP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Ether
from scapy.packet import Packet

import labkit as lk
from labkit.traffic.placed import Placed

CLIENT_4, SERVER_4 = "10.0.0.1", "10.0.0.2"
UDP_PORT = 9000
V4 = Ether() / IP(src=CLIENT_4, dst=SERVER_4) / UDP(sport=1024, dport=UDP_PORT)
V6 = Ether() / IPv6(src="fd00::1", dst="fd00::2") / UDP(sport=1024, dport=UDP_PORT)
WHOLE = 4096  # of a ring: more than any trial here sends, so none is lost to a busy machine
BACK = Ether() / IP(src=SERVER_4, dst=CLIENT_4) / UDP(sport=UDP_PORT, dport=1024)
QUICK = {"warmup": 0, "progress": False}


def flow(packet: Packet = V4, **settings: object) -> lk.Stream:
    return lk.Stream(packet, **settings)  # type: ignore[arg-type]


def both_ways(a: lk.Port, b: lk.Port, **settings: object) -> list[Placed]:
    return [flow(V4, **settings).on(a, to=b), flow(BACK, **settings).on(b, to=a)]


def assert_whole(run: lk.Trial) -> None:
    """The ledger balances, and row, series and streams tell the same."""
    row, ledger = run.row, run.ledger
    assert run.is_balanced, run
    assert ledger.intended == ledger.sent + ledger.unsent
    assert ledger.sent == ledger.received + sum(ledger.drops.values())
    assert (row["sent"], row["received"]) == (ledger.sent, ledger.received)
    assert row["lost"] == row["sent"] - row["received"]
    for table in (run.series, run.streams, run.directions):
        for name in ("sent", "received", "lost", "reordered", "duplicated"):
            assert table[name].sum() == row[name], name
    for name in ("tx_pps", "rx_pps", "tx_mbps", "rx_mbps"):
        assert math.isclose(run.directions[name].sum(), row[name]), name
    assert run.directions["generator_limited"].any() == row["generator_limited"]
    assert run.streams["intended"].sum() == row["intended"]
    assert run.streams["unsent"].sum() == row["unsent"]
