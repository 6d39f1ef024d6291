# SPDX-License-Identifier: BSD-3-Clause
"""Tables, explanations and flows say the same of a frame, whatever it is made of."""

import random
from pathlib import Path

import pandas as pd

import labkit as lk
from labkit.packet.walk import KINDS
from tests.captures.files import all_kinds, pcap

FRAMES, SEED = 1_500, 15


def damaged() -> tuple[list[bytes], list[int]]:
    """Frames with some bytes changed and some of them cut, and their lengths on the wire."""
    rng, whole = random.Random(SEED), all_kinds()
    frames, lengths = [], []
    for _ in range(FRAMES):
        frame = bytearray(rng.choice(whole))
        for _ in range(rng.choice((0, 0, 1, 3))):
            frame[rng.randrange(len(frame))] = rng.randrange(256)
        lengths.append(len(frame))
        frames.append(bytes(frame[: rng.choice((len(frame), rng.randrange(len(frame)))) + 1]))
    lengths = [max(length, len(frame)) for length, frame in zip(lengths, frames, strict=True)]
    return frames, lengths


def state(checksum: str) -> str:
    """An explanation's verdict without its numbers and reasons."""
    return checksum.split(":")[0].split(" (")[0]


def test_tables_and_explanations_agree(tmp_path: Path) -> None:
    frames, lengths = damaged()
    capture = lk.Capture(pcap(tmp_path / "damaged.pcap", frames, lengths=lengths))
    table = capture.table(["layers", "offsets", "ip_checksum", "ip_offset", "l4_checksum"])
    places = capture.table(["l4_offset"])["l4_offset"]
    judged = 0
    for frame, row in zip(capture, table.itertuples(), strict=True):
        layers = frame.explain().layers
        kinds = [layer.kind if layer.kind in KINDS else "data" for layer in layers]  # such as DNS
        assert row.layers.split(":") == kinds
        assert row.offsets == [layer.offset for layer in layers]
        by_offset = {(layer.offset, layer.kind): layer for layer in layers}
        if not pd.isna(row.ip_checksum):
            assert state(by_offset[row.ip_offset, "ip"].checksum) == row.ip_checksum
            judged += 1
        if not pd.isna(row.l4_checksum):
            at = places[row.Index]
            (transport,) = [one for one in layers if one.offset == at and one.checksum]
            assert state(transport.checksum) == row.l4_checksum
            judged += 1
    assert judged > FRAMES // 2


def test_every_frame_with_ip_is_in_one_flow(tmp_path: Path) -> None:
    frames, lengths = damaged()
    capture = lk.Capture(pcap(tmp_path / "damaged.pcap", frames, lengths=lengths))
    flows = capture.flows()
    table = capture.table(["ip_proto", "inner_ip_offset", "inner_ip_proto", "length"])
    is_inner = table["inner_ip_offset"].notna()
    counted = table["inner_ip_proto"].where(is_inner, table["ip_proto"]).notna()
    assert flows["frames"].sum() == counted.sum()
    assert flows["bytes"].sum() == table["length"][counted].sum()


def test_tunnels_taken_off_leave_frames_of_the_length_that_is_told(tmp_path: Path) -> None:
    frames, lengths = damaged()
    capture = lk.Capture(pcap(tmp_path / "damaged.pcap", frames, lengths=lengths))
    for tunnels in ((), (lk.Vxlan(vni=42), lk.Geneve(vni=42), lk.Gue())):
        stripped = capture.decap(*tunnels)
        table = stripped.table()
        inside = lk.Capture(stripped.write(tmp_path / "inner.pcapng"))
        told = table["inner_length"].fillna(table["length"]).tolist()
        assert [frame.wire_length for frame in inside] == told
