# SPDX-License-Identifier: BSD-3-Clause
"""Recordings are evidence: what changes in one is found, however long it is."""

import io
import shutil
import tarfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import labkit as lk
from labkit.datasets import dataset
from labkit.sources import MISSING, Sample, Samples
from labkit.sources.base import Schema, readonly
from labkit.trouble.live_counters import LiveCounters

SECOND = 1_000_000_000
START = 1_700_000_000 * SECOND


def recording(rows: Sequence[dict[str, int]], hz: float = 1.0, label: str = "test") -> Samples:
    """A sample a row; a new schema where the names change."""
    samples: list[Sample] = []
    schema = Schema(())
    for i, row in enumerate(rows):
        if schema.names != tuple(row):
            schema = Schema.of(tuple(row))
        at = round(i * SECOND / hz)
        values = readonly(np.array(list(row.values()), np.uint64))
        samples.append(Sample(at + 1, START + at, values, schema))
    return Samples(label, hz, samples)


def levels(case: lk.trouble.Case) -> dict[tuple[str, str], str]:
    return {(f.id, f.device): f.level for f in case.findings}


def notes(case: lk.trouble.Case) -> str:
    return "\n".join(f"{note.place}: {note.text}" for note in case.notes)


def test_the_admin_queues_of_two_devices() -> None:
    case = lk.trouble.look(dataset("incident_ena_admin_queue.parquet"))
    assert levels(case) == {
        ("absurd-counters", "ena0"): "certain",
        ("admin-queue-hung", "ena0"): "likely",
        ("admin-queue-hung", "ena1"): "possible",
        ("two-devices-hung", ""): "possible",
    }
    assert "no counter of ena1 could be read in 4 samples, over 31,117 s" in notes(case)


def test_a_stall_of_hours() -> None:
    case = lk.trouble.look(dataset("incident_virtio_tx_stall.parquet"))
    assert levels(case) == {
        ("virtio-tx-stalled", "eth2"): "certain",
        ("qdisc-drops", "eth1"): "likely",
    }
    assert len(case.evidence.readings) < 100
    assert "a recording of 1,441 samples over 86,400 s" in notes(case)


def test_samples_are_looked_at_as_their_file_is(tmp_path: Path) -> None:
    path = dataset("incident_virtio_tx_stall.parquet")
    expected = levels(lk.trouble.look(path))
    assert levels(lk.trouble.look(Samples.load(path))) == expected
    shutil.copy(path, tmp_path / "no-ending")
    assert levels(lk.trouble.look(tmp_path)) == expected
    with tarfile.open(tmp_path / "all.tar.gz", "w:gz") as archive:
        archive.add(path, "eth2.parquet")
    assert levels(lk.trouble.look(tmp_path / "all.tar.gz")) == expected


def stall(i: int) -> dict[str, int]:
    """An hour in which a NIC sends nothing for five minutes, and then goes on."""
    sent = min(i, 1000) + max(0, i - 1300)
    full = 1000 <= i <= 1300
    return {
        "interface/tx_packets": sent * 100,
        "interface/rx_packets": i * 100,
        "qdisc/root/pfifo_fast/packets": sent * 100 + 200 * full,
        "qdisc/root/pfifo_fast/backlog_packets": 1000 * full,
        "qdisc/root/pfifo_fast/drops": min(300, max(0, i - 1000)),
    }


def test_a_stall_that_ended_is_found() -> None:
    case = lk.trouble.look(recording([stall(i) for i in range(3600)], label="interface eth7"))
    assert levels(case)["virtio-tx-stalled", "eth7"] == "certain"
    assert ("qdisc-drops", "eth7") not in levels(case)
    assert len(case.evidence.readings) < 200


def test_a_nic_that_rests_is_sound() -> None:
    rows = [
        {"interface/tx_packets": i // 600 * 600, "interface/rx_packets": i} for i in range(9999)
    ]
    case = lk.trouble.look(recording(rows, label="interface eth7"))
    assert case.findings == []
    assert len(case.evidence.readings) < 400


def test_what_grows_while_counting_begins_anew_is_added_up() -> None:
    """A device's reset: its counter stands at less, and what it counts afterwards is new."""
    rows = [{"port/a/rx_missed_errors": i % 50, "port/a/rx_good_packets": i} for i in range(200)]
    case = lk.trouble.look(recording(rows))
    (found,) = [f for f in case.findings if f.id == "no-receive-buffers"]
    assert found.level == "possible"
    assert found.device == "a"


def test_counters_of_another_schema_are_not_compared() -> None:
    """A path was run again: its counters say less, and nothing was lost."""
    old = [{"port/a/rx_missed_errors": 900, "port/a/rx_good_packets": i} for i in range(5)]
    new = [{"port/a/rx_missed_errors": 905, "port/a/rx_good_packets": i, "x": 1} for i in range(5)]
    case = lk.trouble.look(recording([*old, *new]))
    assert "no-receive-buffers" not in {f.id for f in case.findings}


def test_what_grows_while_other_counters_come_is_found() -> None:
    """A path was started just then; the port's counters go on."""
    old = [{"port/a/bw_out_allowance_exceeded": 0, "port/a/tx_good_packets": i} for i in range(5)]
    new = [{**row, "port/a/bw_out_allowance_exceeded": 140, "path/p/drop": 0} for row in old]
    for row in new:
        row["port/a/tx_good_packets"] += 5
    found = levels(lk.trouble.look(recording([*old, *new])))
    assert found["bandwidth-out-allowance", "a"] == "likely"


def test_a_watch_goes_on_when_other_counters_come() -> None:
    """It compares with what was before, unless that began anew."""

    class Told:
        label, reason = "test", ""

        def sample(self) -> Sample:
            return next(rows)

    begin = time.monotonic_ns() - 9 * SECOND
    texts = ({"x_errors": 0}, {"x_errors": 5, "y": 1}, {"x_errors": 9, "y": 1}, {"x_errors": 2})
    rows = iter(
        Sample(begin + i * SECOND, i, readonly(list(row.values())), Schema.of(tuple(row)))
        for i, row in enumerate(texts)
    )
    live = LiveCounters(Told())  # type: ignore[arg-type]
    kept = []
    for _ in texts:
        live.read()
        kept.append([reading.counters["x_errors"] for reading in live.items()])
    assert [reading[0] for reading in kept] == [0, 0, 9, 2]


def test_a_reading_that_fails_now_and_then_is_told_in_short() -> None:
    def row(i: int) -> dict[str, int]:
        return {"port/a/rx_good_packets": MISSING if i % 10 == 9 else i}

    case = lk.trouble.look(recording([row(i) for i in range(1000)]))
    assert case.findings == []
    assert "a was unreadable 94 more times" in notes(case)
    assert len(case.notes) < 12


def test_a_clock_that_was_stepped_is_told_and_does_no_harm() -> None:
    rows = [{"port/a/tx_drops": 10 * i} for i in range(30)]
    samples = recording(rows)
    samples.samples[20:] = [
        Sample(s.monotonic_ns, s.time_ns - 3600 * SECOND, s.values, s.schema)
        for s in samples.samples[20:]
    ]
    case = lk.trouble.look(samples)
    assert "test:21: the clock was stepped by -3600.0 s" in notes(case)
    (found,) = case.findings
    assert "tx_drops 0 to 290" in str(found)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"PAR1" + b"x" * 100, "no Parquet file"),
        (b"PAR1", "no Parquet file"),
        ({"a": [1, 2]}, "it has no column monotonic_ns"),
        ({"monotonic_ns": [2, 1], "time_ns": [1, 2]}, "monotonic_ns does not grow"),
        ({"monotonic_ns": [], "time_ns": []}, "without samples"),
    ],
)
def test_what_is_no_recording_is_named(
    data: bytes | dict[str, list[int]], words: str, tmp_path: Path
) -> None:
    path = tmp_path / "x.parquet"
    if isinstance(data, bytes):
        path.write_bytes(data)
    else:
        pq.write_table(pa.table({k: pa.array(v, pa.int64()) for k, v in data.items()}), path)
    log = tmp_path / "dmesg"
    log.write_text("[1.0] nf_conntrack: table full, dropping packet\n")
    case = lk.trouble.look(path, log)
    assert words in notes(case)
    assert [f.id for f in case.findings] == ["guest-conntrack-full"]


def test_a_recording_that_is_cut_short(tmp_path: Path) -> None:
    data = dataset("incident_virtio_tx_stall.parquet").read_bytes()
    for size in (8, len(data) // 2, len(data) - 4):
        (tmp_path / "x.parquet").write_bytes(data[:size])
        case = lk.trouble.look(tmp_path / "x.parquet")
        assert case.findings == []
        assert case.notes[0].is_fault


def test_columns_that_hold_no_counters_are_passed_over(tmp_path: Path) -> None:
    table = pa.table(
        {
            "monotonic_ns": [1, 2],
            "time_ns": [1, 2],
            "port/a/tx_drops": [0, 500],
            "who": ["me", "you"],
            "load": [0.5, 0.7],
            "below": [-1, -2],
        }
    )
    pq.write_table(table, tmp_path / "x.parquet")
    case = lk.trouble.look(tmp_path / "x.parquet")
    assert levels(case) == {("sent-too-fast", "a"): "possible"}
    for name in ("who", "load", "below"):
        assert f"its column {name} holds no counter" in notes(case)


def test_what_labkit_says_of_a_recording_may_be_anything(tmp_path: Path) -> None:
    table = pa.table({"monotonic_ns": [1], "time_ns": [1], "a": [1]})
    for said in (b"{", b"[]", b'{"units": 3}'):
        pq.write_table(table.replace_schema_metadata({b"labkit": said}), tmp_path / "x.parquet")
        assert "is no recording" in notes(lk.trouble.look(tmp_path / "x.parquet"))


def test_a_recording_that_is_too_large_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("labkit.trouble.recorded.MOST_VALUES", 10)
    shutil.copy(dataset("incident_ena_admin_queue.parquet"), tmp_path / "x.parquet")
    assert "give fewer counters, or a shorter one" in notes(lk.trouble.look(tmp_path / "x.parquet"))


def test_what_is_neither_file_nor_recording() -> None:
    with pytest.raises(lk.LabError, match="is no file's name, and no recording"):
        lk.trouble.look(io.BytesIO())  # type: ignore[arg-type]


def test_a_counter_that_cannot_be_read_beside_others_is_named() -> None:
    rows = [{"port/a/tx_drops": 1, "port/a/rx_drops": MISSING if i > 2 else 1} for i in range(10)]
    assert "port/a/rx_drops could not be read in 7 samples" in notes(
        lk.trouble.look(recording(rows))
    )
