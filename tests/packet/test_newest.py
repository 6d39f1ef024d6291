# SPDX-License-Identifier: BSD-3-Clause
"""The last frames of a file, whatever stands in it by then."""

from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given
from hypothesis import strategies as st
from scapy.utils import wrpcap, wrpcapng

from labkit.packet.newest import frames_from

FRAMES = [bytes([n]) * (20 + n) for n in range(9)]


def test_frames_as_others_write_them(tmp_path: Path) -> None:
    wrpcap(str(tmp_path / "x.pcap"), FRAMES, nano=True, linktype=1)
    assert [one.data for one in frames_from(tmp_path / "x.pcap", 24)] == FRAMES
    wrpcapng(str(tmp_path / "x.pcapng"), FRAMES)
    data = (tmp_path / "x.pcapng").read_bytes()
    begin = data.index((6).to_bytes(4, "little"))
    found = frames_from(tmp_path / "x.pcapng", begin)
    assert [(one.data, one.length, one.way) for one in found] == [(f, len(f), "") for f in FRAMES]


def test_a_record_that_is_cut_is_none(tmp_path: Path) -> None:
    for name in ("x.pcap", "x.pcapng"):
        file = tmp_path / name
        if name == "x.pcap":
            wrpcap(str(file), FRAMES, linktype=1)
        else:
            wrpcapng(str(file), FRAMES)
        whole = file.read_bytes()
        begin = 24 if name == "x.pcap" else whole.index((6).to_bytes(4, "little"))
        for cut in range(1, 50):
            file.write_bytes(whole[:-cut])
            found = [one.data for one in frames_from(file, begin)]
            assert found == FRAMES[: len(found)]
            assert len(FRAMES) - 2 <= len(found) < len(FRAMES)


@given(st.binary(max_size=300), st.sampled_from(["x.pcap", "x.pcapng"]), st.integers(0, 310))
def test_any_bytes(data: bytes, name: str, offset: int) -> None:
    with TemporaryDirectory() as folder:
        file = Path(folder) / name
        file.write_bytes(data)
        for one in frames_from(file, offset):
            assert one.data in data
