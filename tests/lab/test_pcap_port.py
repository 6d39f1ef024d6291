# SPDX-License-Identifier: BSD-3-Clause
"""A pcap port sends whole Ethernet frames: captures of other kinds become that, or are refused."""

import gzip
import struct
import warnings
from pathlib import Path

import pytest
from scapy.layers.inet import IP, UDP
from scapy.utils import RawPcapReader

import labkit as lk
from labkit.packet.capture_copy import CaptureCopy
from labkit.packet.capture_ethernet import ethernet_capture
from tests.packet.capture_files import (
    MODIFIED,
    NS,
    enhanced,
    interface,
    pcap_header,
    pcap_record,
    section,
    simple,
)
from tests.patience import wait_until

FRAME = bytes.fromhex("020000000002020000000001") + b"\x88\xb5" + bytes(range(46))
DATAGRAM = bytes(IP(src="10.0.0.1", dst="10.0.0.2") / UDP(sport=1024, dport=4000) / bytes(80))
RAW = bytes.fromhex("02040a00000202040a0000010800") + DATAGRAM


def written(folder: Path, data: bytes, name: str = "in.pcap") -> Path:
    (folder / name).write_bytes(data)
    return folder / name


@pytest.mark.filterwarnings("ignore:.*become Ethernet")
@pytest.mark.parametrize(
    ("data", "frames"),
    [
        (pcap_header(link=101) + pcap_record(DATAGRAM), [RAW]),
        (gzip.compress(pcap_header(NS, ">") + pcap_record(FRAME, order=">")), [FRAME]),
        (pcap_header(link=1 | 0x04000000 | 2 << 28) + pcap_record(FRAME + b"FCS!"), [FRAME]),
        (pcap_header(MODIFIED) + struct.pack("<4I8x", 0, 0, 60, 60) + FRAME, [FRAME]),
        (
            section()
            + interface()
            + interface(101)
            + enhanced(DATAGRAM, number=1)
            + section(">")
            + interface(order=">")
            + enhanced(FRAME, order=">")
            + simple(FRAME, 60, ">"),
            [RAW, FRAME, FRAME],
        ),
        (section() + interface() + enhanced(FRAME) + simple(FRAME, 60), [FRAME, FRAME]),
        (pcap_header(0x1C0001AC) + bytes(4) + pcap_record(FRAME), [FRAME]),
        (pcap_header(snaplen=20) + pcap_record(FRAME), [FRAME]),  # which libpcap would cut
    ],
)
def test_every_frame_is_sent(lab: lk.Lab, tmp_path: Path, data: bytes, frames: list[bytes]) -> None:
    port = lab.port(f"pcap:{written(tmp_path, data)}")
    out = tmp_path / "out.pcapng"
    path = lab.run(lk.rx(port) >> lk.capture(out) >> lk.sink())
    wait_until(lambda: path.ledger.received == len(frames))
    path.flush()
    with RawPcapReader(str(out)) as reader:
        assert [frame for frame, _ in reader] == frames


def test_a_copy_lives_as_long_as_its_port(tmp_path: Path) -> None:
    file = written(tmp_path, gzip.compress(pcap_header() + pcap_record(FRAME) * 3))
    with lk.Lab() as lab:
        port = lab.port(f"pcap:{file}", "replay")
        file.unlink()
        lab.restart()
        path = lab.run(lk.rx(port) >> lk.sink())
        wait_until(lambda: path.ledger.received == 3)


def test_what_libpcap_sends_as_it_stands_is_not_copied(tmp_path: Path) -> None:
    for data in (
        pcap_header() + pcap_record(FRAME),
        pcap_header(NS, ">"),
        section() + interface() + enhanced(FRAME),
    ):
        file = written(tmp_path, data)
        assert ethernet_capture(file) == file


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (
            pcap_header(link=127) + pcap_record(FRAME),
            r"frame 1 is of link type IEEE802_11_RADIOTAP",
        ),
        (
            pcap_header() + pcap_record(FRAME) * 2 + pcap_record(FRAME, length=1500),
            r"of frame 3 only 60 of 1500 bytes were captured; capture whole frames",
        ),
        (
            pcap_header() + pcap_record(FRAME) + pcap_record(FRAME[:13]),
            r"of frame 2 there are 13 bytes, no Ethernet header",
        ),
        (b"no capture", "it begins like neither pcap nor pcapng"),
        (gzip.compress(b"no capture"), "it begins like neither pcap nor pcapng"),
    ],
)
def test_what_is_refused(tmp_path: Path, data: bytes, told: str) -> None:
    file = written(tmp_path, data)
    with lk.Lab() as lab, pytest.raises(lk.PortError, match=f"pcap:{file}.*{told}"):
        lab.port(f"pcap:{file}")


def test_one_that_is_cut_short_sends_its_whole_frames(lab: lk.Lab, tmp_path: Path) -> None:
    data = pcap_header() + pcap_record(FRAME) * 5
    with pytest.warns(UserWarning, match="behind frame 4 it ends within a record") as said:
        port = lab.port(f"pcap:{written(tmp_path, data[:-1])}")
    assert said[0].filename == __file__
    path = lab.run(lk.rx(port) >> lk.sink())
    wait_until(lambda: path.ledger.received == 4)


def test_a_large_one_in_many_batches(tmp_path: Path) -> None:
    data = pcap_header(link=101) + pcap_record(DATAGRAM) * 200_000
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        copy = ethernet_capture(written(tmp_path, data))
    assert len(said) == 1
    assert isinstance(copy, CaptureCopy)
    assert copy.path.read_bytes()[24:] == pcap_record(RAW) * 200_000
