# SPDX-License-Identifier: BSD-3-Clause
"""What a lab keeps of a port, and what DPDK says of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from labkit.arguments.names import Named
from labkit.lab.device import Device

RX_LOSSES = ("rx_missed_errors", "rx_errors")
TX_LOSSES = ("tx_errors",)
# The others count here what they did not take, which is no frame lost: the path still has it.
TAKES_AND_LOSES = ("net_af_packet", "net_pcap")


@dataclass(frozen=True)
class PortInfo:
    """What DPDK says of a port.

    Attributes
    ----------
    id: DPDK's port id
    device: DPDK's name of the device
    driver: such as net_ring
    mac: the address that the lab's nodes answer for
    mtu, min_mtu, max_mtu: bytes of IP packet
    rx_queues, tx_queues, max_rx_queues, max_tx_queues: configured, and the driver's limits
    link_up: link state
    link_speed_mbps: Mbit/s as the driver reports it; None when it does not know
    promiscuous: receives frames for other MAC addresses
    """

    id: int
    device: str
    driver: str
    mac: str
    mtu: int
    min_mtu: int
    max_mtu: int
    rx_queues: int
    tx_queues: int
    max_rx_queues: int
    max_tx_queues: int
    link_up: bool
    link_speed_mbps: int | None
    promiscuous: bool


@dataclass(frozen=True)
class PortDeclaration:
    """What a lab keeps of a port to build it again.

    Attributes
    ----------
    peer: the other end of its cable
    is_unplugged: its cable had another end, which was closed
    is_link_down: set_link(False) was called last
    rss: what was set of Port.rss: key (hex text), fields, table
    neighbour: the MAC that stands for every address, where nobody answers ARP: an IP tunnel
    """

    name: str
    device: Device
    mac: str | None
    settings: dict[str, int]
    peer: str | None = None
    is_unplugged: bool = False
    is_link_down: bool = False
    neighbour: str | None = None
    rss: Mapping[str, Any] = field(default_factory=dict)


def loss_names(driver: str) -> tuple[str, ...]:
    """The counters of a driver's ports that tell of frames lost.

    rx_mbuf_allocation_errors is none: those are attempts, and a frame waits for the next one.
    """
    return (*RX_LOSSES, *(TX_LOSSES if driver in TAKES_AND_LOSES else ()))


def losses_in(driver: str, xstats: Mapping[str, int]) -> dict[str, int]:
    """The frames that a port has lost, of all that it counts."""
    counted = {name: xstats[name] for name in loss_names(driver) if name in xstats}
    return Named("counter of losses", counted)
