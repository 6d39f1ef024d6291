# SPDX-License-Identifier: BSD-3-Clause
"""The way of traced frames over time: as a picture, and as Perfetto takes it."""

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from labkit.errors import LabError
from labkit.lab.trace_events import trace_events, write_events
from labkit.lab.trace_spans import spans_of
from labkit.lab.trace_step import Step
from labkit.lab.trace_timeline import timeline

START = 1_700_000_000_000_000_000
HOSTILE = '<script>alert("1")</script>'


def step(packet: int, at_ns: int, path: str, node: str, lane: int = 0) -> Step:
    return Step(packet, path, node, START + at_ns, 60, bytes(60), lane=lane)


STEPS = [
    step(0, 0, "host:client", "tx:client"),
    step(0, 1500, "mirror", "rx:server"),
    step(0, 1753, "mirror", "reflect"),
    step(0, 4000, "mirror", "drop_tx_full"),
    step(1, 200, "mirror", HOSTILE, lane=1),
    step(1, 1_200_200, "mirror", "sink", lane=1),
]


def test_events_are_the_steps_of_the_trace(tmp_path: Path) -> None:
    """Required keys by phase, whole spans one behind the other, durations of the trace, names."""
    document = json.loads(write_events(STEPS, tmp_path / "trace.json").read_text())
    assert document["displayTimeUnit"] == "ns"
    assert int(document["otherData"]["start_ns"]) == START
    needs = {
        "M": {"name", "pid", "args"},
        "X": {"name", "cat", "pid", "tid", "ts", "dur", "args"},
        "i": {"name", "cat", "pid", "tid", "ts", "s", "args"},
        "s": {"name", "cat", "pid", "tid", "ts", "id"},
        "f": {"name", "cat", "pid", "tid", "ts", "id", "bp"},
    }
    events = document["traceEvents"]
    assert all(needs[event["ph"]] <= event.keys() for event in events)
    names = {e["pid"]: e["args"]["name"] for e in events if e["name"] == "process_name"}
    threads = {
        (e["pid"], e["tid"]): e["args"]["name"] for e in events if e["name"] == "thread_name"
    }
    shown = [event for event in events if event["ph"] in "Xi"]
    told = [(names[e["pid"]], threads[e["pid"], e["tid"]], e["name"]) for e in shown]
    assert told == [(f"{s.path}, lane {s.lane}", f"frame {s.packet}", s.node) for s in STEPS]
    assert [e["ts"] for e in shown] == [0, 1.5, 1.753, 4.0, 0.2, 1200.2]
    assert [e.get("dur") for e in shown] == [1.5, 0.253, 2.247, None, 1200.0, None]
    arrows = [(e["ph"], names[e["pid"]], e["id"]) for e in events if e["ph"] in "sf"]
    assert arrows == [("s", "host:client, lane 0", 1), ("f", "mirror, lane 0", 1)]


def test_no_steps_and_no_place(tmp_path: Path) -> None:
    assert trace_events([])["traceEvents"] == []
    assert timeline([]) == ""
    with pytest.raises(LabError, match=r"trace\.json cannot be written: No such file"):
        write_events(STEPS, tmp_path / "nowhere/trace.json")


def test_a_time_line_is_a_picture_with_a_unit() -> None:
    spans = spans_of(STEPS)
    drawn = ElementTree.fromstring(timeline(spans[:4], first_row=10))
    texts = [text.text for text in drawn.iter() if text.tag.endswith("text")]
    assert "time since it entered the first node (µs)" in texts
    names = [f"{step.path}/{step.node}" for step in STEPS[:4]]
    assert [text for text in texts if text in names] == names
    assert {"1.5 µs", "253 ns", "2.25 µs", "dropped"} <= set(texts)
    rows = [one.get("data-row") for one in drawn.iter() if one.get("data-row")]
    assert rows == ["10", "11", "12", "13"]
    drawn = timeline(spans[4:])
    assert "first node (ms)" in drawn
    assert "<script" not in drawn
    ElementTree.fromstring(timeline(spans[3:4]))  # one step, which takes no time
