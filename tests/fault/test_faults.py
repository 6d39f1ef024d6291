# SPDX-License-Identifier: BSD-3-Clause
"""Faults of NICs: what they do to frames, and that the rules recognise them by what the driver
tells, knowing nothing of the lab."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import labkit as lk
from tests.live import stream
from tests.patience import exactly, wait_until

QUICK = {"timeout": 0.1, "reset": 0.1}


@contextmanager
def flow(lab: lk.Lab, a: lk.Port, b: lk.Port, pps: int = 20_000) -> Iterator[lk.Flow]:
    """A flow from one to the other that runs."""
    with lab.traffic() as t:
        running = t.add(stream(b), on=a, to=b, rate=pps, overdue="skip")
        running.start()
        wait_until(lambda: (running.received or 0) > 100)
        yield running


def first(files: list[Path]) -> lk.trouble.Finding:
    """What the rules say of what was written, first."""
    findings = lk.trouble.look(*files).findings
    assert findings, lk.trouble.look(*files)
    return findings[0]


@pytest.mark.parametrize("driver", ["net_ena", "ena"])
def test_a_device_without_keep_alive_is_reset_and_works_again(
    lab: lk.Lab, tmp_path: Path, driver: str
) -> None:
    a, b = lab.cable("a", "b")
    with flow(lab, a, b) as sent:
        with lk.fault.keep_alive_lost(a, driver=driver, **QUICK) as fault:
            wait_until(lambda: any("Trigger reset is on" in line for line in fault.log))
            wait_until(
                lambda: fault.xstats["dev_start" if driver == "net_ena" else "interface_up"] == 2
            )
            before = sent.received or 0
            wait_until(lambda: (sent.received or 0) > before + 100)  # it works again by itself
            files = fault.write(tmp_path)
        sent.stop()
        ledger = sent.traffic.ledger
    assert ledger.is_balanced, ledger
    assert ledger.drops["a sick device"] > 0
    found = first(files)
    assert (found.id, found.level) == ("keep-alive-lost", "certain")
    assert fault.xstats["wd_expired"] == 1
    assert [what for what, _ in fault.marks] == ["begins", "ends"]


def test_a_hung_admin_queue_moves_nothing_until_the_engine_is_started_anew(
    lab: lk.Lab, tmp_path: Path
) -> None:
    a, b = lab.cable("a", "b")
    with flow(lab, a, b), lk.sources.Engine(lab) as source:
        fault = lk.fault.admin_queue_hang(a, timeout=0.1, poll=0.05).begin()
        wait_until(lambda: any("-19" in line for line in fault.log))
        with pytest.raises(lk.EngineError, match=r"could not retrieve .* error -19 \(ENODEV\)"):
            _ = fault.xstats
        wait_until(lambda: source.sample() is not None and "driver of port a" in source.reason)
        assert a.info.link_up
    found = first(fault.write(tmp_path))
    assert (found.id, found.level, found.rule.where) == ("admin-queue-hung", "certain", "device")
    assert "Failed to get stats. error: -62" in lab.log  # where a driver's lines stand

    lab.restart()
    fault.end()
    with flow(lab, a, b) as sent:
        wait_until(lambda: (sent.received or 0) > 1000)


def test_completions_that_do_not_come_stop_a_queue(lab: lk.Lab, tmp_path: Path) -> None:
    a, b = lab.cable("a", "b")
    with flow(lab, a, b) as sent:
        with lk.fault.missing_tx_completions(a, driver="ena", ring=512, **QUICK) as fault:
            wait_until(lambda: any("reset completed" in line for line in fault.log))
            files = fault.write(tmp_path)
        sent.stop()
        assert sent.traffic.ledger.is_balanced, sent.traffic.ledger
    found = first(files)
    assert (found.id, found.level) == ("tx-completions-missing", "certain")


@pytest.mark.parametrize(("driver", "level"), [("net_ena", "likely"), ("ena", "certain")], ids=str)
def test_an_invalid_descriptor_resets_the_device(
    lab: lk.Lab, tmp_path: Path, driver: str, level: str
) -> None:
    a, _ = lab.cable("a", "b")
    with lk.fault.invalid_descriptor(a, driver=driver, reset=0.05) as fault:
        up = "dev_start" if driver == "net_ena" else "interface_up"
        wait_until(lambda: fault.xstats[up] == 2)
        found = first(fault.write(tmp_path))
    assert (found.id, found.level) == ("invalid-descriptors", level)


def test_a_device_that_no_reset_cures_is_reset_again_and_again(lab: lk.Lab, tmp_path: Path) -> None:
    a, _ = lab.cable("a", "b")
    with lk.fault.reset_loop(a, driver="ena", period=0.1, reset=0.04) as fault:
        wait_until(lambda: sum("Trigger reset is on" in line for line in fault.log) >= 3)
        found = first(fault.write(tmp_path))
    assert (found.id, found.level) == ("reset-loop", "certain")


def test_counters_that_hold_addresses(lab: lk.Lab, tmp_path: Path) -> None:
    a, _ = lab.cable("a", "b")
    with lk.fault.absurd_counters(a) as fault:
        found = first(fault.write(tmp_path))
    assert (found.id, found.level) == ("absurd-counters", "certain")
    assert fault.xstats["rx_errors"] == 0
    assert a.xstats()["rx_errors"] == 0  # the lab's own was never in doubt


def test_counters_that_begin_anew_are_no_fault(lab: lk.Lab, tmp_path: Path) -> None:
    a, b = lab.cable("a", "b")
    a.send([bytes(60)] * 100)
    with lk.fault.counter_reset(a) as fault:
        assert fault.xstats["tx_good_packets"] == 0
        a.send([bytes(60)] * 10)
        assert fault.xstats["tx_good_packets"] == 10
        assert lk.trouble.look(*fault.write(tmp_path)).findings == []
    assert a.xstats()["tx_good_packets"] == 110
    assert b.receive(110, timeout=60) is not None


def test_a_cpu_that_does_not_poll_loses_what_arrives(lab: lk.Lab, tmp_path: Path) -> None:
    a, b = lab.cable("a", "b")
    with flow(lab, a, b) as sent:
        with lk.fault.poll_starvation(b, seconds=0.2) as fault:
            wait_until(lambda: any("reset completed" in line for line in fault.log))
            found = first(fault.write(tmp_path))
        sent.stop()
        assert sent.traffic.ledger.is_balanced, sent.traffic.ledger
    assert (found.id, found.level) == ("poll-starvation", "certain")


def test_a_link_that_flaps(lab: lk.Lab, tmp_path: Path) -> None:
    a, _ = lab.cable("a", "b")
    with lk.fault.link_flap(a, times=3, down=0.02, up=0.02) as fault:
        wait_until(lambda: fault.xstats["interface/carrier_changes"] == 6)
        found = first(fault.write(tmp_path))
    assert a.info.link_up
    assert found.id == "link-flaps"


def test_a_fault_that_is_over_can_be_waited_for(lab: lk.Lab) -> None:
    a, _ = lab.cable("a", "b")
    with lk.fault.keep_alive_lost(a, **QUICK) as fault:
        fault.wait()
        assert fault.xstats["dev_start"] == 2
    with (
        lk.fault.admin_queue_hang(a, timeout=0.01) as hang,
        pytest.raises(lk.PortError, match=r"not over after 0.1 s; end\(\) ends it"),
    ):
        hang.wait(0.1)


def test_a_link_that_flaps_is_up_when_the_fault_ends(lab: lk.Lab) -> None:
    a, _ = lab.cable("a", "b")
    with lk.fault.link_flap(a, down=30):
        wait_until(lambda: not a.info.link_up)
    assert a.info.link_up


def test_a_next_hop_that_does_not_answer(lab: lk.Lab, tmp_path: Path) -> None:
    a, b = lab.cable("a", "b")
    with flow(lab, a, b) as sent:
        with lk.fault.arp_overflow(a, address="192.0.2.1") as fault:
            wait_until(lambda: len(fault.log) > 0)
            assert fault.counts["in_ring"] == 5
            found = first(fault.write(tmp_path))
        sent.stop()
        ledger = sent.traffic.ledger
    assert ledger.is_balanced, ledger
    assert ledger.drops["drop_neighbour_unresolved"] == fault.counts["refused"]
    assert (found.id, found.level) == ("next-hop-unresolved", "likely")


def test_long_frames_vanish_in_a_black_hole(lab: lk.Lab) -> None:
    a, b = lab.cable("a", "b")
    with lk.fault.mtu_black_hole(a, longest=1000):
        a.send([bytes(1000), bytes(1001)])
        assert [len(frame) for frame in exactly(b, 1)] == [1000]
    assert lab.counters()["host:a"].drops == {"drop_mtu_black_hole": 1}
    a.send([bytes(1001)])
    assert len(b.receive(1, raw=True)) == 1


# The report of a virtual NIC that stopped sending, from end to end


def test_a_stalled_nic_has_the_figures_of_the_report(lab: lk.Lab, tmp_path: Path) -> None:
    a, b = lab.cable("a", "b")
    with flow(lab, a, b) as sent:
        fault = lk.fault.tx_stall(a, after="100 kB", ring=239)
        with fault:
            wait_until(lambda: fault.counts["refused"] > 0)
            first_files = fault.write(tmp_path / "1")
            received = fault.xstats["interface/rx_packets"]
            b.send([bytes(60)] * 50)
            # They are counted where a's worker takes them off the wire.
            wait_until(lambda: fault.xstats["interface/rx_packets"] == received + 50)
            told = fault.xstats
            assert told["qdisc/root/pfifo_fast/backlog_packets"] == 1000
            in_ring = told["qdisc/root/pfifo_fast/packets"] - told["interface/tx_packets"]
            assert in_ring == 239
            wait_until(lambda: fault.counts["refused"] > told["qdisc/root/pfifo_fast/drops"])
            second_files = fault.write(tmp_path / "2")
        sent.stop()
        ledger = sent.traffic.ledger
    assert ledger.is_balanced, ledger
    assert ledger.drops["drop_tx_backlog_full"] == fault.counts["refused"]
    found = first([f for f in (*first_files, *second_files) if "1-before" not in f.name])
    assert (found.id, found.level, found.rule.where) == ("virtio-tx-stalled", "certain", "host")


def test_what_a_stalled_nic_holds_is_sent_when_it_ends(lab: lk.Lab) -> None:
    a, b = lab.cable("a", "b")
    b.receive(1, timeout=0)
    with lk.fault.tx_stall(a) as fault:
        a.send([n.to_bytes(60, "big") for n in range(300)])
        assert b.receive(1, timeout=0.05) == []
        assert (fault.counts["in_ring"], fault.counts["in_backlog"]) == (256, 44)
    got = exactly(b, 300)
    assert [int.from_bytes(frame, "big") for frame in got] == list(range(300))
    assert fault.counts["lost"] == 0


# Faults as nodes


def test_a_fault_is_a_node_of_a_path_and_is_switched_while_it_runs(lab: lk.Lab) -> None:
    a, b = lab.cable("a", "b")
    c, d = lab.cable("c", "d")
    b.receive(1, timeout=0)
    path = lab.run(lk.rx(b) >> lk.fault.tx_stall(after=6_000, name="stall") >> lk.tx(c))
    d.receive(1, timeout=0)
    a.send([bytes(60)] * 50)
    assert len(exactly(d, 50)) == 50
    a.send([bytes(60)] * 100)
    wait_until(
        lambda: (
            "in_ring" in lab.engine.commands.sick_counts("c")
            and lab.engine.commands.sick_counts("c")["in_ring"] > 0
        )
    )
    path.switch("stall", on=False)
    assert len(exactly(d, 100)) == 100
    path.switch("stall", on=True)
    a.send([bytes(60)] * 10)
    assert d.receive(1, timeout=0.1) == []
    path.stop()  # and the NIC is sound with it
    assert path.ledger.is_balanced, path.ledger
    assert len(exactly(d, 10)) == 10


def test_a_path_with_a_fault_is_data(lab: lk.Lab) -> None:
    path = lk.Path(lk.rx("a") >> lk.fault.mtu_black_hole(longest=900) >> lk.tx("b"))
    assert lk.Path.from_json(path.to_json()) == path
    lab.cable("a", "b")
    assert lab.run(path).path.node("mtu_black_hole").params["nic"] == "b"


def test_a_fault_in_front_of_no_port_or_of_two_is_refused(lab: lk.Lab) -> None:
    lab.cable("a", "b")
    with pytest.raises(lk.PathError, match="go to no port; put it in front of one tx"):
        lab.run(lk.rx("a") >> lk.fault.tx_stall() >> lk.sink())


def test_a_recording_tells_when_a_nic_was_sick(lab: lk.Lab) -> None:
    a, _ = lab.cable("a", "b")
    with lk.record(lab, hz=200) as record:
        with lk.fault.tx_stall(a):
            time.sleep(0.05)
        wait_until(
            lambda: (
                "driver/a/fault/tx_stall" in record.table.columns
                and record.table["driver/a/fault/tx_stall"].iloc[-1] == 0
            )
        )
    marks = record.table["driver/a/fault/tx_stall"].dropna()
    assert set(marks) == {0, 1}


def test_a_recording_tells_when_a_nic_was_sick_that_could_not_be_read(lab: lk.Lab) -> None:
    a, _ = lab.cable("a", "b")
    mark = "driver/a/fault/admin_queue_hang"
    with lk.record(lab, hz=200) as record:
        with lk.fault.admin_queue_hang(a, timeout=0.02):
            wait_until(lambda: "driver/a/rx_errors" in record.table.columns)
            wait_until(lambda: record.table["driver/a/rx_errors"].isna().iloc[-1])
        wait_until(lambda: record.table[mark].iloc[-1] == 0)
    unread = record.table[record.table["driver/a/rx_errors"].isna()]
    assert (unread[mark].dropna() == 1).all()
    assert len(unread[mark].dropna()) > 0
    assert not [fault for fault in record.faults["name"] if "fault/" in fault]


def test_a_reset_ends_what_it_cures(lab: lk.Lab) -> None:
    a, _ = lab.cable("a", "b")
    with lk.fault.keep_alive_lost(a, **QUICK) as fault:
        assert fault.xstats["fault/keep_alive_lost"] == 1
        fault.wait()
        assert fault.xstats["fault/keep_alive_lost"] == 0


def test_what_cannot_be_read_is_shown_as_addresses_where_nobody_looks(
    lab: lk.Lab, tmp_path: Path
) -> None:
    a, _ = lab.cable("a", "b")
    with lk.fault.admin_queue_hang(a, timeout=0.02, poll=0.02) as hang:
        wait_until(lambda: any("-19" in line for line in hang.log))
        with lk.fault.absurd_counters(a) as absurd:
            files = [*absurd.write(tmp_path / "shown"), *hang.write(tmp_path / "log")]
        with pytest.raises(lk.EngineError, match="could not retrieve"):
            _ = hang.xstats
    levels = {finding.id: finding.level for finding in lk.trouble.look(*files).findings}
    assert levels == {"admin-queue-hung": "certain", "absurd-counters": "certain"}
    a.send([bytes(60)])
    assert hang.counts["in_ring"] == 0  # it is sound


def test_a_recording_of_a_lab_is_evidence_of_its_sick_nic(lab: lk.Lab) -> None:
    a, b = lab.cable("a", "b")
    hang = lk.fault.admin_queue_hang(a, timeout=0.1)
    with flow(lab, a, b), lk.record(lab, hz=50) as record, hang:
        time.sleep(1.0)
    found = {f.id: f.device for f in lk.trouble.look(record).findings}
    assert found == {"admin-queue-hung": "a"}


def test_what_a_fault_refuses(lab: lk.Lab) -> None:
    a, _ = lab.cable("a", "b")
    with pytest.raises(lk.PortError, match="port is 'a'; it is a port of a lab"):
        lk.fault.keep_alive_lost("a")
    with pytest.raises(lk.PathError, match=r'after is .*number of bytes, such as "360 MB"'):
        lk.fault.tx_stall(a, after=-1)
    with pytest.raises(lk.PathError, match="after: 'GiB' is no unit"):
        lk.fault.tx_stall(a, after="3 GiB")
    with pytest.raises(lk.PortError, match="has not begun"):
        _ = lk.fault.tx_stall(a).counts
    with lk.fault.tx_stall(a) as stall:
        with pytest.raises(lk.PortError, match="has the fault tx_stall already"):
            lk.fault.mtu_black_hole(a, driver="virtio_net").begin()
        with pytest.raises(lk.PortError, match="begun already"):
            stall.begin()
    with pytest.raises(lk.PortError, match=r"NIC of virtio_net .* is one of net_ena or ena"):
        lk.fault.keep_alive_lost(a).begin()
    with lk.fault.link_flap(a, down=0.01, up=0.01):  # a fault of any driver
        pass
    null = lab.port("null", "nothing")
    with pytest.raises(lk.PortError, match="cannot do this: set link"):
        lk.fault.link_flap(null).begin()
    with lk.fault.tx_stall(null):  # what could not begin is not in the way
        pass
    path = lab.run(lk.rx(a) >> lk.fault.tx_stall() >> lk.tx("b"), name="sick")
    with pytest.raises(lk.PortError, match="path 'sick', node tx_stall, has the NIC of port b"):
        lk.fault.tx_stall(lab.ports["b"]).begin()
    path.stop()
    with lk.fault.tx_stall(lab.ports["b"]) as fault:
        with pytest.raises(lk.EngineError, match="the NIC of port b has a fault already"):
            lab.run(lk.rx(a) >> lk.fault.mtu_black_hole() >> lk.tx("b"))
        lab.ports["b"].send([bytes(60)])
        assert fault.counts["in_ring"] == 1  # it is as it was
    a.close()
    with pytest.raises(lk.PortError, match="was closed"):
        lk.fault.tx_stall(a).begin()


# Incidents from end to end


def test_the_incident_of_two_devices_that_stop_answering(lab: lk.Lab, tmp_path: Path) -> None:
    """A router whose two ENA devices hang within seconds; hours later its next hop is unresolved,
    and what it shows of statistics are addresses."""
    a, b = lab.cable("a", "b")
    c, _ = lab.cable("c", "d")
    with flow(lab, a, b):
        hung = [lk.fault.admin_queue_hang(p, timeout=0.1, poll=0.1) for p in (a, c)]
        for fault in hung:
            fault.begin()
        wait_until(lambda: all(any("-19" in line for line in fault.log) for fault in hung))
    for fault in hung:
        fault.end()
    absurd = lk.fault.absurd_counters(a)
    with absurd:
        shown = absurd.write(tmp_path / "shown")
    pending = lk.fault.arp_overflow(a)
    with pending:
        a.send([bytes(60)] * 10)
        wait_until(lambda: len(pending.log) > 0)
        later = pending.write(tmp_path / "later")
    logs = [file for fault in hung for file in fault.write(tmp_path / fault.port.name)]
    log = tmp_path / "DPDK.log"  # of one process
    lines = [
        line for file in logs if file.suffix == ".log" for line in file.read_text().split("\n")
    ]
    log.write_text("\n".join(sorted(filter(None, lines))) + "\n")

    case = lk.trouble.look(log, *shown, *later)
    levels = {finding.id: finding.level for finding in case.findings}
    assert case.findings[0].id == "admin-queue-hung"
    assert levels["admin-queue-hung"] == "certain"
    assert "two-devices-hung" in levels
    assert levels["absurd-counters"] == "certain"
    assert "next-hop-unresolved" not in levels  # the device died, which explains it


def test_the_keep_alive_reset_of_the_guide(lab: lk.Lab, tmp_path: Path) -> None:
    """The lines of the log come in the guide's order, the dump of counters among them."""
    a, b = lab.cable("a", "b")
    with flow(lab, a, b), lk.fault.keep_alive_lost(a, driver="ena", **QUICK) as fault:
        wait_until(lambda: any("reset completed" in line for line in fault.log))
        log = fault.log
    order = (
        "Keep alive watchdog",
        "Trigger reset",
        "wd_expired: 1",
        "queue_0_tx_cnt: ",
        "uncompleted tx",
        "Device reset completed",
    )
    places = [next(n for n, line in enumerate(log) if text in line) for text in order]
    assert places == sorted(places)
    assert first(fault.write(tmp_path)).device == "a"
