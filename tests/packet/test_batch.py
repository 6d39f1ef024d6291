# SPDX-License-Identifier: BSD-3-Clause
"""Batches: the same as frame by frame, and arrays that are wrong never reach C."""

from typing import Any

import numpy as np
import pytest

import labkit as lk
from labkit.packet import codec
from tests.tunnels import TUNNELS, V4, carried

VXLAN = lk.Vxlan(vni=42, **V4)


@pytest.mark.parametrize("tunnel", TUNNELS.values(), ids=TUNNELS.keys())
@pytest.mark.parametrize(("headroom", "tailroom"), [(128, 0), (0, 128), (30, 98)])
def test_batch_is_frame_by_frame(tunnel: lk.Tunnel, headroom: int, tailroom: int) -> None:
    frames = list(carried(tunnel).values()) * 3
    batch = lk.FrameBatch.pack(frames, headroom=headroom, tailroom=tailroom)
    assert [batch[i] for i in range(len(batch))] == frames
    assert not tunnel.encap_many(batch).any()
    outer = [tunnel.encap(frame) for frame in frames]
    assert [batch[i] for i in range(len(batch))] == outer
    assert not tunnel.decap_many(batch).any()
    assert [batch[i] for i in range(len(batch))] == [tunnel.decap(o).frame for o in outer]
    if tunnel.PROTOCOL != "gue":
        assert set(batch.vnis.tolist()) == {42}


def test_refused_frames_stay_as_they_were() -> None:
    good = VXLAN.encap(bytes(60))
    bad = good[:42] + b"\x00" + good[43:]
    batch = lk.FrameBatch.pack([good, bad, bytes(60), good])
    verdicts = [codec.VERDICTS[number].name for number in VXLAN.decap_many(batch)]
    assert verdicts == ["next", "vxlan_no_vni_flag", "other", "next"]
    assert [batch[i] for i in range(4)] == [bytes(60), bad, bytes(60), bytes(60)]
    assert batch.refusals == {"vxlan_no_vni_flag": 1, "other": 1}
    assert repr(batch) == f"<FrameBatch: 4 frames, {180 + len(bad)} bytes>"


def test_copy_is_apart() -> None:
    batch = lk.FrameBatch.pack([bytes(60)])
    kept = batch.copy()
    VXLAN.encap_many(batch)
    assert (len(kept[0]), len(batch[0])) == (60, 110)


def test_plain_arrays() -> None:
    buffer = np.zeros(1000, dtype=np.uint8)
    batch = lk.FrameBatch(buffer, np.array([0, 500]), np.array([60, 60]))
    assert not VXLAN.encap_many(batch).any()
    assert batch.lengths.tolist() == [110, 110]
    assert batch.offsets.tolist() == [0, 500]


def test_empty_batch() -> None:
    batch = lk.FrameBatch.pack([])
    assert len(VXLAN.encap_many(batch)) == len(VXLAN.decap_many(batch)) == 0


BUFFER = np.zeros(1000, dtype=np.uint8)
WRONG: dict[str, tuple[Any, ...]] = {
    "it is contiguous uint8": (np.zeros(8, dtype=np.uint16), [0], [2]),
    "with 2 dimensions": (np.zeros((8, 8), dtype=np.uint8), [0], [2]),
    "read-only": (np.frombuffer(bytes(8), dtype=np.uint8), [0], [2]),
    "2 offsets, 1 lengths": (BUFFER, [0, 1], [2]),
    "frame 0 has 70000 bytes": (BUFFER, [0], [70000]),
    "not inside of its slot": (BUFFER, [0, 10], [20, 20]),
    "within the buffer's 1000": (BUFFER, [0], [20], [0, 1001]),
    "slots have to rise": (BUFFER, [100, 60], [0, 0], [100, 50, 60]),
    r"frame 1 \(offset 990, 20 bytes\)": (BUFFER, [0, 990], [20, 20]),
}


@pytest.mark.parametrize("message", WRONG)
def test_wrong_arrays(message: str) -> None:
    buffer, *numbers = WRONG[message]
    with pytest.raises(lk.LabError, match=message):
        lk.FrameBatch(buffer, *(np.array(values) for values in numbers))


def test_arrays_that_c_trusts_are_read_only() -> None:
    batch = lk.FrameBatch.pack([bytes(60)])
    for array in (batch.offsets, batch.lengths, batch.slots):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 2**31
