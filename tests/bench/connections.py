# SPDX-License-Identifier: BSD-3-Clause
"""Connections: a path of one worker that a generator on another CPU keeps busy with many flows."""

import time

from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether

import labkit as lk
from labkit.path.chain import Node
from tests.bench.reflect import config

FLOWS = 1_000_000
FLOOD = "20 Mpps"  # more than any path takes
SECONDS = 2.0
RULES = (*(f"deny tcp dst port {port}" for port in range(1, 100)), "permit udp")


def mpps(*nodes: Node, flows: int = FLOWS) -> float:
    """Mpps of 64-B frames through rx >> nodes >> sink; every flow has come before it counts."""
    addresses = lk.vary(IP.src, lk.addresses("10.0.0.0", flows))
    link = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
    packet = link / IP(dst="198.51.100.9") / UDP(sport=5000, dport=53)
    with lk.Lab(config("bench-flows")) as lab:
        a, b = lab.cable(ring_size=4096)
        chain = lk.path.chain.as_chain(lk.rx(b))
        for node in nodes:
            chain = chain >> node
        path = lab.run(chain >> lk.sink(), name="works")
        with lab.traffic() as traffic:
            traffic.add(lk.Stream(packet, size=64, vary=addresses), on=a, rate=FLOOD).start()
            while path.ledger.received < 2 * flows and not path.drops:
                time.sleep(0.05)
            before, begin = path.ledger.received, time.monotonic()
            time.sleep(SECONDS)
            passed, seconds = path.ledger.received - before, time.monotonic() - begin
        if path.drops:
            raise RuntimeError(f"frames were dropped: {path.drops}")
        return passed / seconds / 1e6


def tracker() -> Node:
    """Room for all, and time for them to come again."""
    return lk.conntrack(entries=2 * FLOWS, udp=100_000)


def tracked() -> float:
    return mpps(tracker())


def filtered() -> float:
    """100 rules, of which the last one matches."""
    return mpps(lk.firewall(*RULES))


def translated() -> float:
    """Each connection with an outside port of its own."""
    return mpps(tracker(), lk.nat("192.0.2.0/27"))
