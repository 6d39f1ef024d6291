# SPDX-License-Identifier: BSD-3-Clause
"""The engine's recorder: what it records is what the engine says, whatever comes and goes."""

import os
import signal
import threading
import time
from collections.abc import Callable

import numpy as np
import pytest

import labkit as lk
from labkit.sources import Engine, Sample, SourceError, engine, rates
from tests.patience import wait_until

FRAME = bytes([2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x88, 0xB5]) + bytes(46)


def sample_when(source: Engine, true: Callable[[Sample], bool]) -> Sample:
    """The first sample of which it is true."""
    found: list[Sample] = []

    def look() -> bool:
        sample = source.sample()
        if sample is not None and true(sample):
            found.append(sample)
        return bool(found)

    wait_until(look)
    return found[0]


def test_samples_agree_with_the_engine(lab: lk.Lab) -> None:
    client, server = lab.cable(queues=2)
    path = lab.run(lk.rx(server) >> lk.reflect() >> lk.tx(server), name="mirror")
    with Engine(lab, hz=200) as source:
        client.send([FRAME] * 300)
        assert len(client.receive(300, raw=True)) == 300
        sample = sample_when(source, lambda s: s["path/mirror/tx:server/objects"] == 300)
        for port in (client, server):
            for name, value in port.xstats().items():
                assert sample[f"port/{port.name}/{name}"] == value
        nodes = path.counters.nodes
        assert {sample[f"path/mirror/{name}/objects"] for name in nodes} == {300}
        assert sample["path/mirror/reflect/cycles"] == nodes["reflect"].cycles
        assert sample["path/mirror/drop_tx_full"] == 0
        lcore = path.counters.lcore
        assert 0 < sample[f"worker/{lcore}/busy_cycles"] < sample[f"worker/{lcore}/idle_cycles"]
        (pool,) = {name for name in sample.names if name.startswith("pool/") and "in_use" in name}
        assert sample[pool] + sample[pool.replace("in_use", "available")] == 8191
        for queue in (0, 1):
            assert sample[f"ring/client/q{queue}/in_use"] == 0
            assert sample[f"ring/client/q{queue}/available"] == 1023


def test_every_tick_is_there_or_counted(lab: lk.Lab) -> None:
    lab.cable()
    with Engine(lab, hz=1000) as source:
        first = last = sample_when(source, lambda _: True)
        sequence = [first.sequence]
        gaps = source.gaps
        start = time.monotonic()
        while time.monotonic() < start + 0.7:
            before = source.gaps
            for sample in source.since(last):
                assert sample.monotonic_ns > last.monotonic_ns
                last = sample
                sequence.append(sample.sequence)
            time.sleep(0.03)
        assert sequence == list(range(first.sequence, first.sequence + len(sequence)))
        ticks = (last.monotonic_ns - first.monotonic_ns) / 1e6
        # The recorder counts a gap when it writes the next tick: before the last one, or since.
        told = len(sequence) - 1
        assert told + before - gaps - 3 <= ticks <= told + source.gaps + 3
        assert abs(last.time_ns - time.time_ns()) < 5e9


def test_names_follow_ports_and_paths(lab: lk.Lab) -> None:
    a, b = lab.cable("a", "b")
    with Engine(lab, hz=500) as source:
        before = sample_when(source, lambda _: True)
        assert not any(name.startswith("path/") for name in before.names)
        path = lab.run(lk.rx(a) >> lk.tx(b), name="p")
        with_path = sample_when(source, lambda s: "path/p/rx:a/calls" in s.names)
        found = rates(before, with_path)
        assert not found.faults
        assert np.isnan(found["path/p/rx:a/calls"])
        lab.port("null", "nil")
        sample_when(source, lambda s: "port/nil/rx_good_packets" in s.names)
        path.stop()
        after = sample_when(source, lambda s: "path/p/rx:a/calls" not in s.names)
        assert "port/nil/rx_good_packets" in after.names
        assert source.names is after.names


def test_path_that_is_run_again_begins_anew_without_a_fault(lab: lk.Lab) -> None:
    client, server = lab.cable()
    with lk.record(lab, hz=500) as rec:
        for _ in range(3):
            path = lab.run(lk.rx(server) >> lk.sink(), name="again")
            client.send([FRAME] * 20)
            wait_until(lambda path=path: path.ledger.sent == 20)
            time.sleep(0.02)
            path.stop()
    assert max(sample.as_dict().get("path/again/sink/objects", 0) for sample in rec.samples) == 20
    assert rec.faults.empty


def test_paths_may_come_and_go_at_full_rate(lab: lk.Lab) -> None:
    a, b = lab.cable("a", "b")
    with Engine(lab, hz=1000) as source:
        last = sample_when(source, lambda _: True)
        seen = 0
        for number in range(60):
            name = f"p{number % 3}"
            path = lab.run(lk.rx(a) >> lk.tx(b) if number % 2 else lk.rx(a) >> lk.sink(), name=name)
            time.sleep(0.003)
            path.stop()
            for sample in source.since(last):
                calls = [n for n in sample.names if n.startswith("path/") and n.endswith("/calls")]
                # Every node of the one path there is has been called as often as rx, or never.
                assert len({n.split("/")[1] for n in calls}) <= 1
                assert all(sample[n] <= sample[calls[0]] for n in calls)
                seen += bool(calls)
                last = sample
        assert seen > 60
        assert lab.is_alive


def test_dead_engine_is_gone_and_its_successor_is_picked_up(lab: lk.Lab) -> None:
    client, _ = lab.cable()
    with Engine(lab, hz=200) as source:
        client.send([FRAME] * 5)
        first = sample_when(source, lambda s: s["port/client/tx_good_packets"] == 5)
        time.sleep(0.1)
        os.kill(lab.pid, signal.SIGKILL)
        wait_until(lambda: not lab.is_alive)
        assert source.sample() is None
        assert (source.state, "lab.restart()" in source.reason) == ("gone", True)
        left = source.since(first)
        assert left[-1]["port/client/tx_good_packets"] == 5
        lab.restart()
        again = sample_when(source, lambda s: "port/client/tx_good_packets" in s.names)
        assert source.state == "live"
        begun = rates(left[-1], again)
        assert np.isnan(begun["port/client/tx_good_packets"])
        assert not begun.faults
        lab.close()
        assert source.sample() is None
        assert (source.state, source.reason) == ("ended", "the lab was closed")


def test_history_is_read_in_place(lab: lk.Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "HISTORY_ROWS", 64)
    lab.cable()
    with Engine(lab, hz=1000) as source:
        sample_when(source, lambda s: s.sequence > 20)
        blocks = source.history()
        assert np.shares_memory(blocks[0].values, source.history()[0].values)
        assert all(block.values.shape[1] == len(block.schema.names) for block in blocks)
        assert blocks[0].is_whole
        with pytest.raises(ValueError, match="read-only"):
            blocks[0].values[0, 0] = 1
        sample_when(source, lambda s: s.sequence > 200)
        assert not blocks[0].is_whole
        assert blocks[0].samples() == []
        rows = source.history()
        assert 60 <= sum(len(block.values) for block in rows) <= 64
        assert np.all(np.diff(np.concatenate([block.monotonic_ns for block in rows])) > 0)


def test_several_recorders_at_rates_of_their_own(lab: lk.Lab) -> None:
    lab.cable()
    with Engine(lab, hz=50) as slow, slow.at(500) as fast:
        assert slow.at(50) is slow
        first = fast.sample()
        sample_when(slow, lambda s: s.sequence >= 5)
        sample_when(fast, lambda s: s.sequence >= 30)
        assert len(fast.since(first)) >= 25
    with pytest.raises(SourceError, match="is not open"):
        slow.sample()


def test_more_counters_than_a_row_holds(lab: lk.Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "MOST_COUNTERS", 20)
    lab.cable("a", "b")
    with Engine(lab, hz=100) as source:
        sample = sample_when(source, lambda _: True)
        assert len(sample.names) == len(sample.values) <= 20
        assert sample.names[0] == "port/a/rx_good_packets"
        assert "leaves out" in source.reason


@pytest.mark.parametrize("hz", [0, 0.5, 1001, -1])
def test_rates_of_a_recorder(lab: lk.Lab, hz: float) -> None:
    with pytest.raises(SourceError, match=f"hz is {hz}; the recorder takes 1 to 1000"):
        Engine(lab, hz=hz)


def test_reading_goes_on_while_labs_close_and_restart(leftovers: None) -> None:
    ends: list[str] = []
    for number in range(8):
        with lk.Lab() as lab:
            lab.cable()
            source = Engine(lab, hz=500).open()
            stop = threading.Event()

            def read(source: Engine = source, stop: threading.Event = stop) -> None:
                while not stop.is_set():
                    source.sample()
                ends.append(source.state)

            readers = [threading.Thread(target=read) for _ in range(2)]
            for reader in readers:
                reader.start()
            if number % 2:
                lab.restart()
        stop.set()
        for reader in readers:
            reader.join(60)
            assert not reader.is_alive()
        source.close()
    assert len(ends) == 16


def test_an_engine_that_ends_before_the_first_row_is_not_waited_for(
    lab: lk.Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "FIRST_SECONDS", float("inf"))

    def start_and_lose(*_: object) -> int:
        os.kill(lab.pid, signal.SIGKILL)
        return 1

    monkeypatch.setattr(lab.engine.commands, "start_recorder", start_and_lose)
    with pytest.raises(SourceError, match="the engine ended before its recorder wrote"):
        Engine(lab).open()


def test_lab_that_is_closed(lab: lk.Lab) -> None:
    lab.close()
    with pytest.raises(SourceError, match=r"lab.restart\(\) starts it"):
        Engine(lab).open()
