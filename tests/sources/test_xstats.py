# SPDX-License-Identifier: BSD-3-Clause
"""The catalogue of counters, and the one view of them all."""

import re

import pandas as pd
import pytest

import labkit as lk
from labkit.packet.codec import VERDICTS
from labkit.sources import MISSING, Sample, Schema, catalogue, xstats
from labkit.sources.base import readonly

UNITS = {
    "", "%", "bindings", "bit/s", "buffers", "bytes", "calls", "connections", "cycles",
    "descriptors", "events", "flows", "mbufs", "ns", "packets", "packets/s", "queues", "s", "words",
}  # fmt: skip
# `ethtool -S` of the ENA driver for Linux and of net_ena in dpdk-testpmd, as their guide shows them
ENA_LINUX = """
tx_timeout suspend resume wd_expired interface_up interface_down admin_q_pause
bw_in_allowance_exceeded bw_out_allowance_exceeded pps_allowance_exceeded
conntrack_allowance_available conntrack_allowance_exceeded linklocal_allowance_exceeded
queue_0_tx_cnt queue_7_tx_bytes queue_12_tx_queue_stop queue_0_rx_refil_partial
queue_31_xdp_tx_unmask_interrupt queue_0_rx_xdp_redirect ena_admin_q_no_completion ena_srd_mode
ena_srd_tx_pkts ena_srd_eligible_tx_pkts ena_srd_rx_pkts ena_srd_resource_utilization
""".split()  # noqa: SIM905
# What its version 2.17.0 has beside them
ENA_LINUX_NEWER = """
num_of_active_io_queues queue_0_rx_csum_bad queue_3_tx_pending_timedout_pkts
queue_3_tx_lost_interrupt queue_3_tx_xsk_cnt queue_3_tx_xsk_bytes queue_3_tx_xsk_need_wakeup_set
queue_3_tx_xsk_wakeup_request queue_3_tx_xdp_frags_exceeded queue_3_tx_xdp_short_linear_part
queue_3_rx_bp_invocations_cnt queue_3_rx_bp_yield queue_3_rx_bp_missed queue_3_rx_bp_cleaned
queue_3_rx_lpc_warm_up queue_3_rx_lpc_full queue_3_rx_lpc_wrong_numa queue_3_rx_pp_alloc_fast
queue_3_rx_pp_alloc_slow queue_3_rx_pp_alloc_slow_hi_ord queue_3_rx_pp_alloc_empty
queue_3_rx_pp_alloc_refill queue_3_rx_pp_alloc_waive queue_3_rx_pp_cached queue_3_rx_pp_cache_full
queue_3_rx_pp_ring queue_3_rx_pp_ring_full queue_3_rx_pp_released_ref
queue_3_rx_xsk_need_wakeup_set queue_3_rx_zc_queue_pkt_copy phc_cnt phc_exp phc_skp phc_err_dv
phc_err_ts phc_err_eb
""".split()  # noqa: SIM905
# Its counters of resets by their reason, and the version that had each first
ENA_RESETS = {
    "wd_expired": "", "total_resets": "2.10.0", "reset_fail": "2.8.0", "admin_to": "2.11.0",
    "missing_tx_cmpl": "2.10.0", "bad_rx_req_id": "2.10.0", "bad_tx_req_id": "2.10.0",
    "bad_rx_desc_num": "2.10.0", "invalid_state": "2.10.0", "os_netdev_wd": "2.10.0",
    "missing_intr": "2.10.0", "suspected_poll_starvation": "2.10.0", "rx_desc_malformed": "2.10.0",
    "tx_desc_malformed": "2.10.0", "missing_admin_interrupt": "2.11.0",
    "device_request_reset": "2.12.0", "missing_first_intr": "2.13.0",
}  # fmt: skip
ENA_FREEBSD = """
dev.ena.0.eni_metrics.pps_allowance_exceeded dev.ena.0.customer_metrics.bw_in_allowance_exceeded
dev.ena.0.customer_metrics.conntrack_allowance_available dev.ena.1.ena_srd_info.ena_srd_tx_pkts
dev.ena.0.eni_metrics.sample_interval dev.ena.0.stats_sample_interval
""".split()  # noqa: SIM905
ENA_DPDK = """
rx_good_packets tx_good_packets rx_good_bytes tx_good_bytes rx_missed_errors rx_errors tx_errors
rx_mbuf_allocation_errors rx_q0_packets rx_q0_bytes rx_q0_errors tx_q0_packets tx_q0_bytes
wd_expired dev_start dev_stop tx_drops rx_q0_cnt rx_q0_refill_partial rx_q0_bad_csum
rx_q0_mbuf_alloc_fail rx_q0_bad_desc_num rx_q0_bad_req_id tx_q0_cnt tx_q0_prepare_ctx_err
tx_q0_linearize tx_q0_linearize_failed tx_q0_tx_poll tx_q0_doorbells tx_q0_bad_req_id
tx_q0_available_desc rx_q1_l3_csum_bad rx_q1_l4_csum_bad rx_q1_l4_csum_good
""".split()  # noqa: SIM905
WINDOWS = [5001, 5002, 5005, 5007, 5032, *range(5200, 5207), 5208, 5210, 59000]


def sample(drivers: dict[str, str] | None = None, **values: int) -> Sample:
    names = tuple(name.replace("__", "/") for name in values)
    return Sample(1, 1, readonly(list(values.values())), Schema.of(names, drivers))


def row(view: pd.DataFrame, quantity: str, of: str = "") -> pd.Series:
    (found,) = view[(view.quantity == quantity) & (view.of == of)].itertuples()
    return found


def test_every_row_is_whole() -> None:
    metrics = catalogue.metrics()
    assert len({metric.name for metric in metrics}) == len(metrics) > 200
    for metric in metrics:
        assert re.fullmatch(r"[A-Z].*\.\)?", metric.meaning), metric
        assert metric.kind in ("counter", "gauge", "state")
        assert metric.unit in UNITS
        assert metric.reported_by
        assert metric.origin
        assert metric.counts in ("", *xstats.QUANTITIES)
        assert metric.unit or metric.kind == "state"
    for driver in catalogue.drivers():
        assert set(driver.cannot_report) <= set(xstats.QUANTITIES)
        assert driver.because
        for name, quantity in driver.counts.items():
            assert catalogue.find(name) is not None
            assert quantity in ("", *xstats.QUANTITIES)


@pytest.mark.parametrize(
    "name",
    [*ENA_LINUX, *ENA_LINUX_NEWER, *ENA_FREEBSD, *ENA_DPDK, *(f"event_{n}" for n in WINDOWS)],
)
def test_metrics_of_the_ena_guides_and_drivers_are_known(name: str) -> None:
    assert xstats.describe(name).origin


@pytest.mark.parametrize(("name", "since"), ENA_RESETS.items())
def test_every_reason_of_an_ena_reset_has_a_remedy(name: str, since: str) -> None:
    metric = xstats.describe(name)
    assert metric.name == name
    assert (metric.kind, metric.unit) == ("counter", "events")
    assert metric.advice
    assert metric.reported_by[0] == f"ena (Linux) {since}".rstrip()
    assert metric.counts == ""


def test_everything_an_engine_shows_is_known(lab: lk.Lab) -> None:
    client, server = lab.cable()
    lab.port("null", "nil")
    lab.run(lk.rx(server) >> lk.reflect() >> lk.tx(server))
    with client.socket(), lk.sources.Engine(lab, hz=100) as source:
        names = source.sample().names  # type: ignore[union-attr]
        assert [name for name in names if xstats.find(name) is None] == []
        numbers = [name for name in names if xstats.describe(name).kind != "state"]
        assert [name for name in numbers if name not in source.units] == []


@pytest.mark.parametrize(
    "name",
    [
        *("active", "available", "most_active", "bindings", "most_bindings", "flows", "longest"),
        *("held", "held_bytes", "most_held", "used_percent", "longest_wait_ns", "pps"),
    ],
)
def test_levels_of_nodes_are_not_taken_for_counters(name: str) -> None:
    """A table that empties has no negative rate."""
    assert Schema.of([f"path/p/node/{name}"]).kinds == {f"path/p/node/{name}": "gauge"}


def test_description() -> None:
    metric = xstats.describe("port/client/rx_q3_packets")
    assert metric is xstats.describe("rx_q{n}_packets")
    assert (metric.name, metric.unit, metric.kind) == ("rx_q{n}_packets", "packets", "counter")
    allowance = xstats.describe("bw_in_allowance_exceeded")
    assert "net_ena (DPDK 20.11) 2.2.0" in allowance.reported_by
    text = str(allowance)
    assert text.startswith("bw_in_allowance_exceeded: counter of packets\n")
    assert "What to do: " in text
    assert xstats.describe("rx_q0_bytes#2") is xstats.describe("rx_q0_bytes")
    assert xstats.describe("conntrack_allowance_available").kind == "gauge"
    assert xstats.describe("ena_srd_mode").kind == "state"


def test_description_of_a_drop_is_the_verdict() -> None:
    for verdict in VERDICTS:
        if verdict.is_drop:
            metric = xstats.describe(f"path/echo:server/drop_{verdict.name}")
            assert metric.meaning == verdict.sentence


def test_unknown_counter() -> None:
    with pytest.raises(lk.LabError, match=r"no counter 'rx_good_packet' \(.*did you mean 'rx_g"):
        xstats.describe("rx_good_packet")
    assert xstats.find("nothing_like_it") is None
    assert xstats.unit("vendor_rx_bytes") == "bytes"
    assert xstats.unit("nothing_like_it") == ""


def test_normalised_view_of_ports(lab: lk.Lab) -> None:
    client, server = lab.cable()
    lab.run(lk.rx(server) >> lk.sink())
    client.send([bytes(60)] * 9)
    with lk.sources.Engine(lab, hz=100) as source:
        view = xstats.normalise(source)
    assert view.of.unique().tolist() == ["port/client", "port/server"]
    assert len(view) == 2 * len(xstats.QUANTITIES)
    assert row(view, "sent", "port/client").value == 9
    assert row(view, "sent", "port/client").counters == "port/client/tx_good_packets"
    dropped = row(view, "dropped by NIC", "port/server")
    assert pd.isna(dropped.value)
    assert dropped.note.startswith("net_ring cannot report this: it counts packets only")


def test_normalised_view_sums_queues_where_nothing_else_counts() -> None:
    view = xstats.normalise(
        sample(
            {"": "ena"},
            queue_0_rx_cnt=5, queue_1_rx_cnt=7, queue_0_tx_bytes=100,
            bw_in_allowance_exceeded=2, pps_allowance_exceeded=3,
        )
    )  # fmt: skip
    received = row(view, "received")
    assert (received.value, received.counters) == (12, "queue_0_rx_cnt, queue_1_rx_cnt")
    assert row(view, "held back by the platform").value == 5
    dropped = row(view, "dropped by NIC").note
    assert dropped.startswith("no counter of this source tells it: the device's drops are in rx_dr")
    with_whole = xstats.normalise(sample(queue_0_rx_cnt=5, interface__rx_packets=6))
    assert row(with_whole, "received").value == 6


def test_kernel_counters_of_ena_are_the_devices() -> None:
    values = {
        "interface__rx_dropped": 30, "interface__rx_over_errors": 4, "interface__rx_errors": 4,
        "interface__tx_dropped": 5, "queue_0_rx_csum_bad": 2, "queue_0_tx_missed_tx": 7,
    }  # fmt: skip
    view = xstats.normalise(sample({"": "ena"}, **values))
    assert row(view, "dropped by NIC").value == 34
    assert "the kernel's copy nowhere" in row(view, "dropped by NIC").note
    assert row(view, "dropped by kernel").note.startswith("ena cannot report this: ")
    assert row(view, "bad frames received").value == 2  # rx_errors is rx_over_errors again
    assert row(view, "not sent").value == 5  # a late completion is no loss
    other = xstats.normalise(sample({"": "e1000e"}, **values))
    assert row(other, "dropped by kernel").value == 30
    assert row(other, "bad frames received").value == 4


def test_overruns_of_ena_in_dpdk_are_drops() -> None:
    apart = {"port__x__rx_missed_errors": 6, "port__x__rx_overruns": 3}
    view = xstats.normalise(sample({"port/x": "net_ena"}, **apart))
    assert row(view, "dropped by NIC", "port/x").value == 9
    assert "from DPDK 24.03" in row(view, "dropped by NIC", "port/x").note


def test_normalised_view_believes_no_address() -> None:
    view = xstats.normalise(sample(rx_errors=139_836_994_071_144, rx_missed_errors=MISSING))
    assert pd.isna(row(view, "bad frames received").value)
    assert "which is an address" in row(view, "bad frames received").note
    assert row(view, "dropped by NIC").note == "rx_missed_errors could not be read"
    view = xstats.normalise(
        sample(rx_good_bytes=2**64 - 19, rx_mbuf_allocation_errors=0xFFFF << 32)
    )
    assert (
        "which is the error -19 (ENODEV, the driver has given the device up)"
        in row(view, "received bytes").note
    )
    assert "which is an address" in row(view, "no buffer on receipt").note


def test_what_counts_in_spite_of_the_catalogue_is_shown() -> None:
    view = xstats.normalise(sample({"port/x": "net_ring"}, port__x__tx_errors=4))
    assert row(view, "not sent", "port/x").value == 4


def test_table_lists_the_catalogue() -> None:
    table = xstats.table()
    assert len(table) == len(catalogue.metrics())
    assert table.set_index("name").unit["pps_allowance_exceeded"] == "packets"
