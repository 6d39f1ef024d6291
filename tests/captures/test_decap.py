# SPDX-License-Identifier: BSD-3-Clause
"""A capture without its tunnels: as receivers take them off, and as the walk finds them."""

from pathlib import Path

import pandas as pd
import pytest
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.l2 import GRE, CookedLinux, Ether
from scapy.layers.vxlan import VXLAN
from scapy.packet import Packet

import labkit as lk
from tests.captures.files import all_kinds, pcap
from tests.tunnels import FRAMES, LINK, TUNNELS, put

INNER = Ether(src="02:00:00:00:01:01", dst="02:00:00:00:01:02") / IP(src="10.1.0.1") / TCP()


def outer(source: str = "192.0.2.1") -> Packet:
    return LINK / IP(src=source, dst="192.0.2.2") / UDP(sport=50_000, dport=4789)


@pytest.mark.parametrize("name", TUNNELS)
def test_a_tunnel_is_taken_off(name: str, tmp_path: Path) -> None:
    """By its end, and by the walk, which say the same."""
    tunnel, plain = TUNNELS[name], FRAMES["udp_v4"]
    wrapped = tunnel.encap(plain)
    capture = lk.Capture(pcap(tmp_path / "t.pcap", [wrapped, plain]))
    right = bytes(tunnel.decap(wrapped).frame)
    for stripped in (capture.decap(tunnel), capture.decap()):
        table = stripped.table()
        assert table["verdict"].tolist() == ["taken", "no tunnel"]
        assert table["depth"].tolist() == [1, 0]
        assert table["length"].tolist() == [len(wrapped), len(plain)]
        assert table["inner_length"].tolist()[0] == len(right)
        assert stripped.verdicts == {"taken": 1, "no tunnel": 1}
        inside = lk.Capture(stripped.write(tmp_path / "inner.pcapng"))
        assert [frame.data[14:] for frame in inside] == [right[14:], plain[14:]]
        assert inside.table()["time_ns"].tolist() == capture.table()["time_ns"].tolist()


def test_tunnels_in_tunnels(tmp_path: Path) -> None:
    vxlan = lk.Vxlan(vni=7)
    twice = bytes(outer() / VXLAN(vni=7) / outer() / VXLAN(vni=8) / INNER)
    gre = bytes(LINK / IP() / GRE() / IP(src="10.9.0.1") / TCP())
    capture = lk.Capture(pcap(tmp_path / "n.pcap", [twice, gre]))
    assert capture.decap().table()["depth"].tolist() == [2, 1]
    first = capture.decap(vxlan, nested=False)
    assert first.table()["depth"].tolist() == [1, 0]
    both = capture.decap(vxlan, lk.Vxlan(vni=8))
    assert both.table()["depth"].tolist() == [2, 0]
    assert both.table()["vni"].tolist()[0] == 7
    inside = lk.Capture(capture.decap().write(tmp_path / "inner.pcap"))
    assert inside[0].data == bytes(INNER)
    assert inside[1].scapy[IP].src == "10.9.0.1"


def test_what_is_refused(tmp_path: Path) -> None:
    good = TUNNELS["vxlan_v4"].encap(FRAMES["tcp_v4"])
    wrong = put(good, 24, b"\0\0")  # the outer IP checksum
    capture = lk.Capture(pcap(tmp_path / "r.pcap", [good, wrong]))
    vxlan = lk.Vxlan(vni=42)
    assert capture.decap(vxlan).table()["verdict"].tolist() == [
        "taken",
        "outer_ipv4_bad_checksum",
    ]
    kept = lk.Capture(capture.decap(vxlan).write(tmp_path / "k.pcap"))
    assert [frame.data for frame in kept] == [FRAMES["tcp_v4"], wrong]
    dropped = lk.Capture(capture.decap(vxlan, on_error="drop").write(tmp_path / "d.pcap"))
    assert [frame.data for frame in dropped] == [FRAMES["tcp_v4"]]
    with pytest.raises(lk.LabError, match="refused: outer_ipv4_bad_checksum; its table"):
        capture.decap(vxlan, on_error="raise").write(tmp_path / "x.pcap")
    assert not (tmp_path / "x.pcap").exists()
    with pytest.raises(lk.LabError, match="on_error is 'skip'"):
        capture.decap(vxlan, on_error="skip")  # type: ignore[arg-type]
    with pytest.raises(lk.LabError, match="it is a tunnel, such as"):
        capture.decap("vxlan")  # type: ignore[arg-type]


def test_a_source_that_is_no_hosts(tmp_path: Path) -> None:
    """Open vSwitch takes it where its tunnel has remote_ip=flow."""
    frame = bytes(outer("127.0.0.1") / VXLAN(vni=7) / INNER)
    capture = lk.Capture(pcap(tmp_path / "l.pcap", [frame]))
    assert capture.decap(lk.Vxlan(vni=7)).table()["verdict"].tolist() == ["tunnel_bad_source"]
    taken = capture.decap(lk.Vxlan(vni=7), any_source=True)
    assert taken.table()["verdict"].tolist() == ["taken"]


def test_what_was_not_kept_whole(tmp_path: Path) -> None:
    frame = bytes(outer() / VXLAN(vni=7) / INNER)
    file = pcap(tmp_path / "cut.pcap", [frame[:80]], lengths=[len(frame)])
    capture = lk.Capture(file)
    assert capture.decap(lk.Vxlan(vni=7)).table()["verdict"].tolist() == ["cut short"]
    assert capture.decap().table()["verdict"].tolist() == ["taken"]
    (inside,) = lk.Capture(capture.decap().write(tmp_path / "inner.pcapng"))
    assert (len(inside), inside.wire_length) == (30, len(bytes(INNER)))


def test_other_links(tmp_path: Path) -> None:
    cooked = bytes(CookedLinux(proto=0x0800) / outer()[IP] / VXLAN(vni=7) / INNER)
    capture = lk.Capture(pcap(tmp_path / "sll.pcap", [cooked], link_type=113))
    for stripped in (capture.decap(), capture.decap(lk.Vxlan(vni=7))):
        inside = lk.Capture(stripped.write(tmp_path / "inner.pcapng"))
        assert inside[0].data == bytes(INNER)
        assert inside[0].link_type == 1


def test_all_kinds_survive(tmp_path: Path) -> None:
    """What is in no tunnel is written as it is."""
    capture = lk.Capture(pcap(tmp_path / "kinds.pcap", all_kinds()))
    table = capture.decap().table()
    inside = lk.Capture(capture.decap().write(tmp_path / "inner.pcapng"))
    for before, after, depth in zip(capture, inside, table["depth"], strict=True):
        assert (before.data == after.data) == (depth == 0)
    assert pd.isna(table["inner_length"]).sum() == (table["depth"] == 0).sum()
