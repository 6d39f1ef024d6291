# SPDX-License-Identifier: BSD-3-Clause
"""Writes the recordings of two incidents into datasets/ from the figures of their reports.

    python scripts/make_incidents.py [FOLDER]

What is reported and what is filled in is said in datasets/README.md.
"""

import sys
from datetime import UTC, datetime
from pathlib import Path

from labkit.sources import MISSING, Sample, Samples, Schema
from labkit.sources.base import readonly

ENA_FILE = "incident_ena_admin_queue.parquet"
VIRTIO_FILE = "incident_virtio_tx_stall.parquet"

# Juniper SSR issue I95-56233: the extended statistics of one device, and when the driver could not
# read those of two. A device whose command timed out (-62, after 3 s) is given up and answers at
# once from then on (-19), so the second -62 is another device's; it was asked after the first.
ENA_STARTED = "2024-04-02T16:00:00"  # "several hours" before
ENA_UNREADABLE = (
    ("2024-04-02T23:47:22.351", ("ena0",)),  # -62
    ("2024-04-02T23:47:25.352", ("ena0", "ena1")),  # -62 of ena1
    ("2024-04-02T23:47:26.353", ("ena0", "ena1")),  # -19
    ("2024-04-02T23:47:26.354", ("ena0", "ena1")),  # -19
)
ENA_SHOWN = "2024-04-03T08:26:02.642583"
ENA_NUMBERS = {"device_port": 4, "dpdk_port": 0}  # the router's own, not read from the device
# What the process printed is a buffer that nobody wrote: three values are addresses, and the others
# that are not 0 contradict themselves (rx_q0_packets and rx_q0_cnt are one number in the driver).
ENA_STATISTICS = {
    "bw_in_allowance_exceeded": 0,
    "bw_out_allowance_exceeded": 0,
    "conntrack_allowance_exceeded": 0,
    "dev_start": 0,
    "dev_stop": 0,
    "linklocal_allowance_exceeded": 0,
    "pps_allowance_exceeded": 0,
    "rx_errors": 139836994071144,
    "rx_good_bytes": 0,
    "rx_good_packets": 0,
    "rx_mbuf_allocation_errors": 139838439323150,
    "rx_missed_errors": 139837561586960,
    "rx_q0_bytes": 1876012,
    "rx_q0_cnt": 0,
    "rx_q0_errors": 2734322,
    "rx_q0_l3_csum_bad": 0,
    "rx_q0_l4_csum_bad": 0,
    "rx_q0_l4_csum_good": 0,
    "rx_q0_packets": 875075952,
    "rx_q0_refill_partial": 0,
    "rx_q1_bytes": 1862808,
    "rx_q1_cnt": 0,
    "rx_q1_errors": 2100224,
}

# "Virtual NIC not sending packets": ifconfig and `tc -s qdisc` of two interfaces of one machine
VIRTIO_START = "2017-10-10T00:00:00"
VIRTIO_MINUTES = 24 * 60
QDISC = "qdisc/root/pfifo_fast"
SOUND = {  # eth1
    "interface/rx_packets": 880829925,
    "interface/rx_bytes": 938941592592,
    "interface/tx_packets": 860101026,
    "interface/tx_bytes": 916845091048,
    f"{QDISC}/packets": 860101035,
    f"{QDISC}/bytes": 916845100642,
    f"{QDISC}/drops": 4724,
    f"{QDISC}/requeues": 998,
    f"{QDISC}/backlog_packets": 0,
    f"{QDISC}/backlog_bytes": 0,
}
STUCK = {  # eth2
    "interface/rx_packets": 886849463,
    "interface/rx_bytes": 945372320709,
    "interface/tx_packets": 337128509,
    "interface/tx_bytes": 359370007989,
    f"{QDISC}/packets": 337128748,
    f"{QDISC}/bytes": 359370262763,
    f"{QDISC}/drops": 523987,
    f"{QDISC}/requeues": 537,
    f"{QDISC}/backlog_packets": 1000,
    f"{QDISC}/backlog_bytes": 1064934,
}
AFTER_THE_STALL = (f"{QDISC}/drops", f"{QDISC}/backlog_packets", f"{QDISC}/backlog_bytes")


def nanoseconds(moment: str) -> int:
    """Since the epoch, exact to the microsecond."""
    since = datetime.fromisoformat(moment).replace(tzinfo=UTC) - datetime.fromtimestamp(0, UTC)
    return (since.days * 86_400 + since.seconds) * 10**9 + since.microseconds * 1000


def ena() -> Samples:
    """All counters at 0 when two ports started; unreadable; what was shown of one next morning."""
    devices = ("ena0", "ena1")
    names = [f"port/{device}/{name}" for device in devices for name in ENA_STATISTICS]
    names += [f"port/ena0/{name}" for name in ENA_NUMBERS]
    schema = Schema.of(names, {f"port/{device}": "net_ena" for device in devices})
    nothing, unread = [0] * len(ENA_STATISTICS), [MISSING] * len(ENA_STATISTICS)
    course = [
        (ENA_STARTED, nothing + nothing),
        *(
            (moment, [value for d in devices for value in (unread if d in hung else nothing)])
            for moment, hung in ENA_UNREADABLE
        ),
        (ENA_SHOWN, list(ENA_STATISTICS.values()) + unread),
    ]
    start, own = nanoseconds(ENA_STARTED), list(ENA_NUMBERS.values())
    samples = [
        Sample(nanoseconds(m) - start + 1, nanoseconds(m), readonly(values + own), schema)
        for m, values in course
    ]
    return Samples("ENA admin queue incident (two devices, as reported)", 1 / 86_400, samples)


def virtio() -> Samples:
    """Both interfaces over a day, a sample a minute."""
    names = [f"{eth}/{name}" for eth in ("eth1", "eth2") for name in SOUND]
    schema = Schema.of(names, {"eth1": "virtio_net", "eth2": "virtio_net"})
    # eth2 sends as large a share of what it receives as eth1 does, until its total is reached.
    share = SOUND["interface/tx_packets"] / SOUND["interface/rx_packets"]
    stall = round(
        VIRTIO_MINUTES * STUCK["interface/tx_packets"] / share / STUCK["interface/rx_packets"]
    )
    start = nanoseconds(VIRTIO_START)
    samples = []
    for minute in range(VIRTIO_MINUTES + 1):
        sound = [total * minute // VIRTIO_MINUTES for total in SOUND.values()]
        stuck = [_stuck(name, total, minute, stall) for name, total in STUCK.items()]
        ns = minute * 60 * 10**9
        samples.append(Sample(ns + 1, start + ns, readonly(sound + stuck), schema))
    return Samples("virtio transmit stall (reconstructed)", 1 / 60, samples)


def _stuck(name: str, total: int, minute: int, stall: int) -> int:
    if name.startswith("interface/rx"):
        return total * minute // VIRTIO_MINUTES
    if "backlog" in name:
        return total if minute > stall else 0
    if name in AFTER_THE_STALL:
        return total * max(0, minute - stall) // (VIRTIO_MINUTES - stall)
    return total * min(minute, stall) // stall


def main(folder: Path) -> None:
    """Writes both files."""
    ena().save(folder / ENA_FILE)
    virtio().save(folder / VIRTIO_FILE)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parents[1] / "datasets")
