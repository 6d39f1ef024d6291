# SPDX-License-Identifier: BSD-3-Clause
"""Captures joined by time, written again, and matched frame by frame."""

from pathlib import Path

import pandas as pd
import pytest
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Dot1Q, Ether
from scapy.packet import Raw

import labkit as lk
from tests.captures.files import FIRST_NS, all_kinds, pcap
from tests.tunnels import TUNNELS

STEP = 1000


def packet(number: int, ttl: int = 64) -> bytes:
    ip = IP(src="10.0.0.1", dst="10.0.0.2", ttl=ttl, id=number)
    return bytes(Ether() / ip / UDP() / Raw(number.to_bytes(8, "big")))


def test_joined_by_time(tmp_path: Path) -> None:
    a = pcap(tmp_path / "a.pcap", [packet(n) for n in range(3000)])
    times = [FIRST_NS + 1 + 3_000_000 * n for n in range(1000)]
    b = pcap(tmp_path / "b.pcap", [packet(n) for n in range(1000)], times_ns=times)
    joined = lk.Capture.join([lk.Capture(a), b])
    table = joined.table(["length", "ip_src"])
    assert list(table.columns) == ["capture", "frame", "length", "ip_src"]
    assert table["capture"].value_counts().to_dict() == {"a.pcap": 3000, "b.pcap": 1000}
    whole = joined.table()
    assert whole["time_ns"].is_monotonic_increasing
    written = lk.Capture(joined.write(tmp_path / "ab.pcapng"))
    assert written.table()["time_ns"].tolist() == whole["time_ns"].tolist()
    assert written.table()["interface"].tolist() == [
        ["a.pcap", "b.pcap"].index(name) for name in whole["capture"]
    ]


def test_a_time_that_goes_back_stays_where_it_is(tmp_path: Path) -> None:
    a = pcap(tmp_path / "a.pcap", [packet(0), packet(1)], times_ns=[FIRST_NS + 10, FIRST_NS])
    b = pcap(tmp_path / "b.pcap", [packet(2)], times_ns=[FIRST_NS + 5])
    joined = lk.Capture.join([a, b])
    order = [("b.pcap", 0), ("a.pcap", 0), ("a.pcap", 1)]
    table = joined.table(["length"])
    assert list(zip(table["capture"], table["frame"], strict=True)) == order
    written = lk.Capture(joined.write(tmp_path / "ab.pcapng"))
    assert [frame.scapy[IP].id for frame in written] == [2, 0, 1]


def test_what_cannot_be_joined(tmp_path: Path) -> None:
    a = pcap(tmp_path / "a.pcap", [packet(0)])
    with pytest.raises(lk.LabError, match=r"join\(\) of 1 capture; it takes two or more"):
        lk.Capture.join([a])
    with pytest.raises(lk.LabError, match="it is a list of captures"):
        lk.Capture.join(str(a))
    with pytest.raises(lk.LabError, match="is still read; write to another file"):
        lk.Capture.join([a, a]).write(a)
    with pytest.raises(lk.LabError, match=r"match\(\) of 3 captures; it is of two"):
        lk.Capture.join([a, a, a]).match()


def test_loss_delay_and_reordering(tmp_path: Path) -> None:
    """Behind a router and in a tunnel: other TTLs, other bytes around."""
    first = [packet(n) for n in range(10)]
    seen = [0, 1, 3, 2, 4, 5, 8, 9]
    vxlan = TUNNELS["vxlan_v4"]
    second = [vxlan.encap(packet(n, ttl=63)) for n in seen] + [vxlan.encap(packet(99))]
    times = [FIRST_NS + 1_000_000 * n + 250_000 + n for n in seen] + [FIRST_NS + 20_000_000]
    a = pcap(tmp_path / "a.pcap", first)
    b = pcap(tmp_path / "b.pcap", second, times_ns=times)
    found = lk.Capture.join([a, b]).match()
    assert (found.lost, found.unknown, found.reordered) == (2, 1, 1)
    lost = found.table[found.table["second"].isna()]
    assert lost["first"].tolist() == [6, 7]
    assert found.table[found.table["reordered"]]["first"].tolist() == [2]
    assert sorted(found.delays_ns.tolist()) == sorted(250_000 + n for n in seen)
    assert "lost: a.pcap alone: 2 (20 %)" in repr(found)
    assert found.figure.axes[0].get_ylabel() == "delay to b.pcap (µs)"
    assert "<table" in found._repr_html_()


def test_equal_packets_are_matched_in_their_order(tmp_path: Path) -> None:
    a = pcap(tmp_path / "a.pcap", [packet(7)] * 5)
    b = pcap(tmp_path / "b.pcap", [packet(7)] * 3)
    found = lk.Capture.join([a, b]).match()
    assert (found.lost, found.unknown, found.reordered) == (2, 0, 0)
    assert found.table["second"].tolist()[:3] == [0, 1, 2]


def test_tags_and_links_do_not_matter(tmp_path: Path) -> None:
    plain, tagged = Ether(packet(1)), Ether(packet(1))
    tagged = Ether() / Dot1Q(vlan=3) / tagged[IP]
    a = pcap(tmp_path / "a.pcap", [bytes(plain)])
    b = pcap(tmp_path / "b.pcap", [bytes(tagged)])
    c = pcap(tmp_path / "c.pcap", [bytes(plain[IP])], link_type=101)
    assert lk.Capture.join([a, b]).match().lost == 0
    assert lk.Capture.join([a, c]).match().lost == 0


def test_written_again_by_filter(tmp_path: Path) -> None:
    capture = lk.Capture(pcap(tmp_path / "kinds.pcap", all_kinds()))
    tcp = capture.write(tmp_path / "tcp.pcapng", where="tcp")
    numbers = capture.table(["length"], where="tcp").index
    assert [frame.data for frame in tcp] == [capture[n].data for n in numbers]
    assert tcp.table(["time_ns"])["time_ns"].tolist() == [capture[n].time_ns for n in numbers]
    with pytest.raises(lk.LabError, match=r"its name says the format: it ends in .pcap"):
        capture.write(tmp_path / "tcp.txt")
    with pytest.raises(lk.LabError, match="still read"):
        capture.write(capture.file)


def test_batches_of_frames_from_and_to_captures(tmp_path: Path) -> None:
    capture = lk.Capture(pcap(tmp_path / "kinds.pcap", all_kinds()))
    batch = lk.FrameBatch.from_capture(capture)
    assert [batch[n] for n in range(len(batch))] == all_kinds()
    assert batch.times_ns is not None
    assert batch.times_ns.tolist() == capture.table(["time_ns"])["time_ns"].tolist()
    TUNNELS["geneve_v4"].encap_many(batch)
    again = lk.Capture(batch.write(tmp_path / "outer.pcapng"))
    assert again.table(["tunnel"])["tunnel"].notna().all()
    assert again.table(["time_ns"])["time_ns"].tolist() == batch.times_ns.tolist()
    empty = lk.FrameBatch.from_capture(pcap(tmp_path / "none.pcap", []))
    assert len(empty) == 0
    assert isinstance(lk.Capture(empty.write(tmp_path / "e.pcap")).table(), pd.DataFrame)
