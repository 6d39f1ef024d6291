# SPDX-License-Identifier: BSD-3-Clause
"""The recordings of incidents: the figures of the reports, and what the lab makes of them."""

import math
from pathlib import Path

import pandas as pd
import pytest

import labkit as lk
from labkit.datasets import dataset
from labkit.sources import MISSING, Recording, Samples, rates
from scripts import make_incidents as made

MOVES = "datasets/" + made.VIRTIO_FILE
BREAKS = "datasets/" + made.ENA_FILE


@pytest.mark.parametrize("name", [made.ENA_FILE, made.VIRTIO_FILE])
def test_files_hold_what_the_script_makes(name: str, tmp_path: Path) -> None:
    made.main(tmp_path)
    fresh, kept = Samples.load(tmp_path / name), Samples.load(dataset(name))
    pd.testing.assert_frame_equal(fresh.table, kept.table)
    assert fresh.label == kept.label


def test_recordings_are_found_from_anywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert len(Recording(MOVES).samples) == 1441
    with pytest.raises(lk.LabError, match=r"no data set 'nothing' \(there are: incident_ena"):
        Recording("datasets/nothing")


def test_virtio_stall() -> None:
    samples = Recording(MOVES).samples
    last = samples.samples[-1]
    assert last["eth2/interface/tx_packets"] == 337_128_509
    assert last["eth2/interface/rx_bytes"] == 945_372_320_709
    assert last["eth1/qdisc/root/pfifo_fast/drops"] == 4724
    assert samples.faults.empty
    assert samples.gaps == 0


def test_virtio_stall_is_seen_in_the_rates() -> None:
    table = Recording(MOVES).samples.rates
    early, late = table.iloc[10], table.iloc[-10]
    assert early["eth2/interface/tx_packets"] > 9000
    assert late["eth2/interface/tx_packets"] == 0
    assert late["eth2/interface/rx_packets"] == pytest.approx(886_849_463 / 86_400, rel=1e-3)
    assert late["eth2/qdisc/root/pfifo_fast/backlog_packets"] == 1000
    assert late["eth1/interface/tx_packets"] > 9000


def test_virtio_stall_in_the_terms_of_any_driver() -> None:
    last = Recording(MOVES).samples.samples[-1]
    view = lk.xstats.normalise(last).set_index(["of", "quantity"])
    assert view.value["eth2", "sent"] == 337_128_509
    assert view.value["eth2", "not sent"] == 523_987
    assert "virtio_net cannot report this" in view.note["eth2", "dropped by NIC"]


def test_ena_admin_queue() -> None:
    with Recording(BREAKS, speed=math.inf) as source:
        first, *unreadable, shown = source.since(None)
    assert len(unreadable) == 4
    assert unreadable[0]["port/ena0/rx_errors"] == MISSING
    faults = rates(first, shown).faults
    assert {name for name in faults if "/ena0/" in name} == {
        f"port/ena0/{name}"
        for name in ("rx_errors", "rx_missed_errors", "rx_mbuf_allocation_errors")
    }
    assert "139,836,994,071,144" in faults["port/ena0/rx_errors"]
    view = lk.xstats.normalise(shown).set_index(["of", "quantity"])
    assert "which is an address" in view.note["port/ena0", "bad frames received"]
    assert view.value["port/ena0", "held back by the platform"] == 0
    assert "could not be read" in view.note["port/ena1", "received"]


def test_ena_admin_queue_hangs_on_two_devices_in_turn() -> None:
    told = Recording(BREAKS).samples.faults
    told = told[told.fault == "could not be read"]
    moments = [pd.Timestamp(moment, tz="UTC") for moment, _ in made.ENA_UNREADABLE]
    shown = pd.Timestamp(made.ENA_SHOWN, tz="UTC")
    for device, unread in (("ena0", moments), ("ena1", [*moments[1:], shown])):
        of = told[told.name.str.startswith(f"port/{device}/")]
        assert list(of.time.unique()) == unread
        assert len(of) == len(unread) * len(made.ENA_STATISTICS)
    # A command is given up after 3 s, once for each device; then each answers at once.
    first, second, third, fourth = moments
    assert (second - first).total_seconds() == pytest.approx(3, abs=0.01)
    assert (fourth - third).total_seconds() == pytest.approx(0, abs=0.01)


def test_ena_admin_queue_shows_nothing_that_was_read() -> None:
    shown = Recording(BREAKS).samples[-1]
    queue = "port/ena0/rx_q0_"
    assert shown[f"{queue}packets"] != shown[f"{queue}cnt"] == 0  # one number in the driver
    assert shown[f"{queue}bytes"] < 14 * shown[f"{queue}packets"]
    for name, value in made.ENA_STATISTICS.items():
        assert shown[f"port/ena0/{name}"] == value
