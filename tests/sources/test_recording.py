# SPDX-License-Identifier: BSD-3-Clause
"""record(): what is kept, as tables, pictures and files, and played again."""

import math
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import labkit as lk
from labkit.sources import MISSING, Kind, Recording, Sample, Samples, Schema, Source, SourceError
from labkit.sources.base import readonly
from tests.patience import wait_until

UNITS = {"rx": "packets", "rx_bytes": "bytes", "depth": "packets"}
KINDS: dict[str, Kind] = {"depth": "gauge"}
FIRST = Schema(("rx", "depth"), UNITS, KINDS, {"": "net_ring"})
SECOND = Schema(("rx", "rx_bytes", "depth"), UNITS, KINDS)


def samples(*rows: tuple[float, Schema, list[int]], hz: float = 10) -> Samples:
    start = 1_700_000_000_000_000_000
    return Samples(
        "a test",
        hz,
        [
            Sample(round(s * 1e9) + 5, start + round(s * 1e9), readonly(values), schema, number)
            for number, (s, schema, values) in enumerate(rows)
        ],
    )


def course() -> Samples:
    """A counter that is unreadable, then falls; names that change; two ticks missing."""
    return samples(
        (0.0, FIRST, [100, 7]),
        (0.1, FIRST, [200, 3]),
        (0.2, FIRST, [MISSING, 4]),
        (0.3, SECOND, [400, 9000, 5]),
        (0.6, SECOND, [430, 9600, 6]),
        (0.7, SECOND, [10, 9700, 2**40]),
    )


def test_counters_that_began_anew_are_known_from_the_file(tmp_path: Path) -> None:
    again = Schema(FIRST.names, UNITS, KINDS)
    samples((0, FIRST, [9, 1]), (0.1, again, [2, 1]), (0.2, again, [1, 1])).save(tmp_path / "it")
    kept = Samples.load(tmp_path / "it")
    assert kept.rates.rx.isna().all()
    assert kept.faults.fault.tolist() == ["fell from 2 to 1; it was reset, wrapped or broke"]


class Counting(Source):
    """A source that counts how often it was read, and fails when told."""

    def __init__(self) -> None:
        super().__init__("counting")
        self.reads = 0
        self.fail = False

    def _connect(self) -> None:
        self._schema = Schema(("reads", "twice"))

    def _disconnect(self) -> None:
        pass

    def _read(self) -> Sample | None:
        if self.fail:
            raise RuntimeError("the source broke")
        self.reads += 1
        return self._sample(readonly([self.reads, 2 * self.reads]))


def test_a_table_has_a_row_a_sample_and_leaves_out_what_could_not_be_read() -> None:
    table = course().table
    assert list(table.columns) == ["rx", "depth", "rx_bytes"]
    assert table.index[0] == pd.Timestamp(1_700_000_000, unit="s", tz="UTC")
    assert table.rx.tolist()[:2] == [100, 200]
    assert table.rx.isna().tolist() == [False, False, True, False, False, False]
    assert table.rx_bytes.isna().sum() == 3
    assert table.depth.iloc[-1] == 2**40


def test_rates_of_counters_and_levels_as_they_are() -> None:
    rates = course().rates
    assert rates.rx.iloc[0] == pytest.approx(1000)
    assert rates.rx.isna().tolist() == [False, True, True, False, True]
    assert rates.rx_bytes.tolist()[3] == pytest.approx(2000)
    assert rates.depth.tolist() == [3, 4, 5, 6, 2**40]


def test_faults_and_gaps_are_told() -> None:
    kept = course()
    assert kept.faults.name.tolist() == ["rx", "rx"]
    unread, fell = kept.faults.fault
    assert unread == "could not be read"
    assert "fell from 430 to 10" in fell
    assert kept.gaps == 2
    assert repr(kept) == "<Samples of a test: 6 samples of 3 counters in 0.7 s, 2 missing>"


def test_file_gives_back_what_was_saved(tmp_path: Path) -> None:
    course().save(tmp_path / "course.parquet")
    again = Samples.load(tmp_path / "course.parquet")
    assert [s.as_dict() for s in again.samples] == [s.as_dict() for s in course().samples]
    for old, new in zip(course().samples, again.samples, strict=True):
        assert (new.monotonic_ns, new.time_ns, new.sequence) == (
            old.monotonic_ns,
            old.time_ns,
            old.sequence,
        )
    assert again.samples[0].schema is again.samples[2].schema
    assert dict(again.samples[-1].schema.kinds) == {**KINDS, "rx_bytes": "counter"}  # catalogued
    assert again.units == UNITS
    assert again.samples[0].schema.drivers == {"": "net_ring"}
    assert (again.hz, again.gaps, again.label) == (10, 2, "a test")
    pd.testing.assert_frame_equal(again.faults, course().faults)


@pytest.mark.parametrize(
    ("frame", "says"),
    [
        ({"rx": [1]}, "is no recording: it has no column monotonic_ns"),
        ({"monotonic_ns": [2, 1], "time_ns": [1, 2]}, "monotonic_ns does not grow"),
        ({"monotonic_ns": [1], "time_ns": [1], "rx": [-4]}, "column rx does not hold counters"),
        ({"monotonic_ns": [1], "time_ns": [1], "rx": ["many"]}, "column rx does not hold counters"),
        ({"monotonic_ns": [1], "time_ns": [1], "rx": [1.5]}, "column rx does not hold counters"),
    ],
)
def test_files_of_others_are_looked_at(
    frame: dict[str, list[int]], says: str, tmp_path: Path
) -> None:
    pd.DataFrame(frame).to_parquet(tmp_path / "it.parquet")
    with pytest.raises(SourceError, match=says):
        Recording(tmp_path / "it.parquet")


def test_files_that_are_none(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no parquet")
    with pytest.raises(SourceError, match="is no Parquet file"):
        Recording(tmp_path / "text")
    with pytest.raises(SourceError, match="there is no recording nowhere"):
        Recording("nowhere")
    with pytest.raises(SourceError, match="speed is 0; it is greater than 0"):
        Recording("nowhere", speed=0)
    Samples("empty", 1).save(tmp_path / "empty")
    with pytest.raises(SourceError, match="holds no samples"):
        Recording(tmp_path / "empty")


def test_recording_plays_at_its_speed_and_ends(tmp_path: Path) -> None:
    course().save(tmp_path / "course")
    with Recording(tmp_path / "course", speed=7) as source:
        start = time.monotonic()
        seen: list[Sample] = []
        while source.state == "live":
            seen += source.since(seen[-1] if seen else None)
            time.sleep(0.001)
        assert time.monotonic() - start >= 0.1
        assert [s.as_dict() for s in seen] == [s.as_dict() for s in course().samples]
        assert source.state == "ended"
        assert source.sample() is None
    with source:
        first = source.sample()
        assert first is not None
        assert first["rx"] == 100


def test_recording_without_waiting(tmp_path: Path) -> None:
    course().save(tmp_path / "course")
    with Recording(tmp_path / "course", speed=math.inf) as source:
        seen = [source.sample() for _ in range(6)]
        assert [s["depth"] for s in seen if s] == [7, 3, 4, 5, 6, 2**40]
        assert set(source.names) == set(SECOND.names)
        assert source.sample() is None
        assert source.state == "ended"
        assert len(source.since(None)) == 6


def test_record_of_a_source_that_is_read_when_asked() -> None:
    source = Counting()
    with lk.record(source, "tw*", hz=200) as rec:
        wait_until(lambda: len(rec) > 20)
    assert not rec.is_running
    assert rec.names == ("twice",)
    values = [sample["twice"] for sample in rec.samples]
    assert values == list(range(2, 2 * len(values) + 2, 2))
    assert rec.gaps + len(rec) == pytest.approx(rec.seconds * 200 + 1, abs=2)
    assert source.state == "gone"


def test_record_of_an_engine_keeps_every_tick(lab: lk.Lab) -> None:
    client, _ = lab.cable()
    rec = lk.record(lab, "port/client/*_good_packets", hz=500)
    client.send([bytes(60)] * 500)
    time.sleep(0.3)
    rec.stop()
    numbers = [sample.sequence for sample in rec.samples]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    assert rec.table["port/client/tx_good_packets"].iloc[-1] == 500
    assert np.nansum(rec.rates["port/client/tx_good_packets"]) > 0
    assert rec.stop() is rec


def test_record_is_looked_at_while_it_goes_on(lab: lk.Lab) -> None:
    a, b = lab.cable("a", "b")
    with lk.record(lab, hz=1000) as rec:
        for number in range(6):
            path = lab.run(lk.rx(a) >> lk.tx(b), name=f"p{number % 2}")
            wait_until(lambda: len(rec) > 2)
            assert len(rec.table) <= len(rec)
            assert len(rec.rates) < len(rec)
            assert rec.plot().axes
            path.stop()
    assert len(rec.rates) == len(rec) - 1
    assert rec.faults.empty


def test_record_ends_with_its_lab() -> None:
    with lk.Lab() as lab:
        rec = lk.record(lab, hz=100)
    wait_until(lambda: not rec.is_running)
    assert rec.stop().samples


def test_failure_while_recording_is_told_by_stop() -> None:
    source = Counting()
    rec = lk.record(source, hz=100)
    wait_until(lambda: len(rec) > 2)
    source.fail = True
    wait_until(lambda: not rec.is_running)
    with pytest.raises(RuntimeError, match="the source broke"):
        rec.stop()
    assert len(rec.stop()) > 2


def test_record_refuses() -> None:
    with pytest.raises(SourceError, match=r"hz is 1001; record takes 0.01 to 1000"):
        lk.record(Counting(), hz=1001)
    with pytest.raises(SourceError, match=r"no counter 'red' \(.*\); did you mean 'reads'"):
        lk.record(Counting(), "red")
    with pytest.raises(SourceError, match=r"a source is a Lab or one of lk.sources .* not str"):
        lk.record("eth0")  # type: ignore[arg-type]


def test_picture_has_a_line_a_counter_and_marks_faults() -> None:
    figure = course().plot("rx*", "depth")
    upper, middle, lower = figure.axes
    assert [axes.get_ylabel() for axes in figure.axes] == ["packets/s", "B/s", "packets"]
    line, crosses = upper.get_lines()
    np.testing.assert_allclose(line.get_xdata()[:2], [0.1, 0.2])
    assert line.get_ydata()[0] == pytest.approx(1000)
    np.testing.assert_allclose(crosses.get_xdata(), [0.2, 0.7])
    assert [text.get_text() for text in upper.get_legend().get_texts()] == ["rx", "fault of rx"]
    assert len(middle.get_lines()) == 1
    assert lower.get_xlabel() == "seconds since 2023-11-14 22:13:20 UTC"
    (gap,) = upper.patches
    assert gap.get_x() == pytest.approx(0.3)
    assert figure.get_suptitle() == "a test: 6 samples, 2 missing"
    moving = [axes.get_lines()[0].get_label() for axes in course().plot().axes]
    assert moving == ["depth", "rx"]


def test_fewer_counters_of_the_same_samples() -> None:
    part = course().only("depth", "rx_b*")
    assert part.names == ("depth", "rx_bytes")
    assert part.table.depth.tolist() == course().table.depth.tolist()
    assert part.units == {"depth": "packets", "rx_bytes": "bytes"}
    assert part.gaps == 2


def test_pictures_that_cannot_be() -> None:
    with pytest.raises(SourceError, match="1 samples make no picture"):
        samples((0.0, FIRST, [1, 2])).plot()
    with pytest.raises(SourceError, match=r"no counter 'tx' \(there are: "):
        course().plot("tx")
    wide = Schema(tuple(f"c{n}" for n in range(20)))
    with pytest.raises(SourceError, match="20 counters are more than 14 lines"):
        samples((0, wide, [0] * 20), (1, wide, [1] * 20)).plot("c*")
