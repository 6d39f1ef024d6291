# SPDX-License-Identifier: BSD-3-Clause
"""Every kind of capture gives its records, from any of them on."""

import gzip
import struct
import subprocess
import threading
from pathlib import Path

import numpy as np
import pytest

import labkit as lk
from labkit.packet.capture_reader import MOST_KEPT, RECORD, CaptureReader
from tests.fuzz.target import capture_seeds
from tests.packet.capture_files import (
    MODIFIED,
    NAMES,
    NS,
    SECRETS,
    STATISTICS,
    US,
    block,
    enhanced,
    interface,
    noisy,
    old_packet,
    pcap_header,
    pcap_record,
    read,
    section,
    simple,
    written,
)

S = 10**9
FRAME = bytes(range(60))


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize(("magic", "unit"), [(US, 1000), (NS, 1)])
def test_pcap(tmp_path: Path, magic: int, unit: int, order: str) -> None:
    data = pcap_header(magic, order) + pcap_record(FRAME, (7, 5), order, 1500)
    found, reader = read(written(tmp_path, data))
    assert found == [(7 * S + 5 * unit, FRAME, 1500)]
    assert (reader.is_whole, reader.warnings) == (True, ())
    (one,) = reader.interfaces
    assert (one.link_type, one.snaplen, one.resolution) == (1, 65535, unit / S)
    assert reader.sections[0].is_big == (order == ">")


@pytest.mark.parametrize("order", "<>")
def test_modified_pcap(tmp_path: Path, order: str) -> None:
    record = struct.pack(f"{order}4IIHBB", 7, 5, 60, 61, 2, 0x0800, 4, 0) + FRAME
    data = pcap_header(MODIFIED, order) + record * 2
    found, _ = read(written(tmp_path, data))
    assert found == [(7 * S + 5000, FRAME, 61)] * 2


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("magic", [0x1C0001AC, 0x1C0001AB])
def test_pcap_of_ixia(tmp_path: Path, magic: int, order: str) -> None:
    """The size of all records follows on the header."""
    data = pcap_header(magic, order) + bytes(4) + pcap_record(FRAME, (7, 5), order, 1500) * 2
    found, reader = read(written(tmp_path, data))
    assert found == [(7 * S + 5000, FRAME, 1500)] * 2
    reader.seek(0)
    assert sum(map(len, reader.batches())) == 2


def test_pcap_of_aix(tmp_path: Path) -> None:
    """Nanoseconds, lengths in the other order, and an interface type for the link type."""
    data = pcap_header(US, ">", 6, 2) + struct.pack(">4I", 7, 5, 1500, 60) + FRAME
    found, reader = read(written(tmp_path, data))
    assert found == [(7 * S + 5, FRAME, 1500)]
    assert reader.interfaces[0].link_type == 1


@pytest.mark.parametrize(
    ("minor", "lengths"), [(2, (1500, 60)), (3, (1500, 60)), (3, (60, 1500)), (4, (60, 1500))]
)
def test_old_pcaps_have_their_lengths_swapped(
    tmp_path: Path, minor: int, lengths: tuple[int, int]
) -> None:
    data = pcap_header(minor=minor) + struct.pack("<4I", 0, 0, *lengths) + FRAME
    found, _ = read(written(tmp_path, data))
    assert found == [(0, FRAME, 1500)]


@pytest.mark.parametrize(
    ("link", "fcs"), [(1, 0), (1 | 0x04000000 | 2 << 28, 4), (1 | 0x04000000, 0), (1 | 2 << 28, 0)]
)
def test_fcs_of_pcap(tmp_path: Path, link: int, fcs: int) -> None:
    with CaptureReader(written(tmp_path, pcap_header(link=link) + pcap_record(FRAME))) as reader:
        (batch,) = reader.batches()
        assert batch.records["fcs"].tolist() == [fcs]
        assert batch.records["link_type"].tolist() == [1]


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize(
    ("resolution", "offset", "units", "time"),
    [
        (6, 0, 7_000_005, 7 * S + 5000),
        (9, 0, 7, 7),
        (3, 5, 7, 5 * S + 7_000_000),
        (12, 0, 7_999, 7),
        (0, 0, 7, 7 * S),
        (30, 0, 2**64 - 1, 0),
        (0x80 | 10, 0, 1024 + 512, 3 * S // 2),
        (0x80 | 63, 0, 2**62, S // 2),
        (0x80 | 127, 0, 2**63, 0),
        (9, -8, 7, 7 - 8 * S),  # before 1970
        (6, 0, 2**63, None),  # the year 294441
        (9, 0, 2**63, None),
        (9, 2**62, 0, None),
        (9, -(2**63), 0, None),
    ],
)
def test_times_of_pcapng(
    tmp_path: Path, order: str, resolution: int, offset: int, units: int, time: int | None
) -> None:
    told = ((9, bytes([resolution])), (14, struct.pack(f"{order}q", offset)))
    data = section(order) + interface(1, 0, told, order) + enhanced(FRAME, units, order=order)
    found, reader = read(written(tmp_path, data))
    assert found == [(time, FRAME, 60)]
    assert ("times before 1677" in "".join(reader.warnings)) == (time is None)


def test_sections_of_both_orders_with_interfaces_of_their_own(tmp_path: Path) -> None:
    data = (
        section("<", ((1, b"first"), (3, b"an OS"), (4, b"dumpcap")))
        + interface(1, 96, ((2, b"eth0"), (3, b"the uplink"), (1, b"seen")))
        + interface(101, 0, ((9, b"\x09"), (13, b"\x04"), (8, struct.pack("<Q", 10**10))))
        + enhanced(FRAME, 3, 1)
        + enhanced(FRAME, 3, 0)
        + section(">")
        + interface(113, 0, ((9, b"\x03"), (2, "größer".encode())), ">")
        + enhanced(FRAME, 3, order=">")
        + section("<")
        + interface(1, 0, ((9, b"\x00"), (11, b"\x00port 53")))
        + old_packet(FRAME, 3)
    )
    with CaptureReader(written(tmp_path, data)) as reader:
        (batch,) = reader.batches()
        rows = batch.records[["section", "interface", "link_type", "time_ns", "fcs"]].tolist()
        assert rows == [
            (0, 1, 101, 3, 4),
            (0, 0, 1, 3000, 0),
            (1, 2, 113, 3_000_000, 0),
            (2, 3, 1, 3 * S, 0),
        ]
        first, second, third, last = reader.interfaces
        assert (first.name, first.description, first.comments) == ("eth0", "the uplink", ("seen",))
        assert (first.snaplen, first.resolution) == (96, 1e-6)
        assert (second.speed, second.number, second.section) == (10**10, 1, 0)
        assert (third.name, third.number, third.section) == ("größer", 0, 1)
        assert (last.filter, last.resolution) == ("port 53", 1)
        assert [one.is_big for one in reader.sections] == [False, True, False]
        assert reader.sections[0].comments == ("first",)
        assert (reader.sections[0].os, reader.sections[0].application) == ("an OS", "dumpcap")


@pytest.mark.parametrize(
    ("snaplen", "length", "held", "kept"),
    [
        (0, 60, 60, 60),
        (0, 58, 60, 58),
        (14, 60, 16, 14),
        (96, 60, 60, 60),
        (0, 1500, 60, 60),  # the block was cut
        (0, 0, 0, 0),
    ],
)
def test_simple_packets(tmp_path: Path, snaplen: int, length: int, held: int, kept: int) -> None:
    data = section() + interface(1, snaplen) + simple(FRAME[:held], length)
    found, reader = read(written(tmp_path, data))
    assert found == [(None, FRAME[:kept], length)]
    assert reader.warnings == ()


def test_comments_and_flags_of_packets(tmp_path: Path) -> None:
    flags = (2, struct.pack("<I", 2 | 4 << 5))
    data = (
        section()
        + interface()
        + enhanced(FRAME, options=((1, b"one"), flags, (1, b"two")))
        + enhanced(FRAME)
        + enhanced(FRAME[:59], options=((1, b"\xff"),))
        + enhanced(FRAME, options=((99, b"unknown"),))
    )
    with CaptureReader(written(tmp_path, data)) as reader:
        (batch,) = reader.batches()
    assert batch.comments == {0: ("one", "two"), 2: ("\ufffd",)}
    assert batch.records["flags"].tolist() == [2 | 4 << 5, 0, 0, 0]
    assert batch.records["fcs"].tolist() == [4, 0, 0, 0]


def test_blocks_between_are_walked_over(tmp_path: Path) -> None:
    others = block(SECRETS, bytes(64)) + block(NAMES, bytes(4)) + block(STATISTICS, bytes(12))
    large = block(0x0BAD, bytes(3 << 20))  # more than a window
    data = others[:0] + section() + others + interface() + large
    data += enhanced(FRAME, 1) + large + others + enhanced(FRAME, 2) + large
    for packed in (data, gzip.compress(data)):  # of a file, and of a pipe
        found, reader = read(written(tmp_path, packed))
        assert [time for time, *_ in found] == [1000, 2000]
        assert reader.is_whole


def test_what_is_kept_beyond_the_wire_counts_and_is_told(tmp_path: Path) -> None:
    data = section() + interface() + enhanced(FRAME) + enhanced(FRAME, length=14)
    found, reader = read(written(tmp_path, data))
    assert [length for *_, length in found] == [60, 60]
    assert "1 frames, the first of them frame 2, kept more bytes" in reader.warnings[0]


def test_records_of_no_bytes_stay_so(tmp_path: Path) -> None:
    data = pcap_header() + pcap_record(b"") + pcap_record(b"", length=60) + pcap_record(FRAME)
    found, _ = read(written(tmp_path, data))
    assert [(kept, length) for _, kept, length in found] == [(b"", 0), (b"", 60), (FRAME, 60)]


@pytest.mark.parametrize("order", "<>")
def test_reading_on_at_any_record(tmp_path: Path, order: str) -> None:
    first = section(order) + interface(1, 0, (), order) + enhanced(FRAME, 1, order=order)
    first += interface(101, 0, ((9, b"\x09"),), order)
    first += enhanced(FRAME[:20], 2, 1, order=order) * 3
    second = section("<") + interface(113, 0, ((9, b"\x00"),)) + enhanced(FRAME, 3) * 2
    with CaptureReader(written(tmp_path, first + second)) as reader:
        (all_of_it,) = reader.batches()
        told = reader.interfaces
        names = [name for name in RECORD.names or () if name != "offset"]
        for n in [*range(len(all_of_it)), *reversed(range(len(all_of_it)))]:
            reader.seek(int(all_of_it.records["at"][n]))
            (rest,) = reader.batches()
            assert rest.first == -1
            assert rest.records[names].tolist() == all_of_it.records[names][n:].tolist()
        reader.seek(0)
        (again,) = reader.batches()
        assert again.records.tolist() == all_of_it.records.tolist()
        assert again.buffer.tobytes() == all_of_it.buffer.tobytes()
        assert reader.interfaces == told
        for wrong in (10**6, -1):
            with pytest.raises(lk.LabError, match="where a record begins that was read before"):
                reader.seek(wrong)


def test_many_threads_read_one_file(tmp_path: Path) -> None:
    """Each record once, among them."""
    found: list[int] = []
    with CaptureReader(written(tmp_path, noisy(50_000))) as reader:

        def read_some() -> None:
            found.extend(len(batch) for batch in reader.batches(frames=100))

        threads = [threading.Thread(target=read_some) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sum(found) == 50_000


def test_pcap_from_any_record(tmp_path: Path) -> None:
    with CaptureReader(written(tmp_path, noisy(50_000))) as reader:
        batches = list(reader.batches(frames=20_000))
        reader.seek(int(batches[1].records["at"][7]))
        again = next(reader.batches(frames=5))
        at = int(batches[1].records["offset"][7])
        assert again.buffer.tobytes() == batches[1].buffer[at : at + 5 * 74].tobytes()
        assert [batch.first for batch in batches] == [0, 20_000, 40_000]


def test_small_batches_hold_the_same(tmp_path: Path) -> None:
    data = pcap_header() + b"".join(
        pcap_record(bytes([n % 256]) * n, (n, 0)) for n in (*range(2000), 262_144, 0, 262_144, 5)
    )
    file = written(tmp_path, data)
    whole, _ = read(file)
    assert len(whole) == 2004
    for how in ({"frames": 1}, {"frames": 7}, {"size": 1}, {"frames": 10**5, "size": 1 << 28}):
        assert read(file, **how)[0] == whole


def test_arrays_of_the_wrong_kind(tmp_path: Path) -> None:
    reader = CaptureReader(written(tmp_path, noisy(1)))
    buffer, records = np.empty(MOST_KEPT, np.uint8), np.empty(1, RECORD)
    with pytest.raises(lk.LabError, match="it is 262,144 uint8 or more"):
        reader.read(buffer[:-1], records)
    with pytest.raises(lk.LabError, match="it is of dtype RECORD"):
        reader.read(buffer, np.empty(1, "u8"))
    assert reader.read(buffer, records[:0]) == 0
    assert reader.read(buffer, records) == 1
    reader.close()
    for use in (lambda: reader.read(buffer, records), lambda: reader.warnings, reader.close):
        if use == reader.close:
            use()
        else:
            with pytest.raises(lk.LabError, match="the reader is closed"):
                use()


def test_many_comments_end_a_batch(tmp_path: Path) -> None:
    """A hostile file makes no batch of gigabytes."""
    one = enhanced(b"", options=((1, b"x" * 65_000),) * 10)
    found, texts = 0, 0
    with CaptureReader(written(tmp_path, section() + interface() + one * 40)) as reader:
        for batch in reader.batches():
            found += len(batch)
            texts += sum(map(len, batch.comments.values()))
            assert len(batch) < 10
    assert (found, texts) == (40, 400)


def test_what_tshark_reads(tmp_path: Path) -> None:
    """Each seed of the fuzzer: frames, lengths and times are those that Wireshark tells."""
    seeds = dict(capture_seeds())
    alike = [seeds.pop(name) for name in list(seeds) if name.startswith("frame-")]
    assert len({data[:24] for data in alike}) == 1
    seeds["frames"] = alike[0][:24] + b"".join(data[24:] for data in alike)  # tshark starts slowly
    for name, data in seeds.items():
        file = written(tmp_path, data, name)
        ours = [(time, len(kept), length) for time, kept, length in read(file)[0]]
        fields = ("frame.time_epoch", "frame.cap_len", "frame.len")
        command = ["tshark", "-n", "-r", str(file), "-T", "fields"]
        for field in fields:
            command += ["-e", field]
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        theirs = [line.split("\t") for line in said.splitlines()]
        assert len(theirs) == len(ours), name
        for (time, kept, length), (epoch, cap, on_wire) in zip(ours, theirs, strict=True):
            assert (kept, length) == (int(cap), int(on_wire)), name
            if time is not None:
                assert time == int(epoch.replace(".", "")), name
