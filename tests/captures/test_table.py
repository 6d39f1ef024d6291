# SPDX-License-Identifier: BSD-3-Clause
"""A capture's table: what its columns tell, compared with tshark, and in pieces."""

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import labkit as lk
from labkit.packet.filter import compile_filter
from tests.captures.files import FIRST_NS, STEP_NS, all_kinds, pcap, tshark
from tests.tunnels import FRAMES, TUNNELS

SAME = {  # columns, and what tshark calls them
    "length": "frame.len",
    "captured": "frame.cap_len",
    "eth_src": "eth.src",
    "vlan": "vlan.id",
    "vlan_priority": "vlan.priority",
    "ttl": "ip.ttl",
    "ip_id": "ip.id",
    "ip_length": "ip.len",
    "tcp_seq": "tcp.seq_raw",
    "tcp_ack": "tcp.ack_raw",
    "tcp_window": "tcp.window_size_value",
    "dscp": "ip.dsfield.dscp",
    "ecn": "ip.dsfield.ecn",
    "vni": "vxlan.vni",
}


@pytest.fixture(scope="module")
def kinds(tmp_path_factory: pytest.TempPathFactory) -> lk.Capture:
    return lk.Capture(pcap(tmp_path_factory.mktemp("captures") / "kinds.pcap", all_kinds()))


def test_columns_tell_what_tshark_tells(kinds: lk.Capture) -> None:
    """Of what the outermost headers say, as far as a frame has them at all."""
    table = kinds.table([*SAME, "proto", "layers"])
    compared = 0
    for (_, row), told in zip(
        table.iterrows(), tshark(kinds.file, list(SAME.values())), strict=True
    ):
        is_v4 = row["layers"].startswith(("eth:ip:", "eth:vlan:ip:"))
        for column, text in zip(SAME, told, strict=True):
            value, first = row[column], text.split(",")[0]
            if SAME[column].startswith("ip.") and not is_v4:
                continue  # IPv6 has other names for it, and a tunnel may carry IPv4
            if column.startswith("tcp") and row["proto"] != "tcp":
                continue
            if column == "vni" and "vxlan" not in row["layers"]:
                continue  # GENEVE's has another name
            if "vlan:vlan" in row["layers"]:
                continue  # whose outer tag has another name, too
            if column == "tcp_ack" and pd.isna(value):
                assert first == "0"  # without its flag it is none
            elif column == "eth_src":
                assert value == first
            else:
                assert (pd.isna(value) and not first) or value == int(first, 0), (row, column)
            compared += 1
    assert compared > 6 * len(table)


def test_what_a_frame_is(kinds: lk.Capture) -> None:
    table = kinds.table()
    arp, syn_ack, tagged, marked = (table.iloc[n] for n in range(4))
    assert list(table.index[:3]) == [0, 1, 2]
    assert table["time_ns"].tolist()[:2] == [FIRST_NS, FIRST_NS + STEP_NS]
    assert (arp["layers"], arp["proto"]) == ("eth:arp", "arp")
    assert pd.isna(arp["ip_src"])
    assert (syn_ack["tcp_flags"], syn_ack["src_port"], syn_ack["dst_port"]) == ("SA", 1, 80)
    assert (syn_ack["ip_checksum"], syn_ack["l4_checksum"]) == ("good", "good")
    assert (tagged["vlan"], tagged["ip_src"], tagged["payload_length"]) == (42, "2001:db8::1", 6)
    assert (tagged["ip_offset"], tagged["l4_offset"], tagged["payload_offset"]) == (18, 58, 66)
    assert (marked["dscp"], marked["ecn"], marked["ttl"]) == (0x2E, 1, 3)


@pytest.mark.parametrize("name", TUNNELS)
def test_tunnels_and_what_they_carry(name: str, tmp_path: Path) -> None:
    tunnel = TUNNELS[name]
    table = lk.Capture(pcap(tmp_path / "t.pcap", [tunnel.encap(FRAMES["tcp_v4"])])).table()
    row, opened = table.iloc[0], tunnel.decap(tunnel.encap(FRAMES["tcp_v4"]))
    # A receiver that was told of no options takes no critical one.
    verdict = "geneve_critical_option" if "options" in name else "taken"
    assert (row["tunnel"], row["tunnel_depth"], row["verdict"]) == (tunnel.PROTOCOL, 1, verdict)
    assert pd.isna(row["vni"]) if opened.vni is None else row["vni"] == opened.vni
    assert row["ip_src"] == opened.source
    assert (row["inner_ip_src"], row["inner_proto"]) == ("10.0.0.1", "tcp")
    assert (row["inner_ip_checksum"], row["inner_l4_checksum"]) == ("good", "good")
    inner_eth = row["inner_eth_src"]
    assert pd.isna(inner_eth) == (opened.payload == "ip")


def test_what_was_asked_for_and_no_more(kinds: lk.Capture) -> None:
    table = kinds.table(["ip_dst", "length", "ip_dst"])
    assert list(table.columns) == ["ip_dst", "length"]
    with pytest.raises(lk.LabError, match=r"no column 'ip_source'.*did you mean.*'ip_src'"):
        kinds.table(["ip_source"])
    with pytest.raises(lk.LabError, match="it is a list of names"):
        kinds.table("ip_src")  # type: ignore[arg-type]
    with pytest.raises(lk.LabError, match="columns is empty"):
        kinds.table([])
    offsets = kinds.table(["offsets", "layers"])
    for at, layers in zip(offsets["offsets"], offsets["layers"], strict=True):
        assert len(at) == layers.count(":") + 1
        assert at == sorted(at)


def test_every_column_is_told_of_and_can_be_had(kinds: lk.Capture) -> None:
    told = lk.Capture.columns()
    table = kinds.table(list(told["column"]))
    assert list(table.columns) == [name for name in told["column"] if name != "frame"]
    assert told["what it tells"].str.len().min() > 3
    assert {"inner_ip_src", "inner_l4_checksum"} <= set(told["column"])


def test_arrow_tells_the_same(kinds: lk.Capture) -> None:
    columns = ["time_ns", "ip_src", "proto", "src_port", "offsets"]
    arrow, table = kinds.arrow(columns), kinds.table(columns)
    assert isinstance(arrow, pa.Table)
    assert arrow.column_names == ["frame", *columns]
    again = arrow.to_pandas(types_mapper={pa.uint16(): pd.UInt16Dtype()}.get)
    assert again["ip_src"].astype(object).fillna("").tolist() == (
        table["ip_src"].astype(object).fillna("").tolist()
    )
    assert again["src_port"].equals(table["src_port"].reset_index(drop=True))


@pytest.mark.parametrize("rows", [1, 7, 10_000])
def test_batches_are_the_table_in_pieces(kinds: lk.Capture, rows: int) -> None:
    columns = ["length", "ip_src", "layers"]
    whole, pieces = kinds.table(columns), list(kinds.batches(rows, columns))
    assert [len(piece) for piece in pieces[:-1]] == [rows] * (len(pieces) - 1)
    assert 0 < len(pieces[-1]) <= rows
    joined = pd.concat([piece.astype(object) for piece in pieces])
    pd.testing.assert_frame_equal(joined, pd.DataFrame(whole).astype(object))


def test_parquet_holds_the_table(kinds: lk.Capture, tmp_path: Path) -> None:
    file = kinds.to_parquet(tmp_path / "kinds.parquet", ["length", "ip_dst"])
    again = pd.read_parquet(file)
    assert again["length"].tolist() == kinds.table(["length"])["length"].tolist()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["kinds.parquet"]
    file.chmod(0o640)
    assert kinds.to_parquet(file, ["length"]).stat().st_mode & 0o777 == 0o640
    with pytest.raises(lk.LabError, match="cannot be written: No such file"):
        kinds.to_parquet(tmp_path / "no" / "such.parquet")


def test_a_frame_that_is_cut_and_one_that_is_wrong(tmp_path: Path) -> None:
    whole = all_kinds()[1]
    wrong = bytearray(whole)
    wrong[24] ^= 1  # of the IP checksum
    unfinished = bytearray(all_kinds()[1])
    pseudo = np.frombuffer(whole[26:34] + b"\0\6\0\x14", ">u2").astype(int).sum()
    unfinished[50:52] = int(pseudo % 65_535).to_bytes(2, "big")
    frames = [whole[:40], bytes(wrong), bytes(unfinished)]
    file = pcap(tmp_path / "cut.pcap", frames, lengths=[54, 54, 54])
    table = lk.Capture(file).table()
    assert table["captured"].tolist() == [40, 54, 54]
    assert table["problem"].astype(object).fillna("").tolist() == ["cut", "", ""]
    assert table["ip_checksum"].tolist() == ["good", "wrong", "good"]
    assert table["l4_checksum"].tolist() == ["cannot be told", "good", "unfinished"]


def test_no_frames_is_an_empty_table(tmp_path: Path) -> None:
    capture = lk.Capture(pcap(tmp_path / "none.pcap", []))
    assert len(capture.table()) == 0
    assert capture.table()["length"].dtype == pd.UInt32Dtype()
    assert list(capture.batches()) == []
    assert capture.arrow(["ip_src"]).num_rows == 0
    assert len(capture.flows()) == 0


@pytest.mark.parametrize(
    "where", ["tcp", "udp port 4789", "vlan and ip6", "arp or icmp", "greater 100"]
)
def test_where_takes_what_libpcap_takes(kinds: lk.Capture, where: str) -> None:
    wanted = compile_filter(where)
    numbers = [frame.number for frame in kinds if wanted.matches(frame.data)]
    assert 0 < len(numbers) < len(kinds)
    assert kinds.table(["length"], where=where).index.tolist() == numbers
    assert list(kinds.explain(where=where).numbers) == numbers[:20]
    with_ip = kinds.table(["ip_version"], where=where)["ip_version"].notna()
    assert kinds.flows(where=where)["frames"].sum() == with_ip.sum()


def test_where_that_is_wrong_shows_where(kinds: lk.Capture) -> None:
    with pytest.raises(lk.LabError, match=r"(?s)tcp\.port == 80.*\^"):
        kinds.table(where="tcp.port == 80")


def test_where_by_link_type(tmp_path: Path) -> None:
    """What raw IP cannot have takes none of it; what it has is found in its place."""
    packet = all_kinds()[1][14:]
    raw = lk.Capture(pcap(tmp_path / "raw.pcap", [packet], link_type=101))
    assert len(raw.table(where="tcp dst port 80")) == 1
    assert len(raw.table(where="tcp dst port 81")) == 0
    assert len(raw.table(where="arp")) == 0
