# SPDX-License-Identifier: BSD-3-Clause
"""Drivers of NICs, as far as they count and say something: names, and lines of the log.

They are those of drivers/net/ena of DPDK 22.11, of ENA for Linux 2.17 and of virtio_net with a
qdisc in front of it.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

from labkit._codec import lib

DriverName = Literal["net_ena", "ena", "virtio_net"]
Told = tuple[str, str, int]  # what it is of (enum lk_told_of, without LK_TOLD_), xstat, value

MOST_QUEUES = 8  # that are told of
QDISC = "qdisc/root/pfifo_fast"
GENERIC = (
    *("rx_good_packets", "tx_good_packets", "rx_good_bytes", "tx_good_bytes"),
    *("rx_missed_errors", "rx_errors", "tx_errors", "rx_mbuf_allocation_errors"),
)


@dataclass(frozen=True)
class Driver:
    """What a driver tells.

    Attributes
    ----------
    name: as DPDK or Linux calls it
    counters: its counters of a port with so many queues
    lines: by what happens, the lines that it writes, with places for what differs
    grows: by what happens, the counters of it, which go on over a reset
    shows: which command shows each counter, by what its name begins with
    in_kernel: its lines stand in the kernel's log
    """

    name: str
    counters: Callable[[int], Mapping[str, Told]]
    lines: Mapping[str, tuple[str, ...]]
    grows: Mapping[str, tuple[str, ...]]
    shows: Mapping[str, str] = field(default_factory=dict)
    in_kernel: bool = True

    def says(self, what: str, **values: object) -> list[str]:
        """The lines of something that happens; none where it says nothing of it."""
        return [line.format(**values) for line in self.lines.get(what, ())]

    def stamped(self, line: str) -> str:
        """With the time, as the log has it."""
        if self.in_kernel:
            return f"[{time.clock_gettime(time.CLOCK_BOOTTIME):13.6f}] {line}"
        return f"{datetime.now(UTC).isoformat(timespec='microseconds')} {line}"


def constant(*names: str) -> Iterator[tuple[str, Told]]:
    """Counters that stand until something happens."""
    for name in names:
        yield name, ("VALUE", "", 0)


def _net_ena(queues: int) -> Mapping[str, Told]:
    told = {name: ("XSTAT", name, 0) for name in GENERIC}
    told |= constant("wd_expired", "dev_start", "dev_stop", "tx_drops")
    told["dev_start"] = ("VALUE", "", 1)
    told |= constant(*(f"{what}_allowance_exceeded" for what in ALLOWANCES))
    for q in range(queues):
        for side in ("rx", "tx"):
            told[f"{side}_q{q}_packets"] = ("XSTAT", f"{side}_q{q}_packets", 0)
            told[f"{side}_q{q}_bytes"] = ("XSTAT", f"{side}_q{q}_bytes", 0)
            told[f"{side}_q{q}_cnt"] = ("XSTAT", f"{side}_q{q}_packets", 0)
            told |= constant(f"{side}_q{q}_bad_req_id")
        told |= constant(f"rx_q{q}_errors", f"rx_q{q}_refill_partial", f"rx_q{q}_l3_csum_bad")
        told |= constant(f"rx_q{q}_l4_csum_bad", f"rx_q{q}_mbuf_alloc_fail")
        told |= constant(f"rx_q{q}_bad_desc_num", f"tx_q{q}_prepare_ctx_err", f"tx_q{q}_missed_tx")
    told["tx_q0_available_desc"] = ("FREE_DESCRIPTORS", "", 0)
    return told


def _ena(queues: int) -> Mapping[str, Told]:
    told = dict(constant(*ENA_GLOBAL))
    told["interface_up"] = ("VALUE", "", 1)
    told |= constant(*(f"{what}_allowance_exceeded" for what in ALLOWANCES))
    for q in range(queues):
        for side in ("tx", "rx"):
            told[f"queue_{q}_{side}_cnt"] = ("XSTAT", f"{side}_q{q}_packets", 0)
            told[f"queue_{q}_{side}_bytes"] = ("XSTAT", f"{side}_q{q}_bytes", 0)
            told |= constant(f"queue_{q}_{side}_bad_req_id")
        told |= constant(f"queue_{q}_tx_queue_stop", f"queue_{q}_tx_queue_wakeup")
        told |= constant(f"queue_{q}_tx_missed_tx", f"queue_{q}_rx_bad_desc_num")
    return {**told, **_interface(queues)}


def _interface(_: int) -> Mapping[str, Told]:
    return {
        "interface/rx_packets": ("XSTAT", "rx_good_packets", 0),
        "interface/rx_bytes": ("XSTAT", "rx_good_bytes", 0),
        "interface/rx_errors": ("VALUE", "", 0),
        "interface/rx_dropped": ("XSTAT", "rx_missed_errors", 0),
        "interface/tx_packets": ("XSTAT", "tx_good_packets", 0),
        "interface/tx_bytes": ("XSTAT", "tx_good_bytes", 0),
        "interface/tx_errors": ("VALUE", "", 0),
        "interface/tx_dropped": ("VALUE", "", 0),
        "interface/carrier_changes": ("VALUE", "", 0),
        f"{QDISC}/bytes": ("QUEUED_BYTES", "", 0),
        f"{QDISC}/packets": ("QUEUED", "", 0),
        f"{QDISC}/drops": ("REFUSED", "", 0),
        f"{QDISC}/requeues": ("VALUE", "", 0),
        f"{QDISC}/backlog_bytes": ("BACKLOG_BYTES", "", 0),
        f"{QDISC}/backlog_packets": ("BACKLOG", "", 0),
    }


ALLOWANCES = ("bw_in", "bw_out", "pps", "conntrack", "linklocal")
ENA_GLOBAL = (
    *("total_resets", "reset_fail", "tx_timeout", "wd_expired", "admin_q_pause"),
    *("bad_tx_req_id", "bad_rx_req_id", "bad_rx_desc_num", "missing_intr"),
    *("suspected_poll_starvation", "missing_tx_cmpl", "invalid_state", "os_netdev_wd"),
    *("missing_admin_interrupt", "admin_to", "device_request_reset", "missing_first_intr"),
    *("suspend", "resume", "interface_down", "interface_up"),
)

_COM = "[ENA_COM: ena_com_wait_and_process_admin_cq_interrupts]"
_UNREAD = (
    "[ENA_COM: ena_get_dev_stats]Failed to get stats. error: -{error}",
    "ena_stats_get(): Could not retrieve statistics from ENA",
)
_UNANSWERED = "The ena device didn't send a completion for the admin cmd 11 status 0"
_LOST_CARRIER = "systemd-networkd[1]: {port}: Lost carrier"
_GAINED_CARRIER = "systemd-networkd[1]: {port}: Gained carrier"
_ENA = "ena {pci} {port}: "

NET_ENA = Driver(
    "net_ena",
    _net_ena,
    {
        "admin_timeout": (
            f"{_COM}Timeout waiting for comp_ctx->wait_event",
            f"{_COM}{_UNANSWERED}",
            *_UNREAD,
        ),
        "unreadable": _UNREAD,
        "keep_alive": ("check_for_missing_keep_alive(): Keep alive timeout",),
        "lost_completions": (
            "check_for_tx_completion_in_queue(): The number of lost Tx completions is above the "
            "threshold ({lost} > {limit}). Trigger the device reset.",
        ),
        "reset": ("ena_timer_wd_callback(): Trigger reset is on",),
        "no_neighbour": (
            "Failed to queue packet; No ARP for {address}, interface {port}, ex: "
            "ArpEntryPendException: Pend list max size of {pending} exceeded",
        ),
    },
    {
        "keep_alive": ("wd_expired",),
        "bad_req_id": ("tx_q0_bad_req_id",),
        "lost_completions": ("tx_q0_missed_tx",),
        "stop": ("dev_stop",),
        "start": ("dev_start",),
    },
    {"": "testpmd"},
    in_kernel=False,
)
ENA = Driver(
    "ena",
    _ena,
    {
        "admin_timeout": (f"ena {{pci}}: {_UNANSWERED}",),
        "admin_stopped": (f"{_ENA}ENA admin queue is not in running state!",),
        "keep_alive": (f"{_ENA}Keep alive watchdog timeout, {{ms}} msecs since last keep alive.",),
        "lost_completions": (
            f"{_ENA}[1/2] {{lost}} new missed TX completions, qid: 0, {{ms}} msecs since "
            "interrupt, 1 msecs since napi, napi scheduled: 0",
            f"{_ENA}[1/2] Lost TX completions are above threshold ({{lost}} > {{limit}}), "
            "completion timeout: {ms} (msec), {ms} msecs since interrupt, 1 msecs since napi, "
            "qid: 0",
        ),
        "starved": (
            f"{_ENA}[1/2] {{lost}} new missed TX completions, qid: 0, {{ms}} msecs since "
            "interrupt, {ms} msecs since napi, napi scheduled: 1",
            f"{_ENA}napi handler hasn't been called for a long time but is scheduled",
        ),
        "bad_req_id": (f"{_ENA}Invalid req_id {{id}} in qid 0, queue type: regular",),
        "reset": (f"{_ENA}Trigger reset is on",),
        "counter": (f"{_ENA}{{name}}: {{value}}",),
        "lost_frames": (
            f"{_ENA}Freed {{frames}} uncompleted tx pkts, qid 0, longest msecs since submission "
            "{ms}",
        ),
        "reset_done": ("ena {pci}: Device reset completed successfully",),
        "link_down": (_LOST_CARRIER,),
        "link_up": (_GAINED_CARRIER,),
    },
    {
        "keep_alive": ("wd_expired", "total_resets"),
        "admin": ("admin_q_pause", "admin_to", "total_resets"),
        "bad_req_id": ("queue_0_tx_bad_req_id", "bad_tx_req_id", "total_resets"),
        "lost_completions": ("queue_0_tx_missed_tx", "missing_tx_cmpl", "total_resets"),
        "starved": ("suspected_poll_starvation", "total_resets"),
        "stop": ("interface_down",),
        "start": ("interface_up",),
        "carrier": ("interface/carrier_changes",),
    },
    {"interface/": "ip", "qdisc/": "tc", "": "ethtool"},
)
VIRTIO_NET = Driver(
    "virtio_net",
    _interface,
    {
        "link_down": (_LOST_CARRIER,),
        "link_up": (_GAINED_CARRIER,),
    },
    {"carrier": ("interface/carrier_changes",)},
    {"interface/": "ip", "qdisc/": "tc"},
)
DRIVERS = {driver.name: driver for driver in (NET_ENA, ENA, VIRTIO_NET)}


def to_engine(told: Mapping[str, Told]) -> dict[str, list[object]]:
    """As the engine's command tell_driver takes them."""
    return {name: [told_of(of), xstat, value % 2**64] for name, (of, xstat, value) in told.items()}


def told_of(of: str) -> int:
    """The number of enum lk_told_of."""
    return int(getattr(lib, f"LK_TOLD_{of}"))
