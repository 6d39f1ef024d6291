# SPDX-License-Identifier: BSD-3-Clause
"""Flows of a capture: counts that balance, and what TCP's sequence numbers tell."""

from pathlib import Path

import pandas as pd
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.l2 import Ether
from scapy.packet import Raw

import labkit as lk
from tests.captures.files import FIRST_NS, all_kinds, pcap
from tests.tunnels import FRAMES, TUNNELS

START = 2**32 - 150  # sequence numbers that wrap


def segment(sequence: int, length: int, flags: str = "A") -> bytes:
    ports = TCP(sport=1000, dport=80, flags=flags, seq=(START + sequence) % 2**32)
    return bytes(Ether() / IP(src="10.0.0.1", dst="10.0.0.2") / ports / Raw(bytes(length)))


def tcp_of(tmp_path: Path, frames: list[bytes]) -> "pd.Series[int]":
    table = lk.Capture(pcap(tmp_path / "tcp.pcap", frames)).flows()
    names = ["retransmissions", "out_of_order", "gaps", "missing_bytes"]
    return table[names].iloc[0]


def test_counts_balance(tmp_path: Path) -> None:
    capture = lk.Capture(pcap(tmp_path / "kinds.pcap", all_kinds()))
    flows, table = capture.flows(), capture.table(["ip_src", "length"])
    with_ip = table[table["ip_src"].notna()]
    assert flows["frames"].sum() == len(with_ip)
    assert flows["bytes"].sum() == with_ip["length"].sum()
    assert flows["first_frame"].is_monotonic_increasing


def test_directions_know_each_other(tmp_path: Path) -> None:
    there = Ether() / IP(src="10.0.0.1", dst="10.0.0.2") / UDP(sport=1, dport=2)
    back = Ether() / IP(src="10.0.0.2", dst="10.0.0.1") / UDP(sport=2, dport=1) / Raw(b"12345")
    alone = Ether() / IP(src="10.0.0.3", dst="10.0.0.1") / UDP(sport=2, dport=1)
    frames = [bytes(there), bytes(back), bytes(there), bytes(alone)]
    times = [FIRST_NS, FIRST_NS + 10, FIRST_NS + 2_000_000_000, FIRST_NS]
    flows = lk.Capture(pcap(tmp_path / "f.pcap", frames, times_ns=times)).flows()
    assert flows["reverse"].tolist()[:2] == [1, 0]
    assert pd.isna(flows["reverse"].iloc[2])
    first = flows.iloc[0]
    assert (first["frames"], first["seconds"], first["longest_pause"]) == (2, 2.0, 2.0)
    assert (first["src_port"], first["dst_port"], first["proto"]) == (1, 2, "udp")
    assert flows["payload_bytes"].tolist() == [0, 5, 0]
    assert pd.isna(first["retransmissions"])


def test_flows_are_those_of_the_innermost_packet(tmp_path: Path) -> None:
    frames = [
        TUNNELS["vxlan_v4"].encap(FRAMES["tcp_v4"]),
        TUNNELS["geneve_v6"].encap(FRAMES["tcp_v4"]),
        FRAMES["tcp_v4"],
    ]
    flows = lk.Capture(pcap(tmp_path / "t.pcap", frames)).flows()
    assert flows["ip_src"].unique().tolist() == ["10.0.0.1"]
    assert flows["tunnel"].astype(object).fillna("").tolist() == ["vxlan", "geneve", ""]
    assert flows["vni"].fillna(0).tolist() == [42, 42, 0]


def test_in_order_nothing_is_told(tmp_path: Path) -> None:
    frames = [segment(0, 0, "S"), *(segment(1 + 100 * n, 100) for n in range(5))]
    frames += [segment(501, 0, "A"), segment(500, 0, "A"), segment(500, 1, "A")]  # keep-alives
    assert tcp_of(tmp_path, [*frames, segment(501, 0, "FA")]).tolist() == [0, 0, 0, 0]


def test_sent_again(tmp_path: Path) -> None:
    frames = [segment(0, 100), segment(100, 100), segment(0, 100), segment(150, 100)]
    assert tcp_of(tmp_path, frames).tolist() == [2, 0, 0, 0]


def test_missing_and_late(tmp_path: Path) -> None:
    frames = [segment(0, 100), segment(200, 100), segment(400, 100)]
    assert tcp_of(tmp_path, frames).tolist() == [0, 0, 2, 200]
    assert tcp_of(tmp_path, [*frames, segment(100, 100)]).tolist() == [0, 1, 2, 100]
    late = [*frames, segment(100, 100), segment(100, 100), segment(300, 50)]
    assert tcp_of(tmp_path, late).tolist() == [1, 2, 2, 50]


def test_ports_that_are_used_again(tmp_path: Path) -> None:
    again = [segment(0, 0, "S"), segment(1, 100), segment(5000, 0, "S"), segment(5001, 100)]
    assert tcp_of(tmp_path, again).tolist() == [0, 0, 0, 0]
    twice = [segment(0, 0, "S"), segment(0, 0, "S")]  # nobody answered
    assert tcp_of(tmp_path, twice).tolist() == [1, 0, 0, 0]


def test_the_middle_of_a_gap_comes_first(tmp_path: Path) -> None:
    frames = [segment(0, 100), segment(400, 100), segment(200, 100)]
    assert tcp_of(tmp_path, frames).tolist() == [0, 1, 1, 200]
    assert tcp_of(tmp_path, [*frames, segment(300, 100)]).tolist() == [0, 2, 1, 100]
    whole = [*frames, segment(300, 100), segment(100, 100), segment(300, 100)]
    assert tcp_of(tmp_path, whole).tolist() == [1, 3, 1, 0]


def test_refusals_have_flags(tmp_path: Path) -> None:
    """As a port scan is answered: nothing but resets."""
    flows = lk.Capture(pcap(tmp_path / "r.pcap", [segment(0, 0, "RA"), segment(0, 0, "R")])).flows()
    assert flows["tcp_flags"].tolist() == ["RA"]
    assert flows["retransmissions"].tolist() == [0]
