# SPDX-License-Identifier: BSD-3-Clause
"""What a lab keeps of a port, and what DPDK says of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from labkit.arguments.names import Named
from labkit.engine.answers import PortFacts
from labkit.lab.device import Device
from labkit.lab.nic_settings import DEFAULTS, NicSettings

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
    is_virtual: it drives no NIC
    mac: the address that the lab's nodes answer for
    mtu, min_mtu, max_mtu: bytes of IP packet
    rx_queues, tx_queues, max_rx_queues, max_tx_queues: configured, and the driver's limits
    rx_descriptors, tx_descriptors: of a queue; None where a queue is a ring of the lab
    rx_descriptor_range, tx_descriptor_range: the driver's limits of them
    mbufs, mbuf_bytes: buffers of the pool that it receives into, and the bytes of one
    offloads: that its device does, of those of known_offloads (rte_eth_dev_rx_offload_name); all
        else is done in software
    link_up, is_gone: link state; whether the interface was deleted or the NIC unplugged
    link_speed_mbps, full_duplex, autonegotiated: of the link, speed in Mbit/s
    known_speeds_mbps: that the device has
    pause_frames: whether they are on (rte_eth_dev_flow_ctrl_get)
    promiscuous: receives frames for other MAC addresses
    numa_node, pool_numa_node: where the NIC and its pool are

    None is what the driver does not know or say.
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
    is_virtual: bool
    rx_descriptors: int | None
    tx_descriptors: int | None
    rx_descriptor_range: tuple[int, int]
    tx_descriptor_range: tuple[int, int]
    mbufs: int
    mbuf_bytes: int
    offloads: tuple[str, ...]
    known_offloads: tuple[str, ...]
    is_gone: bool
    full_duplex: bool | None
    autonegotiated: bool | None
    known_speeds_mbps: tuple[int, ...]
    pause_frames: bool | None
    numa_node: int | None
    pool_numa_node: int | None

    @classmethod
    def of(cls, facts: PortFacts) -> "PortInfo":
        """As the engine tells it."""
        told: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in facts.items()
        }
        return cls(**told)


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
    nic: what its device and driver are set to
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
    nic: NicSettings = DEFAULTS


def loss_names(driver: str) -> tuple[str, ...]:
    """The counters of a driver's ports that tell of frames lost.

    rx_mbuf_allocation_errors is none: those are attempts, and a frame waits for the next one.
    """
    return (*RX_LOSSES, *(TX_LOSSES if driver in TAKES_AND_LOSES else ()))


def losses_in(driver: str, xstats: Mapping[str, int]) -> dict[str, int]:
    """The frames that a port has lost, of all that it counts."""
    counted = {name: xstats[name] for name in loss_names(driver) if name in xstats}
    return Named("counter of losses", counted)
