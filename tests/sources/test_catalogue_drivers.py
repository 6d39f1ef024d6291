# SPDX-License-Identifier: BSD-3-Clause
"""What drivers of Linux and DPDK count is known: recorded outputs, and names in their sources."""

from pathlib import Path

import pytest

from labkit.sources import Sample, Schema, catalogue, xstats
from labkit.sources.base import readonly
from labkit.text import unique

RECORDED = Path(__file__).parents[1] / "trouble/healthy/bench-machines"
# drivers/net/ethernet/intel/igb/igb_ethtool.c
IGB = """
rx_packets tx_packets rx_bytes tx_bytes rx_broadcast tx_broadcast rx_multicast tx_multicast
multicast collisions rx_crc_errors rx_no_buffer_count rx_missed_errors tx_aborted_errors
tx_carrier_errors tx_window_errors tx_abort_late_coll tx_deferred_ok tx_single_coll_ok
tx_multi_coll_ok tx_timeout_count rx_long_length_errors rx_short_length_errors rx_align_errors
tx_tcp_seg_good tx_tcp_seg_failed rx_flow_control_xon rx_flow_control_xoff tx_flow_control_xon
tx_flow_control_xoff rx_long_byte_count tx_dma_out_of_sync tx_smbus rx_smbus dropped_smbus
os2bmc_rx_by_bmc os2bmc_tx_by_bmc os2bmc_tx_by_host os2bmc_rx_by_host tx_hwtstamp_timeouts
rx_hwtstamp_cleared rx_errors tx_errors tx_dropped rx_length_errors rx_over_errors rx_frame_errors
rx_fifo_errors tx_fifo_errors tx_heartbeat_errors tx_queue_0_packets tx_queue_0_bytes
tx_queue_0_restart rx_queue_7_packets rx_queue_7_bytes rx_queue_7_drops rx_queue_7_csum_err
rx_queue_7_alloc_failed
"""
# drivers/net/ethernet/intel/ixgbe/ixgbe_ethtool.c
IXGBE = """
rx_packets tx_packets rx_bytes tx_bytes rx_pkts_nic tx_pkts_nic rx_bytes_nic tx_bytes_nic lsc_int
tx_busy non_eop_descs rx_errors tx_errors rx_dropped tx_dropped multicast broadcast
rx_no_buffer_count collisions rx_over_errors rx_crc_errors rx_frame_errors hw_rsc_aggregated
hw_rsc_flushed fdir_match fdir_miss fdir_overflow rx_fifo_errors rx_missed_errors tx_aborted_errors
tx_carrier_errors tx_fifo_errors tx_heartbeat_errors tx_timeout_count tx_restart_queue
rx_length_errors rx_long_length_errors rx_short_length_errors tx_flow_control_xon
rx_flow_control_xon tx_flow_control_xoff rx_flow_control_xoff rx_csum_offload_errors alloc_rx_page
alloc_rx_page_failed alloc_rx_buff_failed rx_no_dma_resources os2bmc_rx_by_bmc os2bmc_tx_by_bmc
os2bmc_tx_by_host os2bmc_rx_by_host tx_hwtstamp_timeouts tx_hwtstamp_skipped rx_hwtstamp_cleared
tx_ipsec rx_ipsec fcoe_bad_fccrc rx_fcoe_dropped rx_fcoe_packets rx_fcoe_dwords fcoe_noddp
fcoe_noddp_ext_buff tx_fcoe_packets tx_fcoe_dwords tx_queue_0_packets tx_queue_0_bytes
rx_queue_63_packets rx_queue_63_bytes tx_pb_0_pxon tx_pb_0_pxoff rx_pb_7_pxon rx_pb_7_pxoff
"""
# drivers/net/ethernet/intel/i40e/i40e_ethtool.c
I40E = """
rx_packets tx_packets rx_bytes tx_bytes rx_errors tx_errors rx_dropped rx_missed_errors tx_dropped
collisions rx_length_errors rx_crc_errors rx_unicast tx_unicast rx_multicast tx_multicast
rx_broadcast tx_broadcast rx_unknown_protocol tx_linearize tx_force_wb tx_busy rx_alloc_fail
rx_pg_alloc_fail tx-0.packets tx-0.bytes rx-11.packets rx-11.bytes veb.rx_bytes veb.tx_discards
veb.tx_errors veb.rx_unknown_protocol veb.tc_0_tx_packets veb.tc_7_rx_bytes port.rx_bytes
port.tx_unicast port.tx_errors port.rx_discards port.rx_dropped port.tx_dropped_link_down
port.rx_crc_errors port.illegal_bytes port.mac_local_faults port.mac_remote_faults port.tx_timeout
port.rx_csum_bad port.rx_length_errors port.link_xon_rx port.link_xoff_rx port.link_xon_tx
port.link_xoff_tx port.rx_size_64 port.rx_size_1522 port.rx_size_big port.tx_size_127
port.tx_size_big port.rx_undersize port.rx_fragments port.rx_oversize port.rx_jabber
port.VF_admin_queue_requests port.arq_overflows port.tx_hwtstamp_timeouts port.rx_hwtstamp_cleared
port.tx_hwtstamp_skipped port.fdir_flush_cnt port.fdir_atr_match port.fdir_atr_tunnel_match
port.fdir_atr_status port.fdir_sb_match port.fdir_sb_status port.tx_lpi_status port.rx_lpi_status
port.tx_lpi_count port.rx_lpi_count port.tx_priority_0_xon_tx port.tx_priority_0_xoff_tx
port.rx_priority_7_xon_rx port.rx_priority_7_xoff_rx port.rx_priority_0_xon_2_xoff
"""
# DPDK 22.11, drivers/net/e1000/igb_ethdev.c
NET_E1000_IGB = """
rx_crc_errors rx_align_errors rx_symbol_errors rx_missed_packets tx_single_collision_packets
tx_multiple_collision_packets tx_excessive_collision_packets tx_late_collisions tx_total_collisions
tx_deferred_packets tx_no_carrier_sense_packets rx_carrier_ext_errors rx_length_errors
rx_xon_packets tx_xon_packets rx_xoff_packets tx_xoff_packets rx_flow_control_unsupported_packets
rx_size_64_packets rx_size_65_to_127_packets rx_size_128_to_255_packets rx_size_256_to_511_packets
rx_size_512_to_1023_packets rx_size_1024_to_max_packets rx_broadcast_packets rx_multicast_packets
rx_undersize_errors rx_fragment_errors rx_oversize_errors rx_jabber_errors rx_management_packets
rx_management_dropped tx_management_packets rx_total_packets tx_total_packets rx_total_bytes
tx_total_bytes tx_size_64_packets tx_size_65_to_127_packets tx_size_128_to_255_packets
tx_size_256_to_511_packets tx_size_512_to_1023_packets tx_size_1023_to_max_packets
tx_multicast_packets tx_broadcast_packets tx_tso_packets tx_tso_errors rx_sent_to_host_packets
tx_sent_by_host_packets rx_code_violation_packets interrupt_assert_count
"""
# DPDK 22.11, drivers/net/vmxnet3/vmxnet3_ethdev.c
NET_VMXNET3 = """
tx_q0_drop_total tx_q0_drop_too_many_segs tx_q0_drop_tso tx_q0_tx_ring_full rx_q0_drop_total
rx_q0_drop_err rx_q0_drop_fcs rx_q1_rx_buf_alloc_failure
"""


def recorded(file: Path) -> dict[str, int]:
    """The counters of `ethtool -S`, named as lk.sources.Ethtool does."""
    block = file.read_text().partition("# ethtool -S\n")[2].partition("\n# ")[0]
    found = [line.rpartition(":") for line in block.splitlines()[1:]]
    names = unique(name.strip() for name, _, _ in found)
    return dict(zip(names, (int(value) for _, _, value in found), strict=True))


@pytest.mark.parametrize("file", sorted(RECORDED.glob("*.txt")), ids=lambda file: file.stem)
def test_recorded_counters_are_known(file: Path) -> None:
    driver = f"{file.stem.rpartition('-')[0]} (Linux)"
    counters = recorded(file)
    assert len(counters) >= 14
    for name in counters:
        metric = catalogue.find(name)
        assert metric is not None, name
        assert any(driver in told for told in metric.reported_by), (name, metric.reported_by)


@pytest.mark.parametrize(
    ("driver", "names"),
    [
        ("igb (Linux)", IGB),
        ("ixgbe (Linux)", IXGBE),
        ("i40e (Linux)", I40E),
        ("net_e1000_igb (DPDK)", NET_E1000_IGB),
        ("net_vmxnet3 (DPDK)", NET_VMXNET3),
    ],
)
def test_counters_in_sources_are_known(driver: str, names: str) -> None:
    for name in names.split():
        metric = xstats.describe(name)
        assert any(driver in told for told in metric.reported_by), (name, metric.reported_by)


def test_what_both_the_driver_and_the_interface_count_counts_once() -> None:
    values = {"rx_missed_errors": 7, "rx_errors": 3, "tx_errors": 2}
    names = [*values, *(f"interface/{name}" for name in values)]
    taken = Sample(1, 1, readonly([*values.values()] * 2), Schema.of(tuple(names), {"": "e1000e"}))
    view = xstats.normalise(taken).set_index("quantity")["value"]
    assert view["dropped by NIC"] == 7
    assert view["bad frames received"] == 3
    assert view["not sent"] == 2


def test_drops_of_vmxnet3_are_those_of_all_queues() -> None:
    counters = recorded(RECORDED / "vmxnet3-7.txt") | {"pkts rx OOB": 5, "pkts rx OOB#2": 6}
    schema = Schema.of(tuple(counters), {"": "vmxnet3"})
    view = xstats.normalise(Sample(1, 1, readonly([*counters.values()]), schema))
    assert view.set_index("quantity")["value"]["dropped by NIC"] == 11


def test_queues_of_vmxnet3_in_files() -> None:
    assert catalogue.find("rxq1 pkts rx OOB") is catalogue.find("pkts rx OOB")
