# SPDX-License-Identifier: BSD-3-Clause
"""What follows from several counters."""

import pytest

from labkit.trouble.derived import DERIVED, WORDS, with_derived
from labkit.trouble.derived_host import OF_HOST
from labkit.trouble.derived_rates import BANDWIDTH_BPS, BASELINE, BASELINE_BPS, CREDITS, OF_RATES
from labkit.trouble.evidence import Moment, Place, Reading

PLACE = Place("shown.txt", 1)


def reading_of(counters: dict[str, int]) -> Reading:
    return Reading(counters, PLACE, device="eth0")


def derived(*readings: dict[str, int]) -> dict[str, int]:
    """The last value of each quantity."""
    return _derived(list(map(reading_of, readings)))


def _derived(readings: list[Reading]) -> dict[str, int]:
    found: dict[str, int] = {}
    for reading in with_derived(readings):
        found |= {n: v for n, v in reading.counters.items() if n.startswith("derived/")}
    return {name.removeprefix("derived/"): value for name, value in found.items()}


def test_of_a_window_and_not_of_all_time() -> None:
    large = {"interface/rx_packets": 1_000_000, "interface/rx_bytes": 1_500_000_000}
    small = {"interface/rx_packets": 2_000_000, "interface/rx_bytes": 1_564_000_000}
    assert derived(large)["mean_frame"] == 1500
    assert derived(large, small)["mean_frame"] == 64


def test_counters_that_began_anew() -> None:
    before = {"interface/rx_packets": 1_000_000, "interface/rx_bytes": 1_500_000_000}
    after = {"interface/rx_packets": 20_000, "interface/rx_bytes": 2_000_000}
    assert derived(before, after)["mean_frame"] == 100


@pytest.mark.parametrize("value", [0x55D0_C0FF_EE00, 0xAAAA_C0FF_EE00, 0xFFFF_FFFF_FFFF_FFC2])
def test_addresses(value: int) -> None:
    """They have a name of their own, so that no rule takes them for counts."""
    (reading,) = with_derived([reading_of({"rx_q0_refill_partial": value, "rx_good_packets": 7})])
    assert reading.counters == {"absurd/rx_q0_refill_partial": value, "rx_good_packets": 7}
    sound = {"rx_good_bytes": 0x55D0_C0FF_EE00, "rx_drops": 3}
    assert next(iter(with_derived([reading_of(sound)]))).counters == sound


def test_frames_that_cannot_be() -> None:
    found = derived({"rx_q0_packets": 875_075_952, "rx_q0_bytes": 1_876_012, "rx_q0_cnt": 13_000})
    assert (found["impossible_frames"], found["differing_queues"]) == (1, 1)
    assert "impossible_frames" not in derived({"rx_q0_packets": 20_000, "rx_q0_bytes": 1_280_000})


def test_a_dump_of_a_line_each() -> None:
    readings = [{"ena_srd_mode": 3}, {"ena_srd_eligible_tx_pkts": 20_000}, {"ena_srd_tx_pkts": 1}]
    assert derived(*readings) == {"ena_express_on": 1, "ena_express_percent": 0}
    assert derived({"ena_srd_mode": 2})["ena_express_on"] == 0


def test_shares() -> None:
    before = {"rx_good_packets": 1_000_000, "rx_missed_errors": 40, "rx_drops": 40}
    after = {"rx_good_packets": 1_099_000, "rx_missed_errors": 1_040, "rx_drops": 1_040}
    assert derived(before, after)["unreceived_ppm"] == 10_000
    of_one = {"queue_0_tx_cnt": 10_000, "queue_1_tx_cnt": 90_000, "bw_out_allowance_exceeded": 50}
    assert derived(of_one)["over_bandwidth_ppm"] == 500
    left = [{"conntrack_allowance_available": n, "rx_drops": 0} for n in (136_000, 8_000)]
    assert derived(*left)["conntrack_left_percent"] == 5


def test_every_quantity_has_words() -> None:
    assert set(WORDS) == {*DERIVED, *OF_HOST, *OF_RATES, BASELINE} | {
        BANDWIDTH_BPS,
        BASELINE_BPS,
        CREDITS,
    }


def _at(seconds: float, counters: dict[str, int]) -> Reading:
    return Reading(counters, PLACE, Moment("wall", seconds), "eth0")


def test_a_mean_against_the_baseline() -> None:
    over = "bw_out_allowance_exceeded"
    readings = [
        Reading({"ec2/baseline_mbps": 2000}, PLACE),
        _at(100.0, {"interface/tx_bytes": 0, over: 0}),
        _at(110.0, {"interface/tx_bytes": 1_000_000_000, over: 7}),
    ]
    found = _derived(readings)
    assert (found["mbps_out"], found["percent_of_baseline"]) == (800, 40)
    assert "percent_of_baseline" not in _derived(readings[1:])
    unknown = [Reading(r.counters, PLACE, device=r.device) for r in readings]
    assert "mbps_out" not in _derived(unknown)


@pytest.mark.parametrize(("room", "percent"), [(None, 40), (2_000_000_000, 40), (1, None)])
def test_a_mean_against_the_bandwidth(room: int | None, percent: int | None) -> None:
    """Which it has while there are credits, certainly before as many bytes passed."""
    over = "bw_out_allowance_exceeded"
    of = {BANDWIDTH_BPS: 2_000_000_000}
    if room is not None:
        of |= {BASELINE_BPS: 200_000_000, CREDITS: room}
    readings = [
        _at(100.0, {**of, "interface/tx_bytes": 0, over: 0}),
        _at(110.0, {**of, "interface/tx_bytes": 1_000_000_000, over: 7}),
    ]
    found = _derived(readings)
    assert found.get("percent_of_bandwidth") == percent
    assert found.get("percent_of_baseline") == (None if room is None else 400)


def test_shares_of_ena_express() -> None:
    before = {"interface/tx_packets": 0, "ena_srd_tx_pkts": 0, "ena_srd_rx_pkts": 0}
    after = {"interface/tx_packets": 100_000, "ena_srd_tx_pkts": 41_000, "ena_srd_rx_pkts": 5}
    found = derived(before, after)
    assert found["ena_express_of_sent_percent"] == 41
    assert "ena_express_of_received_percent" not in found  # of how many, nobody tells
