# SPDX-License-Identifier: BSD-3-Clause
"""A capture as a whole, and frame by frame."""

import gzip
from pathlib import Path

import pytest
from scapy.layers.inet import TCP
from scapy.layers.l2 import Ether

import labkit as lk
from tests.captures.files import FIRST_NS, STEP_NS, all_kinds, pcap


def numbered(count: int) -> list[bytes]:
    return [bytes(Ether())[:12] + b"\x12\x34" + n.to_bytes(50, "big") for n in range(count)]


def test_frames_by_number(tmp_path: Path) -> None:
    frames = numbered(5000)
    for name in ("plain.pcap", "packed.pcap.gz"):
        file = pcap(tmp_path / "plain.pcap", frames)
        if name.endswith(".gz"):
            (tmp_path / name).write_bytes(gzip.compress(file.read_bytes()))
        capture = lk.Capture(tmp_path / name)
        assert len(capture) == 5000
        for number in (0, 17, 1023, 1024, 4999):
            assert bytes(capture[number]) == frames[number]
            assert capture[number].number == number
            assert capture[number].time_ns == FIRST_NS + number * STEP_NS
        assert capture[-1].data == frames[-1]
        assert [frame.data for frame in capture[1000:1100:7]] == frames[1000:1100:7]
        assert [frame.number for frame in capture[5:2:-1]] == [5, 4, 3]
        assert capture[7:7] == []
        assert [frame.data for frame in capture] == frames


def test_a_number_that_is_none(tmp_path: Path) -> None:
    capture = lk.Capture(pcap(tmp_path / "three.pcap", numbered(3)))
    with pytest.raises(
        IndexError, match=r"no frame 3: three.pcap has 3 frames, which are numbered"
    ):
        capture[3]
    with pytest.raises(IndexError, match="no frame -4"):
        capture[-4]
    with pytest.raises(lk.LabError, match=r"capture\['17'\]: a frame is known by its number"):
        capture["17"]  # type: ignore[call-overload]


def test_a_frame_in_full(tmp_path: Path) -> None:
    capture = lk.Capture(pcap(tmp_path / "kinds.pcap", all_kinds()))
    frame = capture[1]
    assert frame.scapy[TCP].dport == 80
    assert int(frame.scapy.time * 10**9) == FIRST_NS + STEP_NS
    assert [layer.name for layer in frame.explain().layers] == ["Ethernet", "IP", "TCP"]
    assert repr(frame) == "<CapturedFrame 1: 54 bytes at 2023-11-14 22:13:20.001000000 UTC>"
    assert "2023-11-14" in frame._repr_html_()
    assert lk.explain(frame).layers == frame.explain().layers
    both = capture.explain(most=2)
    assert both.numbers == (0, 1)
    assert both[1].layers == frame.explain().layers
    assert repr(frame) in repr(both)
    assert both._repr_html_().count("2023-11-14") == 2
    assert repr(capture.explain(where="greater 2000")) == "no frame"


def test_frames_of_other_links(tmp_path: Path) -> None:
    packet = all_kinds()[1][14:]
    file = pcap(tmp_path / "raw.pcap", [packet], link_type=101)
    (row,) = lk.Capture(file).table(["layers", "dst_port", "eth_src"]).itertuples()
    assert (row.layers, row.dst_port) == ("ip:tcp", 80)
    assert lk.Capture(file)[0].scapy[TCP].dport == 80


def test_what_is_no_capture(tmp_path: Path) -> None:
    with pytest.raises(lk.LabError, match=r"no.pcap is no capture that can be read: No such file"):
        lk.Capture(tmp_path / "no.pcap")
    (tmp_path / "text.pcap").write_text("no capture at all")
    with pytest.raises(lk.LabError, match="neither pcap nor pcapng"):
        lk.Capture(tmp_path / "text.pcap")
    with pytest.raises(lk.LabError, match="no regular file"):
        lk.Capture(tmp_path)


def test_a_file_that_is_cut_short_gives_its_whole_frames(tmp_path: Path) -> None:
    file = pcap(tmp_path / "cut.pcap", numbered(10))
    file.write_bytes(file.read_bytes()[:-5])
    capture = lk.Capture(file)
    with pytest.warns(UserWarning, match="behind frame 9 it ends within a record"):
        assert len(capture.table(["length"])) == 9
    with pytest.warns(UserWarning, match="behind frame 9"):
        assert len(capture) == 9


def test_a_file_that_changes_is_read_again(tmp_path: Path) -> None:
    file = pcap(tmp_path / "grows.pcap", numbered(3))
    capture = lk.Capture(file)
    assert (len(capture), capture.summary.frames) == (3, 3)
    pcap(file, numbered(4))
    assert (len(capture), capture.summary.frames) == (4, 4)
    assert capture[3].data == numbered(4)[3]
    file.unlink()
    with pytest.raises(lk.LabError, match="cannot be read any more: No such file"):
        len(capture)
