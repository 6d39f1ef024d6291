# SPDX-License-Identifier: BSD-3-Clause
"""lk.node.test: what a node does with frames, and every byte that it must not touch."""

from collections.abc import Iterator

import pytest
from scapy.layers.inet import IP

import labkit as lk
from labkit.errors import LabError, PathError
from labkit.node.testing import NodeFault
from tests.node.sources import TTL, node, packet


def test_verdicts_frames_and_counters() -> None:
    ttl = lk.node.compile("ttl", TTL)
    tested = lk.node.test(ttl(by=2), [packet(64), packet(2), bytes(60), packet(10)])
    assert [r.verdict for r in tested] == ["next", "drop_ttl_exceeded", "other", "next"]
    assert tested[0].frame[IP].ttl == 62
    assert tested[2].frame == bytes(60)
    assert {k: n for k, n in tested.counters.items() if n} == {"lowered": 2, "dscp_46": 2}
    assert lk.node.test(ttl, bytes(packet(2))).verdict == "next"
    with pytest.raises(LabError, match="4 frames were tested"):
        tested.verdict  # noqa: B018


def faults() -> Iterator[tuple[str, str]]:
    yield "return f->data[46] ? LK_next : LK_other;", "line 4: reads 1 B, and byte 46 is not of"
    yield "f->data[-1] = 1; return LK_next;", "line 4: writes 1 B, and byte -1 is not of frame 0"
    yield "memset(f->data, 0, f->length + 3); return LK_next;", "writes 49 B, and byte 46 is not"
    yield "return 1 / (f->length - 46) ? LK_next : LK_other;", "line 4: division by zero"
    yield (
        "while (*(volatile uint8_t *)f->data != 99) ; return LK_next;",
        ("line 4: it has not come back from a frame within 1 s"),
    )
    yield "return (enum lk_verdict)(f->length * 100);", "it returned 4600 of frame 0"
    yield "f->length = 0; return LK_next;", "it left frame 0 without a byte"
    yield "f->length = 70000; return LK_next;", "frame 0 ends outside of its buffer"
    yield "extern void exit(int); exit(0); return LK_next;", "it ended its process in frame 0"


def test_what_a_node_prints_is_no_answer() -> None:
    lines = ("extern int puts(const char *);", 'puts("verdict");', "return LK_other;")
    assert lk.node.test(lk.node.compile("says", node("says", *lines)), packet(9)).verdict == "other"


@pytest.mark.parametrize(("line", "said"), list(faults()))
def test_faults_are_told_with_their_line(line: str, said: str) -> None:
    wrong = lk.node.compile("wrong", node("wrong", line))
    with pytest.raises(NodeFault) as told:
        lk.node.test(wrong, packet(9), timeout=1 if "while" in line else 60)
    assert said in str(told.value)
    if "line 4" in said:
        assert told.value.line == 4
        assert f"     4 |     {line}" in str(told.value)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((lk.reflect, bytes(60)), "no node of your own"),
        ((lk.reflect(), bytes(60)), "no node of your own"),
        ((None, b""), "frame 0 has 0 bytes"),
        ((None, 60), "a frame is a scapy packet or bytes"),
    ],
)
def test_what_is_refused(arguments: tuple[object, object], said: str) -> None:
    ttl = lk.node.compile("ttl", TTL)
    with pytest.raises((PathError, LabError)) as told:
        lk.node.test(arguments[0] or ttl, arguments[1])  # type: ignore[arg-type]
    assert said in str(told.value)
